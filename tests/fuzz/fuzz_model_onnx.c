/*
 * Fuzz target: a model file of ONNX.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4 || data[0] != 0x08)
        return 0; /* would be read as something else */
    fuzz_load(data, size, ROWAN_ITERATIONS_ALL);
    return 0;
}

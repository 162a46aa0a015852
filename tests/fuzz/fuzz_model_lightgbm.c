/*
 * Fuzz target: a model file in LightGBM's text format.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 5 || memcmp(data, "tree", 4) != 0)
        return 0; /* would be read as something else */
    fuzz_load(data, size, ROWAN_ITERATIONS_ALL);
    fuzz_load(data, size, 1);
    return 0;
}

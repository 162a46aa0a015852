/*
 * fuzz_contract.c - any bytes as contract.json: a contract that works, or an error.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "contract/contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

/* What a caller does with every contract that parses. */
static void use(const struct rw_contract *contract) {
    struct rw_arena arena;
    rw_arena_init(&arena, (size_t)64 << 20);
    struct rw_memory memory = {lend, &arena};
    struct rw_buffer openapi = {.memory = &memory};
    rw_contract_openapi(contract, &openapi);
    double *features = rw_arena_alloc(&arena, rw_contract_n_features(contract), sizeof *features);
    static const char body[] = "{\"tx_amount\":1,\"x\":true,\"y\":\"a\",\"z\":null}";
    if (features)
        rw_contract_decode(contract, body, strlen(body), &memory, features, NULL);
    rw_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rw_contract *contract;
    rowan_error error = {0};
    if (rw_contract_parse((const char *)data, size, &contract, &error) == ROWAN_OK) {
        use(contract);
        rw_contract_free(contract);
    } else if (contract || error.status == ROWAN_OK || error.what[0] == '\0') {
        abort(); /* a failure must say so */
    }
    return 0;
}

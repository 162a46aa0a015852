/*
 * fuzz_request.c - any bytes as a request: a whole JSON reply with 200 or 422.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "fuzz_served.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

/* The reply must be JSON by itself, whatever was quoted from the request. */
static void check_reply(unsigned status, const struct rw_buffer *reply) {
    if (status != 200 && status != 422)
        abort();
    yyjson_doc *document = yyjson_read(reply->data, reply->length, 0);
    yyjson_val *root = yyjson_doc_get_root(document);
    if (!root || (status == 422 && !yyjson_arr_size(yyjson_obj_get(root, "detail"))))
        abort();
    yyjson_doc_free(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!contract)
        load();
    struct rw_arena arena;
    rw_arena_init(&arena, SIZE_MAX);
    struct rw_memory memory = {lend, &arena};
    struct rw_buffer reply = {.memory = &memory};
    struct rw_outcome outcome;
    /* "explain=" and the text up to a line end, then the body */
    struct rw_predict_options options = {0};
    static const char query[] = "explain=";
    const uint8_t *end = memchr(data, '\n', size);
    if (end && size >= sizeof query && memcmp(data, query, sizeof query - 1) == 0) {
        options.explain = (const char *)data + sizeof query - 1;
        options.explain_length = (size_t)(end - data) - (sizeof query - 1);
        size -= (size_t)(end + 1 - data);
        data = end + 1;
    }
    check_reply(rw_contract_predict(contract, model, (const char *)data, size, &options, &memory,
                                    &reply, &outcome),
                &reply);
    rw_arena_free(&arena);
    return 0;
}

/*
 * fuzz_request.c - any bytes as a request: a whole JSON reply with 200 or 422.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "contract/contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char contract_text[] =
    "{\"type\":\"object\",\"required\":[\"id\",\"tx_amount\"],\"properties\":{"
    "\"id\":{\"type\":\"string\",\"maxLength\":40},"
    "\"tx_amount\":{\"type\":\"number\",\"exclusiveMinimum\":0},"
    "\"tx_time_seconds\":{\"type\":[\"integer\",\"null\"],\"minimum\":0},"
    "\"online\":{\"type\":\"boolean\"},"
    "\"country\":{\"type\":\"string\",\"enum\":[\"DE\",\"FR\"]},"
    "\"kind\":{\"type\":[\"string\",\"null\"]}},"
    "\"x-rowan\":{\"model\":\"m\",\"version\":\"1\",\"type\":\"XGBoost\",\"model_file\":\"m\","
    "\"id\":\"id\",\"features\":[{\"name\":\"a\",\"from\":\"tx_amount\"},"
    "{\"name\":\"w\",\"weekend\":\"tx_time_seconds\"},{\"name\":\"n\",\"night\":"
    "\"tx_time_seconds\"},{\"name\":\"o\",\"from\":\"online\"},{\"name\":\"c\",\"from\":"
    "\"country\"},{\"name\":\"k\",\"category\":\"kind\"}]}}";

/* One split on the amount, and one on a set of kinds, which have names. */
static const char model_text[] =
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=5\n"
    "objective=binary sigmoid:1\nfeature_names=a w n o c k\n"
    "feature_infos=[0:9] none none none none 0:1:2\n\n"
    "Tree=0\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 5\nthreshold=100 0\ndecision_type=2 1\n"
    "left_child=1 -1\nright_child=-2 -3\nleaf_value=-2 3 1\ncat_boundaries=0 1\n"
    "cat_threshold=2\ninternal_count=10 6\nleaf_count=4 5 1\n\nend of trees\n"
    "pandas_categorical:[[\"card\", \"cash\", \"b\\u00e9\"]]\n";

static struct rw_contract *contract;
static rowan_model *model;

static void load(void) {
    if (rw_contract_parse(contract_text, strlen(contract_text), &contract, NULL) != ROWAN_OK ||
        rowan_model_load_memory(model_text, strlen(model_text), "fuzz", NULL, &model, NULL) !=
            ROWAN_OK ||
        rw_contract_bind(contract, model, NULL) != ROWAN_OK)
        abort();
}

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

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
    "\"country\":{\"type\":\"string\",\"enum\":[\"DE\",\"FR\"]}},"
    "\"x-rowan\":{\"model\":\"m\",\"version\":\"1\",\"type\":\"XGBoost\",\"model_file\":\"m\","
    "\"id\":\"id\",\"features\":[{\"name\":\"a\",\"from\":\"tx_amount\"},"
    "{\"name\":\"w\",\"weekend\":\"tx_time_seconds\"},{\"name\":\"n\",\"night\":"
    "\"tx_time_seconds\"},{\"name\":\"o\",\"from\":\"online\"},{\"name\":\"c\",\"from\":"
    "\"country\"}]}}";

/* One split on the amount. */
static const char model_text[] =
    "{\"version\":[3,0,0],\"learner\":{\"attributes\":{},\"feature_names\":[],"
    "\"feature_types\":[],\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{"
    "\"gbtree_model_param\":{\"num_parallel_tree\":\"1\",\"num_trees\":\"1\"},"
    "\"iteration_indptr\":[0,1],\"tree_info\":[0],\"trees\":[{\"tree_param\":{\"num_nodes\":\"3\","
    "\"num_feature\":\"5\",\"size_leaf_vector\":\"1\"},\"id\":0,\"left_children\":[1,-1,-1],"
    "\"right_children\":[2,-1,-1],\"parents\":[2147483647,0,0],\"split_indices\":[0,0,0],"
    "\"split_conditions\":[100,-2,3],\"default_left\":[1,0,0],\"split_type\":[0,0,0],"
    "\"base_weights\":[0,0,0],\"loss_changes\":[1,0,0],\"sum_hessian\":[2,1,1],"
    "\"categories\":[],\"categories_nodes\":[],\"categories_segments\":[],"
    "\"categories_sizes\":[]}]}},\"learner_model_param\":{\"base_score\":\"5E-1\","
    "\"num_class\":\"0\",\"num_feature\":\"5\",\"num_target\":\"1\"},"
    "\"objective\":{\"name\":\"binary:logistic\"}}}";

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
    check_reply(rw_contract_predict(contract, model, (const char *)data, size, NULL, &memory,
                                    &reply, &outcome),
                &reply);
    rw_arena_free(&arena);
    return 0;
}

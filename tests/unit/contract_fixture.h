/*
 * contract_fixture.h - a small contract, small models, and requests to them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CONTRACT_FIXTURE_H
#define CONTRACT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "contract/contract.h"

/* Every kind of property; `'` stands for `"` in all JSON of these tests. */
#define FIXTURE_PROPERTIES                                                                         \
    "'id':{'type':'string'},"                                                                      \
    "'amount':{'type':'number','exclusiveMinimum':0,'maximum':1000000},"                           \
    "'time':{'type':'integer','minimum':0},"                                                       \
    "'days':{'type':['integer','null'],'exclusiveMaximum':100},"                                   \
    "'online':{'type':'boolean'},"                                                                 \
    "'country':{'type':['string','null'],'enum':['DE','FR',null,'AT']},"                           \
    "'level':{'type':'integer','enum':[1,2,4]},"                                                   \
    "'note':{'type':'string','minLength':2,'maxLength':4},"                                        \
    "'nothing':{'type':'null'}"

#define FIXTURE_FEATURES                                                                           \
    "{'name':'AMOUNT','from':'amount'},{'name':'WEEKEND','weekend':'time'},"                       \
    "{'name':'NIGHT','night':'time'},{'name':'DAYS','from':'days'},"                               \
    "{'name':'ONLINE','from':'online'},{'name':'COUNTRY','from':'country'}"

#define FIXTURE_NAMES "'AMOUNT','WEEKEND','NIGHT','DAYS','ONLINE','COUNTRY'"

#define FIXTURE_SETTINGS(more)                                                                     \
    "'model':'small','version':'1.2.3','type':'XGBoost','model_file':'model.json',"                \
    "'id':'id','features':[" FIXTURE_FEATURES "]" more

#define FIXTURE_CONTRACT(top, settings)                                                            \
    "{'type':'object','required':['id','amount','time']," top "'properties':{" FIXTURE_PROPERTIES  \
    "},'x-rowan':{" settings "}}"

#define FIXTURE_N_FEATURES 6

static inline char *fixture_quotes(const char *text, char *out, size_t size) {
    assert_true(strlen(text) < size);
    strcpy(out, text);
    for (char *c = out; *c; c++)
        if (*c == '\'')
            *c = '"';
    return out;
}

static inline rowan_status fixture_parse(const char *text, struct rw_contract **contract,
                                         rowan_error *error) {
    char json[8192];
    memset(error, 0, sizeof *error);
    fixture_quotes(text, json, sizeof json);
    return rw_contract_parse(json, strlen(json), contract, error);
}

static inline struct rw_contract *fixture_contract(void) {
    struct rw_contract *contract;
    rowan_error error;
    rowan_status status =
        fixture_parse(FIXTURE_CONTRACT("", FIXTURE_SETTINGS("")), &contract, &error);
    if (status != ROWAN_OK)
        print_error("%s: %s\n", error.where, error.what);
    assert_int_equal(status, ROWAN_OK);
    return contract;
}

/* Margins of the stumps: amount below 100, and else. */
#define FIXTURE_CHEAP -2.0
#define FIXTURE_DEAR  3.0

static inline void fixture_tree(char *json, size_t size, unsigned id) {
    size_t used = strlen(json);
    snprintf(json + used, size - used,
             "{'tree_param':{'num_nodes':'3','num_feature':'6','size_leaf_vector':'1'},"
             "'id':%u,'left_children':[1,-1,-1],'right_children':[2,-1,-1],"
             "'parents':[2147483647,0,0],'split_indices':[0,0,0],"
             "'split_conditions':[100,%g,%g],'default_left':[1,0,0],'split_type':[0,0,0],"
             "'base_weights':[0,0,0],'loss_changes':[1,0,0],'sum_hessian':[2,1,1],"
             "'categories':[],'categories_nodes':[],'categories_segments':[],"
             "'categories_sizes':[]}",
             id, FIXTURE_CHEAP, FIXTURE_DEAR);
}

/* A stump on the first of `n_features` inputs; with `n_classes` > 1 one for each
 * class, so that all are equally probable. */
static inline rowan_model *fixture_model(const char *objective, const char *names,
                                         unsigned n_features, unsigned n_classes) {
    char text[16384], json[16384];
    unsigned n_trees = n_classes > 1 ? n_classes : 1;
    size_t used = (size_t)snprintf(
        text, sizeof text,
        "{'version':[3,0,0],'learner':{'attributes':{},'feature_names':[%s],'feature_types':[],"
        "'gradient_booster':{'name':'gbtree','model':{'gbtree_model_param':{"
        "'num_parallel_tree':'1','num_trees':'%u'},'iteration_indptr':[0,%u],'tree_info':[",
        names, n_trees, n_trees);
    for (unsigned i = 0; i < n_trees; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", i ? "," : "", i);
    strcat(text, "],'trees':[");
    for (unsigned i = 0; i < n_trees; i++) {
        strcat(text, i ? "," : "");
        fixture_tree(text, sizeof text, i);
    }
    used = strlen(text);
    snprintf(text + used, sizeof text - used,
             "]}},'learner_model_param':{'base_score':'5E-1','num_class':'%u',"
             "'num_feature':'%u','num_target':'1','boost_from_average':'1'},"
             "'objective':{'name':'%s'}}}",
             n_classes > 1 ? n_classes : 0, n_features, objective);
    fixture_quotes(text, json, sizeof json);
    rowan_model *model;
    rowan_error error;
    rowan_status status =
        rowan_model_load_memory(json, strlen(json), "fixture", NULL, &model, &error);
    if (status != ROWAN_OK)
        print_error("%s: %s\n", error.where, error.what);
    assert_int_equal(status, ROWAN_OK);
    return model;
}

/* ---- requests ------------------------------------------------------------------- */

/* Lends at most `limit` blocks, and counts them. */
struct fixture_lender {
    struct rw_arena arena;
    size_t count, limit;
};

static inline void *fixture_lend(void *context, size_t size) {
    struct fixture_lender *lender = context;
    if (lender->count == lender->limit)
        return NULL;
    lender->count++;
    return rw_arena_alloc(&lender->arena, size, 1);
}

struct fixture_answer {
    unsigned status;
    char *text; /* zero-terminated, owned */
    struct rw_outcome outcome;
    size_t n_lent;
};

static inline struct fixture_answer fixture_ask(const struct rw_contract *contract,
                                                const rowan_model *model, const void *body,
                                                size_t size, size_t max_rows, size_t limit) {
    struct fixture_lender lender = {.limit = limit};
    rw_arena_init(&lender.arena, SIZE_MAX);
    struct rw_memory memory = {fixture_lend, &lender};
    struct rw_buffer reply = {.memory = &memory};
    struct rw_predict_options options = {.max_rows = max_rows, .now = "2018-08-08T09:30:12Z"};
    struct fixture_answer answer;
    char *exact = malloc(size ? size : 1); /* so that ASan sees a read beyond the body */
    assert_non_null(exact);
    memcpy(exact, body, size);
    answer.status = rw_contract_predict(contract, model, exact, size, &options, &memory, &reply,
                                        &answer.outcome);
    free(exact);
    assert_int_equal(answer.status, answer.outcome.status);
    answer.text = calloc(1, reply.length + 1);
    assert_non_null(answer.text);
    if (reply.length)
        memcpy(answer.text, reply.data, reply.length);
    answer.n_lent = lender.count;
    rw_arena_free(&lender.arena);
    return answer;
}

#endif

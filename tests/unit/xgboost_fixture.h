/*
 * xgboost_fixture.h - a small model file of XGBoost, to be damaged in one place.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef XGBOOST_FIXTURE_H
#define XGBOOST_FIXTURE_H

#include "unit.h"

/* `'` stands for `"` in all JSON of these tests. */
#define FIXTURE_TREE_0                                                                             \
    "{'id':0,'tree_param':{'num_nodes':'3','num_feature':'2','size_leaf_vector':'1'},"             \
    "'left_children':[1,-1,-1],'right_children':[2,-1,-1],'parents':[2147483647,0,0],"             \
    "'split_indices':[1,0,0],'split_conditions':[5E-1,-1E0,2E0],'default_left':[1,0,0],"           \
    "'split_type':[0,0,0],'categories':[],'categories_nodes':[],'categories_segments':[],"         \
    "'categories_sizes':[]}"

#define FIXTURE_TREE_1                                                                             \
    "{'id':1,'tree_param':{'num_nodes':'3','num_feature':'2','size_leaf_vector':'1'},"             \
    "'left_children':[1,-1,-1],'right_children':[2,-1,-1],'parents':[2147483647,0,0],"             \
    "'split_indices':[0,0,0],'split_conditions':[0,-4E0,8E0],'default_left':[0,0,0],"              \
    "'split_type':[1,0,0],'categories':[1,3,33],'categories_nodes':[0],"                           \
    "'categories_segments':[0],'categories_sizes':[3]}"

#define FIXTURE_MODEL                                                                              \
    "{'version':[3,0,1],'learner':{'attributes':{'best_iteration':'0'},"                           \
    "'feature_names':['a','b'],'feature_types':['c','float'],"                                     \
    "'gradient_booster':{'name':'gbtree','model':{"                                                \
    "'gbtree_model_param':{'num_parallel_tree':'1','num_trees':'2'},"                              \
    "'iteration_indptr':[0,1,2],'tree_info':[0,0],"                                                \
    "'trees':[" FIXTURE_TREE_0 "," FIXTURE_TREE_1 "]}},"                                           \
    "'learner_model_param':{'base_score':'5E-1','num_class':'0','num_feature':'2',"                \
    "'num_target':'1'},'objective':{'name':'reg:squarederror'}}}"

/* A copy of `text` with the first `old` replaced by `new`, and quotes as JSON wants them. */
static inline char *fixture_replaced(const char *text, const char *old, const char *new) {
    const char *at = strstr(text, old);
    if (!at)
        fail_msg("the fixture does not have \"%s\"", old);
    size_t size = strlen(text) + strlen(new) + 1;
    char *result = calloc(1, size);
    assert_non_null(result);
    snprintf(result, size, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    for (char *c = result; *c; c++)
        if (*c == '\'')
            *c = '"';
    return result;
}

static inline rowan_status fixture_load(const char *text, const char *old, const char *new,
                                        const rowan_load_options *options, rowan_model **model,
                                        rowan_error *error) {
    char *json = fixture_replaced(text, old, new);
    char *exact = exact_copy(json, strlen(json));
    rowan_status status = rowan_model_load_memory(exact, strlen(json), NULL, options, model, error);
    free(exact);
    free(json);
    return status;
}

static inline void assert_load_refused(const char *old, const char *new, rowan_status expected,
                                       const char *why) {
    rowan_model *model = NULL;
    rowan_error error = {0};
    rowan_status status = fixture_load(FIXTURE_MODEL, old, new, NULL, &model, &error);
    if (status != expected)
        fail_msg("\"%s\" for \"%s\": status %d, not %d: %s", new, old, status, expected,
                 error.what);
    assert_says(&error, why);
    assert_null(model);
}

static inline rowan_model *assert_loads(const char *old, const char *new) {
    rowan_model *model = NULL;
    rowan_error error = {0};
    if (fixture_load(FIXTURE_MODEL, old, new, NULL, &model, &error) != ROWAN_OK)
        fail_msg("\"%s\" for \"%s\": %s: %s", new, old, error.where, error.what);
    return model;
}

/* The margin of one row. */
static inline double fixture_margin(const rowan_model *model, float a, float b) {
    const float row[2] = {a, b};
    double out = 0.0;
    assert_int_equal(rowan_predict_f32(model, row, 1, ROWAN_MARGIN, &out, NULL), ROWAN_OK);
    return out;
}

#endif

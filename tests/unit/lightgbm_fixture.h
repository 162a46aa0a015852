/*
 * lightgbm_fixture.h - a small model file of LightGBM, to be damaged in one place.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIGHTGBM_FIXTURE_H
#define LIGHTGBM_FIXTURE_H

#include "unit.h"

#define LIGHTGBM_HEADER                                                                            \
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"                     \
    "max_feature_idx=2\nobjective=regression\nfeature_names=amount kind color\n"                   \
    "feature_infos=[-1:9.5] none 0:1:2\ntree_sizes=1 1\n\n"

/* amount <= 0.5 (missing: left); then kind <= 2 (zero is missing: right) */
#define LIGHTGBM_TREE_0                                                                            \
    "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\nsplit_gain=2 1\nthreshold=0.5 2\n"        \
    "decision_type=10 4\nleft_child=1 -1\nright_child=-2 -3\nleaf_value=1 10 100\n"                \
    "leaf_weight=3 2 1\nleaf_count=3 2 1\ninternal_value=0 0\ninternal_weight=6 4\n"               \
    "internal_count=6 4\nis_linear=0\nshrinkage=1\n\n\n"

/* color in {1, 2, 33}: left; a linear leaf on either side */
#define LIGHTGBM_TREE_1                                                                            \
    "Tree=1\nnum_leaves=2\nnum_cat=1\nsplit_feature=2\nsplit_gain=1\nthreshold=0\n"                \
    "decision_type=1\nleft_child=-1\nright_child=-2\nleaf_value=0.25 0.75\nleaf_count=2 4\n"       \
    "internal_count=6\ncat_boundaries=0 2\ncat_threshold=6 2\nis_linear=1\n"                       \
    "leaf_const=1000 2000\nnum_features=2 0\nleaf_features=0 1   \n"                               \
    "leaf_coeff=0.5 4   \nshrinkage=1\n\n\n"

#define LIGHTGBM_END                                                                               \
    "end of trees\n\nfeature_importances:\namount=1\n\nparameters:\n[boosting: gbdt]\n"            \
    "[categorical_feature: 2]\nend of parameters\n\n"                                              \
    "pandas_categorical:[[\"r\\u00f6t\", \"blue\", \"7\"]]\n"

#define LIGHTGBM_MODEL LIGHTGBM_HEADER LIGHTGBM_TREE_0 LIGHTGBM_TREE_1 LIGHTGBM_END

/* A copy of `text` with the first `old` replaced by `new`. */
static inline char *lightgbm_replaced(const char *text, const char *old, const char *new) {
    const char *at = strstr(text, old);
    if (!at)
        fail_msg("the fixture does not have \"%s\"", old);
    size_t size = strlen(text) + strlen(new) + 1;
    char *result = calloc(1, size);
    assert_non_null(result);
    snprintf(result, size, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    return result;
}

static inline rowan_status lightgbm_load(const char *text, const rowan_load_options *options,
                                         rowan_model **model, rowan_error *error) {
    char *exact = exact_copy(text, strlen(text));
    rowan_status status = rowan_model_load_memory(exact, strlen(text), NULL, options, model, error);
    free(exact);
    return status;
}

static inline rowan_model *lightgbm_loads(const char *old, const char *new) {
    rowan_model *model = NULL;
    rowan_error error = {0};
    char *text = lightgbm_replaced(LIGHTGBM_MODEL, old, new);
    if (lightgbm_load(text, NULL, &model, &error) != ROWAN_OK)
        fail_msg("\"%s\" for \"%s\": %s: %s", new, old, error.where, error.what);
    free(text);
    return model;
}

static inline void lightgbm_refused(const char *old, const char *new, rowan_status expected,
                                    const char *why) {
    rowan_model *model = NULL;
    rowan_error error = {0};
    char *text = lightgbm_replaced(LIGHTGBM_MODEL, old, new);
    rowan_status status = lightgbm_load(text, NULL, &model, &error);
    if (status != expected)
        fail_msg("\"%s\" for \"%s\": status %d, not %d: %s", new, old, status, expected,
                 error.what);
    assert_says(&error, why);
    assert_null(model);
    free(text);
}

/* The margin of one row. */
static inline double lightgbm_margin(const rowan_model *model, double amount, double kind,
                                     double color) {
    const double row[3] = {amount, kind, color};
    double out = 0.0;
    assert_int_equal(rowan_predict_f64(model, row, 1, ROWAN_MARGIN, &out, NULL), ROWAN_OK);
    return out;
}

#endif

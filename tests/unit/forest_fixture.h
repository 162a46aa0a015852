/*
 * forest_fixture.h - forests by hand, forests at random, and the plain recursive walk
 * that every kernel must agree with.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FOREST_FIXTURE_H
#define FOREST_FIXTURE_H

#include "unit.h"

#include "forest/forest.h"
#include "forest/image.h"
#include "forest/image_private.h"
#include "forest/link.h"
#include "forest/model.h"
#include "forest/rule.h"

#define FIXTURE_LEAF_ID    (-1)
#define FIXTURE_MAX_NODES  256u
#define FIXTURE_MAX_TREES  24u
#define FIXTURE_MAX_GROUPS 8u
#define FIXTURE_MAX_WORDS  4096u
#define FIXTURE_SET_WORDS  3u /* of one random categorical split, at most */

struct fixture_tree {
    int32_t left[FIXTURE_MAX_NODES], right[FIXTURE_MAX_NODES];
    uint32_t feature[FIXTURE_MAX_NODES];
    double value[FIXTURE_MAX_NODES];
    uint8_t flags[FIXTURE_MAX_NODES];
    uint32_t begin[FIXTURE_MAX_NODES], words[FIXTURE_MAX_NODES];
};

/* A forest with room of its own; all of it may be changed before it is compiled. */
struct fixture_forest {
    struct rw_forest forest;
    struct rw_tree trees[FIXTURE_MAX_TREES];
    struct fixture_tree nodes[FIXTURE_MAX_TREES];
    struct rw_forest_feature *features;
    double base[FIXTURE_MAX_GROUPS];
    uint32_t categories[FIXTURE_MAX_WORDS];
};

static inline struct fixture_forest *fixture_forest_new(uint32_t n_features, uint32_t n_groups,
                                                        uint32_t n_trees) {
    struct fixture_forest *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->features = calloc(n_features ? n_features : 1, sizeof *fixture->features);
    assert_non_null(fixture->features);
    for (uint32_t i = 0; i < n_features; i++)
        fixture->features[i].name = "x";
    for (uint32_t i = 0; i < n_trees; i++) {
        struct fixture_tree *nodes = &fixture->nodes[i];
        nodes->left[0] = nodes->right[0] = FIXTURE_LEAF_ID;
        fixture->trees[i] = (struct rw_tree){.n_nodes = 1,
                                             .weight = 1.0f,
                                             .left = nodes->left,
                                             .right = nodes->right,
                                             .feature = nodes->feature,
                                             .value = nodes->value,
                                             .flags = nodes->flags,
                                             .category_begin = nodes->begin,
                                             .category_words = nodes->words};
    }
    fixture->forest = (struct rw_forest){.format = "fixture",
                                         .producer = "test",
                                         .objective = "none",
                                         .booster = "gbtree",
                                         .n_features = n_features,
                                         .features = fixture->features,
                                         .n_groups = n_groups,
                                         .base = fixture->base,
                                         .n_trees = n_trees,
                                         .n_trees_in_file = n_trees,
                                         .trees = fixture->trees,
                                         .categories = fixture->categories,
                                         .best_iteration = -1};
    return fixture;
}

static inline void fixture_forest_free(struct fixture_forest *fixture) {
    free(fixture->features);
    free(fixture);
}

/* Makes `node` of tree `index` a split, with two new leaves; returns the left one. */
static inline uint32_t fixture_split(struct fixture_forest *fixture, uint32_t index, uint32_t node,
                                     uint32_t feature, double threshold) {
    struct fixture_tree *nodes = &fixture->nodes[index];
    uint32_t child = fixture->trees[index].n_nodes;
    assert_true(child + 2 <= FIXTURE_MAX_NODES);
    fixture->trees[index].n_nodes = child + 2;
    nodes->left[node] = (int32_t)child;
    nodes->right[node] = (int32_t)child + 1;
    nodes->feature[node] = feature;
    nodes->value[node] = threshold;
    for (uint32_t i = child; i < child + 2; i++)
        nodes->left[i] = nodes->right[i] = FIXTURE_LEAF_ID;
    return child;
}

/* x0 < 0.5 ? 1 : 2 */
static inline struct fixture_forest *fixture_stump(void) {
    struct fixture_forest *fixture = fixture_forest_new(2, 1, 1);
    fixture_split(fixture, 0, 0, 0, 0.5f);
    fixture->nodes[0].value[1] = 1.0f;
    fixture->nodes[0].value[2] = 2.0f;
    return fixture;
}

/* Turns `node` into a split by the set of `n_words` words at the end of categories. */
static inline void fixture_categorical(struct fixture_forest *fixture, uint32_t index,
                                       uint32_t node, const uint32_t *words, uint32_t n_words) {
    uint32_t begin = fixture->forest.n_category_words;
    assert_true(begin + n_words <= FIXTURE_MAX_WORDS);
    memcpy(fixture->categories + begin, words, n_words * sizeof *words);
    fixture->nodes[index].flags[node] |= RW_NODE_CATEGORICAL;
    fixture->nodes[index].begin[node] = begin;
    fixture->nodes[index].words[node] = n_words;
    fixture->forest.n_category_words = begin + n_words;
}

static inline rowan_model *fixture_compile(const struct fixture_forest *fixture) {
    void *bytes;
    size_t size;
    rowan_model *model = NULL;
    rowan_error error = {0};
    if (rw_image_compile(&fixture->forest, NULL, 0, &bytes, &size, &error) != ROWAN_OK ||
        rw_model_from_image(bytes, size, &model, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return model;
}

/* ---- at random ---------------------------------------------------------------- */

static inline float fixture_random_value(uint64_t *random) {
    static const float odd[] = {0.0f, -0.0f, 1e-45f, -1e-45f, 3.4e38f, -3.4e38f, 1.0f, 2.0f};
    if (random_below(random, 4) == 0)
        return odd[random_below(random, ARRAY_LENGTH(odd))];
    return (float)((int)random_below(random, 33) - 16) / 4.0f; /* so that rows hit thresholds */
}

static inline float fixture_random_threshold(uint64_t *random) {
    switch (random_below(random, 24)) {
    case 0:
        return INFINITY;
    case 1:
        return -INFINITY;
    default:
        return fixture_random_value(random);
    }
}

static inline float fixture_random_input(uint64_t *random) {
    static const float odd[] = {NAN,   INFINITY, -INFINITY, -0.5f,       0.5f,  31.0f,
                                32.0f, 95.0f,    96.0f,     16777216.0f, 63.9f, 1e30f,
                                NAN,   0.0f,     1e-35f,    -1e-35f,     2e-35f};
    if (random_below(random, 3) == 0)
        return odd[random_below(random, ARRAY_LENGTH(odd))];
    return fixture_random_value(random);
}

/* Rules for missing values, and how to compare: of the feature's own kind mostly, so
 * that columns are shared. */
static inline uint8_t fixture_random_flags(const struct fixture_forest *fixture, bool sets,
                                           uint64_t *random) {
    static const uint8_t missing[] = {0, RW_NODE_NAN_IS_ZERO, RW_NODE_ZERO_IS_MISSING,
                                      RW_NODE_ZERO_IS_MISSING | RW_NODE_NAN_IS_ZERO};
    uint8_t flags = random_below(random, 2) ? RW_NODE_DEFAULT_LEFT : 0;
    if (fixture->forest.arithmetic == RW_ARITHMETIC_XGBOOST)
        return flags;
    flags |= missing[random_below(random, ARRAY_LENGTH(missing))];
    flags |= random_below(random, 2) ? RW_NODE_AT_MOST : 0;
    if (sets && random_below(random, 4) == 0)
        flags |= RW_NODE_EQUAL;
    return flags;
}

static inline void fixture_random_split(struct fixture_forest *fixture, uint32_t index,
                                        uint32_t node, bool categorical, uint64_t *random) {
    uint32_t feature = random_below(random, fixture->forest.n_features);
    double threshold = (double)fixture_random_threshold(random);
    if (fixture->forest.arithmetic != RW_ARITHMETIC_XGBOOST && random_below(random, 3) == 0)
        threshold = nextafter(threshold, random_below(random, 2) ? INFINITY : -INFINITY);
    fixture_split(fixture, index, node, feature, threshold);
    fixture->nodes[index].flags[node] = fixture_random_flags(fixture, categorical, random);
    if (categorical && random_below(random, 3) == 0) {
        uint32_t words[FIXTURE_SET_WORDS];
        for (uint32_t i = 0; i < FIXTURE_SET_WORDS; i++)
            words[i] = (uint32_t)random_bits(random);
        fixture_categorical(fixture, index, node, words,
                            1 + random_below(random, FIXTURE_SET_WORDS));
        if (fixture->forest.arithmetic == RW_ARITHMETIC_LIGHTGBM)
            fixture->nodes[index].flags[node] |= RW_NODE_TRUNCATE;
    }
}

/* Splits random leaves; every leaf then gets a value. */
static inline void fixture_random_tree(struct fixture_forest *fixture, uint32_t index,
                                       bool categorical, uint64_t *random) {
    struct rw_tree *tree = &fixture->trees[index];
    struct fixture_tree *nodes = &fixture->nodes[index];
    for (uint32_t splits = random_below(random, 40); splits > 0; splits--) {
        uint32_t node = random_below(random, tree->n_nodes);
        if (random_below(random, 2)) /* a deep branch as often as a bushy tree */
            node = tree->n_nodes - 1;
        if (nodes->left[node] == FIXTURE_LEAF_ID)
            fixture_random_split(fixture, index, node, categorical, random);
    }
    for (uint32_t i = 0; i < tree->n_nodes; i++)
        if (nodes->left[i] == FIXTURE_LEAF_ID)
            nodes->value[i] = (double)((float)((int)random_below(random, 20001) - 10000) / 7777.0f);
}

static inline struct fixture_forest *fixture_random_forest(uint32_t n_features, uint64_t *random) {
    uint32_t n_groups = 1 + random_below(random, 3) * random_below(random, 3);
    uint32_t n_trees = random_below(random, 21);
    bool dart = random_below(random, 2), categorical = random_below(random, 2);
    struct fixture_forest *fixture = fixture_forest_new(n_features, n_groups, n_trees);
    fixture->forest.arithmetic = (enum rw_arithmetic)random_below(random, RW_ARITHMETIC_COUNT);
    fixture->forest.divisor = random_below(random, 4) == 0 ? 3.0 : 0.0;
    for (uint32_t i = 0; i < n_groups; i++)
        fixture->base[i] = (double)(fixture_random_value(random) / 1e30f);
    if (random_below(random, 4) == 0)
        fixture->forest.offset = fixture->base;
    for (uint32_t i = 0; i < n_trees; i++) {
        fixture->trees[i].group = random_below(random, n_groups);
        if (dart)
            fixture->trees[i].weight = (float)random_below(random, 1000) / 999.0f;
        fixture_random_tree(fixture, i, categorical && random_below(random, 3) == 0, random);
    }
    return fixture;
}

/* ---- the reference -------------------------------------------------------------- */

static inline double naive_leaf(const struct fixture_forest *fixture, uint32_t index, uint32_t node,
                                const double *row) {
    const struct fixture_tree *nodes = &fixture->nodes[index];
    if (nodes->left[node] == FIXTURE_LEAF_ID)
        return rw_leaf_value(&fixture->forest, &fixture->trees[index], node);
    double x = row[nodes->feature[node]];
    if (!rw_arithmetic_rows64(fixture->forest.arithmetic))
        x = (double)(float)x;
    bool right = rw_goes_right(nodes->flags[node], nodes->value[node],
                               fixture->categories + nodes->begin[node], nodes->words[node], x);
    return naive_leaf(fixture, index, (uint32_t)(right ? nodes->right[node] : nodes->left[node]),
                      row);
}

static inline double naive_float_margin(const struct rw_forest *forest, float sum, uint32_t group) {
    if (forest->divisor != 0.0)
        sum /= (float)forest->divisor;
    return (double)(forest->offset ? sum + (float)forest->offset[group] : sum);
}

static inline double naive_double_margin(const struct rw_forest *forest, double sum,
                                         uint32_t group) {
    if (forest->divisor != 0.0)
        sum /= forest->divisor;
    return forest->offset ? sum + forest->offset[group] : sum;
}

static inline void naive_margins(const struct fixture_forest *fixture, const double *row,
                                 double *margins) {
    const struct rw_forest *forest = &fixture->forest;
    for (uint32_t group = 0; group < forest->n_groups; group++) {
        float narrow = (float)fixture->base[group];
        double wide = fixture->base[group];
        for (uint32_t i = 0; i < forest->n_trees; i++) {
            if (fixture->trees[i].group != group)
                continue;
            narrow += (float)naive_leaf(fixture, i, 0, row);
            wide += naive_leaf(fixture, i, 0, row);
        }
        margins[group] = rw_arithmetic_sums64(forest->arithmetic)
                             ? naive_double_margin(forest, wide, group)
                             : naive_float_margin(forest, narrow, group);
    }
}

#endif

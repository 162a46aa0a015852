/*
 * Every kernel on the shapes it is made for, against the rules of rule.h, bit for bit:
 * heaps, sweeps, deep trees; ranks of one to four levels, features with more cuts than a
 * byte counts, all rules for missing values, one output and several, blocks of odd sizes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

#include "forest/cpu.h"

#define MAX_ROWS 1100u

struct shape {
    const char *name;
    uint32_t n_features, n_trees, n_leaves, max_depth, n_thresholds, n_groups;
    enum rw_arithmetic arithmetic;
    bool one_rule;                   /* NaN goes left everywhere: one column a feature */
    uint32_t n_categorical, n_codes; /* the first features */
};

static const struct shape shapes[] = {
    {"small trees", 15, 10, 32, 5, 20, 1, RW_ARITHMETIC_XGBOOST, false, 0, 0},
    {"small trees, odd number", 16, 33, 24, 5, 14, 1, RW_ARITHMETIC_XGBOOST, false, 0, 0},
    {"small trees of doubles", 15, 21, 32, 5, 40, 1, RW_ARITHMETIC_LIGHTGBM, false, 0, 0},
    {"small trees, outputs", 9, 65, 30, 4, 40, 3, RW_ARITHMETIC_ONNX, false, 0, 0},
    {"six levels", 15, 100, 64, 6, 200, 1, RW_ARITHMETIC_XGBOOST, false, 0, 0},
    {"six levels, doubles summed", 15, 131, 50, 6, 100, 1, RW_ARITHMETIC_SKLEARN, false, 0, 0},
    {"six levels, outputs", 10, 133, 64, 6, 300, 4, RW_ARITHMETIC_XGBOOST, true, 0, 0},
    {"31 leaves", 15, 300, 31, 14, 250, 1, RW_ARITHMETIC_LIGHTGBM, false, 0, 0},
    {"31 leaves, outputs", 12, 130, 31, 10, 250, 5, RW_ARITHMETIC_LIGHTGBM, true, 0, 0},
    {"255 leaves", 15, 70, 255, 20, 255, 1, RW_ARITHMETIC_XGBOOST, true, 0, 0},
    {"one leaf", 3, 5, 1, 1, 9, 1, RW_ARITHMETIC_XGBOOST, true, 0, 0},
    {"256 cuts a feature", 6, 129, 40, 9, 256, 1, RW_ARITHMETIC_ONNX, true, 0, 0},
    {"three levels of ranks", 5, 200, 60, 9, 1000, 1, RW_ARITHMETIC_ONNX64, false, 0, 0},
    {"four levels of ranks", 2, 1500, 60, 9, 9000, 1, RW_ARITHMETIC_LIGHTGBM, true, 0, 0},
    {"100 columns", 100, 90, 40, 9, 60, 1, RW_ARITHMETIC_XGBOOST, true, 0, 0},
    {"400 columns", 200, 400, 40, 9, 20, 2, RW_ARITHMETIC_LIGHTGBM, false, 0, 0},
    {"600 columns", 300, 400, 40, 9, 20, 1, RW_ARITHMETIC_LIGHTGBM, false, 0, 0},
    {"categories", 12, 150, 31, 12, 100, 1, RW_ARITHMETIC_LIGHTGBM, true, 4, 40},
    {"categories of several planes", 6, 140, 60, 12, 300, 1, RW_ARITHMETIC_XGBOOST, false, 3, 600},
    {"categories only, outputs", 5, 70, 20, 9, 1, 3, RW_ARITHMETIC_XGBOOST, false, 5, 255},
    {"many categories", 4, 90, 200, 20, 50, 1, RW_ARITHMETIC_LIGHTGBM, true, 2, 4000},
    {"too many categories", 4, 20, 30, 20, 50, 1, RW_ARITHMETIC_LIGHTGBM, true, 2, 5000},
    {"categories of many features", 150, 300, 31, 9, 10, 1, RW_ARITHMETIC_LIGHTGBM, true, 100, 90},
    {"categories of too many features", 300, 300, 31, 9, 10, 1, RW_ARITHMETIC_LIGHTGBM, true, 280,
     30},
    {"deep", 15, 40, 2000, 20, 3000, 1, RW_ARITHMETIC_XGBOOST, true, 0, 0},
    {"deep, more than a lot", 3, 140, 300, 15, 5000, 1, RW_ARITHMETIC_SKLEARN, false, 0, 0},
    {"deep, outputs", 3, 17, 1000, 30, 900, 3, RW_ARITHMETIC_LIGHTGBM, false, 0, 0},
    {"too deep", 15, 3, 9000, 40, 9000, 1, RW_ARITHMETIC_XGBOOST, true, 0, 0},
    {"more than compact trees hold", 4, 2, 40000, 60, 30000, 1, RW_ARITHMETIC_LIGHTGBM, true, 0, 0},
};

struct grown {
    struct rw_forest forest;
    struct rw_tree *trees;
    struct rw_forest_feature *features;
    double *base, *thresholds; /* [n_features][n_thresholds] */
    struct fixture_tree_arrays {
        int32_t *left, *right;
        uint32_t *feature;
        double *value;
        uint8_t *flags;
        uint32_t *begin, *words;
    } * arrays;
    uint32_t *categories;
    uint32_t n_words;
};

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    assert_non_null(memory);
    return memory;
}

static double random_number(uint64_t *random) {
    return ((double)(random_bits(random) >> 11) / 9007199254740992.0 - 0.3) * 100.0;
}

/* Thresholds as a training library picks them: of the precision it compares in. */
static void grow_thresholds(struct grown *grown, const struct shape *shape, uint64_t *random) {
    const size_t n = (size_t)shape->n_features * shape->n_thresholds;
    grown->thresholds = zeroed(n, sizeof *grown->thresholds);
    for (size_t i = 0; i < n; i++) {
        double t = random_number(random);
        if (random_below(random, 16) == 0)
            t = random_below(random, 2) ? 0.0 : 1e-35 * (double)random_below(random, 3);
        bool narrow = shape->arithmetic == RW_ARITHMETIC_XGBOOST || random_below(random, 2) == 0;
        grown->thresholds[i] = narrow ? (double)(float)t : t;
    }
}

static uint8_t grow_flags(const struct shape *shape, uint64_t *random) {
    static const uint8_t rules[] = {0, RW_NODE_DEFAULT_LEFT, RW_NODE_NAN_IS_ZERO,
                                    RW_NODE_ZERO_IS_MISSING | RW_NODE_NAN_IS_ZERO,
                                    RW_NODE_ZERO_IS_MISSING | RW_NODE_DEFAULT_LEFT};
    const uint8_t at_most = shape->arithmetic == RW_ARITHMETIC_XGBOOST ? 0 : RW_NODE_AT_MOST;
    if (shape->one_rule)
        return RW_NODE_DEFAULT_LEFT | at_most;
    /* two rules a model mostly, so that columns do not multiply */
    uint32_t n = shape->arithmetic == RW_ARITHMETIC_XGBOOST ? 2 : ARRAY_LENGTH(rules);
    return rules[random_below(random, 8) ? random_below(random, 2) : random_below(random, n)] |
           at_most;
}

/* Some sets are empty, some hold the last code only. */
static void grow_set(struct grown *grown, struct fixture_tree_arrays *a, uint32_t node,
                     const struct shape *shape, uint64_t *random) {
    const uint32_t n = shape->n_codes / 32 + 1;
    grown->categories =
        realloc(grown->categories, (grown->n_words + n) * sizeof *grown->categories);
    assert_non_null(grown->categories);
    uint32_t *words = grown->categories + grown->n_words;
    memset(words, 0, n * sizeof *words);
    const uint32_t n_in_set = random_below(random, 8) ? random_below(random, shape->n_codes) : 0;
    for (uint32_t i = 0; i < n_in_set; i++) {
        uint32_t code = random_below(random, shape->n_codes);
        words[code / 32] |= 1u << code % 32;
    }
    if (random_below(random, 4) == 0)
        words[(shape->n_codes - 1) / 32] |= 1u << (shape->n_codes - 1) % 32;
    a->begin[node] = grown->n_words;
    a->words[node] = n;
    a->value[node] = 0.0;
    a->flags[node] = RW_NODE_CATEGORICAL;
    if (shape->one_rule || random_below(random, 2))
        a->flags[node] |= RW_NODE_DEFAULT_LEFT;
    if (shape->arithmetic == RW_ARITHMETIC_LIGHTGBM)
        a->flags[node] |= RW_NODE_TRUNCATE;
    grown->n_words += n;
}

static void grow_tree(struct grown *grown, uint32_t index, const struct shape *shape,
                      uint64_t *random) {
    const uint32_t room = 2 * shape->n_leaves;
    struct fixture_tree_arrays *a = &grown->arrays[index];
    *a = (struct fixture_tree_arrays){zeroed(room, sizeof *a->left),
                                      zeroed(room, sizeof *a->right),
                                      zeroed(room, sizeof *a->feature),
                                      zeroed(room, sizeof *a->value),
                                      zeroed(room, 1),
                                      zeroed(room, sizeof *a->begin),
                                      zeroed(room, sizeof *a->words)};
    uint32_t *depth = zeroed(room, sizeof *depth), n = 1;
    a->left[0] = a->right[0] = -1;
    for (uint32_t tries = 0; n + 2 < room && tries < 20 * room; tries++) {
        uint32_t node = random_below(random, n);
        if (a->left[node] != -1 || depth[node] == shape->max_depth)
            continue;
        uint32_t f = random_below(random, shape->n_features);
        a->feature[node] = f;
        a->value[node] = grown->thresholds[(size_t)f * shape->n_thresholds +
                                           random_below(random, shape->n_thresholds)];
        a->flags[node] = grow_flags(shape, random);
        if (f < shape->n_categorical)
            grow_set(grown, a, node, shape, random);
        a->left[node] = (int32_t)n;
        a->right[node] = (int32_t)n + 1;
        for (uint32_t child = n; child < n + 2; child++) {
            a->left[child] = a->right[child] = -1;
            depth[child] = depth[node] + 1;
        }
        n += 2;
    }
    for (uint32_t i = 0; i < n; i++)
        if (a->left[i] == -1)
            a->value[i] = (double)(float)random_number(random) / 7.0;
    free(depth);
    grown->trees[index] = (struct rw_tree){.n_nodes = n,
                                           .group = random_below(random, shape->n_groups),
                                           .weight = 1.0f,
                                           .left = a->left,
                                           .right = a->right,
                                           .feature = a->feature,
                                           .value = a->value,
                                           .flags = a->flags,
                                           .category_begin = a->begin,
                                           .category_words = a->words};
}

static struct grown *grow(const struct shape *shape, uint64_t *random) {
    struct grown *grown = zeroed(1, sizeof *grown);
    grown->trees = zeroed(shape->n_trees, sizeof *grown->trees);
    grown->arrays = zeroed(shape->n_trees, sizeof *grown->arrays);
    grown->features = zeroed(shape->n_features, sizeof *grown->features);
    grown->base = zeroed(shape->n_groups, sizeof *grown->base);
    for (uint32_t f = 0; f < shape->n_features; f++)
        grown->features[f].name = "x";
    for (uint32_t g = 0; g < shape->n_groups; g++)
        grown->base[g] = (double)(float)random_number(random);
    grow_thresholds(grown, shape, random);
    for (uint32_t i = 0; i < shape->n_trees; i++)
        grow_tree(grown, i, shape, random);
    grown->forest = (struct rw_forest){.format = "fixture",
                                       .producer = "test",
                                       .objective = "none",
                                       .booster = "gbtree",
                                       .arithmetic = shape->arithmetic,
                                       .n_features = shape->n_features,
                                       .features = grown->features,
                                       .n_groups = shape->n_groups,
                                       .base = grown->base,
                                       .n_trees = shape->n_trees,
                                       .n_trees_in_file = shape->n_trees,
                                       .trees = grown->trees,
                                       .categories = grown->categories,
                                       .n_category_words = grown->n_words,
                                       .best_iteration = -1};
    return grown;
}

static void fell(struct grown *grown) {
    for (uint32_t i = 0; i < grown->forest.n_trees; i++) {
        free(grown->arrays[i].left);
        free(grown->arrays[i].right);
        free(grown->arrays[i].feature);
        free(grown->arrays[i].value);
        free(grown->arrays[i].flags);
        free(grown->arrays[i].begin);
        free(grown->arrays[i].words);
    }
    free(grown->arrays);
    free(grown->categories);
    free(grown->trees);
    free(grown->features);
    free(grown->base);
    free(grown->thresholds);
    free(grown);
}

/* At thresholds and beside them, missing, infinite, zero, or anywhere. */
static double random_code(const struct shape *shape, uint64_t *random) {
    static const double odd[] = {NAN, -1.0, -0.5, -1e-30, 1e9, INFINITY, -INFINITY, 16777216.0};
    const double code = random_below(random, shape->n_codes + 5);
    switch (random_below(random, 6)) {
    case 0:
        return odd[random_below(random, ARRAY_LENGTH(odd))];
    case 1:
        return code + 0.75;
    default:
        return code;
    }
}

static double row_value(const struct grown *grown, const struct shape *shape, uint32_t f,
                        bool whole, uint64_t *random) {
    if (f < shape->n_categorical)
        return random_code(shape, random);
    static const double odd[] = {NAN, NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e-35, -1e-36, 1e300};
    const double t = grown->thresholds[(size_t)f * shape->n_thresholds +
                                       random_below(random, shape->n_thresholds)];
    switch (random_below(random, whole ? 5 : 6)) {
    case 0:
        return t;
    case 1:
        return nextafter(t, random_below(random, 2) ? INFINITY : -INFINITY);
    case 2:
        return (double)nextafterf((float)t, random_below(random, 2) ? INFINITY : -INFINITY);
    case 5:
        return odd[random_below(random, ARRAY_LENGTH(odd))];
    default:
        return random_number(random);
    }
}

static double leaf_of(const struct grown *grown, uint32_t index, const double *row) {
    const struct rw_tree *tree = &grown->trees[index];
    uint32_t node = 0;
    while (tree->left[node] != -1) {
        double x = row[tree->feature[node]];
        if (!rw_arithmetic_rows64(grown->forest.arithmetic))
            x = (double)(float)x;
        bool right = rw_goes_right(tree->flags[node], tree->value[node],
                                   grown->categories + tree->category_begin[node],
                                   tree->category_words[node], x);
        node = (uint32_t)(right ? tree->right[node] : tree->left[node]);
    }
    return rw_leaf_value(&grown->forest, tree, node);
}

static void expect(const struct grown *grown, const double *row, double *margins) {
    const struct rw_forest *forest = &grown->forest;
    const bool wide = rw_arithmetic_sums64(forest->arithmetic);
    for (uint32_t g = 0; g < forest->n_groups; g++)
        margins[g] = forest->base[g];
    for (uint32_t i = 0; i < forest->n_trees; i++) {
        double *sum = &margins[grown->trees[i].group];
        const double leaf = leaf_of(grown, i, row);
        *sum = wide ? *sum + leaf : (double)((float)*sum + (float)leaf);
    }
}

static uint32_t n_tried[16]; /* shapes that kernel k of the table has scored */

static void assert_same(const struct shape *shape, const char *kernel, size_t n_rows,
                        const double *seen, const double *wanted) {
    for (size_t i = 0; i < n_rows * shape->n_groups; i++)
        if (memcmp(&seen[i], &wanted[i], sizeof *seen) != 0)
            fail_msg("%s, %s, %zu rows: row %zu, group %zu: %a, not %a", shape->name, kernel,
                     n_rows, i / shape->n_groups, i % shape->n_groups, seen[i], wanted[i]);
}

struct rows {
    double *wide, *from_wide; /* what is expected of them */
    float *narrow;
    double *from_narrow;
};

static struct rows random_rows(const struct grown *grown, const struct shape *shape,
                               uint64_t *random) {
    const size_t n_values = (size_t)MAX_ROWS * shape->n_features;
    struct rows rows = {zeroed(n_values, sizeof(double)),
                        zeroed((size_t)MAX_ROWS * shape->n_groups, sizeof(double)),
                        zeroed(n_values, sizeof(float)),
                        zeroed((size_t)MAX_ROWS * shape->n_groups, sizeof(double))};
    double *widened = zeroed(shape->n_features, sizeof *widened);
    for (size_t row = 0; row < MAX_ROWS; row++) {
        double *wide = rows.wide + row * shape->n_features;
        float *narrow = rows.narrow + row * shape->n_features;
        const bool whole = random_below(random, 3) == 0; /* nothing odd in this row */
        for (uint32_t f = 0; f < shape->n_features; f++) {
            wide[f] = row_value(grown, shape, f, whole, random);
            narrow[f] = (float)wide[f];
            widened[f] = (double)narrow[f];
        }
        expect(grown, wide, rows.from_wide + row * shape->n_groups);
        expect(grown, widened, rows.from_narrow + row * shape->n_groups);
    }
    free(widened);
    return rows;
}

static void try_kernel(const struct shape *shape, rowan_model *model, const struct rows *rows) {
    static const size_t counts[] = {1, 2, 23, 24, 63, 64, 65, 127, 200, 513, MAX_ROWS};
    double *out = zeroed((size_t)MAX_ROWS * shape->n_groups, sizeof *out);
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        const size_t n = counts[i];
        assert_int_equal(rowan_predict_f64(model, rows->wide, n, ROWAN_MARGIN, out, NULL),
                         ROWAN_OK);
        assert_same(shape, model->kernel->name, n, out, rows->from_wide);
        assert_int_equal(rowan_predict_f32(model, rows->narrow, n, ROWAN_MARGIN, out, NULL),
                         ROWAN_OK);
        assert_same(shape, model->kernel->name, n, out, rows->from_narrow);
    }
    for (size_t row = 0; row < 100; row++) { /* each alone */
        rowan_predict_f64(model, rows->wide + row * shape->n_features, 1, ROWAN_MARGIN, out, NULL);
        assert_same(shape, model->kernel->name, 1, out, rows->from_wide + row * shape->n_groups);
    }
    free(out);
}

static void shape_agrees(const struct shape *shape, uint64_t *random) {
    struct grown *grown = grow(shape, random);
    void *bytes;
    size_t size;
    rowan_model *model;
    rowan_error error = {0};
    if (rw_image_compile(&grown->forest, NULL, 0, &bytes, &size, &error) != ROWAN_OK ||
        rw_model_from_image(bytes, size, &model, &error) != ROWAN_OK)
        fail_msg("%s: %s: %s", shape->name, error.where, error.what);
    struct rows rows = random_rows(grown, shape, random);
    for (size_t k = 0; rw_kernel_at(k); k++) {
        if (!rw_kernel_at(k)->fits(&model->image))
            continue;
        model->kernel = rw_kernel_at(k);
        n_tried[k]++;
        try_kernel(shape, model, &rows);
    }
    free(rows.wide);
    free(rows.from_wide);
    free(rows.narrow);
    free(rows.from_narrow);
    rowan_model_free(model);
    fell(grown);
}

static void every_shape_agrees(void **state) {
    (void)state;
    uint64_t random = 2026;
    for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++)
        shape_agrees(&shapes[i], &random);
}

/* Which a CPU without AVX-512 cannot say of its kernels. */
static void every_kernel_of_this_cpu_was_tried(void **state) {
    (void)state;
    for (size_t k = 0; rw_kernel_at(k); k++) {
        const char *name = rw_kernel_at(k)->name;
        const bool needs512 = strstr(name, "avx512"), needs2 = strstr(name, "avx2");
        if ((needs512 && !rw_cpu_has(RW_CPU_AVX512)) || (needs2 && !rw_cpu_has(RW_CPU_AVX2)))
            print_message("%s: not on this CPU\n", name);
        else if (n_tried[k] < 2)
            fail_msg("%s scored %u shapes", name, n_tried[k]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_agrees),
        cmocka_unit_test(every_kernel_of_this_cpu_was_tried),
    };
    return cmocka_run_group_tests_name("kernel shapes", tests, NULL, NULL);
}

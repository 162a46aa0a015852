/*
 * Kernels against the plain recursive walk, bit for bit, on random forests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

#define MAX_ROWS 130u

static double *random_rows(uint32_t n_features, uint64_t *random) {
    size_t n_values = (size_t)MAX_ROWS * n_features;
    double *rows = malloc(n_values * sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < n_values; i++) {
        rows[i] = (double)fixture_random_input(random);
        if (random_below(random, 4) == 0)
            rows[i] = nextafter(rows[i], random_below(random, 2) ? INFINITY : -INFINITY);
    }
    return rows;
}

static float *narrowed(const double *rows, size_t n_values) {
    float *narrow = malloc(n_values * sizeof *narrow);
    assert_non_null(narrow);
    for (size_t i = 0; i < n_values; i++)
        narrow[i] = (float)rows[i];
    return narrow;
}

static bool same_doubles(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void assert_same_margins(const struct fixture_forest *fixture, const char *kernel,
                                const double *rows, size_t n_rows, const double *out) {
    const uint32_t n_groups = fixture->forest.n_groups;
    for (size_t row = 0; row < n_rows; row++) {
        double expected[FIXTURE_MAX_GROUPS];
        naive_margins(fixture, rows + row * fixture->forest.n_features, expected);
        for (uint32_t group = 0; group < n_groups; group++)
            if (!same_doubles(out[row * n_groups + group], expected[group]))
                fail_msg("%s: row %zu of %zu, group %u: %a, not %a", kernel, row, n_rows, group,
                         out[row * n_groups + group], expected[group]);
    }
}

/* Both widths of rows; what the narrow ones say is checked with them as doubles. */
static void agree_on(const struct fixture_forest *fixture, const rowan_model *model,
                     const double *rows, size_t n_rows) {
    const size_t n_values = n_rows * fixture->forest.n_features;
    double *out = malloc(MAX_ROWS * FIXTURE_MAX_GROUPS * sizeof *out);
    double *widened = malloc(n_values * sizeof *widened);
    float *narrow = narrowed(rows, n_values);
    assert_non_null(out);
    assert_non_null(widened);
    for (size_t i = 0; i < n_values; i++)
        widened[i] = (double)narrow[i];
    assert_int_equal(rowan_predict_f64(model, rows, n_rows, ROWAN_MARGIN, out, NULL), ROWAN_OK);
    assert_same_margins(fixture, model->kernel->name, rows, n_rows, out);
    assert_int_equal(rowan_predict_f32(model, narrow, n_rows, ROWAN_MARGIN, out, NULL), ROWAN_OK);
    assert_same_margins(fixture, model->kernel->name, widened, n_rows, out);
    free(out);
    free(widened);
    free(narrow);
}

/* Every kernel that fits, not only the one that would be chosen. */
static void agree_with(const struct fixture_forest *fixture, uint64_t *random) {
    rowan_model *model = fixture_compile(fixture);
    double *rows = random_rows(fixture->forest.n_features, random);
    const size_t counts[] = {1, 2, 7, 8, 9, 1 + random_below(random, MAX_ROWS), MAX_ROWS};
    for (size_t k = 0; rw_kernel_at(k); k++) {
        if (!rw_kernel_at(k)->fits(&model->image))
            continue;
        model->kernel = rw_kernel_at(k);
        for (size_t i = 0; i < ARRAY_LENGTH(counts); i++)
            agree_on(fixture, model, rows, counts[i]);
    }
    free(rows);
    rowan_model_free(model);
}

static void agree(uint32_t n_features, uint64_t *random) {
    struct fixture_forest *fixture = fixture_random_forest(n_features, random);
    agree_with(fixture, random);
    fixture_forest_free(fixture);
}

static void narrow_models_agree(void **state) {
    (void)state;
    uint64_t random = 1;
    for (int round = 0; round < 300; round++)
        agree(1 + random_below(&random, 12), &random);
}

/* Around the number of features where compact trees end, and blocks get short. */
static void broad_models_agree(void **state) {
    (void)state;
    const uint32_t widths[] = {63, 64, 65, 127, 128, 129, 1024, 2047, 4096, 8193};
    uint64_t random = 2;
    for (size_t i = 0; i < ARRAY_LENGTH(widths); i++)
        for (int round = 0; round < 3; round++)
            agree(widths[i], &random);
}

static void both_encodings_are_tried(void **state) {
    (void)state;
    uint64_t random = 1;
    uint32_t n_compact = 0, n_wide = 0, n_mixed = 0;
    for (int round = 0; round < 100; round++) {
        struct fixture_forest *fixture = fixture_random_forest(5, &random);
        rowan_model *model = fixture_compile(fixture);
        const struct rw_image *image = &model->image;
        uint32_t wide = 0;
        for (uint32_t i = 0; i < image->header->n_trees; i++)
            wide += image->trees[i].encoding == RW_TREE_WIDE;
        n_wide += wide;
        n_compact += image->header->n_trees - wide;
        n_mixed += wide > 0 && wide < image->header->n_trees;
        rowan_model_free(model);
        fixture_forest_free(fixture);
    }
    assert_true(n_compact > 100 && n_wide > 100 && n_mixed > 20);
}

/* One split, and the value of x0 on which the answer hangs. */
static float stump_answer(float threshold, bool default_left, float x) {
    struct fixture_forest *fixture = fixture_stump();
    fixture->nodes[0].value[0] = threshold;
    fixture->nodes[0].flags[0] = default_left ? RW_NODE_DEFAULT_LEFT : 0;
    rowan_model *model = fixture_compile(fixture);
    const float row[2] = {x, NAN};
    double out;
    assert_int_equal(rowan_predict_f32(model, row, 1, ROWAN_MARGIN, &out, NULL), ROWAN_OK);
    rowan_model_free(model);
    fixture_forest_free(fixture);
    return (float)out;
}

static void splits_are_strict_and_missing_has_its_own_way(void **state) {
    (void)state;
    const float left = 1.0f, right = 2.0f;
    assert_true(stump_answer(0.5f, false, 0.5f) == right);
    assert_true(stump_answer(0.5f, false, nextafterf(0.5f, 0.0f)) == left);
    assert_true(stump_answer(0.0f, false, -0.0f) == right);
    assert_true(stump_answer(-0.0f, false, 0.0f) == right);
    assert_true(stump_answer(0.0f, false, -1e-45f) == left);
    assert_true(stump_answer(0.5f, true, NAN) == left);
    assert_true(stump_answer(0.5f, false, NAN) == right);
    assert_true(stump_answer(INFINITY, false, 3e38f) == left);
    assert_true(stump_answer(INFINITY, true, INFINITY) == right);
    assert_true(stump_answer(INFINITY, false, NAN) == right);
    assert_true(stump_answer(-INFINITY, true, NAN) == left);
    assert_true(stump_answer(-INFINITY, true, -INFINITY) == right);
}

static float category_answer(float x, bool default_left) {
    const uint32_t words[2] = {1u << 3 | 1u << 31, 1u << 0};
    struct fixture_forest *fixture = fixture_stump();
    fixture_categorical(fixture, 0, 0, words, 2);
    if (default_left)
        fixture->nodes[0].flags[0] |= RW_NODE_DEFAULT_LEFT;
    rowan_model *model = fixture_compile(fixture);
    const float row[2] = {x, 0.0f};
    double out;
    assert_int_equal(rowan_predict_f32(model, row, 1, ROWAN_MARGIN, &out, NULL), ROWAN_OK);
    rowan_model_free(model);
    fixture_forest_free(fixture);
    return (float)out;
}

static void categories_of_the_set_go_right(void **state) {
    (void)state;
    const float to_the_right[] = {3.0f, 3.9f, 31.0f, 32.0f};
    const float to_the_left[] = {0.0f,        -0.0f,       2.0f,  30.0f,    33.0f,
                                 63.0f,       64.0f,       -1.0f, -0.5f,    1e9f,
                                 16777215.0f, 16777216.0f, 3e38f, INFINITY, -INFINITY};
    for (size_t i = 0; i < ARRAY_LENGTH(to_the_right); i++)
        assert_true(category_answer(to_the_right[i], true) == 2.0f);
    for (size_t i = 0; i < ARRAY_LENGTH(to_the_left); i++)
        assert_true(category_answer(to_the_left[i], false) == 1.0f);
    assert_true(category_answer(NAN, true) == 1.0f);
    assert_true(category_answer(NAN, false) == 2.0f);
}

static void a_model_without_trees_is_its_base_score(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_forest_new(3, 2, 0);
    fixture->base[0] = -1.5f;
    fixture->base[1] = 2.25f;
    rowan_model *model = fixture_compile(fixture);
    const float rows[6] = {0};
    double out[4];
    assert_int_equal(rowan_predict_f32(model, rows, 2, ROWAN_MARGIN, out, NULL), ROWAN_OK);
    assert_true(out[0] == -1.5 && out[1] == 2.25 && out[2] == -1.5 && out[3] == 2.25);
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(narrow_models_agree),
        cmocka_unit_test(broad_models_agree),
        cmocka_unit_test(both_encodings_are_tried),
        cmocka_unit_test(splits_are_strict_and_missing_has_its_own_way),
        cmocka_unit_test(categories_of_the_set_go_right),
        cmocka_unit_test(a_model_without_trees_is_its_base_score),
    };
    return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}

/*
 * Prediction: no allocation, blocks of any size, both widths of float, the caller's
 * mistakes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

#include "allocations.h"

static void scoring_does_not_allocate(void **state) {
    (void)state;
    uint64_t random = 11;
    for (int round = 0; round < 20; round++) {
        struct fixture_forest *fixture = fixture_random_forest(7, &random);
        rowan_model *model = fixture_compile(fixture);
        static float rows[130 * 7];
        static double wide_rows[130 * 7], out[130 * FIXTURE_MAX_GROUPS];
        rowan_error error;
        allocations_reset();
        for (size_t n_rows = 1; n_rows <= 130; n_rows += 43) {
            rowan_predict_f32(model, rows, n_rows, ROWAN_RESPONSE, out, &error);
            rowan_predict_f64(model, wide_rows, n_rows, ROWAN_MARGIN, out, &error);
            rowan_predict_f32(model, NULL, 1, ROWAN_MARGIN, out, &error); /* an error, too */
        }
        assert_int_equal(allocations.calls, 0);
        rowan_model_free(model);
        fixture_forest_free(fixture);
    }
}

static void the_counter_counts(void **state) {
    (void)state;
    allocations_reset();
    void *volatile block = malloc(100);
    free(block);
    block = calloc(3, 10);
    free(block);
    assert_int_equal(allocations.calls, 2);
    assert_int_equal(allocations.bytes, 130);
}

static void wide_rows_are_rounded_to_the_nearest(void **state) {
    (void)state;
    uint64_t random = 12;
    struct fixture_forest *fixture;
    while ((fixture = fixture_random_forest(5, &random))->forest.arithmetic !=
           RW_ARITHMETIC_XGBOOST)
        fixture_forest_free(fixture);
    rowan_model *model = fixture_compile(fixture);
    static double wide[200 * 5], from_wide[200 * FIXTURE_MAX_GROUPS];
    static float narrow[200 * 5];
    static double from_narrow[200 * FIXTURE_MAX_GROUPS];
    for (size_t i = 0; i < ARRAY_LENGTH(wide); i++) {
        wide[i] = (double)fixture_random_input(&random) * (1.0 + 1e-9);
        narrow[i] = (float)wide[i];
    }
    size_t size = 200 * fixture->forest.n_groups * sizeof(double);
    rowan_predict_f64(model, wide, 200, ROWAN_MARGIN, from_wide, NULL);
    rowan_predict_f32(model, narrow, 200, ROWAN_MARGIN, from_narrow, NULL);
    assert_memory_equal(from_wide, from_narrow, size);
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

static void responses_follow_the_link(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    fixture->forest.link = ROWAN_LINK_LOGISTIC;
    rowan_model *model = fixture_compile(fixture);
    const float row[2] = {0.0f, 0.0f};
    double out, margin;
    rowan_predict_f32(model, row, 1, ROWAN_RESPONSE, &out, NULL);
    rowan_predict_f32(model, row, 1, ROWAN_MARGIN, &margin, NULL);
    assert_true(margin == 1.0);
    assert_true(fabs(out - 0.7310585786300049) < 1e-7);
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

/* ARGMAX gives one number a row: rows must not run into each other. */
static void argmax_packs_its_rows(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_forest_new(1, 3, 1);
    fixture->trees[0].group = 2;
    fixture_split(fixture, 0, 0, 0, 0.5f);
    fixture->nodes[0].value[1] = -1.0f;
    fixture->nodes[0].value[2] = 1.0f;
    fixture->forest.link = ROWAN_LINK_ARGMAX;
    rowan_model *model = fixture_compile(fixture);
    const float rows[4] = {0.0f, 1.0f, 1.0f, 0.0f};
    double out[5] = {9, 9, 9, 9, 9};
    rowan_predict_f32(model, rows, 4, ROWAN_RESPONSE, out, NULL);
    const double expected[5] = {0, 2, 2, 0, 9};
    assert_memory_equal(out, expected, sizeof out);
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

static void many_outputs_fit_into_blocks(void **state) {
    (void)state;
    enum { ROWS = 5 };
    double *base = calloc(ROWAN_MAX_OUTPUTS, sizeof *base);
    double *out = calloc((size_t)ROWS * ROWAN_MAX_OUTPUTS, sizeof *out);
    assert_non_null(base);
    assert_non_null(out);
    for (uint32_t i = 0; i < ROWAN_MAX_OUTPUTS; i++)
        base[i] = i;
    struct fixture_forest *fixture = fixture_stump();
    fixture->forest.n_groups = ROWAN_MAX_OUTPUTS;
    fixture->forest.base = base;
    fixture->trees[0].group = ROWAN_MAX_OUTPUTS - 1;
    rowan_model *model = fixture_compile(fixture);
    const float rows[2 * ROWS] = {0.0f};
    assert_int_equal(rowan_predict_f32(model, rows, ROWS, ROWAN_MARGIN, out, NULL), ROWAN_OK);
    for (size_t row = 0; row < ROWS; row++) {
        assert_true(out[row * ROWAN_MAX_OUTPUTS + 7] == 7.0);
        assert_true(out[(row + 1) * ROWAN_MAX_OUTPUTS - 1] == ROWAN_MAX_OUTPUTS);
    }
    rowan_model_free(model);
    fixture_forest_free(fixture);
    free(base);
    free(out);
}

static void as_many_features_as_allowed(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_forest_new(ROWAN_MAX_FEATURES, 1, 1);
    fixture_split(fixture, 0, 0, ROWAN_MAX_FEATURES - 1, 0.5f);
    fixture->nodes[0].value[1] = 1.0f;
    fixture->nodes[0].value[2] = 2.0f;
    rowan_model *model = fixture_compile(fixture);
    double *rows = calloc(3 * (size_t)ROWAN_MAX_FEATURES, sizeof *rows), out[3];
    assert_non_null(rows);
    rows[2 * (size_t)ROWAN_MAX_FEATURES - 1] = 1.0;
    assert_int_equal(rowan_predict_f64(model, rows, 3, ROWAN_MARGIN, out, NULL), ROWAN_OK);
    assert_true(out[0] == 1.0 && out[1] == 2.0 && out[2] == 1.0);
    free(rows);
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

static void mistakes_of_the_caller_are_told(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    rowan_model *model = fixture_compile(fixture);
    const float row[2] = {0.0f, 0.0f};
    double out = 9.0;
    rowan_error error;
    assert_int_equal(rowan_predict_f32(NULL, row, 1, ROWAN_MARGIN, &out, &error), ROWAN_ARGUMENT);
    assert_int_equal(rowan_predict_f32(model, NULL, 1, ROWAN_MARGIN, &out, &error), ROWAN_ARGUMENT);
    assert_int_equal(rowan_predict_f64(model, NULL, 1, ROWAN_MARGIN, &out, &error), ROWAN_ARGUMENT);
    assert_int_equal(rowan_predict_f32(model, row, 1, ROWAN_MARGIN, NULL, &error), ROWAN_ARGUMENT);
    assert_says(&error, "must not be NULL");
    assert_int_equal(rowan_predict_f32(model, row, 1, (rowan_output)7, &out, &error),
                     ROWAN_ARGUMENT);
    assert_says(&error, "unknown kind of output");
    assert_int_equal(rowan_predict_f32(model, NULL, 0, ROWAN_MARGIN, NULL, &error), ROWAN_OK);
    assert_true(out == 9.0);
    rowan_model_free(model);
    fixture_forest_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scoring_does_not_allocate),
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(wide_rows_are_rounded_to_the_nearest),
        cmocka_unit_test(responses_follow_the_link),
        cmocka_unit_test(argmax_packs_its_rows),
        cmocka_unit_test(many_outputs_fit_into_blocks),
        cmocka_unit_test(as_many_features_as_allowed),
        cmocka_unit_test(mistakes_of_the_caller_are_told),
    };
    allocations_start();
    return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}

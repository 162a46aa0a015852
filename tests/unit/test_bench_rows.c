/*
 * Random rows for `rowan bench`: they must meet a model's thresholds on both sides,
 * wherever those are.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

#include "cli/bench_rows.h"

/* Shares of rows on the two sides of a threshold; 10 % is far from one-sided. */
#define LEAST_SHARE 0.1

static struct rw_bench_rows make_rows(const struct fixture_forest *fixture) {
    rowan_error error = {0};
    struct rw_bench_rows rows;
    rowan_model *model = fixture_compile(fixture);
    if (rw_bench_rows_make(&rows, model, &error) != ROWAN_OK)
        fail_msg("%s", error.what);
    rowan_model_free(model);
    return rows;
}

static double share_below(const struct rw_bench_rows *rows, size_t feature, double threshold) {
    size_t below = 0;
    for (size_t row = 0; row < rows->n; row++)
        below += rows->wide[row * rows->n_features + feature] < threshold;
    return (double)below / (double)rows->n;
}

static void assert_both_sides(const struct rw_bench_rows *rows, size_t feature, double threshold) {
    double share = share_below(rows, feature, threshold);
    if (share < LEAST_SHARE || share > 1.0 - LEAST_SHARE)
        fail_msg("feature %zu: %.3f of the rows are below %g", feature, share, threshold);
}

static void rows_lie_on_both_sides_of_a_threshold(void **state) {
    (void)state;
    static const double thresholds[] = {0.5, -3.0, 1e5, 7e-4, 0.0, -2e7};
    struct fixture_forest *fixture = fixture_forest_new(6, 1, 6);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t left = fixture_split(fixture, i, 0, i, thresholds[i]);
        fixture->nodes[i].value[left] = 1.0 + i;
    }
    struct rw_bench_rows rows = make_rows(fixture);
    assert_int_equal(rows.n, RW_BENCH_MAX_ROWS);
    for (size_t i = 0; i < 6; i++)
        assert_both_sides(&rows, i, thresholds[i]);
    rw_bench_rows_free(&rows);
    fixture_forest_free(fixture);
}

/* x1's threshold is seen by rows with x0 >= 1000 only: the second pass must find it. */
static void thresholds_behind_others_are_found(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_forest_new(2, 1, 1);
    uint32_t left = fixture_split(fixture, 0, 0, 0, 1000.0);
    uint32_t second = fixture_split(fixture, 0, left + 1, 1, 40.0);
    fixture->nodes[0].value[second] = 5.0;
    struct rw_bench_rows rows = make_rows(fixture);
    assert_both_sides(&rows, 0, 1000.0);
    assert_both_sides(&rows, 1, 40.0);
    rw_bench_rows_free(&rows);
    fixture_forest_free(fixture);
}

static void categories_are_codes_of_both_sides(void **state) {
    (void)state;
    const uint32_t set = 1u << 3 | 1u << 7;
    struct fixture_forest *fixture = fixture_forest_new(1, 1, 1);
    uint32_t left = fixture_split(fixture, 0, 0, 0, 0.0);
    fixture_categorical(fixture, 0, 0, &set, 1);
    fixture->features[0].kind = ROWAN_CATEGORICAL;
    fixture->nodes[0].value[left] = 1.0;
    struct rw_bench_rows rows = make_rows(fixture);
    size_t in_set = 0;
    for (size_t row = 0; row < rows.n; row++) {
        assert_true(rows.wide[row] == floor(rows.wide[row]) && rows.wide[row] >= 0.0);
        in_set += rows.wide[row] == 3.0 || rows.wide[row] == 7.0;
    }
    assert_in_range(in_set, rows.n / 10, rows.n - rows.n / 10);
    rw_bench_rows_free(&rows);
    fixture_forest_free(fixture);
}

static void narrow_rows_are_the_wide_ones_rounded(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_stump();
    struct rw_bench_rows rows = make_rows(fixture);
    for (size_t i = 0; i < rows.n * rows.n_features; i++)
        assert_true(rows.narrow[i] == (float)rows.wide[i]);
    rw_bench_rows_free(&rows);
    fixture_forest_free(fixture);
}

static void many_features_make_fewer_rows(void **state) {
    (void)state;
    struct fixture_forest *fixture = fixture_forest_new(60000, 1, 1);
    struct rw_bench_rows rows = make_rows(fixture);
    assert_int_equal(rows.n, RW_BENCH_MAX_VALUES / 60000);
    rw_bench_rows_free(&rows);
    fixture_forest_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_lie_on_both_sides_of_a_threshold),
        cmocka_unit_test(thresholds_behind_others_are_found),
        cmocka_unit_test(categories_are_codes_of_both_sides),
        cmocka_unit_test(narrow_rows_are_the_wide_ones_rounded),
        cmocka_unit_test(many_features_make_fewer_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Latencies in log-linear buckets: close to the exact percentiles, from 1 us to days.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "load-testing/histogram.h"

#define VALUES 100000

static struct rw_load_histogram histogram, other;

static int compare(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Equal shares of all sizes from 1 us to about 12 days. */
static int64_t any_size(uint64_t *random) {
    return (int64_t)(random_bits(random) >> (24 + random_below(random, 40)));
}

static void a_percentile_is_at_most_one_bucket_above_the_exact_one(void **state) {
    (void)state;
    static const double shares[] = {0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0};
    static int64_t values[VALUES];
    uint64_t random = 1;
    rw_load_histogram_clear(&histogram);
    for (size_t i = 0; i < VALUES; i++)
        rw_load_histogram_add(&histogram, values[i] = any_size(&random));
    qsort(values, VALUES, sizeof *values, compare);
    for (size_t i = 0; i < ARRAY_LENGTH(shares); i++) {
        const double exact = (double)values[(size_t)ceil(shares[i] * VALUES) - 1];
        const double found = (double)rw_load_histogram_at(&histogram, shares[i]);
        assert_true(found >= exact && found <= exact * (1.0 + 1.0 / 128.0));
    }
}

static void small_values_are_exact(void **state) {
    (void)state;
    rw_load_histogram_clear(&histogram);
    for (int64_t i = 1; i <= 100; i++)
        rw_load_histogram_add(&histogram, i);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(rw_load_histogram_at(&histogram, (double)i / 100.0), i);
    assert_true(rw_load_histogram_mean(&histogram) == 50.5);
}

static void nothing_is_above_the_largest_value(void **state) {
    (void)state;
    rw_load_histogram_clear(&histogram);
    rw_load_histogram_add(&histogram, 1000001);
    assert_int_equal(rw_load_histogram_at(&histogram, 0.5), 1000001);
    assert_int_equal(rw_load_histogram_at(&histogram, 1.0), 1000001);
}

static void values_beyond_the_ends_are_counted_at_the_ends(void **state) {
    (void)state;
    rw_load_histogram_clear(&histogram);
    rw_load_histogram_add(&histogram, -5);
    rw_load_histogram_add(&histogram, INT64_MAX);
    assert_int_equal(histogram.n, 2);
    assert_int_equal(rw_load_histogram_at(&histogram, 0.5), 0);
    assert_int_equal(rw_load_histogram_at(&histogram, 1.0),
                     (UINT64_C(1) << RW_LOAD_HISTOGRAM_VALUE) - 1);
}

static void an_empty_one_says_zero(void **state) {
    (void)state;
    rw_load_histogram_clear(&histogram);
    assert_int_equal(rw_load_histogram_at(&histogram, 0.99), 0);
    assert_true(rw_load_histogram_mean(&histogram) == 0.0);
}

static void merging_is_adding_all_values(void **state) {
    (void)state;
    static struct rw_load_histogram both;
    uint64_t random = 2;
    rw_load_histogram_clear(&histogram);
    rw_load_histogram_clear(&other);
    rw_load_histogram_clear(&both);
    for (size_t i = 0; i < VALUES; i++) {
        const int64_t value = any_size(&random) % 100000000; /* sums of doubles stay exact */
        rw_load_histogram_add(i % 3 ? &histogram : &other, value);
        rw_load_histogram_add(&both, value);
    }
    rw_load_histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &both, sizeof both);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_percentile_is_at_most_one_bucket_above_the_exact_one),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(nothing_is_above_the_largest_value),
        cmocka_unit_test(values_beyond_the_ends_are_counted_at_the_ends),
        cmocka_unit_test(an_empty_one_says_zero),
        cmocka_unit_test(merging_is_adding_all_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

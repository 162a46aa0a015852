/*
 * The stopwatch: medians finer than the steps of the clock.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "cli/stopwatch.h"

#define READINGS 1000
#define STEP     26 /* ticks of 10 ns at 2.6 GHz */

/* Readings of a call that takes `length` ticks: the clock is read at all phases of its step. */
static void read_clock(double length, uint64_t *ticks) {
    for (int i = 0; i < READINGS; i++) {
        double begin = STEP * (double)i / READINGS;
        ticks[i] = (uint64_t)((begin + length) / STEP) * STEP;
    }
}

static void the_median_lies_within_a_step(void **state) {
    (void)state;
    uint64_t ticks[READINGS];
    for (double length = 100.0; length < 200.0; length += 0.7) {
        read_clock(length, ticks);
        rw_ticks_sort(ticks, READINGS);
        assert_true(fabs(rw_ticks_median(ticks, READINGS) - length) < STEP / 8.0);
    }
}

static void readings_without_steps_have_the_usual_median(void **state) {
    (void)state;
    uint64_t ticks[101];
    for (size_t i = 0; i < 101; i++)
        ticks[i] = (i * 37 % 101) * 1000;
    rw_ticks_sort(ticks, 101);
    assert_true(rw_ticks_median(ticks, 101) == 50000.0);
    assert_true(rw_ticks_p99(ticks, 101) == 99000.0);
}

static void one_reading_is_its_own_median(void **state) {
    (void)state;
    uint64_t ticks[1] = {42};
    rw_ticks_sort(ticks, 1);
    assert_true(rw_ticks_median(ticks, 1) == 42.0);
    assert_true(rw_ticks_p99(ticks, 1) == 42.0);
}

static void a_tick_is_as_long_as_the_system_says(void **state) {
    (void)state;
    double ns = rw_ns_per_tick(), began = rw_now_ns();
    uint64_t ticks = rw_ticks_begin();
    while (rw_now_ns() - began < 2e7)
        continue;
    double passed = rw_now_ns() - began, counted = (double)(rw_ticks_end() - ticks) * ns;
    assert_true(counted > passed * 0.5 && counted < passed * 2.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_lies_within_a_step),
        cmocka_unit_test(readings_without_steps_have_the_usual_median),
        cmocka_unit_test(one_reading_is_its_own_median),
        cmocka_unit_test(a_tick_is_as_long_as_the_system_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

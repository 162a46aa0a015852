/*
 * Pauses between looks: the interval, doubled with each failure, a fifth more or less.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "sync/pace.h"

static void assert_between(uint32_t interval, uint32_t n_failures, uint64_t low, uint64_t high) {
    uint64_t state = 1, least = UINT64_MAX, most = 0;
    for (int i = 0; i < 20000; i++) {
        const uint64_t pause = rw_pace_ms(interval, n_failures, (uint32_t)random_bits(&state));
        least = pause < least ? pause : least;
        most = pause > most ? pause : most;
    }
    assert_true(least >= low && most <= high);
    assert_true(least < low + (high - low) / 20 && most > high - (high - low) / 20);
}

static void a_pause_is_a_fifth_more_or_less(void **state) {
    (void)state;
    assert_between(30, 0, 24000, 36000);
    assert_between(1, 0, 800, 1200);
}

static void failures_double_it_up_to_five_minutes(void **state) {
    (void)state;
    assert_between(30, 1, 48000, 72000);
    assert_between(30, 2, 96000, 144000);
    assert_between(30, 4, 240000, 360000);
    assert_between(30, UINT32_MAX, 240000, 360000);
}

static void a_longer_interval_stays_as_it_is(void **state) {
    (void)state;
    assert_between(86400, 9, 69120000, 103680000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_is_a_fifth_more_or_less),
        cmocka_unit_test(failures_double_it_up_to_five_minutes),
        cmocka_unit_test(a_longer_interval_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

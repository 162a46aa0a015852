/*
 * The timetable: what is due when, in phases and bursts, and which texts are refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "load-testing/schedule.h"

#define SECOND INT64_C(1000000000)
#define MS     INT64_C(1000000)

static struct rw_load_schedule schedule;
static rowan_error error;

static int begin(void **state) {
    (void)state;
    rw_load_schedule_init(&schedule);
    return 0;
}

static uint64_t due(int64_t ns) {
    return rw_load_schedule_due(&schedule, ns);
}

static void the_attack_is_two_million_messages_in_eleven_minutes(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_parse(&schedule, RW_LOAD_ATTACK, 0, &error), ROWAN_OK);
    assert_int_equal(schedule.n_phases, 4);
    assert_int_equal(rw_load_schedule_end(&schedule), 660 * SECOND);
    assert_int_equal(rw_load_schedule_total(&schedule), 2010000);
    assert_int_equal(due(60 * SECOND), 30000);
    assert_int_equal(due(180 * SECOND), 150000);
    assert_int_equal(due(360 * SECOND), 510000);
    assert_int_equal(due(361 * SECOND), 515000);
    assert_int_equal(rw_load_schedule_phase(&schedule, 60 * SECOND - 1), 0);
    assert_int_equal(rw_load_schedule_phase(&schedule, 60 * SECOND), 1);
    assert_int_equal(rw_load_schedule_phase(&schedule, 9999 * SECOND), 3);
    assert_int_equal(rw_load_schedule_phase_of(&schedule, 29999), 0);
    assert_int_equal(rw_load_schedule_phase_of(&schedule, 30000), 1);
    assert_int_equal(rw_load_schedule_phase_of(&schedule, 2009999), 3);
}

static void messages_of_a_rate_are_spread_evenly(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_add(&schedule, 5000.0, 0, 10.0, &error), ROWAN_OK);
    for (int64_t ms = 1; ms <= 10000; ms++)
        assert_int_equal(due(ms * MS), 5 * ms);
    assert_int_equal(due(0), 0);
    assert_int_equal(due(-1), 0);
    assert_int_equal(due(INT64_MAX), 50000);
}

static void a_rate_below_one_begins_with_a_message(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_add(&schedule, 0.5, 0, 10.0, &error), ROWAN_OK);
    assert_int_equal(due(MS), 1);
    assert_int_equal(due(2 * SECOND), 1);
    assert_int_equal(due(2 * SECOND + MS), 2);
    assert_int_equal(rw_load_schedule_total(&schedule), 5);
}

static void fractions_do_not_make_a_message_more(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_parse(&schedule, "0.1x30,10x0.3,1000x0.0015", 0, &error),
                     ROWAN_OK);
    assert_int_equal(schedule.phases[0].count, 3);
    assert_int_equal(schedule.phases[1].count, 3);
    assert_int_equal(schedule.phases[2].count, 2); /* at 0 and at 1 ms */
    assert_int_equal(rw_load_schedule_end(&schedule), 30 * SECOND + 301500000);
}

static void a_burst_comes_at_the_begin_of_each_second(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_parse(&schedule, "10x1.5,0x2", 100, &error), ROWAN_OK);
    assert_int_equal(due(MS), 101);
    assert_int_equal(due(SECOND), 110);
    assert_int_equal(due(SECOND + MS), 211);
    assert_int_equal(due(3 * SECOND / 2), 215);
    assert_int_equal(due(3 * SECOND / 2 + MS), 315); /* seconds of the next phase are its own */
    assert_int_equal(rw_load_schedule_total(&schedule), 415);
}

static void nothing_is_due_twice_and_nothing_is_left_out(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_parse(&schedule, "333.3x1.7,7919x0.9,0.7x3", 3, &error),
                     ROWAN_OK);
    uint64_t before = 0;
    for (int64_t ns = 0; ns <= 6 * SECOND; ns += 333333) {
        assert_true(due(ns) >= before);
        before = due(ns);
    }
    assert_int_equal(before, rw_load_schedule_total(&schedule));
}

static void a_limit_ends_it_earlier(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_add(&schedule, 100.0, 0, 10.0, &error), ROWAN_OK);
    schedule.limit = 250;
    assert_int_equal(due(2 * SECOND), 200);
    assert_int_equal(due(3 * SECOND), 250);
    assert_int_equal(rw_load_schedule_total(&schedule), 250);
}

static void an_unpaced_one_owes_everything_at_once(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_add(&schedule, 0.0, 0, 10.0, &error), ROWAN_OK);
    schedule.unpaced = true;
    schedule.limit = 1000;
    assert_int_equal(due(0), 1000);
    assert_int_equal(rw_load_schedule_total(&schedule), 1000);
}

static void texts_that_are_no_phases_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",      "5",       "x5",     "5x",      "5x5,",
                                        "5x5;5", "-5x5",    "5x-5",   "0x10x5",  "5 x5",
                                        "infx5", "5xinf",   "5x5x5",  "1e3x5",   "1.2.3x5",
                                        ",5x5",  "5x1.2.3", "5x0x10", "nanxnan", "5X5"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        rw_load_schedule_init(&schedule);
        if (rw_load_schedule_parse(&schedule, texts[i], 0, &error) == ROWAN_OK)
            fail_msg("\"%s\" was taken", texts[i]);
    }
    assert_says(&error, "RATExSECONDS");
}

static void bounds_are_refused_by_name(void **state) {
    (void)state;
    assert_int_equal(rw_load_schedule_parse(&schedule, "10000001x1", 0, &error), ROWAN_LIMIT);
    assert_says(&error, "RW_LOAD_RATE_MAX");
    assert_int_equal(rw_load_schedule_parse(&schedule, "1x86401", 0, &error), ROWAN_LIMIT);
    assert_says(&error, "RW_LOAD_SECONDS_MAX");
    assert_int_equal(rw_load_schedule_parse(&schedule, "1x0", 0, &error), ROWAN_LIMIT);
    assert_says(&error, "RW_LOAD_SECONDS_MAX");
    assert_int_equal(rw_load_schedule_parse(&schedule, "10000000x101", 0, &error), ROWAN_LIMIT);
    assert_says(&error, "RW_LOAD_COUNT_MAX");
    for (uint32_t i = 0; i < RW_LOAD_PHASES_MAX; i++)
        assert_int_equal(rw_load_schedule_add(&schedule, 1.0, 0, 1.0, &error), ROWAN_OK);
    assert_int_equal(rw_load_schedule_add(&schedule, 1.0, 0, 1.0, &error), ROWAN_LIMIT);
    assert_says(&error, "RW_LOAD_PHASES_MAX");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_attack_is_two_million_messages_in_eleven_minutes, begin),
        cmocka_unit_test_setup(messages_of_a_rate_are_spread_evenly, begin),
        cmocka_unit_test_setup(a_rate_below_one_begins_with_a_message, begin),
        cmocka_unit_test_setup(fractions_do_not_make_a_message_more, begin),
        cmocka_unit_test_setup(a_burst_comes_at_the_begin_of_each_second, begin),
        cmocka_unit_test_setup(nothing_is_due_twice_and_nothing_is_left_out, begin),
        cmocka_unit_test_setup(a_limit_ends_it_earlier, begin),
        cmocka_unit_test_setup(an_unpaced_one_owes_everything_at_once, begin),
        cmocka_unit_test_setup(texts_that_are_no_phases_are_refused, begin),
        cmocka_unit_test_setup(bounds_are_refused_by_name, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

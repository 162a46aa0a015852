/*
 * The pace, in a world whose clock the test moves: messages go at their times, and what
 * comes late is written down and made up for.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "load-testing/pace.h"

#define SECOND INT64_C(1000000000)
#define MS     INT64_C(1000000)

/* Time passes only in sleep, and by `oversleep` more than was asked for. */
struct world {
    int64_t now;
    int64_t oversleep;
    int64_t closed_from, closed_to; /* no room meanwhile */
    int64_t stop_at;
    uint64_t sent;
    int64_t earliest; /* how far before its tick's time a batch went; 0: never */
    uint64_t most_at_once;
};

static struct rw_load_schedule schedule;
static struct rw_load_timeline timeline;
static struct rw_load_paced paced;
static struct world world;

static int64_t world_now(void *context) {
    return ((struct world *)context)->now;
}

static void world_sleep(void *context, int64_t ns) {
    struct world *at = context;
    if (ns > at->now)
        at->now = ns + at->oversleep;
}

static bool world_stopped(void *context) {
    const struct world *at = context;
    return at->now >= at->stop_at;
}

static uint64_t world_send(void *context, uint64_t count, uint32_t tick) {
    struct world *at = context;
    if (at->now >= at->closed_from && at->now < at->closed_to)
        return 0;
    const int64_t early = (int64_t)tick * RW_LOAD_TICK_NS - at->now;
    at->earliest = early > at->earliest ? early : at->earliest;
    at->most_at_once = count > at->most_at_once ? count : at->most_at_once;
    at->sent += count;
    return count;
}

static int begin(void **state) {
    (void)state;
    rw_load_schedule_init(&schedule);
    assert_true(rw_load_timeline_open(&timeline, 60.0));
    world = (struct world){.stop_at = INT64_MAX};
    return 0;
}

static int end(void **state) {
    (void)state;
    rw_load_timeline_close(&timeline);
    return 0;
}

static void run(const char *phases) {
    const struct rw_load_world hooks = {world_now, world_sleep, world_stopped, world_send, &world};
    rowan_error error;
    assert_int_equal(rw_load_schedule_parse(&schedule, phases, 0, &error), ROWAN_OK);
    rw_load_pace(&schedule, &hooks, &timeline, &paced);
    assert_int_equal(paced.sent, world.sent);
}

static void every_second_gets_what_it_asked_for(void **state) {
    (void)state;
    run("5000x3,700x2,0.5x4");
    static const uint64_t expected[] = {5000, 5000, 5000, 700, 700, 1, 0, 1, 0};
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++)
        assert_int_equal(timeline.seconds[i].sent, expected[i]);
    assert_int_equal(paced.sent, 16402);
    assert_int_equal(paced.late_max, 0);
    assert_int_equal(paced.owed, 0);
    assert_int_equal(paced.ended, 9 * SECOND);
    assert_int_equal(world.earliest, 0);
    assert_int_equal(world.most_at_once, 5);
    assert_int_equal(paced.in_phase[0], 15000);
    assert_int_equal(paced.in_phase[1], 1400);
    assert_int_equal(paced.in_phase[2], 2);
}

/* A clock that always wakes 0.3 ms late would lose 18 s in a minute, if it added up. */
static void lateness_does_not_add_up(void **state) {
    (void)state;
    world.oversleep = 3 * MS / 10;
    run("1000x60");
    for (size_t i = 0; i < 60; i++)
        assert_int_equal(timeline.seconds[i].sent, 1000);
    assert_int_equal(paced.late_max, 3 * MS / 10);
    assert_int_equal(paced.late_ticks, 0);
}

static void a_full_queue_makes_messages_late_and_loses_none(void **state) {
    (void)state;
    world.closed_from = 2 * SECOND;
    world.closed_to = 5 * SECOND / 2;
    run("1000x5");
    assert_int_equal(paced.sent, 5000);
    assert_int_equal(paced.owed, 0);
    for (size_t i = 0; i < 5; i++) /* made up for in the same second */
        assert_int_equal(timeline.seconds[i].sent, 1000);
    assert_int_equal(paced.late_max, SECOND / 2);
    assert_int_equal(timeline.seconds[2].late_ns, SECOND / 2);
    assert_int_equal(paced.late_max_at, 5 * SECOND / 2);
    assert_int_equal(paced.late_ticks, 500);
    assert_int_equal(timeline.seconds[3].late_ns, 0);
}

static void what_is_owed_at_the_end_goes_in_overtime(void **state) {
    (void)state;
    world.closed_from = SECOND;
    world.closed_to = 4 * SECOND;
    run("100x2");
    assert_int_equal(paced.sent, 200);
    assert_int_equal(paced.in_overtime, 100);
    assert_int_equal(timeline.seconds[4].sent, 100);
    assert_int_equal(paced.owed, 0);
}

static void a_queue_that_stays_full_ends_it(void **state) {
    (void)state;
    world.closed_from = SECOND;
    world.closed_to = INT64_MAX;
    run("100x2");
    assert_int_equal(paced.sent, 100);
    assert_int_equal(paced.owed, 100);
    assert_true(paced.ended >= 2 * SECOND + RW_LOAD_OVERTIME_NS);
    assert_true(paced.ended <= 2 * SECOND + RW_LOAD_OVERTIME_NS + 2 * MS);
}

static void stopping_ends_it_at_once(void **state) {
    (void)state;
    world.stop_at = 3 * SECOND / 2;
    run("1000x5");
    assert_true(paced.stopped);
    assert_int_equal(paced.sent, 1500);
    assert_int_equal(paced.ended, 3 * SECOND / 2);
}

static void a_limit_ends_it_without_waiting_for_the_schedule(void **state) {
    (void)state;
    schedule.limit = 1234;
    run("1000x5");
    assert_int_equal(paced.sent, 1234);
    assert_int_equal(paced.ended, 1233 * MS);
}

static void an_unpaced_run_sends_its_count(void **state) {
    (void)state;
    schedule.limit = 100000;
    schedule.unpaced = true;
    world.closed_to = SECOND;
    run("0x10");
    assert_int_equal(paced.sent, 100000);
    assert_int_equal(timeline.seconds[0].sent, 0);
    assert_int_equal(timeline.seconds[1].sent, 100000);
    assert_int_equal(world.most_at_once, RW_LOAD_UNPACED_BATCH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_second_gets_what_it_asked_for),
        TEST(lateness_does_not_add_up),
        TEST(a_full_queue_makes_messages_late_and_loses_none),
        TEST(what_is_owed_at_the_end_goes_in_overtime),
        TEST(a_queue_that_stays_full_ends_it),
        TEST(stopping_ends_it_at_once),
        TEST(a_limit_ends_it_without_waiting_for_the_schedule),
        TEST(an_unpaced_run_sends_its_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

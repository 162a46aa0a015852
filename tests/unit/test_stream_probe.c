/*
 * Is rowan-stream alive, is it ready?  Judged from the pages that its threads write.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "metrics_fixture.h"

#include <time.h>

#include "stream/counters.h"
#include "stream/probe.h"

static struct rw_stream_settings settings = {
    .input = (char *)"in",
    .output = (char *)"out",
    .group = (char *)"group",
    .dead_letter = (char *)"dead",
    .metrics_dir = metrics_dir,
};

static bool probe(enum rw_stream_action action, rowan_error *error) {
    struct rw_stream_settings asked = settings;
    asked.action = action;
    *error = (rowan_error){0};
    return rw_stream_probe(&asked, error);
}

static void assert_holds(enum rw_stream_action action) {
    rowan_error error;
    if (!probe(action, &error))
        fail_msg("%s: %s", error.where, error.what);
}

static void assert_fails(enum rw_stream_action action, const char *reason) {
    rowan_error error;
    assert_false(probe(action, &error));
    assert_says(&error, reason);
}

static struct rw_page *page_with_broker(uint64_t up) {
    struct rw_page *page = open_page();
    rw_series_set(rw_page_series(page, RW_METRIC_KAFKA_BROKER_UP, NULL), up);
    return page;
}

static void without_a_rowan_stream_neither_holds(void **state) {
    (void)state;
    assert_fails(RW_STREAM_PROBE_LIVE, "no rowan-stream writes metrics there");
    assert_fails(RW_STREAM_PROBE_READY, "no rowan-stream writes metrics there");
    struct rw_page *page = open_page(); /* of an nginx */
    assert_fails(RW_STREAM_PROBE_LIVE, "no rowan-stream writes metrics there");
    rw_page_close(page);
}

static void a_directory_that_is_missing_is_named(void **state) {
    (void)state;
    struct rw_stream_settings none = settings;
    rowan_error error;
    none.metrics_dir = (char *)"/no/such/directory";
    assert_false(rw_stream_probe(&none, &error));
    assert_says(&error, "/no/such/directory");
    none.metrics_dir = NULL;
    assert_false(rw_stream_probe(&none, &error));
    assert_says(&error, "needs a metrics directory");
}

static void a_thread_that_waits_is_alive_and_not_ready(void **state) {
    (void)state;
    struct rw_page *broker = page_with_broker(1);
    struct rw_counters *counters = rw_counters_open(&settings);
    assert_holds(RW_STREAM_PROBE_LIVE);
    assert_fails(RW_STREAM_PROBE_READY, "waits for a model or for its place in the group");
    rw_counters_alive(counters, true);
    assert_holds(RW_STREAM_PROBE_READY);
    assert_holds(RW_STREAM_PROBE_LIVE);
    rw_counters_close(counters);
    rw_page_close(broker);
}

static void all_threads_must_be_ready(void **state) {
    (void)state;
    struct rw_page *broker = page_with_broker(1);
    struct rw_counters *a = rw_counters_open(&settings), *b = rw_counters_open(&settings);
    rw_counters_alive(a, true);
    assert_fails(RW_STREAM_PROBE_READY, "waits for a model");
    rw_counters_alive(b, true);
    assert_holds(RW_STREAM_PROBE_READY);
    rw_counters_close(a);
    rw_counters_close(b);
    rw_page_close(broker);
}

static void a_broker_that_is_away_ends_readiness_and_not_life(void **state) {
    (void)state;
    struct rw_counters *counters = rw_counters_open(&settings);
    rw_counters_alive(counters, true);
    assert_fails(RW_STREAM_PROBE_READY, "the broker does not answer");
    struct rw_page *broker = page_with_broker(0);
    assert_fails(RW_STREAM_PROBE_READY, "the broker does not answer");
    assert_holds(RW_STREAM_PROBE_LIVE);
    rw_page_close(broker);
    rw_counters_close(counters);
}

static void one_thread_that_hangs_ends_life(void **state) {
    (void)state;
    struct rw_counters *moves = rw_counters_open(&settings);
    rw_counters_alive(moves, true);
    struct rw_page *hangs = page_with_broker(1);
    struct rw_series *heartbeat = rw_page_series(hangs, RW_METRIC_STREAM_HEARTBEAT, NULL);
    rw_series_set(rw_page_series(hangs, RW_METRIC_STREAM_READY, NULL), 1);
    rw_series_set_real(heartbeat, (double)time(NULL) - RW_STREAM_HEARTBEAT_MAX - 100);
    assert_fails(RW_STREAM_PROBE_LIVE, "has not moved for 13");
    assert_fails(RW_STREAM_PROBE_READY, "has not moved for 13");
    rw_series_set_real(heartbeat, (double)time(NULL) - RW_STREAM_HEARTBEAT_MAX / 2);
    assert_holds(RW_STREAM_PROBE_LIVE);
    assert_holds(RW_STREAM_PROBE_READY);
    rw_page_close(hangs);
    rw_counters_close(moves);
}

static void a_process_that_has_ended_is_not_alive(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        rw_counters_alive(rw_counters_open(&settings), true);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(files_ending(RW_PAGE_SUFFIX), 1);
    assert_fails(RW_STREAM_PROBE_LIVE, "no rowan-stream writes metrics there");
}

#define IN_DIRECTORY(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, make_metrics_dir, remove_metrics_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(without_a_rowan_stream_neither_holds),
        IN_DIRECTORY(a_directory_that_is_missing_is_named),
        IN_DIRECTORY(a_thread_that_waits_is_alive_and_not_ready),
        IN_DIRECTORY(all_threads_must_be_ready),
        IN_DIRECTORY(a_broker_that_is_away_ends_readiness_and_not_life),
        IN_DIRECTORY(one_thread_that_hangs_ends_life),
        IN_DIRECTORY(a_process_that_has_ended_is_not_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

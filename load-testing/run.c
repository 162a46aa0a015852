/*
 * run.c - one run, from the first question to the last acknowledgement.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "load-testing/progress.h"
#include "load-testing/stop.h"

/* ---- opening ------------------------------------------------------------------------ */

/* 48 random bits: two runs that start at the same moment do not meet either. */
static rowan_status name_run(struct rw_load_run *run, rowan_error *error) {
    uint8_t bytes[6];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return rw_fail(error, ROWAN_IO, "getrandom", NULL, "no random numbers");
    snprintf(run->id_prefix, sizeof run->id_prefix, "%s-%02x%02x%02x%02x%02x%02x-",
             run->options->id_prefix, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
    return ROWAN_OK;
}

static rowan_status no_memory(rowan_error *error) {
    return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the run");
}

static double seconds_of(const struct rw_load_options *options) {
    return (double)rw_load_schedule_end(&options->schedule) / RW_LOAD_SECOND_NS;
}

rowan_status rw_load_run_open(struct rw_load_run *run, const struct rw_load_options *options,
                              rowan_error *error) {
    *run = (struct rw_load_run){.options = options, .ended = INT64_MAX};
    rowan_status status = name_run(run, error);
    if (status == ROWAN_OK && !rw_load_timeline_open(&run->timeline, seconds_of(options)))
        status = no_memory(error);
    if (status == ROWAN_OK && options->verify && !(run->ledger = calloc(1, sizeof *run->ledger)))
        status = no_memory(error);
    if (status == ROWAN_OK)
        status = rw_load_lag_open(options, &run->clock, &run->timeline, &run->lag, error);
    if (status == ROWAN_OK) {
        run->n_partitions = rw_load_lag_partitions(run->lag);
        status = rw_load_messages_open(options, run->id_prefix, &run->messages, error);
    }
    if (status == ROWAN_OK && options->verify)
        status = rw_load_reader_open(options, run->id_prefix, &run->clock, &run->timeline,
                                     run->ledger, &run->reader, error);
    if (status == ROWAN_OK)
        status = rw_load_producer_open(options, &run->clock, &run->timeline, run->messages,
                                       run->ledger, &run->producer, error);
    return status;
}

void rw_load_run_close(struct rw_load_run *run) {
    rw_load_lag_close(run->lag);
    rw_load_producer_close(run->producer);
    rw_load_reader_close(run->reader);
    rw_load_messages_close(run->messages);
    if (run->ledger)
        rw_load_ledger_free(run->ledger);
    free(run->ledger);
    rw_load_timeline_close(&run->timeline);
}

/* ---- the world of the pace ------------------------------------------------------------- */

static int64_t world_now(void *context) {
    const struct rw_load_run *run = context;
    return rw_load_elapsed(&run->clock);
}

static void world_sleep(void *context, int64_t ns) {
    const struct rw_load_run *run = context;
    rw_load_sleep_until(run->clock.start_ns + ns);
}

static bool world_stopped(void *context) {
    struct rw_load_run *run = context;
    return rw_load_stop_asked() || !rw_load_producer_works(run->producer, &run->error);
}

static uint64_t world_send(void *context, uint64_t count, uint32_t tick) {
    const struct rw_load_run *run = context;
    return rw_load_producer_send(run->producer, count, tick);
}

/* ---- running ------------------------------------------------------------------------------ */

static bool may_wait(void *context) {
    (void)context;
    return !rw_load_stop_asked_twice();
}

static void send_all(struct rw_load_run *run) {
    const struct rw_load_world world = {world_now, world_sleep, world_stopped, world_send, run};
    rw_load_pace(&run->options->schedule, &world, &run->timeline, &run->paced);
    rw_load_set(run->ended, run->paced.ended);
    rw_load_producer_drain(run->producer, may_wait, NULL);
    const struct rw_load_watch *watch = rw_load_producer_watch(run->producer);
    run->drained = rw_load_elapsed(&run->clock);
    run->acked = rw_load_watch_acked(watch);
    run->failed = rw_load_watch_failed(watch);
}

static void verify(struct rw_load_run *run) {
    rw_load_reader_finish(run->reader, run->acked, run->options->verify_timeout, may_wait, NULL);
    run->verified = rw_load_elapsed(&run->clock);
    rw_load_verdict(run->ledger, run->paced.sent, &run->verdict);
}

rowan_status rw_load_run(struct rw_load_run *run, rowan_error *error) {
    struct rw_load_progress progress = {0};
    rw_load_stop_catch();
    run->clock = rw_load_clock_start();
    rowan_status status = rw_load_producer_start(run->producer, error);
    if (status == ROWAN_OK)
        status = rw_load_lag_start(run->lag, error);
    if (status == ROWAN_OK && run->reader)
        status = rw_load_reader_start(run->reader, error);
    if (status == ROWAN_OK && !run->options->quiet)
        status = rw_load_progress_start(&progress, run, error);
    if (status == ROWAN_OK) {
        rw_load_stop_listen();
        send_all(run);
        if (run->reader)
            verify(run);
    }
    rw_load_progress_stop(&progress);
    return status;
}

bool rw_load_run_is_complete(const struct rw_load_run *run) {
    return !run->paced.stopped && run->paced.owed == 0 && run->failed == 0 &&
           run->acked == run->paced.sent;
}

bool rw_load_run_is_verified(const struct rw_load_run *run) {
    if (!run->reader)
        return true;
    const struct rw_load_reading *reading = rw_load_reader_reading(run->reader);
    return reading->at_end && reading->unknown == 0 && reading->unreadable == 0 &&
           run->verdict.once == run->paced.sent;
}

/*
 * watch.h - acknowledgements: how many, how late, which errors.
 *
 * A thread of its own serves the producer's delivery reports, so that sending waits for
 * none of them and a latency ends when the report is there.  Every message is reported on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_WATCH_H
#define RW_LOAD_WATCH_H

#include <librdkafka/rdkafka.h>

#include "load-testing/histogram.h"
#include "load-testing/schedule.h"
#include "load-testing/timeline.h"

/* What librdkafka carries with a message and gives back: its number, and the tick of the
 * timetable (ms since the run's begin) that its latency counts from. */
#define RW_LOAD_TICK_BITS 28
static inline void *rw_load_tag(uint64_t number, uint32_t tick) {
    return (void *)(uintptr_t)(number << RW_LOAD_TICK_BITS | tick);
}
static inline uint64_t rw_load_tag_number(const void *tag) {
    return (uintptr_t)tag >> RW_LOAD_TICK_BITS;
}
static inline uint32_t rw_load_tag_tick(const void *tag) {
    return (uint32_t)((uintptr_t)tag & ((1u << RW_LOAD_TICK_BITS) - 1));
}

#define RW_LOAD_ERRORS_MAX 32u /* different ones; more are counted as the last */

struct rw_load_error {
    rd_kafka_resp_err_t code;
    uint64_t count;
};

struct rw_load_watch;

struct rw_load_watch_options {
    const struct rw_load_clock *clock;
    const struct rw_load_timeline *timeline;
    const struct rw_load_schedule *schedule; /* unpaced: latencies count from the sending call */
    /* Called on the watch's thread for a message that was not delivered; may be NULL. */
    void (*failed)(void *context, uint64_t number);
    void *context;
};

/* Sets the callbacks of a producer to be. NULL without memory. */
struct rw_load_watch *rw_load_watch_new(const struct rw_load_watch_options *options,
                                        rd_kafka_conf_t *conf);
/* Starts the thread on the producer that was made of that configuration. */
rowan_status rw_load_watch_start(struct rw_load_watch *watch, rd_kafka_t *producer,
                                 rowan_error *error);
/* Ends the thread. */
void rw_load_watch_stop(struct rw_load_watch *watch);
/* Ends the thread and serves on until every message has its report, timeout_ms have passed,
 * or `wait` says no.  What is then left is given up, and counted as failed. */
void rw_load_watch_drain(struct rw_load_watch *watch, int timeout_ms, bool (*wait)(void *context),
                         void *context);
void rw_load_watch_free(struct rw_load_watch *watch);

/* From any thread. */
uint64_t rw_load_watch_acked(const struct rw_load_watch *watch);
uint64_t rw_load_watch_failed(const struct rw_load_watch *watch);
/* The producer is beyond help (an idempotent one that lost its place). */
bool rw_load_watch_is_fatal(const struct rw_load_watch *watch);
/* A message that librdkafka did not take counts as failed, on the sender's thread. */
void rw_load_watch_refused(struct rw_load_watch *watch, rd_kafka_resp_err_t code);

/* When it has drained: latencies in us of messages that were due in a phase and were
 * acknowledged; and errors, of deliveries and of connections. */
const struct rw_load_histogram *rw_load_watch_latencies(const struct rw_load_watch *watch,
                                                        uint32_t phase);
uint32_t rw_load_watch_delivery_errors(const struct rw_load_watch *watch,
                                       const struct rw_load_error **errors);
uint32_t rw_load_watch_client_errors(const struct rw_load_watch *watch,
                                     const struct rw_load_error **errors);

#endif

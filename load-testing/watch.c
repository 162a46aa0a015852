/*
 * watch.c - acknowledgements: how many, how late, which errors.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "load-testing/pace.h"
#include "daemon/log.h"

#define POLL_MS  100   /* between two looks at whether the thread is to end */
#define PURGE_MS 10000 /* until messages that were given up are reported */

_Static_assert(sizeof(uintptr_t) == 8, "a tag holds a number and a tick in 64 bits");

struct errors {
    struct rw_load_error rows[RW_LOAD_ERRORS_MAX];
    uint32_t n;
};

struct rw_load_watch {
    struct rw_load_watch_options options;
    rd_kafka_t *producer;
    pthread_t thread;
    bool runs;
    bool is_stopping;
    bool is_fatal;
    uint64_t acked, failed;   /* this thread's */
    uint64_t refused;         /* the sender's */
    struct errors deliveries; /* this thread's */
    struct errors refusals;   /* the sender's */
    struct errors client;
    struct rw_load_second *second; /* that is open */
    struct rw_load_histogram in_second;
    struct rw_load_histogram phases[]; /* [n_phases] */
};

static void count_error(struct errors *errors, rd_kafka_resp_err_t code, uint64_t count) {
    uint32_t i = 0;
    while (i < errors->n && errors->rows[i].code != code && i + 1 < RW_LOAD_ERRORS_MAX)
        i++;
    if (i == errors->n) {
        errors->n++;
        errors->rows[i] = (struct rw_load_error){.code = code};
    }
    errors->rows[i].count += count;
}

/* ---- the open second -------------------------------------------------------------------- */

static void close_second(struct rw_load_watch *watch) {
    const struct rw_load_histogram *latencies = &watch->in_second;
    if (latencies->n > 0) {
        rw_load_set(watch->second->p50_us, rw_load_histogram_at(latencies, 0.5));
        rw_load_set(watch->second->p99_us, rw_load_histogram_at(latencies, 0.99));
        rw_load_set(watch->second->max_us, latencies->max);
        rw_load_histogram_clear(&watch->in_second);
    }
}

static struct rw_load_second *second_of(struct rw_load_watch *watch, int64_t elapsed) {
    struct rw_load_second *second = rw_load_timeline_at(watch->options.timeline, elapsed);
    if (second != watch->second) {
        if (watch->second)
            close_second(watch);
        watch->second = second;
    }
    return second;
}

/* ---- callbacks ------------------------------------------------------------------------------ */

static int64_t due_at(const rd_kafka_message_t *message) {
    return (int64_t)rw_load_tag_tick(message->_private) * RW_LOAD_TICK_NS;
}

static int64_t latency_us(const struct rw_load_watch *watch, const rd_kafka_message_t *message,
                          int64_t elapsed) {
    if (watch->options.schedule->unpaced)
        return rd_kafka_message_latency(message);
    return (elapsed - due_at(message)) / 1000;
}

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer;
    struct rw_load_watch *watch = opaque;
    const int64_t elapsed = rw_load_elapsed(watch->options.clock);
    struct rw_load_second *second = second_of(watch, elapsed);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const int64_t us = latency_us(watch, message, elapsed);
        const uint32_t phase = rw_load_schedule_phase(watch->options.schedule, due_at(message));
        rw_load_add(watch->acked, 1);
        rw_load_add(second->acked, 1);
        rw_load_histogram_add(&watch->in_second, us);
        rw_load_histogram_add(&watch->phases[phase], us);
        return;
    }
    rw_load_add(watch->failed, 1);
    rw_load_add(second->failed, 1);
    count_error(&watch->deliveries, message->err, 1);
    if (watch->options.failed)
        watch->options.failed(watch->options.context, rw_load_tag_number(message->_private));
}

static void on_error(rd_kafka_t *producer, int code, const char *why, void *opaque) {
    struct rw_load_watch *watch = opaque;
    char text[512];
    count_error(&watch->client, (rd_kafka_resp_err_t)code, 1);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(producer, text, sizeof text);
        why = text;
        rw_load_set(watch->is_fatal, true);
    }
    rw_log(RW_LOG_ERROR, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), why);
}

struct rw_load_watch *rw_load_watch_new(const struct rw_load_watch_options *options,
                                        rd_kafka_conf_t *conf) {
    struct rw_load_watch *watch =
        calloc(1, sizeof *watch + options->schedule->n_phases * sizeof *watch->phases);
    if (!watch)
        return NULL;
    watch->options = *options;
    rd_kafka_conf_set_opaque(conf, watch);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return watch;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void *serve(void *context) {
    struct rw_load_watch *watch = context;
    while (!rw_load_get(watch->is_stopping)) {
        rd_kafka_poll(watch->producer, POLL_MS);
        second_of(watch, rw_load_elapsed(watch->options.clock));
    }
    return NULL;
}

rowan_status rw_load_watch_start(struct rw_load_watch *watch, rd_kafka_t *producer,
                                 rowan_error *error) {
    watch->producer = producer;
    watch->runs = pthread_create(&watch->thread, NULL, serve, watch) == 0;
    return watch->runs
               ? ROWAN_OK
               : rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no thread for acknowledgements");
}

void rw_load_watch_stop(struct rw_load_watch *watch) {
    if (!watch->runs)
        return;
    rw_load_set(watch->is_stopping, true);
    pthread_join(watch->thread, NULL);
    watch->runs = false;
}

/* Serves reports on the caller's thread; librdkafka does not linger meanwhile. */
static void flush(struct rw_load_watch *watch, int timeout_ms, bool (*wait)(void *context),
                  void *context) {
    const int64_t until = rw_load_now_ns() + (int64_t)timeout_ms * RW_LOAD_TICK_NS;
    while (rd_kafka_outq_len(watch->producer) > 0 && rw_load_now_ns() < until &&
           (!wait || wait(context)))
        rd_kafka_flush(watch->producer, POLL_MS);
}

void rw_load_watch_drain(struct rw_load_watch *watch, int timeout_ms, bool (*wait)(void *context),
                         void *context) {
    rw_load_watch_stop(watch);
    flush(watch, timeout_ms, wait, context);
    rd_kafka_purge(watch->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    flush(watch, PURGE_MS, NULL, NULL);
    if (watch->second)
        close_second(watch);
    for (uint32_t i = 0; i < watch->refusals.n; i++)
        count_error(&watch->deliveries, watch->refusals.rows[i].code,
                    watch->refusals.rows[i].count);
}

void rw_load_watch_free(struct rw_load_watch *watch) {
    free(watch);
}

/* ---- questions ------------------------------------------------------------------------------- */

uint64_t rw_load_watch_acked(const struct rw_load_watch *watch) {
    return rw_load_get(watch->acked);
}

uint64_t rw_load_watch_failed(const struct rw_load_watch *watch) {
    return rw_load_get(watch->failed) + rw_load_get(watch->refused);
}

bool rw_load_watch_is_fatal(const struct rw_load_watch *watch) {
    return rw_load_get(watch->is_fatal);
}

void rw_load_watch_refused(struct rw_load_watch *watch, rd_kafka_resp_err_t code) {
    rw_load_add(watch->refused, 1);
    count_error(&watch->refusals, code, 1);
}

const struct rw_load_histogram *rw_load_watch_latencies(const struct rw_load_watch *watch,
                                                        uint32_t phase) {
    return &watch->phases[phase];
}

uint32_t rw_load_watch_delivery_errors(const struct rw_load_watch *watch,
                                       const struct rw_load_error **errors) {
    *errors = watch->deliveries.rows;
    return watch->deliveries.n;
}

uint32_t rw_load_watch_client_errors(const struct rw_load_watch *watch,
                                     const struct rw_load_error **errors) {
    *errors = watch->client.rows;
    return watch->client.n;
}

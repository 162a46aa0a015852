/*
 * at_least_once.c - results are readable at once; offsets are committed behind them.
 *
 * A "transaction" is only the span between two commits of offsets: when this process dies
 * within it, its messages are scored, and their results written, once more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "daemon/log.h"
#include "stream/session.h"

#define STEP_MS 1000

static const char *const defaults[][2] = {
    {"enable.idempotence", "true"}, /* order, and no copies made by the client itself */
    {"message.timeout.ms", "0"},    /* a broker that is away is waited for */
    {"linger.ms", "1"},
    {"batch.num.messages", "100000"},
    {"queue.buffering.max.messages", "400000"},
    {NULL, NULL},
};

static enum rw_fate nothing(struct rw_session *session) {
    (void)session;
    return RW_GOES_ON;
}

/* True when all has been acknowledged, or has failed. */
static bool flush(struct rw_session *session) {
    while (rd_kafka_flush(session->producer, STEP_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rw_worker_goes_on(session->worker);
        if (rw_worker_gives_up(session->worker))
            return false;
    }
    return true;
}

/* A producer that has failed for good takes no message any more. */
static bool has_failed(const struct rw_session *session) {
    char text[256];
    if (!rd_kafka_fatal_error(session->producer, text, sizeof text))
        return false;
    rw_log(RW_LOG_WARNING, "thread %u: %s", session->worker->index, text);
    return true;
}

static enum rw_fate commit(struct rw_session *session,
                           const rd_kafka_topic_partition_list_t *offsets) {
    if (!flush(session) || has_failed(session))
        return RW_REOPEN;
    if (session->failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return RW_REWIND;
    if (!offsets)
        return RW_GOES_ON;
    /* Not waited for: what fails is logged by the session, and whoever reads next writes the
     * results again. */
    (void)rd_kafka_commit(session->consumer, offsets, 1);
    return RW_GOES_ON;
}

static enum rw_fate abort_span(struct rw_session *session) {
    return flush(session) && !has_failed(session) ? RW_GOES_ON : RW_REOPEN;
}

const struct rw_delivering rw_at_least_once = {
    .defaults = defaults,
    .prepare = nothing,
    .begin = nothing,
    .commit = commit,
    .abort = abort_span,
};

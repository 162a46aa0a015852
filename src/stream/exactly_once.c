/*
 * exactly_once.c - results and offsets commit in one transaction of Kafka.
 *
 * The group's metadata go with the offsets, so that a member which has been put out of the
 * group cannot commit (KIP-447).  Calls wait for the broker a second at a time and are then
 * repeated, as librdkafka allows for those that it calls retriable: the thread shows that it
 * lives while a broker is away.  Offsets that the group's coordinator has not taken in the time
 * of their call are not retriable: the transaction is aborted and scored again.  So that call
 * waits longer, as long as a coordinator may take to move.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "daemon/log.h"
#include "stream/session.h"

#define STEP_MS    1000
#define OFFSETS_MS 4000
#define NS_PER_MS  1000000u

/* A thread that was silent for longer counts as one that was stopped (was_replaced()). */
_Static_assert(OFFSETS_MS < RW_PAUSE_MS, "waiting for the coordinator is no pause");

/* transaction.timeout.ms: how long readers of read_committed wait for a transaction whose
 * producer has died and does not come back under the same name; and how long a broker may be
 * away before a transaction is given up and scored again. */
#define TIMEOUT_MS "30000"

static const char *const defaults[][2] = {
    {"enable.idempotence", "true"},
    {"transaction.timeout.ms", TIMEOUT_MS},
    {"linger.ms", "5"},
    {"batch.num.messages", "100000"},
    {"queue.buffering.max.messages", "400000"},
    /* A transaction that follows another at once is told to wait so long. */
    {"retry.backoff.ms", "5"},
    {NULL, NULL},
};

/* ---- what an error means ------------------------------------------------------------------ */

/* A fenced producer has either lost its transaction to the coordinator's clock, and may begin
 * anew, or its name to another instance.  The clock cannot have struck before the timeout; and
 * a process that was stopped, or whose machine was, must expect to have been replaced. */
static bool was_replaced(const struct rw_session *session) {
    const struct rw_worker *worker = session->worker;
    const uint64_t now = rw_worker_now();
    const bool timed_out =
        session->open && now - session->begun_at >= session->timeout_ms * NS_PER_MS;
    const bool paused =
        worker->paused_at && session->open && worker->paused_at >= session->begun_at;
    return !timed_out || paused;
}

static bool is_fenced(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
           code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

static enum rw_fate fatal_fate(const struct rw_session *session, rd_kafka_resp_err_t code) {
    if (!is_fenced(code) || !was_replaced(session))
        return RW_REOPEN;
    rw_log(RW_LOG_CRITICAL,
           "thread %u: fenced: another rowan-stream has the same transactional id (REPLICA_ID "
           "%s); this one ends, and what it had not committed is scored by the others",
           session->worker->index, session->worker->settings->instance);
    return RW_END;
}

/* Frees the error. */
static enum rw_fate fate_of(struct rw_session *session, const char *doing,
                            rd_kafka_error_t *error) {
    char text[256];
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (rd_kafka_error_is_fatal(error))
        code = rd_kafka_fatal_error(session->producer, text, sizeof text);
    const bool fatal = rd_kafka_error_is_fatal(error);
    rw_log(RW_LOG_WARNING, "thread %u: %s: %s", session->worker->index, doing,
           rd_kafka_error_string(error));
    rw_counters_error(session->worker->counters, code);
    rd_kafka_error_destroy(error);
    if (fatal || is_fenced(code))
        return fatal_fate(session, code);
    return RW_REWIND;
}

/* ---- calls that wait ------------------------------------------------------------------------ */

struct call {
    struct rw_session *session;
    const char *doing;
    rd_kafka_error_t *(*step)(const struct call *call);
    const rd_kafka_topic_partition_list_t *offsets;
    const rd_kafka_consumer_group_metadata_t *group;
};

static enum rw_fate carry_out(const struct call *call) {
    struct rw_worker *worker = call->session->worker;
    for (;;) {
        rd_kafka_error_t *error = call->step(call);
        rw_worker_goes_on(worker);
        if (!error)
            return RW_GOES_ON;
        if (!rd_kafka_error_is_retriable(error))
            return fate_of(call->session, call->doing, error);
        rw_log(RW_LOG_DEBUG, "thread %u: %s: %s, again", worker->index, call->doing,
               rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        if (rw_worker_gives_up(worker))
            return RW_REOPEN;
    }
}

static rd_kafka_error_t *init_step(const struct call *call) {
    return rd_kafka_init_transactions(call->session->producer, STEP_MS);
}

static rd_kafka_error_t *offsets_step(const struct call *call) {
    return rd_kafka_send_offsets_to_transaction(call->session->producer, call->offsets, call->group,
                                                OFFSETS_MS);
}

static rd_kafka_error_t *commit_step(const struct call *call) {
    return rd_kafka_commit_transaction(call->session->producer, STEP_MS);
}

static rd_kafka_error_t *abort_step(const struct call *call) {
    return rd_kafka_abort_transaction(call->session->producer, STEP_MS);
}

/* ---- the four -------------------------------------------------------------------------------- */

static enum rw_fate prepare(struct rw_session *session) {
    const struct call call = {session, "cannot begin with transactions", init_step, NULL, NULL};
    const enum rw_fate fate = carry_out(&call);
    return fate == RW_REWIND ? RW_REOPEN : fate;
}

static enum rw_fate begin(struct rw_session *session) {
    rd_kafka_error_t *error = rd_kafka_begin_transaction(session->producer);
    if (!error)
        return RW_GOES_ON;
    const enum rw_fate fate = fate_of(session, "cannot begin a transaction", error);
    return fate == RW_REWIND ? RW_REOPEN : fate;
}

static enum rw_fate send_offsets(struct rw_session *session,
                                 const rd_kafka_topic_partition_list_t *offsets) {
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(session->consumer);
    if (!group)
        return RW_REWIND;
    /* Asked after the metadata, so that these are those of the same member.  Without an id the
     * broker would take the offsets from anybody. */
    if (!rw_is_same_member(session)) {
        rw_log(RW_LOG_WARNING, "thread %u: was put out of the group", session->worker->index);
        rd_kafka_consumer_group_metadata_destroy(group);
        session->outdated = true;
        return RW_REWIND;
    }
    const struct call call = {session, "offsets are not taken", offsets_step, offsets, group};
    const enum rw_fate fate = carry_out(&call);
    rd_kafka_consumer_group_metadata_destroy(group);
    return fate;
}

static enum rw_fate commit(struct rw_session *session,
                           const rd_kafka_topic_partition_list_t *offsets) {
    if (!offsets) /* every partition of it was lost meanwhile */
        return RW_REWIND;
    const enum rw_fate fate = send_offsets(session, offsets);
    if (fate != RW_GOES_ON)
        return fate;
    const struct call call = {session, "transaction does not commit", commit_step, NULL, NULL};
    return carry_out(&call);
}

static enum rw_fate abort_transaction(struct rw_session *session) {
    const struct call call = {session, "transaction does not abort", abort_step, NULL, NULL};
    const enum rw_fate fate = carry_out(&call);
    return fate == RW_REWIND ? RW_REOPEN : fate;
}

const struct rw_delivering rw_exactly_once = {
    .defaults = defaults,
    .prepare = prepare,
    .begin = begin,
    .commit = commit,
    .abort = abort_transaction,
};

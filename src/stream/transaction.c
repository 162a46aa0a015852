/*
 * transaction.c - the open transaction: begun with its first message, ended by time or size.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <time.h>

#include "daemon/log.h"
#include "stream/session.h"

#define NS_PER_MS      1000000u
#define DONE_ROOM      4096u
#define REWIND_MS      10000 /* librdkafka's own threads only: no broker is asked */
#define ABORT_PAUSE_MS 100u  /* before the messages of an aborted transaction are read again */
#define ABORT_PAUSES   5u    /* doublings */

/* ---- begin ------------------------------------------------------------------------------- */

enum rw_fate rw_transaction_begin(struct rw_session *session) {
    if (session->open)
        return RW_GOES_ON;
    session->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    const enum rw_fate fate = session->delivering->begin(session);
    if (fate != RW_GOES_ON)
        return fate;
    session->open = true;
    session->begun_at = rw_worker_now();
    session->n_done = 0;
    return RW_GOES_ON;
}

struct rw_done *rw_transaction_note(struct rw_session *session) {
    if (session->n_done == session->done_room) {
        const size_t room = session->done_room ? 2 * session->done_room : DONE_ROOM;
        struct rw_done *grown = realloc(session->done, room * sizeof *grown);
        if (!grown)
            return NULL;
        session->done = grown;
        session->done_room = room;
    }
    return &session->done[session->n_done++];
}

bool rw_transaction_is_due(const struct rw_session *session) {
    if (!session->open)
        return false;
    const uint64_t age = rw_worker_now() - session->begun_at;
    const uint64_t longest =
        session->behind ? RW_TRANSACTION_MS : session->worker->settings->linger_ms;
    return age >= longest * NS_PER_MS || session->n_done >= RW_TRANSACTION_ROWS;
}

/* ---- end ---------------------------------------------------------------------------------- */

static int64_t unix_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void count_committed(struct rw_session *session) {
    rw_counters_committed(session->worker->counters, session->done, session->n_done, unix_ms(),
                          rw_worker_now() - session->begun_at);
    session->n_done = 0;
    session->aborts = 0;
}

enum rw_fate rw_transaction_commit(struct rw_session *session) {
    if (!session->open)
        return RW_GOES_ON;
    rd_kafka_topic_partition_list_t *offsets = rw_assignment_done(&session->assignment);
    enum rw_fate fate = session->delivering->commit(session, offsets);
    if (offsets)
        rd_kafka_topic_partition_list_destroy(offsets);
    if (fate == RW_REWIND)
        return rw_transaction_abort(session);
    session->open = false;
    if (fate == RW_GOES_ON) {
        count_committed(session);
        rw_assignment_settle(&session->assignment);
    } else
        rw_counters_unknown(session->worker->counters);
    return fate;
}

/* A batch was too large for its topic.  The limit is asked for when a session is opened; one
 * that the broker does not tell is found by halves. */
static void assume_less(struct rw_session *session) {
    struct rw_worker *worker = session->worker;
    if (session->output.told && session->dead_letter.told)
        return;
    if (worker->assumed_bytes > 2 * RW_TOPIC_BYTES_LEAST)
        worker->assumed_bytes /= 2;
    rw_log(RW_LOG_WARNING, "thread %u: max.message.bytes is not told: %zu are assumed",
           worker->index, worker->assumed_bytes);
}

enum rw_fate rw_transaction_abort(struct rw_session *session) {
    if (!session->open)
        return RW_REWIND;
    const enum rw_fate fate = session->delivering->abort(session);
    rd_kafka_poll(session->producer, 0); /* why it failed may still be queued */
    session->open = false;
    session->n_done = 0;
    session->aborts++;
    rw_counters_aborted(session->worker->counters);
    if (session->failed == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        assume_less(session);
        return fate == RW_END ? RW_END : RW_REOPEN;
    }
    return fate == RW_GOES_ON ? RW_REWIND : fate;
}

/* ---- back ------------------------------------------------------------------------------------ */

/* What cannot be written now may be soon; not at once. */
static void pause_before_another_try(struct rw_session *session) {
    const uint32_t doublings = session->aborts < ABORT_PAUSES ? session->aborts : ABORT_PAUSES;
    if (doublings > 1)
        rw_worker_wait(session->worker, ABORT_PAUSE_MS << (doublings - 1));
}

static bool sought(const rd_kafka_topic_partition_list_t *offsets) {
    for (int i = 0; i < offsets->cnt; i++)
        if (offsets->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return false;
    return true;
}

enum rw_fate rw_transaction_rewind(struct rw_session *session) {
    rd_kafka_topic_partition_list_t *offsets = rw_assignment_begun(&session->assignment);
    if (!offsets)
        return RW_GOES_ON;
    pause_before_another_try(session);
    rd_kafka_error_t *error = rd_kafka_seek_partitions(session->consumer, offsets, REWIND_MS);
    const bool done = !error && sought(offsets);
    if (!done)
        rw_log(RW_LOG_WARNING,
               "thread %u: cannot go back to the offsets of the aborted transaction%s%s",
               session->worker->index, error ? ": " : "",
               error ? rd_kafka_error_string(error) : "");
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(offsets);
    rw_assignment_settle(&session->assignment);
    return done ? RW_GOES_ON : RW_REOPEN;
}

/*
 * score.c - a batch of messages: decoded one by one, scored together, written in order.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "daemon/log.h"
#include "stream/session.h"

/* ---- the model --------------------------------------------------------------------------- */

/* False without memory. */
static bool take_model(struct rw_session *session) {
    struct rw_worker *worker = session->worker;
    if (rw_models_changed(worker->models, &worker->lease)) {
        rw_models_return(worker->models, &worker->lease);
        worker->lease = rw_models_take(worker->models);
    }
    if (session->rows && session->generation == worker->lease.generation)
        return true;
    const struct rw_served *served = worker->lease.served;
    rw_rows_free(session->rows);
    session->rows = rw_rows_new(served->contract, served->model, RW_BATCH_ROWS);
    session->generation = worker->lease.generation;
    session->served = rw_counters_served(worker->counters, served);
    return session->rows;
}

/* ---- messages -------------------------------------------------------------------------------- */

static enum rw_fate no_memory(const struct rw_session *session) {
    rw_log(RW_LOG_ERROR, "thread %u: no memory: the batch is tried again", session->worker->index);
    return RW_REWIND;
}

static bool note(struct rw_session *session, const rd_kafka_message_t *message, int32_t dead,
                 double score) {
    struct rw_done *done = rw_transaction_note(session);
    if (done)
        *done = (struct rw_done){.timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                                 .score = score,
                                 .dead = dead,
                                 .served = session->served};
    return done;
}

static enum rw_fate bury(struct rw_session *session, const rd_kafka_message_t *message,
                         enum rw_dead_reason reason, const char *detail) {
    const enum rw_fate fate = rw_record_dead_letter(session, message, reason, detail);
    if (fate == RW_GOES_ON && !note(session, message, (int32_t)reason, 0))
        return no_memory(session);
    return fate;
}

/* Bytes that a client chose must not break what shows them: headers are text for most readers. */
static void make_plain(char *text) {
    size_t length = strlen(text);
    for (size_t i = 0, step; i < length; i += step) {
        step = rw_utf8_character(text + i, length - i);
        if (step == 0 || (unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            text[i] = '?';
            step = 1;
        }
    }
}

static enum rw_dead_reason reason_of(rowan_status status) {
    return status == ROWAN_MALFORMED ? RW_DEAD_INVALID_JSON
           : status == ROWAN_LIMIT   ? RW_DEAD_TOO_LARGE
                                     : RW_DEAD_CONTRACT;
}

/* A row, or a dead letter. */
static enum rw_fate decode(struct rw_session *session, const rd_kafka_message_t *message) {
    if (!message->payload)
        return bury(session, message, RW_DEAD_TOMBSTONE, "the message has no value");
    rowan_error error;
    const rowan_status status = rw_rows_add(session->rows, message->payload, message->len, &error);
    if (status == ROWAN_OK)
        return RW_GOES_ON;
    if (status == ROWAN_NO_MEMORY)
        return no_memory(session);
    char detail[RW_DETAIL_BYTES_MAX];
    rowan_error_text(&error, detail, sizeof detail);
    make_plain(detail);
    return bury(session, message, reason_of(status), detail);
}

static enum rw_fate write_row(struct rw_session *session, const rd_kafka_message_t *message,
                              uint32_t row, const char *now) {
    session->text.length = 0;
    session->text.failed = false;
    rw_rows_reply(session->rows, row, now, &session->text);
    bool too_large = session->text.failed;
    if (!too_large) {
        const enum rw_fate fate = rw_record_prediction(session, message, session->text.data,
                                                       session->text.length, &too_large);
        if (fate != RW_GOES_ON)
            return fate;
    }
    if (too_large)
        return bury(session, message, RW_DEAD_OUTPUT_TOO_LARGE,
                    "the prediction is larger than the output topic takes");
    if (!note(session, message, -1, rw_rows_probability(session->rows, row)))
        return no_memory(session);
    return RW_GOES_ON;
}

/* ---- batches --------------------------------------------------------------------------------- */

static enum rw_fate score_rows(struct rw_session *session, rd_kafka_message_t *const *messages) {
    const uint32_t n = rw_rows_count(session->rows);
    if (n == 0)
        return RW_GOES_ON;
    if (!rw_rows_score(session->rows))
        return no_memory(session);
    char now[32];
    rw_contract_now(now);
    for (uint32_t i = 0; i < n; i++) {
        const enum rw_fate fate = write_row(session, messages[i], i, now);
        if (fate != RW_GOES_ON)
            return fate;
    }
    return RW_GOES_ON;
}

/* Offsets first: wherever this fails, the rewind begins before all of them. */
static void note_offsets(struct rw_session *session, rd_kafka_message_t *const *messages,
                         size_t n) {
    for (size_t i = 0; i < n; i++)
        rw_partition_worked(rw_assigned(&session->assignment, messages[i]->partition),
                            messages[i]->offset);
}

static enum rw_fate score_chunk(struct rw_session *session, rd_kafka_message_t *const *messages,
                                size_t n) {
    const uint64_t start = rw_clock_ns();
    rd_kafka_message_t *of_rows[RW_BATCH_ROWS];
    note_offsets(session, messages, n);
    rw_rows_clear(session->rows);
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = rw_rows_count(session->rows);
        of_rows[row] = messages[i];
        const enum rw_fate fate = decode(session, messages[i]);
        if (fate != RW_GOES_ON)
            return fate;
    }
    const enum rw_fate fate = score_rows(session, of_rows);
    if (fate == RW_GOES_ON)
        rw_counters_scored(session->worker->counters, rw_clock_ns() - start);
    return fate;
}

/* What is no message, or is no longer ours, goes; the rest moves up. */
static void sift(struct rw_session *session) {
    size_t kept = 0;
    for (size_t i = 0; i < session->n_messages; i++) {
        rd_kafka_message_t *message = session->messages[i];
        if (message->err || !rw_assigned(&session->assignment, message->partition)) {
            if (message->err)
                rw_session_error(session, message->err, rd_kafka_message_errstr(message));
            rd_kafka_message_destroy(message);
        } else
            session->messages[kept++] = message;
    }
    session->n_messages = kept;
}

static void let_go(struct rw_session *session) {
    for (size_t i = 0; i < session->n_messages; i++)
        rd_kafka_message_destroy(session->messages[i]);
    session->n_messages = 0;
}

enum rw_fate rw_score_messages(struct rw_session *session) {
    sift(session);
    if (session->n_messages == 0)
        return RW_GOES_ON;
    enum rw_fate fate = take_model(session) ? rw_transaction_begin(session) : no_memory(session);
    size_t i = 0;
    while (i < session->n_messages && fate == RW_GOES_ON) {
        const size_t left = session->n_messages - i;
        const size_t n = left < RW_BATCH_ROWS ? left : RW_BATCH_ROWS;
        fate = score_chunk(session, session->messages + i, n);
        i += n;
    }
    if (fate == RW_GOES_ON)
        let_go(session);
    else
        rw_drop_messages(session);
    return fate;
}

void rw_drop_messages(struct rw_session *session) {
    for (size_t i = 0; i < session->n_messages; i++) {
        const rd_kafka_message_t *message = session->messages[i];
        struct rw_partition *partition = rw_assigned(&session->assignment, message->partition);
        if (partition && !message->err)
            rw_partition_skipped(partition, message->offset);
    }
    let_go(session);
}

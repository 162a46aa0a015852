/*
 * rebalance.c - partitions come and go.
 *
 * Called by librdkafka from within a poll.  What is open is committed while its partitions
 * are still ours: the next reader begins behind it.  Partitions that were lost have another
 * reader already; the broker would refuse their offsets, so that all that is open is aborted
 * and the rest of it read again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "daemon/log.h"
#include "stream/session.h"

static bool is_cooperative(rd_kafka_t *consumer) {
    const char *protocol = rd_kafka_rebalance_protocol(consumer);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

static void complain(const struct rw_session *session, const char *doing, rd_kafka_error_t *error) {
    if (!error)
        return;
    rw_log(RW_LOG_WARNING, "thread %u: %s: %s", session->worker->index, doing,
           rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

/* The worse of the two. */
static void worsen(struct rw_session *session, enum rw_fate fate) {
    if (fate > session->fate)
        session->fate = fate;
}

/* ---- membership -------------------------------------------------------------------------- */

/* A member that was put out of the group comes back with another id.  librdkafka 2.0 takes its
 * partitions from it, except where it learns of it from the answer to JoinGroup: those it keeps,
 * with positions behind which others may have read and committed meanwhile. */
static void note_member(struct rw_session *session, rd_kafka_t *consumer) {
    if (session->assignment.n_assigned > 0)
        return;
    if (session->member)
        rd_kafka_mem_free(consumer, session->member);
    session->member = rd_kafka_memberid(consumer);
}

bool rw_is_same_member(const struct rw_session *session) {
    char *member = rd_kafka_memberid(session->consumer);
    const bool same = member && *member && session->member && strcmp(member, session->member) == 0;
    rd_kafka_mem_free(session->consumer, member);
    return same;
}

/* ---- partitions -------------------------------------------------------------------------- */

static void give(struct rw_session *session, rd_kafka_t *consumer,
                 rd_kafka_topic_partition_list_t *partitions) {
    if (is_cooperative(consumer))
        complain(session, "partitions cannot be taken over",
                 rd_kafka_incremental_assign(consumer, partitions));
    else
        rd_kafka_assign(consumer, partitions);
    note_member(session, consumer);
    if (!rw_assignment_give(&session->assignment, partitions))
        worsen(session, RW_REOPEN); /* no memory; their messages are not looked at until then */
    rw_counters_rebalanced(session->worker->counters, RW_ASSIGNED, session->assignment.n_assigned);
}

/* Ends the transaction as long as, or because, the partitions are (not) ours. */
static void end_transaction(struct rw_session *session, bool lost) {
    if (!session->open)
        return;
    if (session->fate == RW_GOES_ON && !lost)
        worsen(session, rw_transaction_commit(session));
    else if (session->fate == RW_GOES_ON)
        worsen(session, rw_transaction_abort(session));
}

static void take(struct rw_session *session, rd_kafka_t *consumer,
                 rd_kafka_topic_partition_list_t *partitions) {
    const bool lost = rd_kafka_assignment_lost(consumer);
    if (lost)
        session->worker->in_group = false; /* until the group takes it in again */
    end_transaction(session, lost);
    if (is_cooperative(consumer)) {
        rw_assignment_take(&session->assignment, partitions);
        complain(session, "partitions cannot be given back",
                 rd_kafka_incremental_unassign(consumer, partitions));
    } else {
        rw_assignment_take_all(&session->assignment);
        rd_kafka_assign(consumer, NULL);
    }
    rw_counters_rebalanced(session->worker->counters, lost ? RW_LOST : RW_REVOKED,
                           session->assignment.n_assigned);
}

void rw_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t event,
                  rd_kafka_topic_partition_list_t *partitions, void *opaque) {
    struct rw_session *session = opaque;
    session->was_given = true;
    rw_log(RW_LOG_INFO, "thread %u: %d partitions %s", session->worker->index, partitions->cnt,
           event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "come" : "go");
    if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        give(session, consumer, partitions);
    else
        take(session, consumer, partitions);
}

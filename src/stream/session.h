/*
 * session.h - one membership of the group: a consumer, a producer, and the transaction
 * that binds what is read to what is written.
 *
 * Everything here runs in one thread, librdkafka's callbacks too: they come from within
 * calls to it.  What goes wrong ends the transaction or the session, never a message:
 *
 *   RW_GOES_ON  all is well
 *   RW_REWIND   the transaction was aborted: its messages are read and scored again
 *   RW_REOPEN   what has been committed is known to the broker alone: leave the group, and
 *               begin anew from the offsets that the broker has
 *   RW_END      begin no more: another instance has taken this one's place
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_SESSION_H
#define RW_STREAM_SESSION_H

#include "stream/assignment.h"
#include "stream/topic.h"
#include "stream/worker.h"

#define RW_BATCH_MESSAGES 1024u /* taken from the consumer in one turn */
#define RW_BATCH_ROWS     256u  /* scored together: their features stay in the cache */

/* A transaction of a consumer that is behind ends at the first of these two; commits cost
 * 5 to 40 ms whatever their size. */
#define RW_TRANSACTION_ROWS 500000u
#define RW_TRANSACTION_MS   1000u

#define RW_REPLY_BYTES_MAX  (64u << 10) /* of a prediction; larger ones too */
#define RW_DETAIL_BYTES_MAX 1024u       /* of the header rowan-detail; cut */

#define RW_IDLE_MS 100 /* wait for a message, at most: so long until a stop is noticed */

enum rw_fate { RW_GOES_ON, RW_REWIND, RW_REOPEN, RW_END };

struct rw_session;

/* How results reach the topics: one implementation a promise. */
struct rw_delivering {
    const char *const (*defaults)[2]; /* properties of the producer, ends with NULL */
    /* Once, before the first message. */
    enum rw_fate (*prepare)(struct rw_session *session);
    enum rw_fate (*begin)(struct rw_session *session);
    /* All that was produced and `offsets` (owned by the caller) take effect. */
    enum rw_fate (*commit)(struct rw_session *session,
                           const rd_kafka_topic_partition_list_t *offsets);
    /* Nothing of it does (or some may do twice, at least once). */
    enum rw_fate (*abort)(struct rw_session *session);
};
extern const struct rw_delivering rw_exactly_once, rw_at_least_once;

struct rw_session {
    struct rw_worker *worker;
    const struct rw_delivering *delivering;
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue; /* the consumer's */
    struct rw_assignment assignment;
    struct rw_topic output, dead_letter;
    bool subscribed, was_given; /* it has asked for partitions, and was given some once */
    enum rw_fate fate;          /* of what callbacks have done; RW_GOES_ON else */

    /* the open transaction */
    bool open;
    uint64_t begun_at; /* ns */
    struct rw_done *done;
    size_t n_done, done_room;

    /* what is worked on */
    rd_kafka_message_t *messages[RW_BATCH_MESSAGES];
    size_t n_messages;
    bool behind; /* the last batch was a full one */
    struct rw_rows *rows;
    uint64_t generation; /* of the model that `rows` is for */
    uint32_t served;     /* what the counters call it */
    struct rw_buffer text;

    rd_kafka_resp_err_t failed; /* delivery of a message, since the transaction began */
    uint32_t aborts;            /* in a row */
    bool outdated;              /* a topic, or the membership, is not what it was: open anew */
    char *member;               /* the id under which the partitions were given; NULL: none yet */
    uint64_t timeout_ms;        /* the producer's transaction.timeout.ms */
};

/* ---- session.c ------------------------------------------------------------------------------ */

/* The session stays small by living in the thread: owned by the caller, NULL with an error
 * that may be gone at the next try. */
struct rw_session *rw_session_open(struct rw_worker *worker, rowan_error *error);
/* Reads, scores and writes until the thread must stop (RW_GOES_ON) or the session ends. */
enum rw_fate rw_session_run(struct rw_session *session);
/* Leaves the group. */
void rw_session_close(struct rw_session *session);
/* A client of librdkafka could not be taken down: its threads go on until the process ends,
 * which then must not tidy up under them: _exit(2). */
bool rw_session_left_behind(void);

/* An error that librdkafka reports on the side: logged, counted. */
void rw_session_error(struct rw_session *session, rd_kafka_resp_err_t code, const char *text);

/* ---- transaction.c -------------------------------------------------------------------------- */

enum rw_fate rw_transaction_begin(struct rw_session *session);
/* Room for one more message that was worked on; NULL without memory. */
struct rw_done *rw_transaction_note(struct rw_session *session);
bool rw_transaction_is_due(const struct rw_session *session);
/* Commits what is open, and aborts it where that fails (RW_REWIND: the caller must drop what
 * it has fetched, and rewind). */
enum rw_fate rw_transaction_commit(struct rw_session *session);
enum rw_fate rw_transaction_abort(struct rw_session *session);
/* Back to the first message of the transaction that was aborted, in every partition. */
enum rw_fate rw_transaction_rewind(struct rw_session *session);

/* ---- rebalance.c ----------------------------------------------------------------------------- */

/* Is the member that was given the partitions still in the group? */
bool rw_is_same_member(const struct rw_session *session);
/* For rd_kafka_conf_set_rebalance_cb; opaque: the session. */
void rw_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t event,
                  rd_kafka_topic_partition_list_t *partitions, void *opaque);

/* ---- score.c --------------------------------------------------------------------------------- */

/* Works on session->messages[0 .. n_messages), and lets them go. */
enum rw_fate rw_score_messages(struct rw_session *session);
/* Lets them go without work, so that a rewind brings them again. */
void rw_drop_messages(struct rw_session *session);

/* ---- record.c -------------------------------------------------------------------------------- */

/* Produces the prediction `value` for an input message. *too_large: nothing was produced. */
enum rw_fate rw_record_prediction(struct rw_session *session, const rd_kafka_message_t *input,
                                  const char *value, size_t size, bool *too_large);
/* Produces the input as a dead letter. */
enum rw_fate rw_record_dead_letter(struct rw_session *session, const rd_kafka_message_t *input,
                                   enum rw_dead_reason reason, const char *detail);

#endif

/*
 * session.c - a consumer and a producer: opened, turned, closed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "stream/session.h"

#define ASK_MS        3000  /* for metadata and limits, when a session is opened */
#define CLOSE_MS      8000u /* librdkafka waits 5 s for the answer when it leaves the group */
#define CLOSE_STEP_MS 100
#define NS_PER_MS     1000000u

#define BATCH_BYTES  1000000u /* librdkafka's own batch.size */
#define NUMBER_BYTES 24

#define SOCKET_MS  60000u /* librdkafka's own socket.timeout.ms, */
#define REQUEST_MS 10000u /* and that of transactions here */

#define MESSAGE_BYTES      1000000u    /* librdkafka's own message.max.bytes, */
#define MESSAGE_BYTES_MOST 1000000000u /* and its bound */

/* ---- callbacks --------------------------------------------------------------------------- */

void rw_session_error(struct rw_session *session, rd_kafka_resp_err_t code, const char *text) {
    rw_counters_error(session->worker->counters, code);
    /* librdkafka's own log has the line for those that concern a connection */
    const int level =
        code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
            ? RW_LOG_DEBUG
            : RW_LOG_WARNING;
    rw_log(level, "thread %u: %s: %s", session->worker->index, rd_kafka_err2name(code), text);
    if (code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        session->fate = RW_REOPEN;
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    struct rw_session *session = opaque;
    if (code != RD_KAFKA_RESP_ERR__FATAL || client == session->consumer)
        rw_session_error(session, code, reason);
}

/* Only failures are reported (delivery.report.only.error). */
static void on_failed_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message,
                               void *opaque) {
    struct rw_session *session = opaque;
    (void)producer;
    /* The first failure counts: what follows (purged with its transaction) follows from it. */
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || session->failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    session->failed = message->err;
    rw_log(RW_LOG_WARNING, "thread %u: a message is not taken: %s", session->worker->index,
           rd_kafka_err2str(message->err));
}

static void on_commit(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque) {
    struct rw_session *session = opaque;
    (void)consumer, (void)offsets;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR__NO_OFFSET)
        rw_session_error(session, code, "offsets are not committed");
}

/* ---- clients --------------------------------------------------------------------------------- */

static const char *const consumer_defaults[][2] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"isolation.level", "read_committed"},
    {"partition.assignment.strategy", "cooperative-sticky"},
    {"auto.offset.reset", "earliest"},
    /* So soon a dead instance's partitions go to another. */
    {"session.timeout.ms", "10000"},
    {"heartbeat.interval.ms", "2000"},
    /* With fewer, librdkafka pauses a second each time that its queue is full. */
    {"queued.min.messages", "1000000"},
    {"fetch.wait.max.ms", "100"},
    {"socket.nagle.disable", "true"},
    {NULL, NULL},
};

static rd_kafka_t *make_client(struct rw_session *session, rd_kafka_type_t type,
                               rd_kafka_conf_t *conf, rowan_error *error) {
    char text[256];
    rd_kafka_conf_set_opaque(conf, session);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (client)
        return client;
    rd_kafka_conf_destroy(conf);
    rw_fail(error, ROWAN_ARGUMENT, "librdkafka", "correct the properties (-X, KAFKA_*)", "%s",
            text);
    return NULL;
}

static rowan_status open_consumer(struct rw_session *session, rowan_error *error) {
    const struct rw_stream_settings *settings = session->worker->settings;
    rd_kafka_conf_t *conf = rw_stream_conf(settings, RW_FOR_CONSUMER, consumer_defaults, error);
    if (!conf)
        return error->status;
    rowan_status status = rw_stream_conf_set(conf, "group.id", settings->group, "--group", error);
    if (status != ROWAN_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_rebalance_cb(conf, rw_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    session->consumer = make_client(session, RD_KAFKA_CONSUMER, conf, error);
    if (!session->consumer)
        return error->status;
    rd_kafka_poll_set_consumer(session->consumer);
    session->queue = rd_kafka_queue_get_consumer(session->consumer);
    return ROWAN_OK;
}

static uint64_t number_of(const rd_kafka_conf_t *conf, const char *name) {
    char text[NUMBER_BYTES] = "";
    size_t size = sizeof text;
    rd_kafka_conf_get(conf, name, text, &size);
    return strtoull(text, NULL, 10);
}

static void set_number(rd_kafka_conf_t *conf, const char *name, size_t number) {
    char text[NUMBER_BYTES];
    snprintf(text, sizeof text, "%zu", number);
    rd_kafka_conf_set(conf, name, text, NULL, 0);
}

/* librdkafka takes no larger message than message.max.bytes, which is less by default than
 * topics take by theirs: raised to what they take, unless the user has set it. */
static void raise_message_limit(struct rw_session *session, rd_kafka_conf_t *conf) {
    const size_t output = session->output.max_bytes, dead = session->dead_letter.max_bytes;
    const size_t most = output > dead ? output : dead;
    if (number_of(conf, "message.max.bytes") == MESSAGE_BYTES && most > MESSAGE_BYTES)
        set_number(conf, "message.max.bytes",
                   most < MESSAGE_BYTES_MOST ? most : MESSAGE_BYTES_MOST);
    const size_t limit = number_of(conf, "message.max.bytes");
    session->output.max_bytes = output < limit ? output : limit;
    session->dead_letter.max_bytes = dead < limit ? dead : limit;
}

/* A record batch must fit into both topics. */
static void limit_batches(struct rw_session *session, rd_kafka_conf_t *conf) {
    const size_t output = session->output.max_bytes, dead = session->dead_letter.max_bytes;
    const size_t least = output < dead ? output : dead;
    if (least <= BATCH_BYTES)
        set_number(conf, "batch.size", least * 3 / 4);
}

static rowan_status name_transactions(const struct rw_worker *worker, rd_kafka_conf_t *conf,
                                      rowan_error *error) {
    char id[1024];
    if (worker->settings->delivery != RW_EXACTLY_ONCE)
        return ROWAN_OK;
    snprintf(id, sizeof id, "rowan-stream-%s-%s-%u", worker->settings->group,
             worker->settings->instance, worker->index);
    return rw_stream_conf_set(conf, "transactional.id", id, "REPLICA_ID", error);
}

/* rd_kafka_send_offsets_to_transaction() goes on until its requests time out, however short the
 * wait that it is allowed: with librdkafka's 29.9 s, two of them are more than a thread may be
 * silent, and than it may take to stop. */
static void limit_requests(const struct rw_session *session, rd_kafka_conf_t *conf) {
    if (session->delivering == &rw_exactly_once &&
        number_of(conf, "socket.timeout.ms") == SOCKET_MS && session->timeout_ms > REQUEST_MS)
        set_number(conf, "socket.timeout.ms", REQUEST_MS);
}

static rowan_status open_producer(struct rw_session *session, rowan_error *error) {
    rd_kafka_conf_t *conf = rw_stream_conf(session->worker->settings, RW_FOR_PRODUCER,
                                           session->delivering->defaults, error);
    if (!conf)
        return error->status;
    rowan_status status = name_transactions(session->worker, conf, error);
    if (status != ROWAN_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    limit_batches(session, conf);
    raise_message_limit(session, conf);
    session->timeout_ms = number_of(conf, "transaction.timeout.ms");
    limit_requests(session, conf);
    rd_kafka_conf_set(conf, "delivery.report.only.error", "true", NULL, 0);
    rd_kafka_conf_set_dr_msg_cb(conf, on_failed_delivery);
    session->producer = make_client(session, RD_KAFKA_PRODUCER, conf, error);
    return session->producer ? ROWAN_OK : error->status;
}

/* ---- open ------------------------------------------------------------------------------------ */

static rowan_status open_topics(struct rw_session *session, rowan_error *error) {
    rowan_status status = rw_topic_open(session->producer, &session->output, ASK_MS, error);
    if (status == ROWAN_OK)
        status = rw_topic_open(session->producer, &session->dead_letter, ASK_MS, error);
    return status;
}

static rowan_status subscribe(struct rw_session *session, rowan_error *error) {
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, session->assignment.topic, RD_KAFKA_PARTITION_UA);
    const rd_kafka_resp_err_t code = rd_kafka_subscribe(session->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    session->subscribed = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (session->subscribed)
        return ROWAN_OK;
    return rw_fail(error, ROWAN_IO, session->assignment.topic, NULL, "%s", rd_kafka_err2str(code));
}

static rowan_status connect_all(struct rw_session *session, rowan_error *error) {
    struct rw_topic *const topics[] = {&session->output, &session->dead_letter};
    rowan_status status = open_consumer(session, error);
    if (status != ROWAN_OK)
        return status;
    rw_topic_limits(session->consumer, topics, 2, ASK_MS);
    status = open_producer(session, error);
    if (status == ROWAN_OK)
        status = open_topics(session, error);
    if (status != ROWAN_OK)
        return status;
    const enum rw_fate fate = session->delivering->prepare(session);
    if (fate != RW_GOES_ON)
        return rw_fail(error, ROWAN_IO, "librdkafka", NULL, "the producer cannot begin");
    return subscribe(session, error);
}

static bool init(struct rw_session *session, struct rw_worker *worker) {
    const struct rw_stream_settings *settings = worker->settings;
    session->worker = worker;
    session->delivering =
        settings->delivery == RW_EXACTLY_ONCE ? &rw_exactly_once : &rw_at_least_once;
    rw_assignment_init(&session->assignment, settings->input);
    session->output =
        (struct rw_topic){.name = settings->output, .max_bytes = worker->assumed_bytes};
    session->dead_letter =
        (struct rw_topic){.name = settings->dead_letter, .max_bytes = worker->assumed_bytes};
    session->text =
        (struct rw_buffer){.data = malloc(RW_REPLY_BYTES_MAX), .capacity = RW_REPLY_BYTES_MAX};
    return session->text.data;
}

struct rw_session *rw_session_open(struct rw_worker *worker, rowan_error *error) {
    struct rw_session *session = calloc(1, sizeof *session);
    if (!session || !init(session, worker)) {
        free(session);
        rw_fail(error, ROWAN_NO_MEMORY, "session", NULL, "no memory");
        return NULL;
    }
    if (connect_all(session, error) == ROWAN_OK)
        return session;
    rw_session_close(session);
    return NULL;
}

/* ---- turn ------------------------------------------------------------------------------------ */

/* One message is waited for, the rest is what has come with it. */
static void fetch(struct rw_session *session) {
    uint64_t wait = RW_IDLE_MS;
    if (session->open && session->worker->settings->linger_ms < wait)
        wait = session->worker->settings->linger_ms;
    rd_kafka_message_t *first = rd_kafka_consumer_poll(session->consumer, (int)wait);
    session->behind = false;
    if (!first)
        return;
    const struct rw_partition *partition =
        first->err ? NULL : rw_assigned(&session->assignment, first->partition);
    const uint32_t assignments = partition ? partition->assignments : 0;
    session->messages[0] = first;
    const ssize_t more = rd_kafka_consume_batch_queue(session->queue, 0, session->messages + 1,
                                                      RW_BATCH_MESSAGES - 1);
    session->n_messages = 1 + (more > 0 ? (size_t)more : 0);
    session->behind = session->n_messages == RW_BATCH_MESSAGES;
    /* librdkafka takes messages of a partition that goes out of a batch that it gathers, but
     * cannot know of the first one. */
    partition = first->err ? NULL : rw_assigned(&session->assignment, first->partition);
    if (!first->err && (!partition || partition->assignments != assignments)) {
        rd_kafka_message_destroy(first);
        session->n_messages--;
        memmove(session->messages, session->messages + 1,
                session->n_messages * sizeof *session->messages);
    }
}

/* A callback may have ended the transaction meanwhile; nothing of this turn counts then. */
static enum rw_fate turn(struct rw_session *session) {
    fetch(session);
    rd_kafka_poll(session->producer, 0);
    enum rw_fate fate = session->fate;
    if (fate == RW_GOES_ON)
        fate = rw_score_messages(session);
    else
        rw_drop_messages(session);
    if (session->fate > fate) /* an error among the messages */
        fate = session->fate;
    if (fate == RW_GOES_ON && rw_transaction_is_due(session))
        fate = rw_transaction_commit(session);
    session->fate = RW_GOES_ON;
    if (fate == RW_REWIND)
        fate = rw_transaction_abort(session);
    return fate == RW_REWIND ? rw_transaction_rewind(session) : fate;
}

static bool is_member(struct rw_session *session) {
    char *id = rd_kafka_memberid(session->consumer);
    const bool member = id && *id;
    rd_kafka_mem_free(session->consumer, id);
    return member;
}

enum rw_fate rw_session_run(struct rw_session *session) {
    enum rw_fate fate = RW_GOES_ON;
    while (fate == RW_GOES_ON && rw_worker_goes_on(session->worker)) {
        fate = turn(session);
        if (!session->worker->in_group)
            session->worker->in_group = is_member(session);
        if (session->outdated && fate == RW_GOES_ON)
            fate = RW_REOPEN;
    }
    if (fate == RW_GOES_ON)
        fate = rw_transaction_commit(session);
    else if (session->open) /* nobody will commit it */
        rw_counters_aborted(session->worker->counters);
    session->fate = fate; /* closing commits no more */
    return fate == RW_REWIND ? RW_GOES_ON : fate;
}

/* ---- close ----------------------------------------------------------------------------------- */

static atomic_bool left_behind;

/* Not rd_kafka_consumer_close(): that waits for commits of offsets that no broker answers, for
 * minutes, without a sign of life.  False: it is not closed yet. */
static bool leave_group(struct rw_session *session) {
    rd_kafka_queue_t *events = rd_kafka_queue_new(session->consumer);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(session->consumer, events);
    const uint64_t end = rw_worker_now() + CLOSE_MS * NS_PER_MS;
    rd_kafka_message_t *rest;
    while (!error && !rd_kafka_consumer_closed(session->consumer) && rw_worker_now() < end) {
        /* Callbacks are served by it; errors and messages come back. */
        if (rd_kafka_consume_batch_queue(events, CLOSE_STEP_MS, &rest, 1) == 1)
            rd_kafka_message_destroy(rest);
        rw_worker_goes_on(session->worker);
    }
    const bool closed = !error && rd_kafka_consumer_closed(session->consumer);
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(events);
    return closed;
}

static void close_consumer(struct rw_session *session) {
    if (!session->consumer)
        return;
    const bool left = leave_group(session);
    if (session->queue)
        rd_kafka_queue_destroy(session->queue);
    if (session->member)
        rd_kafka_mem_free(session->consumer, session->member);
    /* A member that has joined and not been told its partitions yet cannot be taken down:
     * rd_kafka_sticky_assignor_state_destroy() asserts a state that only that telling makes
     * (seen with librdkafka 2.0.2).  It has left the group, or was told to. */
    if (session->subscribed && !session->was_given)
        atomic_store(&left_behind, true);
    else
        rd_kafka_destroy_flags(session->consumer, left ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

bool rw_session_left_behind(void) {
    return atomic_load(&left_behind);
}

static void close_producer(struct rw_session *session) {
    rw_topic_close(&session->output);
    rw_topic_close(&session->dead_letter);
    if (!session->producer)
        return;
    /* What is still queued belongs to no transaction that will commit. */
    rd_kafka_purge(session->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(session->producer, 0);
    rd_kafka_destroy(session->producer);
}

void rw_session_close(struct rw_session *session) {
    close_consumer(session);
    close_producer(session);
    rw_rows_free(session->rows);
    rw_assignment_free(&session->assignment);
    free(session->text.data);
    free(session->done);
    free(session);
}

/*
 * record.c - what is written: predictions and dead letters, each with the place of its input.
 *
 * The output partition is the input's, modulo the number of partitions of the output topic:
 * messages of one input partition stay in their order, whatever their keys and whoever
 * partitioned them, and topics of equal size stay aligned.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"
#include "stream/session.h"

#define PREFIX       "rowan-" /* headers of ours; those of an input (a dead letter sent again) go */
#define OWN_HEADERS  3
#define RECORD_BYTES 128u /* of a record and its batch beside key, value and headers */
#define FULL_WAIT_MS 50

/* A header of ours.  The length is known: no strlen on the way of each message. */
struct header {
    const char *name;
    const char *value;
    ssize_t length;
};

struct record {
    const struct rw_topic *topic;
    const rd_kafka_message_t *input;
    const void *key, *value; /* NULL: none */
    size_t key_length, value_length;
    bool with_headers; /* of the input */
    struct header headers[OWN_HEADERS];
    size_t n_headers;
};

/* ---- headers ---------------------------------------------------------------------------- */

#define DECIMAL_BYTES   20  /* of an int64_t that is not negative */
#define TOPIC_BYTES_MAX 249 /* Kafka's own bound of a topic's name */

/* Writes the decimal digits of a number that is not negative; returns their end. */
static char *put_decimal(char *to, int64_t number) {
    char digits[DECIMAL_BYTES], *first = digits + DECIMAL_BYTES;
    uint64_t rest = (uint64_t)number;
    do
        *--first = (char)('0' + rest % 10);
    while (rest /= 10);
    const size_t length = (size_t)(digits + DECIMAL_BYTES - first);
    memcpy(to, first, length);
    return to + length;
}

static void pass_on(rd_kafka_headers_t *to, const rd_kafka_headers_t *from) {
    const char *name;
    const void *value;
    size_t length;
    for (size_t i = 0; !rd_kafka_header_get_all(from, i, &name, &value, &length); i++)
        if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
            rd_kafka_header_add(to, name, -1, value, (ssize_t)length);
}

static rd_kafka_headers_t *make_headers(const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(OWN_HEADERS), *from;
    if (record->with_headers && !rd_kafka_message_headers(record->input, &from))
        pass_on(headers, from);
    for (size_t i = 0; i < record->n_headers; i++) {
        const struct header *header = &record->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value, header->length);
    }
    return headers;
}

static size_t bytes_of(const struct record *record) {
    size_t bytes = RECORD_BYTES + record->key_length + record->value_length;
    for (size_t i = 0; i < record->n_headers; i++)
        bytes += strlen(record->headers[i].name) + (size_t)record->headers[i].length + 8;
    rd_kafka_headers_t *from;
    const char *name;
    const void *value;
    size_t length;
    if (record->with_headers && !rd_kafka_message_headers(record->input, &from))
        for (size_t i = 0; !rd_kafka_header_get_all(from, i, &name, &value, &length); i++)
            bytes += strlen(name) + length + 8;
    return bytes;
}

/* ---- producing ------------------------------------------------------------------------------ */

static rd_kafka_resp_err_t produce_once(rd_kafka_t *producer, const struct record *record) {
    const rd_kafka_message_t *input = record->input;
    rd_kafka_headers_t *headers = make_headers(record);
    const int64_t timestamp = rd_kafka_message_timestamp(input, NULL);
    const rd_kafka_resp_err_t code = rd_kafka_producev(
        producer, RD_KAFKA_V_RKT(record->topic->handle),
        RD_KAFKA_V_PARTITION(input->partition % record->topic->n_partitions),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(record->key, record->key_length),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)record->value, record->value_length),
        RD_KAFKA_V_TIMESTAMP(timestamp > 0 ? timestamp : 0), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers);
    return code;
}

static enum rw_fate refused(struct rw_session *session, const struct record *record,
                            rd_kafka_resp_err_t code) {
    rw_log(RW_LOG_WARNING, "thread %u: %s is not written to: %s", session->worker->index,
           record->topic->name, rd_kafka_err2str(code));
    rw_counters_error(session->worker->counters, code);
    switch (code) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: /* the topic was made anew */
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        session->outdated = true;
        return RW_REWIND;
    default: /* the transaction has failed meanwhile; its end says why */
        return RW_REWIND;
    }
}

/* Waits while librdkafka's queue is full: for a broker that is away or slow. */
static enum rw_fate produce(struct rw_session *session, const struct record *record,
                            bool *too_large) {
    rd_kafka_resp_err_t code;
    *too_large = bytes_of(record) > record->topic->max_bytes;
    if (*too_large)
        return RW_GOES_ON;
    while ((code = produce_once(session->producer, record)) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(session->producer, FULL_WAIT_MS);
        rw_worker_goes_on(session->worker);
        if (rw_worker_gives_up(session->worker))
            return RW_REWIND;
    }
    *too_large = code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || *too_large)
        return RW_GOES_ON;
    return refused(session, record, code);
}

/* ---- the two kinds --------------------------------------------------------------------------- */

/* "TOPIC/PARTITION/OFFSET": one header and not three, since each costs allocations that are as
 * dear as the score. */
#define PLACE_BYTES (TOPIC_BYTES_MAX + 2 * DECIMAL_BYTES + 2)

static void add_place(struct record *record, char place[PLACE_BYTES], const char *topic) {
    const rd_kafka_message_t *input = record->input;
    const size_t length = strnlen(topic, TOPIC_BYTES_MAX);
    memcpy(place, topic, length);
    char *to = place + length;
    *to++ = '/';
    to = put_decimal(to, input->partition);
    *to++ = '/';
    to = put_decimal(to, input->offset);
    record->headers[record->n_headers++] = (struct header){PREFIX "input", place, to - place};
}

enum rw_fate rw_record_prediction(struct rw_session *session, const rd_kafka_message_t *input,
                                  const char *value, size_t size, bool *too_large) {
    char place[PLACE_BYTES];
    struct record record = {.topic = &session->output,
                            .input = input,
                            .key = input->key,
                            .key_length = input->key_len,
                            .value = value,
                            .value_length = size,
                            .with_headers = true};
    add_place(&record, place, session->assignment.topic);
    return produce(session, &record, too_large);
}

/* The topic does not take the input whole: its place says where it is. */
static enum rw_fate produce_cut(struct rw_session *session, struct record *record,
                                struct header *detail) {
    char text[RW_DETAIL_BYTES_MAX];
    snprintf(text, sizeof text, "value of %zu bytes left out, the topic takes %zu: %s",
             record->input->len, record->topic->max_bytes, detail->value);
    *detail = (struct header){detail->name, text, (ssize_t)strlen(text)};
    record->value = NULL;
    record->value_length = 0;
    record->with_headers = false;
    bool too_large;
    enum rw_fate fate = produce(session, record, &too_large);
    if (fate != RW_GOES_ON || !too_large)
        return fate;
    record->key = NULL;
    record->key_length = 0;
    detail->length = 0;
    fate = produce(session, record, &too_large);
    if (fate == RW_GOES_ON && too_large) {
        rw_log(RW_LOG_ERROR, "%s: does not even take %zu bytes: raise its max.message.bytes",
               record->topic->name, bytes_of(record));
        return RW_REWIND; /* never dropped */
    }
    return fate;
}

enum rw_fate rw_record_dead_letter(struct rw_session *session, const rd_kafka_message_t *input,
                                   enum rw_dead_reason reason, const char *detail) {
    const char *name = rw_dead_reason_name(reason);
    char place[PLACE_BYTES];
    struct record record = {.topic = &session->dead_letter,
                            .input = input,
                            .key = input->key,
                            .key_length = input->key_len,
                            .value = input->payload,
                            .value_length = input->len,
                            .with_headers = true};
    record.headers[0] = (struct header){PREFIX "reason", name, (ssize_t)strlen(name)};
    record.headers[1] = (struct header){PREFIX "detail", detail, (ssize_t)strlen(detail)};
    record.n_headers = 2;
    add_place(&record, place, session->assignment.topic);
    bool too_large;
    const enum rw_fate fate = produce(session, &record, &too_large);
    if (fate != RW_GOES_ON || !too_large)
        return fate;
    return produce_cut(session, &record, &record.headers[1]);
}

/*
 * reader.c - reads predictions and dead letters back.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/reader.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "daemon/log.h"

#define POLL_MS        100
#define NUMBER_MAX     20u       /* digits of a message's number */
#define JSON_BYTES     (1 << 18) /* yyjson's memory for one prediction */
#define UNKNOWN_NUMBER UINT64_MAX

struct rw_load_reader {
    const struct rw_load_options *options;
    const char *id_prefix;
    size_t prefix_length;
    const struct rw_load_clock *clock;
    const struct rw_load_timeline *timeline;
    struct rw_load_ledger *ledger;
    rd_kafka_t *client;
    rd_kafka_topic_partition_list_t *begins; /* where both topics ended before the run */
    rd_kafka_topic_partition_list_t *ends;   /* where they ended when all was found */
    int64_t *seen_to; /* [begins->cnt] offset at which a partition was read to its end */
    pthread_t thread;
    bool runs, is_ending, is_done;
    uint64_t found;
    uint64_t expected; /* UINT64_MAX until it is known */
    struct rw_load_reading reading;
    char memory[JSON_BYTES];
};

/* ---- whose message is it? ----------------------------------------------------------------- */

/* The number behind the prefix, which `text` begins with. */
static uint64_t parse_number(const struct rw_load_reader *reader, const char *text, size_t length) {
    uint64_t number = 0;
    size_t i = reader->prefix_length;
    for (; i < length && i < reader->prefix_length + NUMBER_MAX; i++) {
        if (text[i] < '0' || text[i] > '9')
            break;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    return i > reader->prefix_length ? number : UNKNOWN_NUMBER;
}

/* Adds to foreign or unknown what it does not find. */
static struct rw_load_record *find_record(struct rw_load_reader *reader, const char *text,
                                          size_t length, uint64_t *number) {
    const char *at = text ? memmem(text, length, reader->id_prefix, reader->prefix_length) : NULL;
    if (!at) {
        reader->reading.foreign++;
        return NULL;
    }
    *number = parse_number(reader, at, length - (size_t)(at - text));
    struct rw_load_record *record = rw_load_ledger_at(reader->ledger, *number);
    if (!record)
        reader->reading.unknown++;
    return record;
}

static void count_found(struct rw_load_reader *reader, const struct rw_load_record *record) {
    if (record->scored + record->dead != 1)
        return; /* again */
    rw_load_add(reader->found, 1);
    struct rw_load_second *second =
        rw_load_timeline_at(reader->timeline, rw_load_elapsed(reader->clock));
    rw_load_add(second->found, 1);
}

static void increment(uint8_t *count) {
    if (*count < UINT8_MAX)
        ++*count;
}

/* ---- predictions ----------------------------------------------------------------------------- */

static uint8_t risk_of(yyjson_val *object) {
    static const char *const names[] = {
        [RW_LOAD_LOW] = "low", [RW_LOAD_MEDIUM] = "medium", [RW_LOAD_HIGH] = "high"};
    yyjson_val *level = yyjson_obj_get(object, "risk_level");
    for (int i = RW_LOAD_LOW; i < RW_LOAD_RISKS; i++)
        if (yyjson_equals_str(level, names[i]))
            return (uint8_t)i;
    return RW_LOAD_RISK_OTHER;
}

static void note_times(struct rw_load_reader *reader, const rd_kafka_message_t *message,
                       const struct rw_load_record *record, uint64_t number) {
    rd_kafka_timestamp_type_t type;
    const int64_t sent_ms = reader->clock->start_unix_ms + record->sent_ms;
    const int64_t written_ms = rd_kafka_message_timestamp(message, &type);
    const uint32_t phase = rw_load_schedule_phase_of(&reader->options->schedule, number);
    rw_load_histogram_add(&reader->reading.visible[phase], rw_load_unix_us() - sent_ms * 1000);
    if (type != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME)
        return;
    reader->reading.is_append_time = true;
    rw_load_histogram_add(&reader->reading.appended, (written_ms - sent_ms) * 1000);
}

static void note_prediction(struct rw_load_reader *reader, const rd_kafka_message_t *message,
                            yyjson_val *root) {
    yyjson_val *id = yyjson_obj_get(root, "transaction_id");
    yyjson_val *probability = yyjson_obj_get(root, "fraud_probability");
    if (!yyjson_is_str(id) || !yyjson_is_num(probability)) {
        reader->reading.unreadable++;
        return;
    }
    uint64_t number;
    struct rw_load_record *record =
        find_record(reader, yyjson_get_str(id), yyjson_get_len(id), &number);
    if (!record)
        return;
    const double value = yyjson_get_num(probability);
    increment(&record->scored);
    record->probability = (float)value;
    record->is_flagged = value >= reader->options->threshold;
    record->risk = risk_of(root);
    note_times(reader, message, record, number);
    count_found(reader, record);
}

static void read_prediction(struct rw_load_reader *reader, const rd_kafka_message_t *message) {
    yyjson_alc memory;
    yyjson_alc_pool_init(&memory, reader->memory, sizeof reader->memory);
    yyjson_doc *document = yyjson_read_opts(message->payload, message->len, 0, &memory, NULL);
    if (document)
        note_prediction(reader, message, yyjson_doc_get_root(document));
    else
        reader->reading.unreadable++;
    yyjson_doc_free(document);
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static void count_reason(struct rw_load_reader *reader, const rd_kafka_message_t *message) {
    struct rw_load_reading *reading = &reader->reading;
    char name[RW_LOAD_REASON_BYTES] = "";
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_header_get_last(headers, "rowan-reason", &value, &length) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
                 (const char *)value);
    uint32_t i = 0;
    while (i < reading->n_reasons && strcmp(reading->reasons[i].name, name) != 0 &&
           i + 1 < RW_LOAD_REASONS_MAX)
        i++;
    if (i == reading->n_reasons) {
        reading->n_reasons++;
        snprintf(reading->reasons[i].name, RW_LOAD_REASON_BYTES, "%s", name);
    }
    reading->reasons[i].count++;
}

/* Its value is that of the message, which names the transaction even where it is no JSON; a
 * tombstone's key does. */
static void read_dead_letter(struct rw_load_reader *reader, const rd_kafka_message_t *message) {
    const bool is_tombstone = message->len == 0;
    const void *text = is_tombstone ? message->key : message->payload;
    const size_t length = is_tombstone ? message->key_len : message->len;
    uint64_t number;
    struct rw_load_record *record = find_record(reader, text, length, &number);
    if (!record)
        return;
    increment(&record->dead);
    count_reason(reader, message);
    count_found(reader, record);
}

/* ---- have all been found, and nothing after them? -------------------------------------------- */

static int index_of(const rd_kafka_topic_partition_list_t *list,
                    const rd_kafka_message_t *message) {
    const char *topic = rd_kafka_topic_name(message->rkt);
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].partition == message->partition &&
            strcmp(list->elems[i].topic, topic) == 0)
            return i;
    return -1;
}

static void note_end(struct rw_load_reader *reader, const rd_kafka_message_t *message) {
    const int i = index_of(reader->begins, message);
    if (i >= 0)
        reader->seen_to[i] = message->offset;
}

/* A transaction that was scored twice may stand twice: what was committed by the moment that
 * the last one was found is read, too. */
static bool is_at_end(struct rw_load_reader *reader) {
    for (int i = 0; i < reader->ends->cnt; i++)
        if (reader->seen_to[i] < reader->ends->elems[i].offset)
            return false;
    return true;
}

static bool is_complete(struct rw_load_reader *reader) {
    if (reader->found < rw_load_get(reader->expected))
        return false;
    if (!reader->ends) {
        rd_kafka_topic_partition_list_t *ends = rd_kafka_topic_partition_list_copy(reader->begins);
        if (rw_load_offsets(reader->client, ends, false, RW_LOAD_ASK_MS) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_topic_partition_list_destroy(ends);
            return false;
        }
        reader->ends = ends;
    }
    return is_at_end(reader);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void read_message(struct rw_load_reader *reader, const rd_kafka_message_t *message) {
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        note_end(reader, message);
    else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        reader->reading.errors++;
        rw_log(RW_LOG_WARNING, "reading back: %s", rd_kafka_message_errstr(message));
    } else if (strcmp(rd_kafka_topic_name(message->rkt), reader->options->stream.output) == 0)
        read_prediction(reader, message);
    else
        read_dead_letter(reader, message);
}

static void *serve(void *context) {
    struct rw_load_reader *reader = context;
    while (!rw_load_get(reader->is_ending)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->client, POLL_MS);
        const bool is_end = !message || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (message) {
            read_message(reader, message);
            rd_kafka_message_destroy(message);
        }
        if (is_end && is_complete(reader)) {
            reader->reading.at_end = true;
            rw_load_set(reader->is_done, true);
            return NULL;
        }
    }
    return NULL;
}

/* ---- opening and finishing ------------------------------------------------------------------- */

static rowan_status add_topic(struct rw_load_reader *reader, const char *topic,
                              rowan_error *error) {
    rd_kafka_topic_partition_list_t *partitions = rw_load_partitions(reader->client, topic, error);
    if (!partitions)
        return ROWAN_IO;
    for (int i = 0; i < partitions->cnt; i++)
        rd_kafka_topic_partition_list_add(reader->begins, topic, partitions->elems[i].partition);
    rd_kafka_topic_partition_list_destroy(partitions);
    return ROWAN_OK;
}

static rowan_status note_begins(struct rw_load_reader *reader, rowan_error *error) {
    const struct rw_stream_settings *stream = &reader->options->stream;
    reader->begins = rd_kafka_topic_partition_list_new(0);
    rowan_status status = add_topic(reader, stream->output, error);
    if (status == ROWAN_OK && strcmp(stream->output, stream->dead_letter) != 0)
        status = add_topic(reader, stream->dead_letter, error);
    if (status != ROWAN_OK)
        return status;
    rd_kafka_resp_err_t code =
        rw_load_offsets(reader->client, reader->begins, false, RW_LOAD_ASK_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = rd_kafka_assign(reader->client, reader->begins);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return rw_fail(error, ROWAN_IO, stream->output, NULL, "its ends: %s",
                       rd_kafka_err2str(code));
    reader->seen_to = calloc((size_t)reader->begins->cnt, sizeof *reader->seen_to);
    return reader->seen_to ? ROWAN_OK
                           : rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory to read back");
}

static rowan_status open_client(struct rw_load_reader *reader, rowan_error *error) {
    const char *const needs[][2] = {{"group.id", reader->id_prefix},
                                    {"enable.auto.commit", "false"},
                                    {"isolation.level", "read_committed"},
                                    {"enable.partition.eof", "true"},
                                    {"auto.offset.reset", "error"},
                                    {"allow.auto.create.topics", "false"},
                                    {NULL}};
    rd_kafka_conf_t *conf = rw_load_conf(reader->options, RW_FOR_CONSUMER, NULL, needs, error);
    reader->client = rw_load_client(RD_KAFKA_CONSUMER, conf, error);
    if (!reader->client)
        return ROWAN_ARGUMENT;
    rd_kafka_poll_set_consumer(reader->client);
    return note_begins(reader, error);
}

rowan_status rw_load_reader_open(const struct rw_load_options *options, const char *id_prefix,
                                 const struct rw_load_clock *clock,
                                 const struct rw_load_timeline *timeline,
                                 struct rw_load_ledger *ledger, struct rw_load_reader **reader,
                                 rowan_error *error) {
    struct rw_load_reader *made = calloc(1, sizeof *made);
    *reader = made;
    if (!made)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory to read back");
    made->options = options;
    made->id_prefix = id_prefix;
    made->prefix_length = strlen(id_prefix);
    made->clock = clock;
    made->timeline = timeline;
    made->ledger = ledger;
    made->expected = UINT64_MAX;
    rowan_status status = open_client(made, error);
    if (status != ROWAN_OK) {
        rw_load_reader_close(made);
        *reader = NULL;
    }
    return status;
}

rowan_status rw_load_reader_start(struct rw_load_reader *reader, rowan_error *error) {
    reader->runs = pthread_create(&reader->thread, NULL, serve, reader) == 0;
    return reader->runs ? ROWAN_OK
                        : rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no thread to read back");
}

uint64_t rw_load_reader_found(const struct rw_load_reader *reader) {
    return rw_load_get(reader->found);
}

static void stop(struct rw_load_reader *reader) {
    if (!reader->runs)
        return;
    rw_load_set(reader->is_ending, true);
    pthread_join(reader->thread, NULL);
    reader->runs = false;
}

void rw_load_reader_finish(struct rw_load_reader *reader, uint64_t expected, double seconds,
                           bool (*wait)(void *context), void *context) {
    const int64_t until = rw_load_now_ns() + (int64_t)(seconds * RW_LOAD_SECOND_NS);
    rw_load_set(reader->expected, expected);
    while (!rw_load_get(reader->is_done) && rw_load_now_ns() < until && wait(context))
        nanosleep(&(struct timespec){0, POLL_MS * 100000L}, NULL);
    stop(reader);
}

const struct rw_load_reading *rw_load_reader_reading(const struct rw_load_reader *reader) {
    return &reader->reading;
}

void rw_load_reading_visible(const struct rw_load_reading *reading,
                             struct rw_load_histogram *visible) {
    rw_load_histogram_clear(visible);
    for (uint32_t i = 0; i < RW_LOAD_PHASES_MAX; i++)
        rw_load_histogram_merge(visible, &reading->visible[i]);
}

void rw_load_reader_close(struct rw_load_reader *reader) {
    if (!reader)
        return;
    stop(reader);
    if (reader->client) {
        rd_kafka_consumer_close(reader->client);
        rd_kafka_destroy(reader->client);
    }
    if (reader->begins)
        rd_kafka_topic_partition_list_destroy(reader->begins);
    if (reader->ends)
        rd_kafka_topic_partition_list_destroy(reader->ends);
    free(reader->seen_to);
    free(reader);
}

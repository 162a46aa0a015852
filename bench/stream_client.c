/*
 * stream_client.c - Kafka clients that end the process when something goes wrong, and the
 * transactions that they send.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stream_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROPERTY_BYTES 256
#define FULL_MS        1

noreturn void bench_fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

uint64_t bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t bench_number(const char *text, const char *name) {
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    if (errno || end == text || *end || number > BENCH_MESSAGES_MAX)
        bench_fail(name, "not a whole number that is small enough");
    return number;
}

/* ---- clients ------------------------------------------------------------------------------ */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        bench_fail(name, why);
}

static void set_pair(rd_kafka_conf_t *conf, const char *pair) {
    char name[PROPERTY_BYTES];
    const char *equals = strchr(pair, '=');
    if (!equals || (size_t)(equals - pair) >= sizeof name)
        bench_fail(pair, "not NAME=VALUE");
    memcpy(name, pair, (size_t)(equals - pair));
    name[equals - pair] = '\0';
    set(conf, name, equals + 1);
}

rd_kafka_conf_t *bench_conf(const char *brokers, const char *const (*properties)[2],
                            char *const *more, int n_more) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    for (; (*properties)[0]; properties++)
        set(conf, (*properties)[0], (*properties)[1]);
    for (int i = 0; i < n_more; i++)
        set_pair(conf, more[i]);
    return conf;
}

rd_kafka_t *bench_client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char why[512];
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (!client)
        bench_fail("librdkafka", why);
    if (type == RD_KAFKA_CONSUMER)
        rd_kafka_poll_set_consumer(client);
    return client;
}

rd_kafka_topic_t *bench_topic(rd_kafka_t *client, const char *name) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    if (!topic)
        bench_fail(name, rd_kafka_err2str(rd_kafka_last_error()));
    return topic;
}

rd_kafka_topic_partition_list_t *bench_partitions(rd_kafka_t *client, const char *topic,
                                                  int64_t offset) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = bench_topic(client, topic);
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(client, 0, handle, &metadata, BENCH_PATIENCE_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail(topic, rd_kafka_err2str(code));
    const int n = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
    for (int i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = offset;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return list;
}

void bench_send(rd_kafka_t *producer, rd_kafka_topic_t *topic,
                const struct bench_message *message) {
    void *value = (void *)(uintptr_t)message->value; /* copied, not written to */
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value,
                            message->length, message->key, message->key_length, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            bench_fail("not produced", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(producer, FULL_MS);
    }
    rd_kafka_poll(producer, 0);
}

void bench_flush(rd_kafka_t *producer) {
    const rd_kafka_resp_err_t code = rd_kafka_flush(producer, BENCH_PATIENCE_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("not acknowledged", rd_kafka_err2str(code));
}

/* ---- transactions ------------------------------------------------------------------------- */

struct line {
    char *key, *rest;
    size_t key_length, rest_length;
};

struct bench_lines {
    struct line *lines;
    size_t n;
};

#define ID_PREFIX_BYTES (sizeof BENCH_ID_PREFIX - 1)

static struct line parse(const char *path, char *text, size_t length) {
    char *tab = strchr(text, '\t');
    if (!tab || ID_PREFIX_BYTES + BENCH_ID_DIGITS + 2 + length > BENCH_MESSAGE_BYTES)
        bench_fail(path, "a line is not KEY <tab> REST, or too long");
    const size_t key_length = (size_t)(tab - text);
    return (struct line){strndup(text, key_length), strdup(tab + 1), key_length,
                         length - key_length - 1};
}

struct bench_lines *bench_lines_read(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file)
        bench_fail(path, strerror(errno));
    struct bench_lines *lines = calloc(1, sizeof *lines);
    char *text = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&text, &room, file)) > 0) {
        if (text[length - 1] == '\n')
            text[--length] = '\0';
        lines->lines = realloc(lines->lines, (lines->n + 1) * sizeof *lines->lines);
        lines->lines[lines->n++] = parse(path, text, (size_t)length);
    }
    free(text);
    fclose(file);
    if (lines->n == 0)
        bench_fail(path, "no line");
    return lines;
}

void bench_message_make(const struct bench_lines *lines, uint64_t index,
                        struct bench_message *message) {
    const struct line *line = &lines->lines[index % lines->n];
    char *to = message->value;
    memcpy(to, BENCH_ID_PREFIX, ID_PREFIX_BYTES);
    to += ID_PREFIX_BYTES;
    for (int i = BENCH_ID_DIGITS - 1; i >= 0; i--, index /= 10)
        to[i] = (char)('0' + index % 10);
    to += BENCH_ID_DIGITS;
    *to++ = '"';
    *to++ = ',';
    memcpy(to, line->rest, line->rest_length);
    message->length = (size_t)(to - message->value) + line->rest_length;
    message->key = line->key;
    message->key_length = line->key_length;
}

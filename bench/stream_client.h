/*
 * stream_client.h - what the native programs of make bench-kafka share.
 *
 * Each is one process for one measurement: what goes wrong ends it, with a line on standard
 * error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_BENCH_STREAM_CLIENT_H
#define RW_BENCH_STREAM_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdnoreturn.h>

#define BENCH_PATIENCE_MS 60000 /* until something that must come counts as absent */

noreturn void bench_fail(const char *what, const char *why);
uint64_t bench_now_ns(void); /* CLOCK_MONOTONIC */
uint64_t bench_number(const char *text, const char *name);

/* ---- clients ------------------------------------------------------------------------------ */

/* `properties`: {name, value} pairs up to {NULL, NULL}; `more`: NAME=VALUE, n_more of them. */
rd_kafka_conf_t *bench_conf(const char *brokers, const char *const (*properties)[2],
                            char *const *more, int n_more);
rd_kafka_t *bench_client(rd_kafka_type_t type, rd_kafka_conf_t *conf);
rd_kafka_topic_t *bench_topic(rd_kafka_t *client, const char *name);
/* Every partition of the topic, at `offset`. */
rd_kafka_topic_partition_list_t *bench_partitions(rd_kafka_t *client, const char *topic,
                                                  int64_t offset);
/* Into the partition of its key; waits while librdkafka's queue is full. */
struct bench_message;
void bench_send(rd_kafka_t *producer, rd_kafka_topic_t *topic, const struct bench_message *message);
/* Until everything that was produced has been acknowledged. */
void bench_flush(rd_kafka_t *producer);

/* ---- transactions ------------------------------------------------------------------------- */

/* Lines of a file: KEY <tab> REST, where {"transaction_id":"tx-00000007",REST is message 7's
 * value on every line; message i is of line i modulo their number. */
struct bench_lines;
struct bench_lines *bench_lines_read(const char *path);

#define BENCH_ID_PREFIX     "{\"transaction_id\":\"tx-"
#define BENCH_ID_DIGITS     8
#define BENCH_MESSAGES_MAX  100000000u /* what the digits can tell apart */
#define BENCH_MESSAGE_BYTES 1024       /* of a value, at most */

struct bench_message {
    const char *key;
    size_t key_length;
    char value[BENCH_MESSAGE_BYTES];
    size_t length;
};
void bench_message_make(const struct bench_lines *lines, uint64_t index,
                        struct bench_message *message);

#endif

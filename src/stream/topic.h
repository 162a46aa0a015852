/*
 * topic.h - a topic that is written to: its handle, its partitions, what it takes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_TOPIC_H
#define RW_STREAM_TOPIC_H

#include <librdkafka/rdkafka.h>

#include "base/base.h"

/* A broker's own default, where it does not tell (its ACLs may forbid the question). */
#define RW_TOPIC_BYTES_DEFAULT 1048588u
#define RW_TOPIC_BYTES_LEAST   1024u

#define RW_TOPICS_MAX 2u /* asked for at once */

struct rw_topic {
    rd_kafka_topic_t *handle;
    const char *name;
    int32_t n_partitions;
    size_t max_bytes; /* max.message.bytes: of a record batch, hence of a message */
    bool told;        /* by the broker, not assumed */
};

/* Asks the broker, through any client, for max.message.bytes of at most RW_TOPICS_MAX
 * topics. */
void rw_topic_limits(rd_kafka_t *client, struct rw_topic *const topics[], size_t n, int timeout_ms);
/* Handle and number of partitions, for a producer.  The error says that the topic is not
 * there (yet). */
rowan_status rw_topic_open(rd_kafka_t *producer, struct rw_topic *topic, int timeout_ms,
                           rowan_error *error);
void rw_topic_close(struct rw_topic *topic);

#endif

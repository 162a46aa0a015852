/*
 * client.h - clients of librdkafka for a run: their properties, topics, offsets.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_CLIENT_H
#define RW_LOAD_CLIENT_H

#include "load-testing/options.h"

/* Until a broker has answered a question of before the run. */
#define RW_LOAD_ASK_MS 30000

/* A configuration as rowan-stream's clients have it (rw_stream_conf): brokers, log, `defaults`
 * (rows of name and value, the last one of NULL), above them the user's properties for `whom`
 * (RW_FOR_PRODUCER or RW_FOR_CONSUMER), and above those `needs`, which the user cannot set.
 * Owned by the caller; NULL with an error. */
rd_kafka_conf_t *rw_load_conf(const struct rw_load_options *options, int whom,
                              const char *const (*defaults)[2], const char *const (*needs)[2],
                              rowan_error *error);
/* Makes a client and takes the configuration; NULL with an error. */
rd_kafka_t *rw_load_client(rd_kafka_type_t type, rd_kafka_conf_t *conf, rowan_error *error);
/* What the user set a property to for this client; NULL: not set. */
const char *rw_load_property(const struct rw_load_options *options, int whom, const char *name);

/* All partitions of a topic, which must exist: nothing is created.  Owned by the caller;
 * NULL with an error. */
rd_kafka_topic_partition_list_t *rw_load_partitions(rd_kafka_t *client, const char *topic,
                                                    rowan_error *error);
/* Sets each offset to the partition's end (or, with `begin`, to its begin).  Asks again while
 * leaders change. */
rd_kafka_resp_err_t rw_load_offsets(rd_kafka_t *client, rd_kafka_topic_partition_list_t *partitions,
                                    bool begin, int timeout_ms);

#endif

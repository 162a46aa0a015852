/*
 * log_kafka.h - what librdkafka says, as lines of the log.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_LOG_KAFKA_H
#define RW_STREAM_LOG_KAFKA_H

#include <librdkafka/rdkafka.h>

/* For rd_kafka_conf_set_log_cb. */
void rw_log_kafka(const rd_kafka_t *client, int level, const char *facility, const char *text);

#endif

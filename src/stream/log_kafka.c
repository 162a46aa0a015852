/*
 * log_kafka.c - what librdkafka says, as lines of the log.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "daemon/log.h"
#include "stream/log_kafka.h"

void rw_log_kafka(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    rw_log(level, "%s: %s: %s", client ? rd_kafka_name(client) : "kafka", facility, text);
}

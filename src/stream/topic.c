/*
 * topic.c - partitions and limits of a topic, as the broker tells them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "stream/topic.h"

#define LIMIT_NAME "max.message.bytes"

/* ---- limits ---------------------------------------------------------------------------- */

static struct rw_topic *find(struct rw_topic *const topics[], size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(topics[i]->name, name) == 0)
            return topics[i];
    return NULL;
}

static void take_limit(struct rw_topic *topic, const rd_kafka_ConfigResource_t *resource) {
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), LIMIT_NAME) != 0)
            continue;
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        const unsigned long limit = value ? strtoul(value, NULL, 10) : 0;
        if (limit) {
            topic->max_bytes = limit;
            topic->told = true;
        }
    }
}

static void take_answer(rd_kafka_event_t *event, struct rw_topic *const topics[], size_t n) {
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    if (!result)
        return;
    size_t count;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(result, &count);
    for (size_t i = 0; i < count; i++) {
        struct rw_topic *topic = find(topics, n, rd_kafka_ConfigResource_name(resources[i]));
        if (!topic)
            continue;
        if (rd_kafka_ConfigResource_error(resources[i]) == RD_KAFKA_RESP_ERR_NO_ERROR)
            take_limit(topic, resources[i]);
        else
            rw_log(RW_LOG_DEBUG, "%s: " LIMIT_NAME " is not told: %s", topic->name,
                   rd_kafka_ConfigResource_error_string(resources[i]));
    }
}

void rw_topic_limits(rd_kafka_t *client, struct rw_topic *const topics[], size_t n,
                     int timeout_ms) {
    if (n > RW_TOPICS_MAX)
        n = RW_TOPICS_MAX;
    rd_kafka_ConfigResource_t *asked[RW_TOPICS_MAX];
    for (size_t i = 0; i < n; i++)
        asked[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i]->name);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    char text[128];
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_DescribeConfigs(client, asked, n, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    if (event) {
        take_answer(event, topics, n);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    for (size_t i = 0; i < n; i++)
        rd_kafka_ConfigResource_destroy(asked[i]);
}

/* ---- partitions ---------------------------------------------------------------------------- */

static rowan_status take_metadata(struct rw_topic *topic, const struct rd_kafka_metadata *metadata,
                                  rowan_error *error) {
    const struct rd_kafka_metadata_topic *seen = metadata->topic_cnt ? metadata->topics : NULL;
    if (seen && seen->err == RD_KAFKA_RESP_ERR_NO_ERROR && seen->partition_cnt > 0) {
        topic->n_partitions = seen->partition_cnt;
        return ROWAN_OK;
    }
    return rw_fail(error, ROWAN_IO, topic->name, "create the topic, or allow it to be written to",
                   "%s", seen ? rd_kafka_err2str(seen->err) : "no such topic");
}

rowan_status rw_topic_open(rd_kafka_t *producer, struct rw_topic *topic, int timeout_ms,
                           rowan_error *error) {
    if (!topic->handle)
        topic->handle = rd_kafka_topic_new(producer, topic->name, NULL);
    if (!topic->handle)
        return rw_fail(error, ROWAN_IO, topic->name, NULL, "%s",
                       rd_kafka_err2str(rd_kafka_last_error()));
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(producer, 0, topic->handle, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return rw_fail(error, ROWAN_IO, topic->name, "is the broker up and reachable?",
                       "no answer from the broker: %s", rd_kafka_err2str(code));
    rowan_status status = take_metadata(topic, metadata, error);
    rd_kafka_metadata_destroy(metadata);
    return status;
}

void rw_topic_close(struct rw_topic *topic) {
    if (topic->handle)
        rd_kafka_topic_destroy(topic->handle);
    topic->handle = NULL;
}

/*
 * client.c - clients of librdkafka for a run.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/client.h"

#include <string.h>

#include "load-testing/clock.h"

#define NS_PER_MS 1000000
#define AGAIN_MS  100 /* until a question is asked again */

/* ---- properties ------------------------------------------------------------------------- */

const char *rw_load_property(const struct rw_load_options *options, int whom, const char *name) {
    const char *value = NULL; /* a later one beats those before */
    for (uint32_t i = 0; i < options->stream.n_properties; i++) {
        const struct rw_property_set *property = &options->stream.properties[i];
        const bool is_for = property->whom == RW_FOR_ALL || (int)property->whom == whom;
        if (is_for && strcmp(property->name, name) == 0)
            value = property->value;
    }
    return value;
}

rd_kafka_conf_t *rw_load_conf(const struct rw_load_options *options, int whom,
                              const char *const (*defaults)[2], const char *const (*needs)[2],
                              rowan_error *error) {
    static const char name[] = "kafka-load-test";
    rd_kafka_conf_t *conf = rw_stream_conf(&options->stream, whom, defaults, error);
    if (!conf)
        return NULL;
    rowan_status status = ROWAN_OK;
    if (!rw_load_property(options, whom, "client.id"))
        status = rw_stream_conf_set(conf, "client.id", name, name, error);
    for (; status == ROWAN_OK && (*needs)[0]; needs++)
        status = rw_stream_conf_set(conf, (*needs)[0], (*needs)[1], name, error);
    if (status == ROWAN_OK)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

rd_kafka_t *rw_load_client(rd_kafka_type_t type, rd_kafka_conf_t *conf, rowan_error *error) {
    char why[ROWAN_ERROR_TEXT];
    if (!conf)
        return NULL;
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        rw_error_set(error, ROWAN_ARGUMENT, "librdkafka", NULL, "%s", why);
    }
    return client;
}

/* ---- topics and offsets ---------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *list(const struct rd_kafka_metadata_topic *topic) {
    rd_kafka_topic_partition_list_t *partitions =
        rd_kafka_topic_partition_list_new(topic->partition_cnt);
    for (int i = 0; i < topic->partition_cnt; i++)
        rd_kafka_topic_partition_list_add(partitions, topic->topic, topic->partitions[i].id);
    return partitions;
}

rd_kafka_topic_partition_list_t *rw_load_partitions(rd_kafka_t *client, const char *topic,
                                                    rowan_error *error) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    rd_kafka_topic_partition_list_t *partitions = NULL;
    if (!handle) {
        rw_error_set(error, ROWAN_ARGUMENT, topic, NULL, "%s",
                     rd_kafka_err2str(rd_kafka_last_error()));
        return NULL;
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, RW_LOAD_ASK_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                        : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            partitions = list(&metadata->topics[0]);
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    if (!partitions)
        rw_error_set(error, ROWAN_IO, topic,
                     code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                         ? "create the topic with as many partitions as there shall be consumers"
                         : "are the brokers up, and is --brokers right?",
                     "%s", rd_kafka_err2str(code));
    return partitions;
}

/* librdkafka asks each leader once, for all its partitions; a timestamp of -1 is the end of
 * a partition, one of -2 its begin. */
static rd_kafka_resp_err_t ask_offsets(rd_kafka_t *client,
                                       rd_kafka_topic_partition_list_t *partitions, bool begin,
                                       int timeout_ms) {
    for (int i = 0; i < partitions->cnt; i++)
        partitions->elems[i].offset = begin ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client, partitions, timeout_ms);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < partitions->cnt; i++)
        code = partitions->elems[i].err;
    return code;
}

/* Partitions that were made, or moved, just now. */
static bool passes_by(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH;
}

rd_kafka_resp_err_t rw_load_offsets(rd_kafka_t *client, rd_kafka_topic_partition_list_t *partitions,
                                    bool begin, int timeout_ms) {
    const int64_t until = rw_load_now_ns() + (int64_t)timeout_ms * NS_PER_MS;
    for (int64_t left = timeout_ms;;) {
        const rd_kafka_resp_err_t code = ask_offsets(client, partitions, begin, (int)left);
        left = (until - rw_load_now_ns()) / NS_PER_MS;
        if (!passes_by(code) || left < AGAIN_MS)
            return code;
        nanosleep(&(struct timespec){0, AGAIN_MS * NS_PER_MS}, NULL);
        left -= AGAIN_MS;
    }
}

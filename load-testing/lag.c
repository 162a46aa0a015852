/*
 * lag.c - how many messages of the topic the consumer group has not committed yet.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/lag.h"

#include <stdlib.h>

#include "stream/ticker.h"

#define ANSWER_MS 2000 /* a broker that takes longer gives no figure for this second */

struct rw_load_lag {
    const struct rw_load_clock *clock;
    const struct rw_load_timeline *timeline;
    rd_kafka_t *client;
    rd_kafka_topic_partition_list_t *committed; /* with the group's offsets */
    rd_kafka_topic_partition_list_t *ends, *begins;
    struct rw_ticker ticker;
    bool runs;
    int64_t now;
};

static bool has_commit(const rd_kafka_topic_partition_t *partition) {
    return partition->offset >= 0;
}

static bool ask(struct rw_load_lag *lag) {
    return rd_kafka_committed(lag->client, lag->committed, ANSWER_MS) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           rw_load_offsets(lag->client, lag->ends, false, ANSWER_MS) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           rw_load_offsets(lag->client, lag->begins, true, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Commits are asked first: the ends can only have grown since, never the other way. */
static int64_t compute(struct rw_load_lag *lag) {
    if (!ask(lag))
        return RW_LOAD_LAG_UNKNOWN;
    int64_t sum = 0;
    int n_commits = 0;
    for (int i = 0; i < lag->committed->cnt; i++) {
        const rd_kafka_topic_partition_t *commit = &lag->committed->elems[i];
        const int64_t from = has_commit(commit) ? commit->offset : lag->begins->elems[i].offset;
        const int64_t behind = lag->ends->elems[i].offset - from;
        sum += behind > 0 ? behind : 0;
        n_commits += has_commit(commit);
    }
    return n_commits ? sum : RW_LOAD_LAG_UNKNOWN;
}

static void turn(void *context) {
    struct rw_load_lag *lag = context;
    rw_load_set(lag->now, compute(lag));
    struct rw_load_second *slot = rw_load_timeline_at(lag->timeline, rw_load_elapsed(lag->clock));
    rw_load_set(slot->lag, rw_load_get(lag->now));
}

static rowan_status open_client(struct rw_load_lag *lag, const struct rw_load_options *options,
                                rowan_error *error) {
    const char *const needs[][2] = {{"group.id", options->stream.group},
                                    {"enable.auto.commit", "false"},
                                    {"allow.auto.create.topics", "false"},
                                    {NULL}};
    rd_kafka_conf_t *conf = rw_load_conf(options, RW_FOR_CONSUMER, NULL, needs, error);
    lag->client = rw_load_client(RD_KAFKA_CONSUMER, conf, error);
    if (lag->client)
        lag->committed = rw_load_partitions(lag->client, options->stream.input, error);
    if (!lag->committed)
        return lag->client ? ROWAN_IO : ROWAN_ARGUMENT;
    lag->ends = rd_kafka_topic_partition_list_copy(lag->committed);
    lag->begins = rd_kafka_topic_partition_list_copy(lag->committed);
    return ROWAN_OK;
}

rowan_status rw_load_lag_open(const struct rw_load_options *options,
                              const struct rw_load_clock *clock,
                              const struct rw_load_timeline *timeline, struct rw_load_lag **lag,
                              rowan_error *error) {
    struct rw_load_lag *made = calloc(1, sizeof *made);
    *lag = made;
    if (!made)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the lag");
    made->clock = clock;
    made->timeline = timeline;
    made->now = RW_LOAD_LAG_UNKNOWN;
    rowan_status status = open_client(made, options, error);
    if (status != ROWAN_OK) {
        rw_load_lag_close(made);
        *lag = NULL;
    }
    return status;
}

rowan_status rw_load_lag_start(struct rw_load_lag *lag, rowan_error *error) {
    rowan_status status = rw_ticker_start(&lag->ticker, turn, lag, error);
    lag->runs = status == ROWAN_OK;
    return status;
}

uint32_t rw_load_lag_partitions(const struct rw_load_lag *lag) {
    return (uint32_t)lag->committed->cnt;
}

int64_t rw_load_lag_now(const struct rw_load_lag *lag) {
    return rw_load_get(lag->now);
}

void rw_load_lag_close(struct rw_load_lag *lag) {
    if (!lag)
        return;
    rd_kafka_topic_partition_list_t *const lists[] = {lag->committed, lag->ends, lag->begins};
    if (lag->runs)
        rw_ticker_stop(&lag->ticker);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i])
            rd_kafka_topic_partition_list_destroy(lists[i]);
    if (lag->client)
        rd_kafka_destroy(lag->client);
    free(lag);
}

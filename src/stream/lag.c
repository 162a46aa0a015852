/*
 * lag.c - how far the group is behind, asked of the broker.
 *
 * A round is one OffsetFetch and one ListOffsets for all partitions (a request to each broker
 * that leads some).  The committed offsets come first: the ends are then never before them.
 * rd_kafka_offsets_for_times with the "timestamp" RD_KAFKA_OFFSET_END asks for the latest
 * offset (librdkafka writes the field as it is, and -1 is ListOffsets' latest).  With
 * isolation.level=read_uncommitted that is the end that kafka-consumer-groups shows; with
 * librdkafka's default it would be the last stable offset, and messages of open transactions
 * would be missing.  rd_kafka_query_watermark_offsets does not end by its own timeout.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/lag.h"
#include "daemon/log.h"
#include "daemon/now.h"
#include "daemon/own_page.h"
#include "stream/ticker.h"

#define NS_PER_MS      1000000u
#define CALL_MS        450    /* of one question */
#define ROUND_MS       900    /* of all of a turn; less than the second between two turns */
#define METADATA_MS    10000u /* a partition that is added is seen after so long */
#define PATIENCE_MS    3000u  /* without an answer, until the broker counts as away */
#define EVENTS_MAX     100    /* served in one turn */
#define PARTITIONS_MAX 100000 /* of the topic */
#define UNASKED        RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION /* nothing to ask about */

struct partition {
    struct rw_series *series; /* NULL: this partition was not seen yet */
    uint64_t lag;             /* as the broker told it last */
};

struct rw_lag {
    char *topic, *group;
    bool begins_at_end; /* auto.offset.reset=latest */
    rd_kafka_t *client;
    rd_kafka_topic_t *handle;
    struct rw_ticker ticker;
    struct rw_page *page;
    struct rw_series *broker_up, *told_at, *queue;
    /* of the thread */
    struct partition *partitions; /* [n_partitions] by number */
    int32_t n_partitions;
    rd_kafka_topic_partition_list_t *asked; /* those with a leader */
    bool knows_partitions;
    uint64_t metadata_at, answered_at, round_at; /* rw_clock_ns */
    uint64_t complete_at;                        /* of the last round that had all answers */
    rd_kafka_resp_err_t logged;
};

static uint64_t ms_since(uint64_t then) {
    return (rw_clock_ns() - then) / NS_PER_MS;
}

/* ---- one question after the other ------------------------------------------------------------ */

/* What is left of this round for the next question; 0: none. */
static int timeout_ms(const struct rw_lag *lag) {
    uint64_t used = ms_since(lag->round_at);
    if (used >= ROUND_MS)
        return 0;
    uint64_t left = ROUND_MS - used;
    return left < CALL_MS ? (int)left : CALL_MS;
}

/* Errors above 0 are a broker's own. */
static rd_kafka_resp_err_t heard(struct rw_lag *lag, rd_kafka_resp_err_t code) {
    if (code >= RD_KAFKA_RESP_ERR_NO_ERROR)
        lag->answered_at = rw_clock_ns();
    return code;
}

static struct rw_series *series_of(struct rw_lag *lag, int32_t number) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)number);
    const char *labels[] = {lag->topic, text, lag->group};
    return rw_page_series(lag->page, RW_METRIC_KAFKA_LAG, labels);
}

static bool grow(struct rw_lag *lag, int32_t n) {
    if (n <= lag->n_partitions)
        return true;
    struct partition *grown = realloc(lag->partitions, (size_t)n * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + lag->n_partitions, 0, (size_t)(n - lag->n_partitions) * sizeof *grown);
    lag->partitions = grown;
    lag->n_partitions = n;
    return true;
}

/* A partition without a leader is not asked about: its last number stays, and the others
 * are told. */
static void keep_partitions(struct rw_lag *lag, const rd_kafka_metadata_topic_t *topic) {
    rd_kafka_topic_partition_list_destroy(lag->asked);
    lag->asked = rd_kafka_topic_partition_list_new(topic->partition_cnt);
    for (int i = 0; i < topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *found = &topic->partitions[i];
        if (found->id < 0 || found->id >= PARTITIONS_MAX || !grow(lag, found->id + 1))
            continue;
        struct partition *partition = &lag->partitions[found->id];
        if (!partition->series)
            partition->series = series_of(lag, found->id);
        if (found->leader >= 0)
            rd_kafka_topic_partition_list_add(lag->asked, lag->topic, found->id);
    }
    /* of a topic that was made anew with fewer */
    for (int32_t i = topic->partition_cnt; i < lag->n_partitions; i++)
        lag->partitions[i].lag = 0;
}

static rd_kafka_resp_err_t ask_partitions(struct rw_lag *lag) {
    const rd_kafka_metadata_t *metadata;
    rd_kafka_resp_err_t code =
        heard(lag, rd_kafka_metadata(lag->client, 0, lag->handle, &metadata, timeout_ms(lag)));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return code;
    code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || metadata->topics[0].partition_cnt > 0) {
            keep_partitions(lag, &metadata->topics[0]);
            code = RD_KAFKA_RESP_ERR_NO_ERROR;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    lag->metadata_at = rw_clock_ns();
    lag->knows_partitions = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    return code;
}

/* The present list, with `offset` in each. */
static rd_kafka_topic_partition_list_t *list_with(const struct rw_lag *lag, int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(lag->asked);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = offset;
    return list;
}

static rd_kafka_resp_err_t ask_offsets(struct rw_lag *lag, rd_kafka_topic_partition_list_t *list) {
    return heard(lag, rd_kafka_offsets_for_times(lag->client, list, timeout_ms(lag)));
}

/* ---- a round --------------------------------------------------------------------------------- */

struct answers {
    rd_kafka_topic_partition_list_t *committed, *ends;
    rd_kafka_topic_partition_list_t *begins; /* of partitions without a committed offset */
};

static bool is_told(const rd_kafka_topic_partition_t *partition) {
    return partition->err == RD_KAFKA_RESP_ERR_NO_ERROR && partition->offset >= 0;
}

static bool has_no_commit(const rd_kafka_topic_partition_t *committed) {
    return committed->err == RD_KAFKA_RESP_ERR_NO_ERROR && committed->offset < 0;
}

/* Where a group that has committed nothing begins. */
static rd_kafka_resp_err_t ask_begins(struct rw_lag *lag, struct answers *answers) {
    for (int i = 0; i < answers->committed->cnt; i++)
        if (has_no_commit(&answers->committed->elems[i]))
            rd_kafka_topic_partition_list_add(answers->begins, lag->topic,
                                              answers->committed->elems[i].partition)
                ->offset = RD_KAFKA_OFFSET_BEGINNING;
    if (answers->begins->cnt == 0 || lag->begins_at_end)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    return ask_offsets(lag, answers->begins);
}

/* An end before the committed offset: the topic was made anew. */
static void set_lag(struct rw_lag *lag, const struct answers *answers,
                    const rd_kafka_topic_partition_t *end) {
    const rd_kafka_topic_partition_t *from =
        rd_kafka_topic_partition_list_find(answers->committed, end->topic, end->partition);
    bool is_new = from && has_no_commit(from);
    if (is_new)
        from = lag->begins_at_end ? end
                                  : rd_kafka_topic_partition_list_find(answers->begins, end->topic,
                                                                       end->partition);
    if (!from || !is_told(from) || !is_told(end))
        return; /* the last number stays */
    lag->partitions[end->partition].lag =
        end->offset > from->offset ? (uint64_t)(end->offset - from->offset) : 0;
}

static void show(struct rw_lag *lag) {
    uint64_t queue = 0;
    for (int32_t i = 0; i < lag->n_partitions; i++) {
        queue += lag->partitions[i].lag;
        if (lag->partitions[i].series)
            rw_series_set(lag->partitions[i].series, lag->partitions[i].lag);
    }
    rw_series_set(lag->queue, queue);
    rw_series_set_real(lag->told_at, rw_unix_seconds());
    lag->complete_at = rw_clock_ns();
}

static rd_kafka_resp_err_t ask_all(struct rw_lag *lag, struct answers *answers) {
    rd_kafka_resp_err_t code =
        heard(lag, rd_kafka_committed(lag->client, answers->committed, timeout_ms(lag)));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && !rw_ticker_stopping(&lag->ticker))
        code = ask_offsets(lag, answers->ends);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && !rw_ticker_stopping(&lag->ticker))
        code = ask_begins(lag, answers);
    return code;
}

static rd_kafka_resp_err_t ask_lag(struct rw_lag *lag) {
    if (lag->asked->cnt == 0)
        return UNASKED;
    struct answers answers = {
        .committed = list_with(lag, RD_KAFKA_OFFSET_INVALID),
        .ends = list_with(lag, RD_KAFKA_OFFSET_END),
        .begins = rd_kafka_topic_partition_list_new(0),
    };
    rd_kafka_resp_err_t code = ask_all(lag, &answers);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && !rw_ticker_stopping(&lag->ticker)) {
        for (int i = 0; i < answers.ends->cnt; i++)
            set_lag(lag, &answers, &answers.ends->elems[i]);
        show(lag);
    }
    rd_kafka_topic_partition_list_destroy(answers.committed);
    rd_kafka_topic_partition_list_destroy(answers.ends);
    rd_kafka_topic_partition_list_destroy(answers.begins);
    return code;
}

static rd_kafka_resp_err_t ask(struct rw_lag *lag) {
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!lag->knows_partitions || ms_since(lag->metadata_at) >= METADATA_MS)
        code = ask_partitions(lag);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && !rw_ticker_stopping(&lag->ticker))
        code = ask_lag(lag);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        lag->knows_partitions = false; /* what was known may be the reason */
    return code;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Said once for each reason, and not of what passes by itself in a moment. */
static void log_change(struct rw_lag *lag, rd_kafka_resp_err_t code) {
    if (code == lag->logged)
        return;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        rw_log(RW_LOG_NOTICE, "lag of group \"%s\" is known again", lag->group);
    else if (ms_since(lag->complete_at) > PATIENCE_MS)
        rw_log(RW_LOG_WARNING, "lag of group \"%s\" on \"%s\" is not known: %s", lag->group,
               lag->topic, rd_kafka_err2str(code));
    else
        return;
    lag->logged = code;
}

/* Nobody else takes what the client reports. */
static void drop_events(struct rw_lag *lag) {
    for (int i = 0; i < EVENTS_MAX; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(lag->client, 0);
        if (!message)
            return;
        rd_kafka_message_destroy(message);
    }
}

static void turn(void *context) {
    struct rw_lag *lag = context;
    lag->round_at = rw_clock_ns();
    rw_clock_tick();
    rw_page_refresh_process(lag->page, 0);
    drop_events(lag);
    log_change(lag, ask(lag));
    rw_series_set(lag->broker_up, lag->answered_at && ms_since(lag->answered_at) <= PATIENCE_MS);
}

/* ---- start and stop -------------------------------------------------------------------------- */

/* Without a callback the client would log its errors a second time. */
static void ignore_error(rd_kafka_t *client, int code, const char *reason, void *context) {
    (void)client, (void)code, (void)reason, (void)context;
}

/* What makes the numbers those of kafka-consumer-groups, and the client a mere observer. */
static rowan_status set_own(rd_kafka_conf_t *conf, const char *group, rowan_error *error) {
    const char *const own[][2] = {{"group.id", group},
                                  {"isolation.level", "read_uncommitted"},
                                  {"enable.auto.commit", "false"},
                                  {"allow.auto.create.topics", "false"}};
    char reason[512];
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (rd_kafka_conf_set(conf, own[i][0], own[i][1], reason, sizeof reason) !=
            RD_KAFKA_CONF_OK)
            return rw_fail(error, ROWAN_MISMATCH, own[i][0], NULL, "%s", reason);
    rd_kafka_conf_set_error_cb(conf, ignore_error);
    return ROWAN_OK;
}

/* The scoring threads' default; the user's properties come after it. */
static const char *const defaults[][2] = {{"auto.offset.reset", "earliest"}, {NULL, NULL}};

static bool begins_at_end(const rd_kafka_conf_t *conf) {
    char value[32] = "";
    size_t size = sizeof value;
    return rd_kafka_conf_get(conf, "auto.offset.reset", value, &size) == RD_KAFKA_CONF_OK &&
           (strcmp(value, "largest") == 0 || strcmp(value, "latest") == 0 ||
            strcmp(value, "end") == 0);
}

static rowan_status make_client(struct rw_lag *lag, const struct rw_stream_settings *settings,
                                rowan_error *error) {
    char reason[512];
    rd_kafka_conf_t *conf = rw_stream_conf(settings, RW_FOR_CONSUMER, defaults, error);
    if (!conf)
        return error ? error->status : ROWAN_MISMATCH;
    lag->begins_at_end = begins_at_end(conf);
    rowan_status status = set_own(conf, lag->group, error);
    if (status == ROWAN_OK) {
        lag->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
        if (!lag->client)
            status = rw_fail(error, ROWAN_MISMATCH, "the client that asks for the lag", NULL, "%s",
                             reason);
    }
    if (!lag->client) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_poll_set_consumer(lag->client);
    lag->handle = rd_kafka_topic_new(lag->client, lag->topic, NULL);
    if (!lag->handle)
        return rw_fail(error, ROWAN_MISMATCH, lag->topic, NULL, "%s",
                       rd_kafka_err2str(rd_kafka_last_error()));
    return ROWAN_OK;
}

static rowan_status open_page(struct rw_lag *lag, const char *metrics_dir, rowan_error *error) {
    lag->page = rw_own_page(metrics_dir, "the lag is");
    if (!lag->page)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for a page of metrics");
    const char *topic[] = {lag->topic};
    lag->broker_up = rw_page_series(lag->page, RW_METRIC_KAFKA_BROKER_UP, NULL);
    lag->told_at = rw_page_series(lag->page, RW_METRIC_KAFKA_LAG_AT, NULL);
    lag->queue = rw_page_series(lag->page, RW_METRIC_KAFKA_QUEUE, topic);
    return ROWAN_OK;
}

static void free_lag(struct rw_lag *lag) {
    if (lag->handle)
        rd_kafka_topic_destroy(lag->handle);
    if (lag->client)
        rd_kafka_destroy_flags(lag->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (lag->asked)
        rd_kafka_topic_partition_list_destroy(lag->asked);
    rw_page_close(lag->page);
    free(lag->partitions);
    free(lag->topic);
    free(lag->group);
    free(lag);
}

static rowan_status start(struct rw_lag *lag, const struct rw_stream_settings *settings,
                          rowan_error *error) {
    lag->topic = strdup(settings->input);
    lag->group = strdup(settings->group);
    lag->asked = rd_kafka_topic_partition_list_new(0);
    if (!lag->topic || !lag->group)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    rowan_status status = make_client(lag, settings, error);
    if (status == ROWAN_OK)
        status = open_page(lag, settings->metrics_dir, error);
    lag->complete_at = rw_clock_ns(); /* patience begins now */
    if (status == ROWAN_OK)
        status = rw_ticker_start(&lag->ticker, turn, lag, error);
    return status;
}

rowan_status rw_lag_start(const struct rw_stream_settings *settings, struct rw_lag **out,
                          rowan_error *error) {
    struct rw_lag *lag = calloc(1, sizeof *lag);
    if (!lag)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    rowan_status status = start(lag, settings, error);
    if (status == ROWAN_OK)
        *out = lag;
    else
        free_lag(lag);
    return status;
}

void rw_lag_stop(struct rw_lag *lag) {
    if (!lag)
        return;
    rw_ticker_stop(&lag->ticker);
    free_lag(lag);
}

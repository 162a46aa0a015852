/*
 * produce.c - the producer.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/produce.h"

#include <stdlib.h>
#include <string.h>

#define DRAIN_EXTRA_MS 10000 /* beyond message.timeout.ms */

struct rw_load_producer {
    const struct rw_load_clock *clock;
    struct rw_load_messages *messages;
    struct rw_load_ledger *ledger;
    struct rw_load_watch *watch;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    struct rw_load_message message; /* made, and not yet taken */
    bool has_message;
    uint64_t taken;
    uint64_t bytes; /* keys and values taken */
    int drain_ms;
    rowan_error error;
};

/* ---- configuration ------------------------------------------------------------------------- */

/* A run of given rates has room for the broker's pauses; one at the broker's own rate would
 * only measure how long such a queue is. */
#define PACED_MESSAGES   "1000000"
#define PACED_KBYTES     "524288"
#define UNPACED_MESSAGES "100000"
#define UNPACED_KBYTES   "131072"

/* Fewer acknowledgements than an idempotent producer needs, by the user's wish. */
static bool is_weaker(const struct rw_load_options *options) {
    const char *acks = rw_load_property(options, RW_FOR_PRODUCER, "acks");
    if (!acks)
        acks = rw_load_property(options, RW_FOR_PRODUCER, "request.required.acks");
    return acks && strcmp(acks, "all") != 0 && strcmp(acks, "-1") != 0;
}

static rd_kafka_conf_t *configure(const struct rw_load_options *options, rowan_error *error) {
    const bool unpaced = options->schedule.unpaced;
    const char *const defaults[][2] = {
        {"queue.buffering.max.messages", unpaced ? UNPACED_MESSAGES : PACED_MESSAGES},
        {"queue.buffering.max.kbytes", unpaced ? UNPACED_KBYTES : PACED_KBYTES},
        {"partitioner", "murmur2_random"}, /* Java's */
        {"message.timeout.ms", "60000"},   /* a run ends, whatever happened to the broker */
        {"compression.type", "lz4"},
        {NULL},
    };
    const char *needs[3][2] = {{NULL}};
    size_t n = 0;
    if (!is_weaker(options))
        memcpy(needs[n++], (const char *[]){"enable.idempotence", "true"}, sizeof *needs);
    if (options->compression)
        memcpy(needs[n++], (const char *[]){"compression.type", options->compression},
               sizeof *needs);
    return rw_load_conf(options, RW_FOR_PRODUCER, defaults, (const char *const(*)[2])needs, error);
}

static int read_timeout(const rd_kafka_conf_t *conf) {
    char text[32];
    size_t size = sizeof text;
    return rd_kafka_conf_get(conf, "message.timeout.ms", text, &size) == RD_KAFKA_CONF_OK
               ? atoi(text)
               : 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void note_failed(void *context, uint64_t number) {
    struct rw_load_record *record = rw_load_ledger_at(context, number);
    if (record)
        record->failed = 1;
}

static rowan_status open_client(struct rw_load_producer *producer,
                                const struct rw_load_options *options,
                                const struct rw_load_watch_options *watching, rowan_error *error) {
    rd_kafka_conf_t *conf = configure(options, error);
    if (!conf)
        return ROWAN_ARGUMENT;
    producer->drain_ms = read_timeout(conf) + DRAIN_EXTRA_MS;
    producer->watch = rw_load_watch_new(watching, conf);
    if (!producer->watch) {
        rd_kafka_conf_destroy(conf);
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for latencies");
    }
    producer->client = rw_load_client(RD_KAFKA_PRODUCER, conf, error);
    if (!producer->client)
        return ROWAN_ARGUMENT;
    producer->topic = rd_kafka_topic_new(producer->client, options->stream.input, NULL);
    if (!producer->topic)
        return rw_fail(error, ROWAN_ARGUMENT, options->stream.input, NULL, "%s",
                       rd_kafka_err2str(rd_kafka_last_error()));
    return ROWAN_OK;
}

rowan_status rw_load_producer_start(struct rw_load_producer *producer, rowan_error *error) {
    return rw_load_watch_start(producer->watch, producer->client, error);
}

rowan_status rw_load_producer_open(const struct rw_load_options *options,
                                   const struct rw_load_clock *clock,
                                   const struct rw_load_timeline *timeline,
                                   struct rw_load_messages *messages, struct rw_load_ledger *ledger,
                                   struct rw_load_producer **producer, rowan_error *error) {
    struct rw_load_producer *made = calloc(1, sizeof *made);
    *producer = made;
    if (!made)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the producer");
    made->clock = clock;
    made->messages = messages;
    made->ledger = ledger;
    const struct rw_load_watch_options watching = {.clock = clock,
                                                   .timeline = timeline,
                                                   .schedule = &options->schedule,
                                                   .failed = ledger ? note_failed : NULL,
                                                   .context = ledger};
    rowan_status status = open_client(made, options, &watching, error);
    if (status != ROWAN_OK) {
        rw_load_producer_close(made);
        *producer = NULL;
    }
    return status;
}

void rw_load_producer_close(struct rw_load_producer *producer) {
    if (!producer)
        return;
    if (producer->watch)
        rw_load_watch_stop(producer->watch);
    if (producer->topic)
        rd_kafka_topic_destroy(producer->topic);
    if (producer->client)
        rd_kafka_destroy(producer->client);
    rw_load_watch_free(producer->watch);
    free(producer);
}

/* ---- sending --------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t hand_over(struct rw_load_producer *producer, int64_t unix_ms,
                                     uint32_t tick) {
    const struct rw_load_message *message = &producer->message;
    return rd_kafka_producev(
        producer->client, RD_KAFKA_V_RKT(producer->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(message->key, message->key_length),
        RD_KAFKA_V_VALUE(message->value, message->value_length), RD_KAFKA_V_TIMESTAMP(unix_ms),
        RD_KAFKA_V_OPAQUE(rw_load_tag(message->number, tick)), RD_KAFKA_V_END);
}

static bool note(struct rw_load_producer *producer, int64_t unix_ms) {
    struct rw_load_record *record = rw_load_ledger_next(producer->ledger);
    if (!record) {
        rw_error_set(&producer->error, ROWAN_NO_MEMORY, "verify", NULL,
                     "no memory for what became of message %llu",
                     (unsigned long long)producer->message.number);
        return false;
    }
    record->sent_ms = (uint32_t)(unix_ms - producer->clock->start_unix_ms);
    record->scenario = producer->message.scenario;
    record->flaw = producer->message.flaw;
    rw_load_ledger_publish(producer->ledger);
    return true;
}

/* A message that found no room keeps its record; only its timestamp is renewed. */
static bool make(struct rw_load_producer *producer, int64_t unix_us) {
    if (producer->has_message) {
        if (producer->ledger)
            rw_load_ledger_at(producer->ledger, producer->message.number)->sent_ms =
                (uint32_t)(unix_us / 1000 - producer->clock->start_unix_ms);
        return true;
    }
    producer->has_message = rw_load_messages_next(producer->messages, unix_us, &producer->message,
                                                  &producer->error) == ROWAN_OK &&
                            (!producer->ledger || note(producer, unix_us / 1000));
    return producer->has_message;
}

uint64_t rw_load_producer_send(struct rw_load_producer *producer, uint64_t count, uint32_t tick) {
    uint64_t taken = 0;
    const int64_t unix_us = rw_load_unix_us();
    while (taken < count && make(producer, unix_us)) {
        const rd_kafka_resp_err_t code = hand_over(producer, unix_us / 1000, tick);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rw_load_watch_refused(producer->watch, code);
            if (producer->ledger)
                note_failed(producer->ledger, producer->message.number);
        }
        producer->bytes += producer->message.key_length + producer->message.value_length;
        producer->has_message = false;
        taken++;
    }
    producer->taken += taken;
    return taken;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

uint64_t rw_load_producer_pending(const struct rw_load_producer *producer) {
    return producer->taken - rw_load_watch_acked(producer->watch) -
           rw_load_watch_failed(producer->watch);
}

bool rw_load_producer_works(const struct rw_load_producer *producer, rowan_error *error) {
    if (producer->error.status != ROWAN_OK) {
        *error = producer->error;
        return false;
    }
    if (rw_load_watch_is_fatal(producer->watch)) {
        rw_error_set(error, ROWAN_IO, "librdkafka", NULL, "the producer cannot go on");
        return false;
    }
    return true;
}

void rw_load_producer_drain(struct rw_load_producer *producer, bool (*wait)(void *context),
                            void *context) {
    rw_load_watch_drain(producer->watch, producer->drain_ms, wait, context);
}

struct rw_load_watch *rw_load_producer_watch(const struct rw_load_producer *producer) {
    return producer->watch;
}

uint64_t rw_load_producer_bytes(const struct rw_load_producer *producer) {
    return producer->bytes;
}

rd_kafka_t *rw_load_producer_client(const struct rw_load_producer *producer) {
    return producer->client;
}

/*
 * stream_copy.c - the floor of make bench-kafka: consumes N messages and produces each as it
 * is, and does nothing else.
 *
 *     stream_copy BROKERS INPUT OUTPUT GROUP N [NAME=VALUE ...]
 *
 * What librdkafka alone takes, used as well as we know how: batches from the consumer, the
 * input's partition (no hash of the key), no report of a delivery but of one that failed.  At
 * least once in the cheapest way: offsets are committed once, when all has been acknowledged.
 * NAME=VALUE are properties of the producer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "stream_client.h"

#define BATCH   10000
#define WAIT_MS 50

/* Those of rowan-stream, as far as they bear upon speed. */
static const char *const consumer_properties[][2] = {
    {"enable.auto.commit", "false"},
    {"auto.offset.reset", "earliest"},
    {"queued.min.messages", "1000000"},
    {"fetch.wait.max.ms", "100"},
    {NULL, NULL},
};
static const char *const producer_properties[][2] = {
    {"acks", "all"},
    {"linger.ms", "5"},
    {"batch.num.messages", "100000"},
    {"queue.buffering.max.messages", "400000"},
    {"delivery.report.only.error", "true"},
    {NULL, NULL},
};

static void on_failed(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer, (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("not delivered", rd_kafka_err2str(message->err));
}

static rd_kafka_t *open_consumer(const char *brokers, const char *group, const char *input) {
    rd_kafka_conf_t *conf = bench_conf(brokers, consumer_properties, (char *[]){NULL}, 0);
    char why[512];
    if (rd_kafka_conf_set(conf, "group.id", group, why, sizeof why) != RD_KAFKA_CONF_OK)
        bench_fail("group.id", why);
    rd_kafka_t *consumer = bench_client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, input, RD_KAFKA_PARTITION_UA);
    const rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer, topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail(input, rd_kafka_err2str(code));
    rd_kafka_topic_partition_list_destroy(topics);
    return consumer;
}

static void copy(rd_kafka_t *producer, rd_kafka_topic_t *topic, const rd_kafka_message_t *message) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("not consumed", rd_kafka_message_errstr(message));
    while (rd_kafka_produce(topic, message->partition, RD_KAFKA_MSG_F_COPY, message->payload,
                            message->len, message->key, message->key_len, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            bench_fail("not produced", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(producer, WAIT_MS);
    }
}

/* Nanoseconds from the first message to the last acknowledgement. */
static uint64_t copy_all(rd_kafka_t *consumer, rd_kafka_t *producer, rd_kafka_topic_t *topic,
                         uint64_t n) {
    static rd_kafka_message_t *messages[BATCH];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    uint64_t begun = 0, done = 0, last = bench_now_ns();
    while (done < n) {
        const ssize_t got = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
        const uint64_t now = bench_now_ns();
        if (got > 0)
            last = now;
        if (got > 0 && !begun)
            begun = now;
        if (now - last > BENCH_PATIENCE_MS * UINT64_C(1000000))
            bench_fail("input", "no message comes any more");
        for (ssize_t i = 0; i < got; i++) {
            copy(producer, topic, messages[i]);
            rd_kafka_message_destroy(messages[i]);
        }
        done += got > 0 ? (uint64_t)got : 0;
        rd_kafka_poll(producer, 0);
    }
    bench_flush(producer);
    rd_kafka_queue_destroy(queue);
    return bench_now_ns() - begun;
}

int main(int argc, char **argv) {
    if (argc < 6)
        bench_fail("usage", "stream_copy BROKERS INPUT OUTPUT GROUP N [NAME=VALUE ...]");
    const uint64_t n = bench_number(argv[5], "N");
    rd_kafka_conf_t *conf = bench_conf(argv[1], producer_properties, argv + 6, argc - 6);
    rd_kafka_conf_set_dr_msg_cb(conf, on_failed);
    rd_kafka_t *producer = bench_client(RD_KAFKA_PRODUCER, conf);
    rd_kafka_topic_t *topic = bench_topic(producer, argv[3]);
    rd_kafka_t *consumer = open_consumer(argv[1], argv[4], argv[2]);
    const uint64_t ns = copy_all(consumer, producer, topic, n);
    const rd_kafka_resp_err_t code = rd_kafka_commit(consumer, NULL, 0);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("offsets are not committed", rd_kafka_err2str(code));
    printf("{\"seconds\": %.6f}\n", (double)ns / 1e9);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}

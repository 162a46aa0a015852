/*
 * stream_fill.c - fills a topic with N transactions, as fast as it goes.
 *
 *     stream_fill BROKERS TOPIC LINES N
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "stream_client.h"

static const char *const properties[][2] = {
    {"acks", "all"},     {"enable.idempotence", "true"}, /* N messages, not some more */
    {"linger.ms", "50"}, {"batch.num.messages", "10000"}, {"compression.type", "lz4"}, {NULL, NULL},
};

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer, (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("not delivered", rd_kafka_err2str(message->err));
}

int main(int argc, char **argv) {
    if (argc != 5)
        bench_fail("usage", "stream_fill BROKERS TOPIC LINES N");
    const struct bench_lines *lines = bench_lines_read(argv[3]);
    const uint64_t n = bench_number(argv[4], "N");
    rd_kafka_conf_t *conf = bench_conf(argv[1], properties, NULL, 0);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *producer = bench_client(RD_KAFKA_PRODUCER, conf);
    rd_kafka_topic_t *topic = bench_topic(producer, argv[2]);
    struct bench_message message;
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < n; i++) {
        bench_message_make(lines, i, &message);
        bytes += message.length;
        bench_send(producer, topic, &message);
    }
    bench_flush(producer);
    printf("{\"messages\": %llu, \"mean_bytes\": %.1f}\n", (unsigned long long)n,
           n ? (double)bytes / (double)n : 0.0);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    return 0;
}

/*
 * stream_latency.c - how long a transaction takes from its producer to a reader of its
 * prediction.
 *
 *     stream_latency BROKERS INPUT OUTPUT LINES RATE SECONDS WARM_SECONDS
 *
 * One thread produces RATE transactions a second on a timetable; another reads the output
 * topic, which must be new, as read_committed consumers do.  A latency is from the moment at
 * which the transaction was due, not from when it was sent: a producer that is late hides
 * nothing.  The transactions of the first WARM_SECONDS are sent and awaited, not timed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stream_client.h"

#define NS_PER_S UINT64_C(1000000000)
#define START_NS (NS_PER_S / 2) /* from the first look at the clock to the first message */
#define BATCH    1000
#define WAIT_MS  20
#define ID_MARK  "\"tx-"

static const char *const producer_properties[][2] = {
    {"acks", "all"},
    {"enable.idempotence", "true"},
    {"linger.ms", "0"},
    {NULL, NULL},
};
static const char *const consumer_properties[][2] = {
    {"group.id", "stream-latency"},
    {"enable.auto.commit", "false"},
    {"isolation.level", "read_committed"},
    {"fetch.wait.max.ms", "100"},
    {NULL, NULL},
};

struct run {
    const char *brokers, *input;
    const struct bench_lines *lines;
    uint64_t n, rate, warm; /* warm: messages that are not timed */
    uint64_t start;         /* ns at which message 0 is due */
    uint64_t *late;         /* ns, of each message as it was sent */
    uint64_t *latency;      /* ns; 0: not come yet */
    uint64_t arrived, twice, strange;
};

static uint64_t due(const struct run *run, uint64_t i) {
    return run->start + i * NS_PER_S / run->rate;
}

/* ---- sending ------------------------------------------------------------------------------ */

static void sleep_until(uint64_t ns) {
    const struct timespec at = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        ;
}

static void *send_all(void *context) {
    struct run *run = context;
    rd_kafka_t *producer =
        bench_client(RD_KAFKA_PRODUCER, bench_conf(run->brokers, producer_properties, NULL, 0));
    rd_kafka_topic_t *topic = bench_topic(producer, run->input);
    struct bench_message message;
    for (uint64_t i = 0; i < run->n; i++) {
        bench_message_make(run->lines, i, &message);
        sleep_until(due(run, i));
        run->late[i] = bench_now_ns() - due(run, i);
        bench_send(producer, topic, &message);
    }
    bench_flush(producer);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    return NULL;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* The number in "tx-00000007", or run->n. */
static uint64_t index_of(const struct run *run, const rd_kafka_message_t *message) {
    const char *mark = memmem(message->payload, message->len, ID_MARK, strlen(ID_MARK));
    if (!mark)
        return run->n;
    const char *digits = mark + strlen(ID_MARK);
    const char *end = (const char *)message->payload + message->len;
    uint64_t index = 0;
    if (end - digits < BENCH_ID_DIGITS)
        return run->n;
    for (int i = 0; i < BENCH_ID_DIGITS; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return run->n;
        index = index * 10 + (uint64_t)(digits[i] - '0');
    }
    return index < run->n ? index : run->n;
}

static void note(struct run *run, const rd_kafka_message_t *message, uint64_t now) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_fail("not consumed", rd_kafka_message_errstr(message));
    const uint64_t i = index_of(run, message);
    if (i == run->n)
        run->strange++;
    else if (run->latency[i])
        run->twice++;
    else {
        run->latency[i] = now - due(run, i);
        run->arrived++;
    }
}

/* Until all have come, or nothing comes any more. */
static void read_all(struct run *run, rd_kafka_t *consumer) {
    rd_kafka_message_t *messages[BATCH];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    uint64_t last = due(run, run->n);
    while (run->arrived < run->n) {
        const ssize_t got = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
        const uint64_t now = bench_now_ns();
        if (got > 0 && now > last)
            last = now;
        for (ssize_t i = 0; i < got; i++) {
            note(run, messages[i], now);
            rd_kafka_message_destroy(messages[i]);
        }
        if (now > last && now - last > BENCH_PATIENCE_MS * UINT64_C(1000000))
            break;
    }
    rd_kafka_queue_destroy(queue);
}

/* ---- the figures -------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double ms_at(const uint64_t *sorted, uint64_t n, double share) {
    return (double)sorted[(uint64_t)((double)(n - 1) * share)] / 1e6;
}

/* Those that did not come stand first in the order, with 0: they are told by number. */
static void print(struct run *run) {
    const uint64_t timed = run->n - run->warm;
    uint64_t *latency = run->latency + run->warm, *late = run->late + run->warm;
    qsort(latency, timed, sizeof *latency, compare);
    qsort(late, timed, sizeof *late, compare);
    printf("{\"messages\": %llu, \"missing\": %llu, \"twice\": %llu, \"strange\": %llu, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f, "
           "\"late_p99_ms\": %.3f}\n",
           (unsigned long long)run->n, (unsigned long long)(run->n - run->arrived),
           (unsigned long long)run->twice, (unsigned long long)run->strange,
           ms_at(latency, timed, 0.5), ms_at(latency, timed, 0.99), ms_at(latency, timed, 0.999),
           ms_at(latency, timed, 1), ms_at(late, timed, 0.99));
}

static void read_arguments(struct run *run, char **argv) {
    const uint64_t seconds = bench_number(argv[6], "SECONDS"),
                   warm = bench_number(argv[7], "WARM_SECONDS");
    run->brokers = argv[1];
    run->input = argv[2];
    run->lines = bench_lines_read(argv[4]);
    run->rate = bench_number(argv[5], "RATE");
    run->n = run->rate * (seconds + warm);
    run->warm = run->rate * warm;
    if (seconds == 0 || run->rate == 0 || run->n > BENCH_MESSAGES_MAX)
        bench_fail("RATE, SECONDS", "no message, or too many");
    run->late = calloc(run->n, sizeof *run->late);
    run->latency = calloc(run->n, sizeof *run->latency);
    if (!run->late || !run->latency)
        bench_fail("SECONDS", "no memory");
}

int main(int argc, char **argv) {
    struct run run = {0};
    pthread_t sender;
    if (argc != 8)
        bench_fail("usage", "stream_latency BROKERS INPUT OUTPUT LINES RATE SECONDS WARM_SECONDS");
    read_arguments(&run, argv);
    rd_kafka_t *consumer =
        bench_client(RD_KAFKA_CONSUMER, bench_conf(run.brokers, consumer_properties, NULL, 0));
    rd_kafka_topic_partition_list_t *partitions =
        bench_partitions(consumer, argv[3], RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_assign(consumer, partitions);
    run.start = bench_now_ns() + START_NS;
    if (pthread_create(&sender, NULL, send_all, &run) != 0)
        bench_fail("stream_latency", "no thread");
    read_all(&run, consumer);
    pthread_join(sender, NULL);
    print(&run);
    rd_kafka_topic_partition_list_destroy(partitions);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return run.arrived == run.n && run.twice == 0 && run.strange == 0 ? 0 : 1;
}

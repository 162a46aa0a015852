/*
 * counters.h - what one scoring thread counts, in a page of its own.
 *
 * Messages are counted when their transaction has committed, never before: an aborted
 * transaction leaves no trace but kafka_transactions_total{outcome="aborted"}, so that
 * counters equal what read_committed consumers see.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_COUNTERS_H
#define RW_STREAM_COUNTERS_H

#include "metrics/metrics.h"
#include "modeldir/modeldir.h"
#include "stream/settings.h"

/* Why a message went to the dead letters; the names are in counters.c, header rowan-reason
 * and label reason. */
enum rw_dead_reason {
    RW_DEAD_INVALID_JSON,
    RW_DEAD_CONTRACT,         /* contract_violation */
    RW_DEAD_TOO_LARGE,        /* the message itself */
    RW_DEAD_TOMBSTONE,        /* a key without a value */
    RW_DEAD_OUTPUT_TOO_LARGE, /* its prediction is larger than the output topic takes */
    RW_DEAD_REASONS
};
const char *rw_dead_reason_name(enum rw_dead_reason reason);

/* A message that was worked on in the open transaction. */
struct rw_done {
    int64_t timestamp_ms; /* of the message, Unix time; -1: none */
    double score;         /* of a prediction */
    int32_t dead;         /* enum rw_dead_reason, or -1: a prediction */
    uint32_t served;      /* of a prediction: what rw_counters_served gave for its model */
};

struct rw_counters;

/* Never NULL: without a directory, or where a page cannot be had (logged), it counts in
 * private; without memory for that the process ends.  The settings are not kept. */
struct rw_counters *rw_counters_open(const struct rw_stream_settings *settings);
void rw_counters_close(struct rw_counters *counters);

/* All that follow are called by the one thread that opened the counters. */

/* The predictions that follow are of this model; gives rw_done.served for them.  A model may
 * be swapped within a transaction: its rows count under the version that scored them. */
uint32_t rw_counters_served(struct rw_counters *counters, const struct rw_served *served);
/* A batch was scored by that model in so many nanoseconds (rw_clock_ns); counted with its
 * transaction. */
void rw_counters_scored(struct rw_counters *counters, uint64_t ns);
/* A transaction has ended; `ns` since its begin; now_ms is Unix time.  With at-least-once,
 * what was flushed and committed together counts as one. */
void rw_counters_committed(struct rw_counters *counters, const struct rw_done *done, size_t n_done,
                           int64_t now_ms, uint64_t ns);
void rw_counters_aborted(struct rw_counters *counters);
/* Only the broker knows whether it has committed: its messages are not counted, neither now
 * nor, if it has, later. */
void rw_counters_unknown(struct rw_counters *counters);

/* n_assigned: partitions that the thread has after the event. */
enum rw_rebalance { RW_ASSIGNED, RW_REVOKED, RW_LOST, RW_REBALANCES };
void rw_counters_rebalanced(struct rw_counters *counters, enum rw_rebalance event,
                            uint32_t n_assigned);
/* Errors that librdkafka reported, by their name ("_TRANSPORT"). */
void rw_counters_error(struct rw_counters *counters, rd_kafka_resp_err_t code);

/* Once in each turn of the thread's loop, at most a second apart: that it lives; whether it
 * is ready (a model, and a place in the group: assigned, be it to nothing). */
void rw_counters_alive(struct rw_counters *counters, bool ready);

#endif

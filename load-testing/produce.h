/*
 * produce.h - the producer: messages of the simulation into librdkafka's queue.
 *
 * Keyed by the customer, with Java's partitioner, so that a customer's transactions stay in
 * order in one partition.  Safe by default: acks=all, idempotent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_PRODUCE_H
#define RW_LOAD_PRODUCE_H

#include "load-testing/client.h"
#include "load-testing/ledger.h"
#include "load-testing/watch.h"

struct rw_load_producer;

/* `ledger` may be NULL: nothing is noted.  All must outlive the producer. */
rowan_status rw_load_producer_open(const struct rw_load_options *options,
                                   const struct rw_load_clock *clock,
                                   const struct rw_load_timeline *timeline,
                                   struct rw_load_messages *messages, struct rw_load_ledger *ledger,
                                   struct rw_load_producer **producer, rowan_error *error);
/* Starts the thread of acknowledgements; the clock runs. */
rowan_status rw_load_producer_start(struct rw_load_producer *producer, rowan_error *error);
/* Sends up to `count` messages; how many were taken, which is fewer when the queue is full.
 * One that is refused for another reason counts as taken, and as failed. */
uint64_t rw_load_producer_send(struct rw_load_producer *producer, uint64_t count, uint32_t tick);
/* Messages without a report yet. */
uint64_t rw_load_producer_pending(const struct rw_load_producer *producer);
/* False, with an error, when no message can be made or sent any more. */
bool rw_load_producer_works(const struct rw_load_producer *producer, rowan_error *error);
/* Waits until every message has its report, `wait` says no, or message.timeout.ms and some
 * have passed; what is then left is counted as failed. */
void rw_load_producer_drain(struct rw_load_producer *producer, bool (*wait)(void *context),
                            void *context);
struct rw_load_watch *rw_load_producer_watch(const struct rw_load_producer *producer);
uint64_t rw_load_producer_bytes(const struct rw_load_producer *producer);
rd_kafka_t *rw_load_producer_client(const struct rw_load_producer *producer);
void rw_load_producer_close(struct rw_load_producer *producer);

#endif

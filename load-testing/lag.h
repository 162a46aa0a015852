/*
 * lag.h - how many messages of the topic the consumer group has not committed yet.
 *
 * Asked of the broker once a second, by a client that never joins the group: the end of
 * every partition minus the group's committed offset there, as kafka-consumer-groups has
 * it.  A partition without a commit counts from its begin; a group that has committed
 * nothing at all has no lag to show.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_LAG_H
#define RW_LOAD_LAG_H

#include "load-testing/client.h"
#include "load-testing/timeline.h"

struct rw_load_lag;

/* Checks that the topic exists. */
rowan_status rw_load_lag_open(const struct rw_load_options *options,
                              const struct rw_load_clock *clock,
                              const struct rw_load_timeline *timeline, struct rw_load_lag **lag,
                              rowan_error *error);
/* Starts the thread; the clock runs. */
rowan_status rw_load_lag_start(struct rw_load_lag *lag, rowan_error *error);
uint32_t rw_load_lag_partitions(const struct rw_load_lag *lag);
/* The last answer, or RW_LOAD_LAG_UNKNOWN. */
int64_t rw_load_lag_now(const struct rw_load_lag *lag);
void rw_load_lag_close(struct rw_load_lag *lag);

#endif

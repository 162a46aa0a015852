/*
 * lag.h - how far the group is behind, asked of the broker.
 *
 * A thread of its own asks once a second for the end of every partition of the input topic
 * and for the group's committed offsets, with a client that never joins the group, and sets
 * kafka_consumer_lag and kafka_queue_length: the very numbers of kafka-consumer-groups.
 * Where the group has committed nothing, that tool shows "-"; here it is what the group would
 * read: all messages that the partition holds, or none with auto.offset.reset=latest.
 * It sees all partitions, whoever reads them.  While the broker does not answer, the last
 * numbers stay, kafka_broker_up is 0 and kafka_lag_timestamp_seconds says how old they are;
 * process_* figures are refreshed all the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_LAG_H
#define RW_STREAM_LAG_H

#include "stream/settings.h"

struct rw_lag;

rowan_status rw_lag_start(const struct rw_stream_settings *settings, struct rw_lag **lag,
                          rowan_error *error);
/* Ends the thread, in a second at most. */
void rw_lag_stop(struct rw_lag *lag);

#endif

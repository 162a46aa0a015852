/*
 * assignment.h - the partitions that this consumer has been given, and how far the open
 * transaction has come in each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_ASSIGNMENT_H
#define RW_STREAM_ASSIGNMENT_H

#include <librdkafka/rdkafka.h>

#include "base/base.h"

#define RW_NO_OFFSET (-1)

struct rw_partition {
    bool assigned;
    uint32_t assignments; /* how often it has been given to us: tells a message of before */
    int64_t first;        /* offset of the first message of the open transaction, or none */
    int64_t next;         /* offset behind the last one */
};

/* Partitions of one topic, by their number.  One thread's. */
struct rw_assignment {
    const char *topic;
    struct rw_partition *partitions; /* [n_partitions] */
    uint32_t n_partitions;           /* room, not count */
    uint32_t n_assigned;
};

void rw_assignment_init(struct rw_assignment *assignment, const char *topic);
void rw_assignment_free(struct rw_assignment *assignment);

/* What a rebalance gives and takes.  False without memory, and nothing was given. */
bool rw_assignment_give(struct rw_assignment *assignment,
                        const rd_kafka_topic_partition_list_t *partitions);
void rw_assignment_take(struct rw_assignment *assignment,
                        const rd_kafka_topic_partition_list_t *partitions);
void rw_assignment_take_all(struct rw_assignment *assignment);

/* NULL: not ours now. */
static inline struct rw_partition *rw_assigned(const struct rw_assignment *assignment,
                                               int32_t partition) {
    if ((uint32_t)partition >= assignment->n_partitions ||
        !assignment->partitions[partition].assigned)
        return NULL;
    return &assignment->partitions[partition];
}

/* The message at `offset` is in the open transaction. */
static inline void rw_partition_worked(struct rw_partition *partition, int64_t offset) {
    if (partition->first == RW_NO_OFFSET)
        partition->first = offset;
    partition->next = offset + 1;
}

/* The message at `offset` was fetched and will not be worked on: a rewind must go so far. */
static inline void rw_partition_skipped(struct rw_partition *partition, int64_t offset) {
    if (partition->first == RW_NO_OFFSET || offset < partition->first)
        partition->first = offset;
}

/* Offsets to commit, or to go back to, of all partitions in the open transaction; owned by
 * the caller, NULL if there are none (or no memory, which rd_kafka treats as fatal). */
rd_kafka_topic_partition_list_t *rw_assignment_done(const struct rw_assignment *assignment);
rd_kafka_topic_partition_list_t *rw_assignment_begun(const struct rw_assignment *assignment);
/* The transaction has ended. */
void rw_assignment_settle(struct rw_assignment *assignment);

#endif

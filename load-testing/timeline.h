/*
 * timeline.h - what happened in each second of a run.
 *
 * One slot a second, allocated before the run.  Each field has one thread that writes it,
 * with plain stores; the progress line and the report read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_TIMELINE_H
#define RW_LOAD_TIMELINE_H

#include "base/base.h"
#include "load-testing/clock.h"

#define RW_LOAD_LAG_UNKNOWN (-1)

struct rw_load_second {
    uint64_t sent;   /* handed to librdkafka: the sender's */
    int64_t late_ns; /* longest time that a batch came after its time: the sender's */
    uint64_t acked;  /* the watch's, as are the next four */
    uint64_t failed; /* neither delivered nor to be */
    uint64_t p50_us; /* of the messages acknowledged in this second */
    uint64_t p99_us;
    uint64_t max_us;
    int64_t lag;    /* messages that the group has not committed: the lag's */
    uint64_t found; /* read back: the reader's */
};

struct rw_load_timeline {
    struct rw_load_second *seconds; /* [n] */
    uint32_t n;
};

/* Room for `seconds` and some more, for what comes after the schedule's end.  Slots begin
 * with an unknown lag.  False without memory. */
bool rw_load_timeline_open(struct rw_load_timeline *timeline, double seconds);
void rw_load_timeline_close(struct rw_load_timeline *timeline);
/* The slot of a time; of one after the last slot, the last. */
struct rw_load_second *rw_load_timeline_at(const struct rw_load_timeline *timeline, int64_t ns);

/* Fields are read while their thread writes. */
#define rw_load_set(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)
#define rw_load_get(field)        __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define rw_load_add(field, more)  rw_load_set((field), (field) + (more))

#endif

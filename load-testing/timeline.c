/*
 * timeline.c - what happened in each second of a run.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/timeline.h"

#include <math.h>
#include <stdlib.h>

/* Seconds after the schedule's end that have slots: overtime, acknowledgements, reading. */
#define AFTER 1200u

bool rw_load_timeline_open(struct rw_load_timeline *timeline, double seconds) {
    const uint32_t n = (uint32_t)ceil(seconds) + AFTER;
    *timeline = (struct rw_load_timeline){calloc(n, sizeof *timeline->seconds), n};
    if (!timeline->seconds)
        return false;
    for (uint32_t i = 0; i < n; i++)
        timeline->seconds[i].lag = RW_LOAD_LAG_UNKNOWN;
    return true;
}

void rw_load_timeline_close(struct rw_load_timeline *timeline) {
    free(timeline->seconds);
    *timeline = (struct rw_load_timeline){0};
}

struct rw_load_second *rw_load_timeline_at(const struct rw_load_timeline *timeline, int64_t ns) {
    const int64_t second = ns > 0 ? ns / RW_LOAD_SECOND_NS : 0;
    return &timeline->seconds[second < timeline->n ? second : timeline->n - 1];
}

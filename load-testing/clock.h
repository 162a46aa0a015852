/*
 * clock.h - the two clocks of a run.
 *
 * Timetable and latencies are of the monotonic clock, which nobody sets.  Timestamps of
 * messages are Unix time, since other machines read them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_CLOCK_H
#define RW_LOAD_CLOCK_H

#include <stdint.h>
#include <time.h>

#define RW_LOAD_SECOND_NS 1000000000

/* When the run began, by both clocks. */
struct rw_load_clock {
    int64_t start_ns;
    int64_t start_unix_ms;
};

static inline int64_t rw_load_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * RW_LOAD_SECOND_NS + now.tv_nsec;
}

static inline int64_t rw_load_unix_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline struct rw_load_clock rw_load_clock_start(void) {
    return (struct rw_load_clock){rw_load_now_ns(), rw_load_unix_us() / 1000};
}

/* Nanoseconds since the run began. */
static inline int64_t rw_load_elapsed(const struct rw_load_clock *clock) {
    return rw_load_now_ns() - clock->start_ns;
}

#endif

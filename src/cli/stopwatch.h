/*
 * stopwatch.h - the time of a call that takes tens of nanoseconds.
 *
 * On x86 the time stamp counter, with fences, so that the call under measurement is
 * wholly between the two readings; elsewhere CLOCK_MONOTONIC.  Reading costs about as
 * much as the fastest call: measure an empty call too, and take it off.
 *
 * bench/native/ uses this file too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_STOPWATCH_H
#define RW_CLI_STOPWATCH_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

static inline double rw_now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

#if defined(__x86_64__)
#include <x86intrin.h>

#define RW_STOPWATCH "rdtsc"

static inline uint64_t rw_ticks_begin(void) {
    _mm_lfence();
    uint64_t ticks = __rdtsc();
    _mm_lfence();
    return ticks;
}

static inline uint64_t rw_ticks_end(void) {
    unsigned processor;
    uint64_t ticks = __rdtscp(&processor);
    _mm_lfence();
    return ticks;
}

#else

#define RW_STOPWATCH "clock_gettime"

static inline uint64_t rw_ticks_begin(void) {
    return (uint64_t)rw_now_ns();
}

static inline uint64_t rw_ticks_end(void) {
    return (uint64_t)rw_now_ns();
}

#endif

/* Takes 50 ms. */
double rw_ns_per_tick(void);

/* Sorts the readings. */
void rw_ticks_sort(uint64_t *ticks, size_t n);
/* Of sorted readings, n > 0. */
double rw_ticks_median(const uint64_t *sorted, size_t n);
double rw_ticks_p99(const uint64_t *sorted, size_t n);

#endif

/*
 * clock.h - the time of a call that takes tens of nanoseconds.
 *
 * On x86 the time stamp counter, with fences, so that the call under measurement is
 * wholly between the two readings; elsewhere CLOCK_MONOTONIC.  Reading costs about as
 * much as the fastest call: measure.c measures an empty call too, and takes it off.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_BENCH_CLOCK_H
#define RW_BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline double now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

#if defined(__x86_64__)
#include <x86intrin.h>

#define CLOCK_NAME "rdtsc"

static inline uint64_t clock_begin(void) {
    _mm_lfence();
    uint64_t ticks = __rdtsc();
    _mm_lfence();
    return ticks;
}

static inline uint64_t clock_end(void) {
    unsigned processor;
    uint64_t ticks = __rdtscp(&processor);
    _mm_lfence();
    return ticks;
}

#define CALIBRATION_NS 5e7

static inline double clock_ns_per_tick(void) {
    double started = now_ns(), passed;
    uint64_t ticks = clock_begin();
    do
        passed = now_ns() - started;
    while (passed < CALIBRATION_NS);
    return passed / (double)(clock_end() - ticks);
}

#else

#define CLOCK_NAME "clock_gettime"

static inline uint64_t clock_begin(void) {
    return (uint64_t)now_ns();
}

static inline uint64_t clock_end(void) {
    return (uint64_t)now_ns();
}

static inline double clock_ns_per_tick(void) {
    return 1.0;
}

#endif
#endif

/*
 * stopwatch.c - readings to nanoseconds, and their order statistics.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/stopwatch.h"

#include <stdlib.h>

#define CALIBRATION_NS 5e7

double rw_ns_per_tick(void) {
    double started = rw_now_ns(), passed;
    uint64_t ticks = rw_ticks_begin();
    do
        passed = rw_now_ns() - started;
    while (passed < CALIBRATION_NS);
    return passed / (double)(rw_ticks_end() - ticks);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void rw_ticks_sort(uint64_t *ticks, size_t n) {
    qsort(ticks, n, sizeof *ticks, compare);
}

/* The smallest difference between two readings: what the clock can tell apart. */
static uint64_t find_step(const uint64_t *sorted, size_t n) {
    uint64_t step = UINT64_MAX;
    for (size_t i = 1; i < n; i++)
        if (sorted[i] > sorted[i - 1] && sorted[i] - sorted[i - 1] < step)
            step = sorted[i] - sorted[i - 1];
    return step == UINT64_MAX ? 0 : step;
}

/* The counters of some CPUs go in steps of 10 ns, a quarter of the fastest call.  Within
 * its step the median is found by the share of readings below the step, as statisticians
 * do with grouped data. */
double rw_ticks_median(const uint64_t *sorted, size_t n) {
    uint64_t middle = sorted[n / 2];
    size_t below = 0, in = 0;
    while (sorted[below] < middle)
        below++;
    while (below + in < n && sorted[below + in] == middle)
        in++;
    double share = ((double)n / 2.0 - (double)below) / (double)in;
    return (double)middle + (share - 0.5) * (double)find_step(sorted, n);
}

double rw_ticks_p99(const uint64_t *sorted, size_t n) {
    size_t place = n * 99 / 100;
    return (double)sorted[place];
}

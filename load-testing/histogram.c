/*
 * histogram.c - counts of latencies in log-linear buckets.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/histogram.h"

#include <math.h>
#include <string.h>

/* 0.07 * 100 comes out a little above 7. */
#define ROUNDING 1e-6

#define LINEAR    (1u << RW_LOAD_HISTOGRAM_BITS)
#define VALUE_MAX ((UINT64_C(1) << RW_LOAD_HISTOGRAM_VALUE) - 1)

/* Values below LINEAR have a bucket each; above, the leading bits of a value are its
 * bucket, and the power of two says which run of LINEAR buckets it is in. */
static uint32_t bucket_of(uint64_t value) {
    if (value < LINEAR)
        return (uint32_t)value;
    const uint32_t power = 63u - (uint32_t)__builtin_clzll(value) - RW_LOAD_HISTOGRAM_BITS;
    return ((power + 1) << RW_LOAD_HISTOGRAM_BITS) + (uint32_t)((value >> power) - LINEAR);
}

static uint64_t end_of(uint32_t bucket) {
    if (bucket < LINEAR)
        return bucket;
    const uint32_t power = (bucket >> RW_LOAD_HISTOGRAM_BITS) - 1;
    const uint64_t leading = LINEAR + (bucket & (LINEAR - 1));
    return ((leading + 1) << power) - 1;
}

void rw_load_histogram_clear(struct rw_load_histogram *histogram) {
    memset(histogram, 0, sizeof *histogram);
}

void rw_load_histogram_add(struct rw_load_histogram *histogram, int64_t value) {
    uint64_t counted = value < 0 ? 0 : (uint64_t)value;
    if (counted > VALUE_MAX)
        counted = VALUE_MAX;
    histogram->counts[bucket_of(counted)]++;
    histogram->n++;
    histogram->sum += (double)counted;
    if (counted > histogram->max)
        histogram->max = counted;
}

void rw_load_histogram_merge(struct rw_load_histogram *histogram,
                             const struct rw_load_histogram *from) {
    for (uint32_t i = 0; i < RW_LOAD_HISTOGRAM_BUCKETS; i++)
        histogram->counts[i] += from->counts[i];
    histogram->n += from->n;
    histogram->sum += from->sum;
    if (from->max > histogram->max)
        histogram->max = from->max;
}

uint64_t rw_load_histogram_at(const struct rw_load_histogram *histogram, double share) {
    const uint64_t wanted = (uint64_t)ceil(share * (double)histogram->n - ROUNDING);
    uint64_t below = 0;
    for (uint32_t i = 0; i < RW_LOAD_HISTOGRAM_BUCKETS; i++) {
        below += histogram->counts[i];
        if (below > 0 && below >= wanted)
            return end_of(i) < histogram->max ? end_of(i) : histogram->max;
    }
    return histogram->max;
}

double rw_load_histogram_mean(const struct rw_load_histogram *histogram) {
    return histogram->n ? histogram->sum / (double)histogram->n : 0.0;
}

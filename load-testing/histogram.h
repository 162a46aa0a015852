/*
 * histogram.h - counts of latencies in log-linear buckets, as HdrHistogram has them.
 *
 * 128 buckets for each power of two: a percentile is at most 0.8 % above the true value,
 * from 1 us to 12 days, in a fixed 35 KB.  One thread writes; read it when that thread
 * has ended or agrees.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_HISTOGRAM_H
#define RW_LOAD_HISTOGRAM_H

#include "base/base.h"

#define RW_LOAD_HISTOGRAM_BITS  7  /* 128 buckets for each power of two */
#define RW_LOAD_HISTOGRAM_VALUE 40 /* larger values count as 2^40 - 1 */
#define RW_LOAD_HISTOGRAM_BUCKETS                                                                  \
    ((RW_LOAD_HISTOGRAM_VALUE - RW_LOAD_HISTOGRAM_BITS + 1) << RW_LOAD_HISTOGRAM_BITS)

struct rw_load_histogram {
    uint64_t n;
    uint64_t max;
    double sum;
    uint64_t counts[RW_LOAD_HISTOGRAM_BUCKETS];
};

void rw_load_histogram_clear(struct rw_load_histogram *histogram);
/* Adds all counts of `from`. */
void rw_load_histogram_merge(struct rw_load_histogram *histogram,
                             const struct rw_load_histogram *from);
/* A negative value, which a clock that was set can make, counts as 0. */
void rw_load_histogram_add(struct rw_load_histogram *histogram, int64_t value);
/* The smallest bucket's upper end below or at which a `share` (0 to 1) of all values lies,
 * never above the largest value; 0 of an empty histogram. */
uint64_t rw_load_histogram_at(const struct rw_load_histogram *histogram, double share);
double rw_load_histogram_mean(const struct rw_load_histogram *histogram);

#endif

/*
 * measure.h - times an engine's calls.  All times are nanoseconds.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_BENCH_MEASURE_H
#define RW_BENCH_MEASURE_H

#include "engine.h"

struct rows {
    float *values; /* [count][n_features] */
    size_t count, n_features;
};

/* Of calls with one row, the cost of an empty call taken off. */
struct one_row {
    double median, p99, empty_call;
    size_t calls;
};

/* Calls with a row each, beginning at row `first` and going round: for `seconds`, and
 * `at_least` so many. */
struct one_row measure_one(const struct engine *engine, const struct rows *rows, size_t first,
                           size_t at_least, double seconds);

/* Median for one row in batches of ROWS_IN_A_BATCH. */
double measure_batch(const struct engine *engine, const struct rows *rows, double seconds);

/* Rows a second of `n_threads` threads that share the one model, in batches. */
double measure_threads(const struct engine *engine, const struct rows *rows, int n_threads,
                       double seconds);

/* Median for one row in calls of `n_rows`, contributions. */
double measure_contributions(const struct engine *engine, const struct rows *rows, size_t n_rows,
                             double seconds);

#endif

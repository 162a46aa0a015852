/*
 * bench_times.h - what `rowan bench` measures.  Times are nanoseconds.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_BENCH_TIMES_H
#define RW_CLI_BENCH_TIMES_H

#include "cli/bench_rows.h"

#define RW_BENCH_BATCH_ROWS        10000u
#define RW_BENCH_CONTRIBUTION_ROWS 1000u

struct rw_bench_subject {
    const rowan_model *model;
    const struct rw_bench_rows *rows;
    rowan_model_info info;
    double seconds; /* of each measurement */
};

/* Scores rows first ... first + n - 1 in the type that the model computes in. */
typedef rowan_status (*rw_bench_call)(const struct rw_bench_subject *subject, size_t first,
                                      size_t n, double *out);

/* Calls with one row, one after the other; the cost of an empty call is taken off. */
struct rw_bench_one {
    double median, p99, empty;
};

rowan_status rw_bench_predict(const struct rw_bench_subject *subject, size_t first, size_t n,
                              double *out);
/* NULL where this build of librowan has no contributions. */
extern const rw_bench_call rw_bench_explain;

/* `width`: results of a row.  False without memory. */
bool rw_bench_one(const struct rw_bench_subject *subject, rw_bench_call call, size_t width,
                  struct rw_bench_one *one);
/* Rows a second of `n_threads` threads that share the model, in calls of up to
 * `most_rows`; 0 without memory or threads. */
double rw_bench_rate(const struct rw_bench_subject *subject, rw_bench_call call, size_t width,
                     size_t most_rows, int n_threads);

#endif

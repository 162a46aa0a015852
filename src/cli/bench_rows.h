/*
 * bench_rows.h - the rows that `rowan bench` scores.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_BENCH_ROWS_H
#define RW_CLI_BENCH_ROWS_H

#include "cli/scorer.h"

#define RW_BENCH_MAX_ROWS   20000u             /* kept of a file, or made */
#define RW_BENCH_MAX_VALUES ((size_t)16 << 20) /* of all rows: 192 MiB */

/* The same rows in both types: a model is timed with the one that it computes in. */
struct rw_bench_rows {
    size_t n, n_features;
    double *wide;  /* [n][n_features] */
    float *narrow; /* [n][n_features] */
};

/* The first rows of a CSV file, decoded as `rowan score` decodes them. */
rowan_status rw_bench_rows_read(struct rw_bench_rows *rows, struct rw_scorer *scorer,
                                const char *path, rowan_error *error);

/* Random rows, from a fixed seed, whose values lie where the model's scores change. */
rowan_status rw_bench_rows_make(struct rw_bench_rows *rows, const rowan_model *model,
                                rowan_error *error);

void rw_bench_rows_free(struct rw_bench_rows *rows);

#endif

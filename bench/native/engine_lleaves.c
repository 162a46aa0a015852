/*
 * engine_lleaves.c - a LightGBM model that lleaves compiled through LLVM.
 *
 * The library is the model: loading is dlopen.  It takes float64 rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "engine.h"

static void (*forest_root)(double *rows, double *out, int first, int end);
static size_t n_features;
static double *wide_rows; /* [ROWS_IN_A_BATCH][n_features] */

static void open_lleaves(const struct task *task) {
    n_features = task->n_features;
    wide_rows = allocate(ROWS_IN_A_BATCH * n_features, sizeof *wide_rows);
}

static void load(const struct task *task) {
    forest_root = find_symbol(open_library(task->model), "forest_root", false);
}

static void batch(const float *rows, size_t n_rows, double *out) {
    for (size_t i = 0; i < n_rows * n_features; i++)
        wide_rows[i] = rows[i];
    memset(out, 0, n_rows * sizeof *out); /* it adds to what is there */
    forest_root(wide_rows, out, 0, (int)n_rows);
}

static double one(const float *row) {
    double score;
    batch(row, 1, &score);
    return score;
}

const struct engine engine_lleaves = {
    .name = "lleaves", .open = open_lleaves, .load = load, .one = one, .batch = batch};

/*
 * engine_lightgbm.c - LightGBM's C API: its fast path for single rows, and matrices.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine.h"

enum { FLOAT32 = 0, ROW_MAJOR = 1, NORMAL = 0, CONTRIBUTIONS = 3, ALL_ITERATIONS = -1 };

static const char parameters[] = "num_threads=1";

static const char *(*last_error)(void);
static int (*create)(const char *, int *, void **);
static int (*fast_init)(void *, int, int, int, int, int32_t, const char *, void **);
static int (*predict_fast)(void *, const void *, int64_t *, double *);
static int (*predict_matrix)(void *, const void *, int, int32_t, int32_t, int, int, int, int,
                             const char *, int64_t *, double *);

static void *booster, *fast;
static int32_t n_features;

static void check(int status) {
    if (status != 0)
        die("LightGBM: %s", last_error());
}

static void open_lightgbm(const struct task *task) {
    void *library = open_library(task->library);
    last_error = find_symbol(library, "LGBM_GetLastError", false);
    create = find_symbol(library, "LGBM_BoosterCreateFromModelfile", false);
    fast_init = find_symbol(library, "LGBM_BoosterPredictForMatSingleRowFastInit", false);
    predict_fast = find_symbol(library, "LGBM_BoosterPredictForMatSingleRowFast", false);
    predict_matrix = find_symbol(library, "LGBM_BoosterPredictForMat", false);
    n_features = (int32_t)task->n_features;
}

static void load(const struct task *task) {
    int iterations;
    check(create(task->model, &iterations, &booster));
    check(fast_init(booster, NORMAL, 0, ALL_ITERATIONS, FLOAT32, n_features, parameters, &fast));
}

static double one(const float *row) {
    double score;
    int64_t length;
    check(predict_fast(fast, row, &length, &score));
    return score;
}

static void predict(const float *rows, size_t n_rows, int kind, double *out) {
    int64_t length;
    check(predict_matrix(booster, rows, FLOAT32, (int32_t)n_rows, n_features, ROW_MAJOR, kind, 0,
                         ALL_ITERATIONS, parameters, &length, out));
}

static void batch(const float *rows, size_t n_rows, double *out) {
    predict(rows, n_rows, NORMAL, out);
}

static void contributions(const float *rows, size_t n_rows, double *out) {
    predict(rows, n_rows, CONTRIBUTIONS, out);
}

const struct engine engine_lightgbm = {
    .name = "lightgbm",
    .open = open_lightgbm,
    .load = load,
    .one = one,
    .batch = batch,
    .contributions = contributions,
};

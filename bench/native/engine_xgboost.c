/*
 * engine_xgboost.c - XGBoost's C API: inplace prediction from a dense array.
 *
 * XGBoost takes the array as JSON text with the address in it.  For one row the text
 * is made once, and the row is copied to that address, which is its user's best way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

#define INTERFACE_BYTES 160

static const char predict_config[] =
    "{\"type\":0,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
    "\"strict_shape\":false,\"cache_id\":0,\"missing\":NaN}";
static const char contributions_config[] =
    "{\"type\":2,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
    "\"strict_shape\":false}";

static const char *(*last_error)(void);
static int (*create)(const void *, uint64_t, void **);
static int (*load_model)(void *, const char *);
static int (*set_param)(void *, const char *, const char *);
static int (*predict_dense)(void *, const char *, const char *, void *, const uint64_t **,
                            uint64_t *, const float **);
static int (*predict_matrix)(void *, void *, const char *, const uint64_t **, uint64_t *,
                             const float **);
static int (*matrix_create)(const float *, uint64_t, uint64_t, float, void **);
static int (*matrix_free)(void *);

static void *booster;
static size_t n_features;
static float one_row[MAX_FEATURES];
static char one_interface[INTERFACE_BYTES];

static void check(int status) {
    if (status != 0)
        die("XGBoost: %s", last_error());
}

static void write_interface(char *text, const float *rows, size_t n_rows) {
    snprintf(text, INTERFACE_BYTES,
             "{\"data\":[%" PRIuPTR ",true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (uintptr_t)rows, n_rows, n_features);
}

static void open_xgboost(const struct task *task) {
    void *library = open_library(task->library);
    last_error = find_symbol(library, "XGBGetLastError", false);
    create = find_symbol(library, "XGBoosterCreate", false);
    load_model = find_symbol(library, "XGBoosterLoadModel", false);
    set_param = find_symbol(library, "XGBoosterSetParam", false);
    predict_dense = find_symbol(library, "XGBoosterPredictFromDense", false);
    predict_matrix = find_symbol(library, "XGBoosterPredictFromDMatrix", false);
    matrix_create = find_symbol(library, "XGDMatrixCreateFromMat", false);
    matrix_free = find_symbol(library, "XGDMatrixFree", false);
    n_features = task->n_features;
}

static void load(const struct task *task) {
    check(create(NULL, 0, &booster));
    check(load_model(booster, task->model));
    check(set_param(booster, "nthread", "1"));
    write_interface(one_interface, one_row, 1);
}

static const float *predict(const char *interface) {
    const uint64_t *shape;
    uint64_t dimensions;
    const float *result;
    check(predict_dense(booster, interface, predict_config, NULL, &shape, &dimensions, &result));
    return result;
}

static double one(const float *row) {
    memcpy(one_row, row, n_features * sizeof *row);
    return predict(one_interface)[0];
}

static void batch(const float *rows, size_t n_rows, double *out) {
    char interface[INTERFACE_BYTES];
    write_interface(interface, rows, n_rows);
    const float *result = predict(interface);
    for (size_t i = 0; i < n_rows; i++)
        out[i] = result[i];
}

static void contributions(const float *rows, size_t n_rows, double *out) {
    void *matrix;
    const uint64_t *shape;
    uint64_t dimensions;
    const float *result;
    check(matrix_create(rows, n_rows, n_features, NAN, &matrix));
    check(predict_matrix(booster, matrix, contributions_config, &shape, &dimensions, &result));
    for (size_t i = 0; i < n_rows * (n_features + 1); i++)
        out[i] = result[i];
    check(matrix_free(matrix));
}

const struct engine engine_xgboost = {
    .name = "xgboost",
    .open = open_xgboost,
    .load = load,
    .one = one,
    .batch = batch,
    .contributions = contributions,
};

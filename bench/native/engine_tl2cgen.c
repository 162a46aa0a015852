/*
 * engine_tl2cgen.c - a model that tl2cgen wrote as C and gcc compiled.
 *
 * The library is the model: loading is dlopen.  A missing value is an entry of -1, any
 * other entry is the value; its type is the one that the model compares in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "engine.h"

union narrow_entry {
    int missing;
    float value;
    int quantized;
};

union wide_entry {
    int missing;
    double value;
    int quantized;
};

static void (*predict)(void *entries, int only_margin, void *result);
static bool is_double;
static size_t n_features;

static void open_tl2cgen(const struct task *task) {
    is_double = task->is_double;
    n_features = task->n_features;
}

static void load(const struct task *task) {
    predict = find_symbol(open_library(task->model), "predict", false);
}

static double one_wide(const float *row) {
    union wide_entry entries[MAX_FEATURES];
    double score = 0.0;
    for (size_t i = 0; i < n_features; i++) {
        if (isnan(row[i]))
            entries[i].missing = -1;
        else
            entries[i].value = row[i];
    }
    predict(entries, 0, &score);
    return score;
}

static double one_narrow(const float *row) {
    union narrow_entry entries[MAX_FEATURES];
    float score = 0.0f;
    for (size_t i = 0; i < n_features; i++) {
        if (isnan(row[i]))
            entries[i].missing = -1;
        else
            entries[i].value = row[i];
    }
    predict(entries, 0, &score);
    return score;
}

static double one(const float *row) {
    return is_double ? one_wide(row) : one_narrow(row);
}

static void batch(const float *rows, size_t n_rows, double *out) {
    for (size_t i = 0; i < n_rows; i++)
        out[i] = one(rows + i * n_features);
}

const struct engine engine_tl2cgen = {
    .name = "tl2cgen", .open = open_tl2cgen, .load = load, .one = one, .batch = batch};

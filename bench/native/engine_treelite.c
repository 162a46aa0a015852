/*
 * engine_treelite.c - treelite's General Tree Inference Library.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine.h"

static const char *(*last_error)(void);
static int (*load_xgboost)(const char *, const char *, void **);
static int (*load_lightgbm)(const char *, const char *, void **);
static int (*parse_config)(const char *, void **);
static int (*predict)(const void *, const void *, const char *, uint64_t, void *, const void *);

static void *model, *config;
static bool is_double;
static size_t n_features;
static double *wide_rows; /* [ROWS_IN_A_BATCH][n_features] */
static float *narrow_out; /* [ROWS_IN_A_BATCH] */

static void check(int status) {
    if (status != 0)
        die("treelite: %s", last_error());
}

static void open_treelite(const struct task *task) {
    void *library = open_library(task->library);
    last_error = find_symbol(library, "TreeliteGetLastError", false);
    load_xgboost = find_symbol(library, "TreeliteLoadXGBoostModelJSON", false);
    load_lightgbm = find_symbol(library, "TreeliteLoadLightGBMModel", false);
    parse_config = find_symbol(library, "TreeliteGTILParseConfig", false);
    predict = find_symbol(library, "TreeliteGTILPredict", false);
    is_double = task->is_double;
    n_features = task->n_features;
    wide_rows = allocate(ROWS_IN_A_BATCH * n_features, sizeof *wide_rows);
    narrow_out = allocate(ROWS_IN_A_BATCH, sizeof *narrow_out);
}

static void load(const struct task *task) {
    check((is_double ? load_lightgbm : load_xgboost)(task->model, "{}", &model));
    check(parse_config("{\"predict_type\":\"default\",\"nthread\":1}", &config));
}

static void batch_wide(const float *rows, size_t n_rows, double *out) {
    for (size_t i = 0; i < n_rows * n_features; i++)
        wide_rows[i] = rows[i];
    check(predict(model, wide_rows, "float64", n_rows, out, config));
}

static void batch(const float *rows, size_t n_rows, double *out) {
    if (is_double) {
        batch_wide(rows, n_rows, out);
        return;
    }
    check(predict(model, rows, "float32", n_rows, narrow_out, config));
    for (size_t i = 0; i < n_rows; i++)
        out[i] = narrow_out[i];
}

static double one(const float *row) {
    double score;
    batch(row, 1, &score);
    return score;
}

const struct engine engine_treelite = {
    .name = "treelite", .open = open_treelite, .load = load, .one = one, .batch = batch};

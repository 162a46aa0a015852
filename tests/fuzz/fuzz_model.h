/*
 * fuzz_model.h - what a fuzz target does with a model that loaded: everything a
 * program does with one.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rowan.h"

#define FUZZ_ROWS 9u /* one block of eight lanes, and one row more */

/* Of one input's scores: a wide model must not slow down the search. */
#define FUZZ_MAX_VALUES (1u << 20)

#define FUZZ_MOST(a, b) ((a) > (b) ? (a) : (b))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_require(int condition) {
    if (!condition)
        abort();
}

static inline void fuzz_score(const rowan_model *model, const rowan_model_info *info,
                              size_t n_rows) {
    static const float values[] = {0.0f, NAN, -0.0f, 1.0f, INFINITY, -INFINITY, 16777216.0f, -1.5f};
    size_t n_values = n_rows * info->n_features;
    float *rows = malloc(n_values * sizeof *rows);
    double *out = malloc(n_rows * FUZZ_MOST(info->n_groups, info->n_outputs) * sizeof *out);
    fuzz_require(rows && out);
    for (size_t i = 0; i < n_values; i++)
        rows[i] = values[(i * 5 + i / 8) % (sizeof values / sizeof *values)];
    fuzz_require(rowan_predict_f32(model, rows, n_rows, ROWAN_MARGIN, out, NULL) == ROWAN_OK);
    fuzz_require(rowan_predict_f32(model, rows, n_rows, ROWAN_RESPONSE, out, NULL) == ROWAN_OK);
    free(rows);
    free(out);
}

static inline void fuzz_explain(const rowan_model *model, const rowan_model_info *info) {
    const size_t width = info->n_groups * ((size_t)info->n_features + 1);
    if (width > FUZZ_MAX_VALUES)
        return;
    double *row = calloc(info->n_features, sizeof *row), *out = malloc(width * sizeof *out);
    fuzz_require(row && out);
    for (uint32_t f = 0; f < info->n_features; f++)
        row[f] = f % 3 == 2 ? NAN : f * 0.5;
    const rowan_status status = rowan_contributions_f64(model, row, 1, out, NULL);
    fuzz_require(status == (info->has_contributions ? ROWAN_OK : ROWAN_UNSUPPORTED));
    free(row);
    free(out);
}

static inline void fuzz_use(rowan_model *model) {
    rowan_model_info info;
    rowan_model_describe(model, &info);
    size_t text =
        strlen(info.format) + strlen(info.producer) + strlen(info.objective) + strlen(info.booster);
    for (uint32_t i = 0; i <= info.n_features; i++)
        text +=
            strlen(rowan_model_feature_name(model, i)) + (size_t)rowan_model_feature_kind(model, i);
    for (uint32_t i = 0; i < info.n_features; i++)
        for (uint32_t code = 0; code < rowan_model_category_count(model, i); code++)
            text += strlen(rowan_model_category_name(model, i, code));
    fuzz_require(text < SIZE_MAX);
    fuzz_score(model, &info, 1);
    fuzz_explain(model, &info);
    if ((uint64_t)FUZZ_ROWS * info.n_features <= FUZZ_MAX_VALUES)
        fuzz_score(model, &info, FUZZ_ROWS);
    rowan_model_free(model);
}

static inline void fuzz_load(const uint8_t *data, size_t size, int32_t iterations) {
    rowan_load_options options = {iterations};
    rowan_model *model = NULL;
    rowan_error error = {ROWAN_OK, "", "", ""};
    if (rowan_model_load_memory(data, size, "fuzz", &options, &model, &error) == ROWAN_OK)
        fuzz_use(model);
    else
        fuzz_require(error.status != ROWAN_OK && error.what[0] != '\0');
}

#endif

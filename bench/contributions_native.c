/*
 * contributions_native.c - times contributions from C: contributions_native MODEL ROWS.f32
 *
 * Prints one JSON object: medians of us a row for single rows and for batches, ms to
 * load the model, and the size of its image.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rowan.h"

#define ROUNDS     9
#define BATCH_ROWS 1000

static double now_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, compare);
    return values[ROUNDS / 2];
}

static void die(const rowan_error *error) {
    char text[1024];
    fprintf(stderr, "contributions_native: %s\n", rowan_error_text(error, text, sizeof text));
    exit(1);
}

static float *read_rows(const char *path, size_t n_features) {
    FILE *file = fopen(path, "rb");
    float *rows = calloc(BATCH_ROWS * n_features, sizeof *rows);
    if (!file || !rows ||
        fread(rows, n_features * sizeof *rows, BATCH_ROWS, file) != BATCH_ROWS) {
        fprintf(stderr, "contributions_native: %s has no %d rows\n", path, BATCH_ROWS);
        exit(1);
    }
    fclose(file);
    return rows;
}

static double time_load(const char *path, rowan_model **model) {
    rowan_error error;
    double rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        rowan_model_free(*model);
        double started = now_us();
        if (rowan_model_load(path, NULL, model, &error) != ROWAN_OK)
            die(&error);
        rounds[i] = now_us() - started;
    }
    return median(rounds);
}

static double time_rows(const rowan_model *model, const float *rows, size_t n_features,
                        size_t rows_a_call, double *out, size_t width) {
    rowan_error error;
    double rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double started = now_us();
        for (size_t row = 0; row < BATCH_ROWS; row += rows_a_call)
            if (rowan_contributions_f32(model, rows + row * n_features, rows_a_call,
                                        out + row * width, &error) != ROWAN_OK)
                die(&error);
        rounds[i] = (now_us() - started) / BATCH_ROWS;
    }
    return median(rounds);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: contributions_native MODEL ROWS.f32\n");
        return 2;
    }
    rowan_model *model = NULL;
    rowan_model_info info;
    double load = time_load(argv[1], &model);
    rowan_model_describe(model, &info);
    size_t width = info.n_groups * ((size_t)info.n_features + 1);
    float *rows = read_rows(argv[2], info.n_features);
    double *out = calloc(BATCH_ROWS * width, sizeof *out);
    if (!out)
        return 1;
    double one = time_rows(model, rows, info.n_features, 1, out, width);
    double batch = time_rows(model, rows, info.n_features, BATCH_ROWS, out, width);
    printf("{\"one_row_us\": %.3f, \"batch_us\": %.3f, \"load_ms\": %.3f, "
           "\"image_bytes\": %llu}\n",
           one, batch, load / 1e3, (unsigned long long)info.image_bytes);
    rowan_model_free(model);
    free(rows);
    free(out);
    return 0;
}

/*
 * contributions_native.c - times contributions from C: contributions_native MODEL ROWS.f32
 *
 * Prints one JSON object: medians of us a row for single rows and for batches of 1000,
 * ms to load the model, and the size of its image.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rowan.h"

#define LOADS       9
#define TIMES       400 /* of single rows */
#define ROWS_A_TIME 10  /* reading the clock is a system call */
#define BATCHES     15
#define BATCH_ROWS  1000

/* Of this thread on a CPU: what else the machine does is not in it. */
static double now_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n) {
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

static void die(const rowan_error *error) {
    char text[1024];
    fprintf(stderr, "contributions_native: %s\n", rowan_error_text(error, text, sizeof text));
    exit(1);
}

static float *read_rows(const char *path, size_t n_features) {
    FILE *file = fopen(path, "rb");
    float *rows = calloc(BATCH_ROWS * n_features, sizeof *rows);
    if (!file || !rows || fread(rows, n_features * sizeof *rows, BATCH_ROWS, file) != BATCH_ROWS) {
        fprintf(stderr, "contributions_native: %s has no %d rows\n", path, BATCH_ROWS);
        exit(1);
    }
    fclose(file);
    return rows;
}

static double time_load(const char *path, rowan_model **model) {
    rowan_error error;
    double rounds[LOADS];
    for (int i = 0; i < LOADS; i++) {
        rowan_model_free(*model);
        double started = now_us();
        if (rowan_model_load(path, NULL, model, &error) != ROWAN_OK)
            die(&error);
        rounds[i] = now_us() - started;
    }
    return median(rounds, LOADS);
}

/* Median of `n_times` times of ROWS_A_TIME or more rows, n_rows a call. */
static double time_calls(const rowan_model *model, const float *rows, size_t n_features,
                         size_t n_rows, size_t n_times, double *out) {
    static double times[TIMES];
    rowan_error error;
    size_t first = 0, n_timed = n_rows < ROWS_A_TIME ? ROWS_A_TIME : n_rows;
    for (size_t i = 0; i < n_times; i++) {
        double started = now_us();
        for (size_t row = 0; row < n_timed; row += n_rows) {
            if (rowan_contributions_f32(model, rows + first * n_features, n_rows, out, &error) !=
                ROWAN_OK)
                die(&error);
            first = (first + n_rows) % BATCH_ROWS;
        }
        times[i] = (now_us() - started) / (double)n_timed;
    }
    return median(times, n_times);
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
    double one = time_calls(model, rows, info.n_features, 1, TIMES, out);
    double batch = time_calls(model, rows, info.n_features, BATCH_ROWS, BATCHES, out);
    printf("{\"one_row_us\": %.3f, \"batch_us\": %.3f, \"load_ms\": %.3f, "
           "\"image_bytes\": %llu}\n",
           one, batch, load / 1e3, (unsigned long long)info.image_bytes);
    rowan_model_free(model);
    free(rows);
    free(out);
    return 0;
}

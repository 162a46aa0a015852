/*
 * engine_native.c - times librowan from C: engine_native MODEL ROWS.f32
 *
 * Prints one JSON object: medians of ns a row for single rows and for the whole file
 * at once, and ms to load and to map the model.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rowan.h"

#define ROUNDS 9

static double now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
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
    fprintf(stderr, "engine_native: %s\n", rowan_error_text(error, text, sizeof text));
    exit(1);
}

static float *read_rows(const char *path, size_t n_features, size_t *n_rows) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        exit(1);
    size_t bytes = (size_t)ftell(file);
    rewind(file);
    float *rows = malloc(bytes);
    if (!rows || fread(rows, 1, bytes, file) != bytes)
        exit(1);
    fclose(file);
    *n_rows = bytes / sizeof *rows / n_features;
    return rows;
}

static double time_load(const char *path, rowan_model **model) {
    rowan_error error;
    double rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        rowan_model_free(*model);
        double started = now_ns();
        if (rowan_model_load(path, NULL, model, &error) != ROWAN_OK)
            die(&error);
        rounds[i] = now_ns() - started;
    }
    return median(rounds);
}

static double time_map(const rowan_model *model) {
    rowan_error error;
    char path[] = "/tmp/rowan-bench-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || rowan_model_save_image(model, path, &error) != ROWAN_OK)
        exit(1);
    close(fd);
    double rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        rowan_model *mapped;
        double started = now_ns();
        if (rowan_model_map_image(path, &mapped, &error) != ROWAN_OK)
            die(&error);
        rounds[i] = now_ns() - started;
        rowan_model_free(mapped);
    }
    unlink(path);
    return median(rounds);
}

static double time_rows(const rowan_model *model, const float *rows, size_t n_rows,
                        size_t n_features, size_t rows_a_call, double *out) {
    double rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double started = now_ns();
        for (size_t row = 0; row < n_rows; row += rows_a_call)
            rowan_predict_f32(model, rows + row * n_features, rows_a_call, ROWAN_RESPONSE,
                              out + row, NULL);
        rounds[i] = (now_ns() - started) / (double)n_rows;
    }
    return median(rounds);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: engine_native MODEL ROWS.f32\n");
        return 2;
    }
    rowan_model *model = NULL;
    rowan_model_info info;
    double load = time_load(argv[1], &model), map = time_map(model);
    rowan_model_describe(model, &info);
    size_t n_rows;
    float *rows = read_rows(argv[2], info.n_features, &n_rows);
    double *out = malloc(n_rows * info.n_outputs * sizeof *out);
    if (!out || info.n_outputs != 1)
        return 1;
    double one = time_rows(model, rows, n_rows, info.n_features, 1, out);
    double batch = time_rows(model, rows, n_rows, info.n_features, n_rows, out);
    printf("{\"one_row_ns\": %.2f, \"batch_ns\": %.2f, \"load_ms\": %.4f, \"map_ms\": %.4f, "
           "\"image_bytes\": %llu, \"kernel\": \"%s\"}\n",
           one, batch, load / 1e6, map / 1e6, (unsigned long long)info.image_bytes, info.kernel);
    rowan_model_free(model);
    free(rows);
    free(out);
    return 0;
}

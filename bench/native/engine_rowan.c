/*
 * engine_rowan.c - librowan, opened at run time as its peers are.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/stopwatch.h"
#include "engine.h"
#include "rowan.h"

static const char *(*error_text)(const rowan_error *, char *, size_t);
static rowan_status (*model_load)(const char *, const rowan_load_options *, rowan_model **,
                                  rowan_error *);
static rowan_status (*save_image)(const rowan_model *, const char *, rowan_error *);
static rowan_status (*map_image)(const char *, rowan_model **, rowan_error *);
static void (*model_free)(rowan_model *);
static void (*describe)(const rowan_model *, rowan_model_info *);
static rowan_status (*predict)(const rowan_model *, const float *, size_t, rowan_output, double *,
                               rowan_error *);
static rowan_status (*explain)(const rowan_model *, const float *, size_t, double *, rowan_error *);
static rowan_model *model;
static rowan_model_info info;

static void refuse(const rowan_error *error) {
    char text[1024];
    die("%s", error_text(error, text, sizeof text));
}

static void open_rowan(const struct task *task) {
    void *library = open_library(task->library);
    error_text = find_symbol(library, "rowan_error_text", false);
    model_load = find_symbol(library, "rowan_model_load", false);
    save_image = find_symbol(library, "rowan_model_save_image", false);
    map_image = find_symbol(library, "rowan_model_map_image", false);
    model_free = find_symbol(library, "rowan_model_free", false);
    describe = find_symbol(library, "rowan_model_describe", false);
    predict = find_symbol(library, "rowan_predict_f32", false);
    explain = find_symbol(library, "rowan_contributions_f32", true);
}

static void load(const struct task *task) {
    rowan_error error;
    if (model_load(task->model, NULL, &model, &error) != ROWAN_OK)
        refuse(&error);
    describe(model, &info);
    if (info.n_outputs != 1 || info.n_features != task->n_features)
        die("%s: not one output of %zu features", task->model, task->n_features);
}

static double one(const float *row) {
    double score = NAN;
    predict(model, row, 1, ROWAN_RESPONSE, &score, NULL);
    return score;
}

static void batch(const float *rows, size_t n_rows, double *out) {
    rowan_error error;
    if (predict(model, rows, n_rows, ROWAN_RESPONSE, out, &error) != ROWAN_OK)
        refuse(&error);
}

static void contributions(const float *rows, size_t n_rows, double *out) {
    rowan_error error;
    if (!explain)
        die("this librowan has no rowan_contributions_f32");
    if (explain(model, rows, n_rows, out, &error) != ROWAN_OK)
        refuse(&error);
}

/* Maps the compiled image of the model, as each worker of a server does. */
static double map_ns(void) {
    enum { ROUNDS = 9 };
    rowan_error error;
    char path[] = "/tmp/rowan-bench-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || save_image(model, path, &error) != ROWAN_OK)
        die("an image cannot be written to /tmp");
    close(fd);
    double best = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        rowan_model *mapped;
        double started = rw_now_ns();
        if (map_image(path, &mapped, &error) != ROWAN_OK)
            refuse(&error);
        double passed = rw_now_ns() - started;
        best = passed < best ? passed : best;
        model_free(mapped);
    }
    unlink(path);
    return best;
}

static void print_facts(void) {
    printf(", \"image_bytes\": %llu, \"map_ms\": %.4f, \"kernel\": \"%s\"",
           (unsigned long long)info.image_bytes, map_ns() / 1e6, info.kernel);
}

const struct engine engine_rowan = {
    .name = "rowan",
    .open = open_rowan,
    .load = load,
    .one = one,
    .batch = batch,
    .contributions = contributions,
    .print_facts = print_facts,
};

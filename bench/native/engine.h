/*
 * engine.h - one engine under measurement: what it must offer.
 *
 * An engine is a library that is opened at run time and one model in it.  The program
 * holds one engine at a time, so that an engine keeps its state in static variables
 * and a broken one takes nothing else down.  A new engine is one file and one line in
 * main.c.  What cannot be done ends the program with a message: it is its own process.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_BENCH_ENGINE_H
#define RW_BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_FEATURES    64
#define ROWS_IN_A_BATCH 10000

struct task {
    const char *library; /* path, or "-" where the model is a library itself */
    const char *model;
    size_t n_features;
    bool is_double; /* the model computes in double (LightGBM's) */
};

/* Rows are float32, row-major.  Whatever layout an engine wants instead, it makes within
 * the call: that is what its user would have to do. */
struct engine {
    const char *name;
    void (*open)(const struct task *task); /* the library; not timed */
    void (*load)(const struct task *task); /* the model; timed */
    double (*one)(const float *row);
    void (*batch)(const float *rows, size_t n_rows, double *out);
    /* [n_rows][n_features + 1], the last is the expected value; NULL: it has none */
    void (*contributions)(const float *rows, size_t n_rows, double *out);
    /* Prints further members of the JSON object, each after a comma; may be NULL. */
    void (*print_facts)(void);
};

extern const struct engine engine_rowan, engine_xgboost, engine_lightgbm, engine_onnxruntime,
    engine_treelite, engine_tl2cgen, engine_lleaves;

/* ---- helpers (main.c) ---------------------------------------------------------- */

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void *open_library(const char *path);
/* The address of a function; NULL only where `may_lack`. */
void *find_symbol(void *library, const char *name, bool may_lack);
void *allocate(size_t count, size_t size);

#endif

/*
 * measure.c - times an engine's calls.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "measure.h"

#include <pthread.h>
#include <stdlib.h>

#include "cli/stopwatch.h"

#define MAX_CALLS     400000
#define WARM_CALLS    200
#define WARM_NS       2e8 /* at most, for engines whose calls take milliseconds */
#define MIN_BATCHES   3
#define MAX_BATCHES   20000
#define CHECK_SECONDS 16 /* calls between two looks at the time limit */

/* What a call returns must be used, or the compiler may leave the call out. */
static volatile double sink;

/* ---- order statistics ------------------------------------------------------------ */

static int compare_times(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, size_t n) {
    qsort(times, n, sizeof *times, compare_times);
    return times[n / 2];
}

/* ---- one row ----------------------------------------------------------------------- */

static const float *row_at(const struct rows *rows, size_t i) {
    return rows->values + i % rows->count * rows->n_features;
}

static __attribute__((noinline)) double empty_call(const float *row) {
    (void)row;
    return 0.0;
}

/* Ticks of each call, sorted; how many there were is returned. */
static size_t time_calls(double (*one)(const float *), const struct rows *rows, size_t first,
                         size_t at_least, double seconds, uint64_t *ticks) {
    double deadline = rw_now_ns() + seconds * 1e9;
    size_t n = 0;
    while (n < MAX_CALLS) {
        const float *row = row_at(rows, first + n);
        uint64_t begin = rw_ticks_begin();
        double score = one(row);
        ticks[n++] = rw_ticks_end() - begin;
        sink = score;
        if (n >= at_least && n % CHECK_SECONDS == 0 && rw_now_ns() > deadline)
            break;
    }
    rw_ticks_sort(ticks, n);
    return n;
}

static void warm(const struct engine *engine, const struct rows *rows, size_t first) {
    double deadline = rw_now_ns() + WARM_NS;
    for (size_t i = 0; i < WARM_CALLS && rw_now_ns() < deadline; i++)
        sink = engine->one(row_at(rows, first + i));
}

static double above(double ns, double floor) {
    return ns > floor ? ns - floor : 0.0;
}

struct one_row measure_one(const struct engine *engine, const struct rows *rows, size_t first,
                           size_t at_least, double seconds) {
    double ns = rw_ns_per_tick();
    uint64_t *ticks = allocate(MAX_CALLS, sizeof *ticks);
    size_t n = time_calls(empty_call, rows, first, 0, seconds / 10, ticks);
    double empty = rw_ticks_median(ticks, n) * ns;
    warm(engine, rows, first);
    n = time_calls(engine->one, rows, first, at_least, seconds, ticks);
    struct one_row result = {.median = above(rw_ticks_median(ticks, n) * ns, empty),
                             .p99 = above(rw_ticks_p99(ticks, n) * ns, empty),
                             .empty_call = empty,
                             .calls = n};
    free(ticks);
    return result;
}

/* ---- many rows ------------------------------------------------------------------------ */

typedef void (*many)(const float *rows, size_t n_rows, double *out);

/* Median for one row; the calls go through the rows block by block. */
static double time_blocks(many call, const struct rows *rows, size_t n_rows, size_t width,
                          double seconds) {
    size_t n_blocks = rows->count / n_rows, n = 0;
    double *out = allocate(n_rows * width, sizeof *out);
    double *times = allocate(MAX_BATCHES, sizeof *times);
    call(rows->values, n_rows, out);
    double deadline = rw_now_ns() + seconds * 1e9;
    do {
        double started = rw_now_ns();
        call(rows->values + n % n_blocks * n_rows * rows->n_features, n_rows, out);
        times[n++] = (rw_now_ns() - started) / (double)n_rows;
    } while (n < MAX_BATCHES && (n < MIN_BATCHES || rw_now_ns() < deadline));
    double result = median(times, n);
    free(times);
    free(out);
    return result;
}

double measure_batch(const struct engine *engine, const struct rows *rows, double seconds) {
    return time_blocks(engine->batch, rows, ROWS_IN_A_BATCH, 1, seconds);
}

double measure_contributions(const struct engine *engine, const struct rows *rows, size_t n_rows,
                             double seconds) {
    return time_blocks(engine->contributions, rows, n_rows, rows->n_features + 1, seconds);
}

/* ---- threads ----------------------------------------------------------------------------- */

struct worker {
    const struct engine *engine;
    const struct rows *rows;
    pthread_barrier_t *start;
    double seconds, rate; /* rows a second */
};

static void *work(void *argument) {
    struct worker *worker = argument;
    double *out = allocate(ROWS_IN_A_BATCH, sizeof *out);
    size_t n_blocks = worker->rows->count / ROWS_IN_A_BATCH, n = 0;
    worker->engine->batch(worker->rows->values, ROWS_IN_A_BATCH, out);
    pthread_barrier_wait(worker->start);
    double started = rw_now_ns(), passed;
    do {
        size_t first = n++ % n_blocks * ROWS_IN_A_BATCH;
        worker->engine->batch(worker->rows->values + first * worker->rows->n_features,
                              ROWS_IN_A_BATCH, out);
        passed = rw_now_ns() - started;
    } while (passed < worker->seconds * 1e9);
    worker->rate = (double)(n * ROWS_IN_A_BATCH) / passed * 1e9;
    free(out);
    return NULL;
}

double measure_threads(const struct engine *engine, const struct rows *rows, int n_threads,
                       double seconds) {
    pthread_barrier_t start;
    pthread_t *threads = allocate((size_t)n_threads, sizeof *threads);
    struct worker *workers = allocate((size_t)n_threads, sizeof *workers);
    pthread_barrier_init(&start, NULL, (unsigned)n_threads);
    for (int i = 0; i < n_threads; i++) {
        workers[i] =
            (struct worker){.engine = engine, .rows = rows, .start = &start, .seconds = seconds};
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
            die("a thread cannot be started");
    }
    double rate = 0.0;
    for (int i = 0; i < n_threads; i++) {
        pthread_join(threads[i], NULL);
        rate += workers[i].rate;
    }
    pthread_barrier_destroy(&start);
    free(workers);
    free(threads);
    return rate;
}

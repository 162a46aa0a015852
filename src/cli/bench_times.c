/*
 * bench_times.c - times calls of librowan, alone and in threads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/bench_times.h"

#include <pthread.h>
#include <stdlib.h>

#include "cli/stopwatch.h"

#define MAX_CALLS        400000u
#define WARM_CALLS       100
#define WARM_NS          1e8 /* at most */
#define CALLS_A_LOOK     16  /* at the time limit */
#define MAX_THREADS      16
#define EMPTY_CALL_SHARE 0.1 /* of the seconds, for the empty call */

/* ---- calls --------------------------------------------------------------------------- */

rowan_status rw_bench_predict(const struct rw_bench_subject *subject, size_t first, size_t n,
                              double *out) {
    size_t at = first * subject->rows->n_features;
    if (subject->info.rows == ROWAN_FLOAT32)
        return rowan_predict_f32(subject->model, subject->rows->narrow + at, n, ROWAN_RESPONSE, out,
                                 NULL);
    return rowan_predict_f64(subject->model, subject->rows->wide + at, n, ROWAN_RESPONSE, out,
                             NULL);
}

static rowan_status explain(const struct rw_bench_subject *subject, size_t first, size_t n,
                            double *out) {
    return rowan_contributions_f64(
        subject->model, subject->rows->wide + first * subject->rows->n_features, n, out, NULL);
}

const rw_bench_call rw_bench_explain = explain;

static __attribute__((noinline)) rowan_status empty_call(const struct rw_bench_subject *subject,
                                                         size_t first, size_t n, double *out) {
    (void)subject, (void)first, (void)n, (void)out;
    return ROWAN_OK;
}

/* ---- one row --------------------------------------------------------------------------- */

/* Sorted readings; how many is returned. */
static size_t time_calls(const struct rw_bench_subject *subject, rw_bench_call call, double ns,
                         double *out, uint64_t *ticks) {
    double deadline = rw_now_ns() + ns;
    size_t n = 0;
    while (n < MAX_CALLS) {
        size_t row = n % subject->rows->n;
        uint64_t begin = rw_ticks_begin();
        call(subject, row, 1, out);
        ticks[n++] = rw_ticks_end() - begin;
        if (n % CALLS_A_LOOK == 0 && rw_now_ns() > deadline)
            break;
    }
    rw_ticks_sort(ticks, n);
    return n;
}

static void warm(const struct rw_bench_subject *subject, rw_bench_call call, double *out) {
    double deadline = rw_now_ns() + WARM_NS;
    for (size_t i = 0; i < WARM_CALLS && rw_now_ns() < deadline; i++)
        call(subject, i % subject->rows->n, 1, out);
}

static double above(double ns, double floor) {
    return ns > floor ? ns - floor : 0.0;
}

static void time_one(const struct rw_bench_subject *subject, rw_bench_call call, double *out,
                     uint64_t *ticks, struct rw_bench_one *one) {
    double ns_per_tick = rw_ns_per_tick(), ns = subject->seconds * 1e9;
    size_t n = time_calls(subject, empty_call, ns * EMPTY_CALL_SHARE, out, ticks);
    one->empty = rw_ticks_median(ticks, n) * ns_per_tick;
    warm(subject, call, out);
    n = time_calls(subject, call, ns, out, ticks);
    one->median = above(rw_ticks_median(ticks, n) * ns_per_tick, one->empty);
    one->p99 = above(rw_ticks_p99(ticks, n) * ns_per_tick, one->empty);
}

bool rw_bench_one(const struct rw_bench_subject *subject, rw_bench_call call, size_t width,
                  struct rw_bench_one *one) {
    uint64_t *ticks = calloc(MAX_CALLS, sizeof *ticks);
    double *out = calloc(width, sizeof *out);
    if (ticks && out)
        time_one(subject, call, out, ticks, one);
    free(out);
    free(ticks);
    return ticks && out;
}

/* ---- batches ------------------------------------------------------------------------------ */

struct worker {
    const struct rw_bench_subject *subject;
    rw_bench_call call;
    size_t batch;
    double *out;
    double rate; /* rows a second */
    pthread_t thread;
};

static void *work(void *argument) {
    struct worker *worker = argument;
    size_t n_batches = worker->subject->rows->n / worker->batch, n = 0;
    worker->call(worker->subject, 0, worker->batch, worker->out);
    double started = rw_now_ns(), passed;
    do {
        size_t first = n++ % n_batches * worker->batch;
        worker->call(worker->subject, first, worker->batch, worker->out);
        passed = rw_now_ns() - started;
    } while (passed < worker->subject->seconds * 1e9);
    worker->rate = (double)(n * worker->batch) / passed * 1e9;
    return NULL;
}

/* The first worker is this thread. */
static double run_together(struct worker *workers, int n) {
    int n_started = 1;
    while (n_started < n &&
           pthread_create(&workers[n_started].thread, NULL, work, &workers[n_started]) == 0)
        n_started++;
    work(&workers[0]);
    double rate = workers[0].rate;
    for (int i = 1; i < n_started; i++) {
        pthread_join(workers[i].thread, NULL);
        rate += workers[i].rate;
    }
    return n_started == n ? rate : 0.0;
}

double rw_bench_rate(const struct rw_bench_subject *subject, rw_bench_call call, size_t width,
                     size_t most_rows, int n_threads) {
    struct worker workers[MAX_THREADS];
    size_t batch = subject->rows->n < most_rows ? subject->rows->n : most_rows;
    double *out = calloc((size_t)n_threads * batch * width, sizeof *out);
    if (!out || n_threads < 1 || n_threads > MAX_THREADS) {
        free(out);
        return 0.0;
    }
    for (int i = 0; i < n_threads; i++)
        workers[i] = (struct worker){.subject = subject,
                                     .call = call,
                                     .batch = batch,
                                     .out = out + (size_t)i * batch * width};
    double rate = run_together(workers, n_threads);
    free(out);
    return rate;
}

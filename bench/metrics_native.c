/*
 * metrics_native.c - what metrics cost: of one request, and of one scrape.
 *
 * A request's share is what the service does for one prediction: the clock four times, the
 * request's counter and duration, in-progress up and down, the prediction's counter and
 * its three histograms.  Its values change from request to request, so that no branch is
 * always foreseen.  A scrape reads eight pages that are nearly full.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics/metrics.h"

#define ROUNDS   501u
#define REQUESTS 2000u /* of a round: shorter than a turn of the scheduler */
#define VALUES   4096u /* a power of two */
#define PAGES    8u
#define SCRAPES  31u
#define SERIES   220u /* of each of three histograms in a page, and as many counters */

static void fail(const rowan_error *error) {
    char text[1024];
    fprintf(stderr, "metrics_native: %s\n", rowan_error_text(error, text, sizeof text));
    exit(1);
}

static int compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double values[], size_t n) {
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

/* ---- a request ------------------------------------------------------------------------- */

static struct {
    struct rw_series *requests, *duration, *in_progress, *predictions[2], *prediction_duration,
        *probability, *confidence;
} series;

static double probabilities[VALUES];

static void open_series(struct rw_page *page) {
    const char *labels[] = {"fraud", "1", "legitimate"};
    const char *fraud[] = {"fraud", "1", "fraud"};
    const char *request[] = {"POST", "/predict", "200"};
    series.requests = rw_page_series(page, RW_METRIC_HTTP_REQUESTS, request);
    series.duration = rw_page_series(page, RW_METRIC_HTTP_DURATION, request);
    series.in_progress = rw_page_series(page, RW_METRIC_HTTP_IN_PROGRESS, NULL);
    series.predictions[0] = rw_page_series(page, RW_METRIC_PREDICTIONS, labels);
    series.predictions[1] = rw_page_series(page, RW_METRIC_PREDICTIONS, fraud);
    series.prediction_duration = rw_page_series(page, RW_METRIC_PREDICTION_DURATION, labels);
    series.probability = rw_page_series(page, RW_METRIC_FRAUD_PROBABILITY, labels);
    series.confidence = rw_page_series(page, RW_METRIC_CONFIDENCE, labels);
}

/* Most transactions are honest: nine of ten below 1 %. */
static void draw_probabilities(void) {
    srand(1);
    for (size_t i = 0; i < VALUES; i++) {
        double u = (double)rand() / RAND_MAX;
        probabilities[i] = rand() % 10 ? u * 0.01 : u;
    }
}

/* Not inlined: the compiler must not move the stores of one request into another. */
static __attribute__((noinline)) void one_request(double p) {
    uint64_t header = rw_clock_ns();
    rw_series_add(series.in_progress, 1);
    uint64_t body = rw_clock_ns();
    uint64_t reply = rw_clock_ns();
    rw_series_observe_ns(series.prediction_duration, reply - body + 4000);
    rw_series_observe(series.probability, p);
    rw_series_observe(series.confidence, p > 0.5 ? p : 1 - p);
    rw_series_add(series.predictions[p > 0.5], 1);
    uint64_t end = rw_clock_ns();
    rw_series_observe_ns(series.duration, end - header + 60000);
    rw_series_add(series.requests, 1);
    rw_series_subtract(series.in_progress, 1);
}

static double measure_requests(struct rw_page *page) {
    double rounds[ROUNDS];
    open_series(page);
    draw_probabilities();
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = rw_clock_ns();
        for (unsigned i = 0; i < REQUESTS; i++)
            one_request(probabilities[i & (VALUES - 1)]);
        rounds[round] = (double)(rw_clock_ns() - start) / REQUESTS;
    }
    return median(rounds, ROUNDS);
}

static double measure_clock(void) {
    double rounds[ROUNDS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = rw_clock_ns();
        for (unsigned i = 0; i < REQUESTS; i++)
            rw_clock_ns();
        rounds[round] = (double)(rw_clock_ns() - start) / REQUESTS;
    }
    return median(rounds, ROUNDS);
}

/* ---- a scrape ------------------------------------------------------------------------------ */

static void fill(struct rw_page *page) {
    char version[32];
    const char *labels[] = {"fraud", version, "legitimate"};
    for (unsigned i = 0; i < SERIES; i++) {
        snprintf(version, sizeof version, "2026-07-%03u", i);
        rw_series_add(rw_page_series(page, RW_METRIC_PREDICTIONS, labels), 1000 * i + 7);
        struct rw_series *duration = rw_page_series(page, RW_METRIC_PREDICTION_DURATION, labels);
        struct rw_series *probability = rw_page_series(page, RW_METRIC_FRAUD_PROBABILITY, labels);
        struct rw_series *confidence = rw_page_series(page, RW_METRIC_CONFIDENCE, labels);
        for (unsigned k = 0; k < 1000; k++) {
            double p = probabilities[(i + k) & (VALUES - 1)];
            rw_series_observe_ns(duration, (uint64_t)(p * 1e6));
            rw_series_observe(probability, p);
            rw_series_observe(confidence, p > 0.5 ? p : 1 - p);
        }
    }
}

/* The reply of a server lies in blocks that one scrape takes and gives back. */
struct blocks {
    void *blocks[64];
    unsigned count;
};

static void *lend(void *context, size_t size) {
    struct blocks *blocks = context;
    if (blocks->count == sizeof blocks->blocks / sizeof *blocks->blocks)
        return NULL;
    return blocks->blocks[blocks->count++] = malloc(size);
}

static double measure_scrapes(const char *dir, enum rw_metrics_format format, size_t *length) {
    double rounds[SCRAPES];
    rowan_error error;
    for (unsigned round = 0; round < SCRAPES; round++) {
        struct blocks blocks = {.count = 0};
        struct rw_memory memory = {lend, &blocks};
        struct rw_buffer text = {.memory = &memory};
        uint64_t start = rw_clock_ns();
        if (rw_metrics_expose(dir, format, &text, &error) != ROWAN_OK)
            fail(&error);
        rounds[round] = (double)(rw_clock_ns() - start) / 1e3;
        *length = text.length;
        while (blocks.count > 0)
            free(blocks.blocks[--blocks.count]);
    }
    return median(rounds, SCRAPES);
}

static void measure_directory(const char *dir) {
    struct rw_page *pages[PAGES];
    rowan_error error;
    size_t length;
    for (unsigned i = 0; i < PAGES; i++)
        if (rw_page_open(dir, &pages[i], &error) != ROWAN_OK)
            fail(&error);
    double clock = measure_clock(), request = measure_requests(pages[0]);
    printf("the clock                       %8.1f ns\n", clock);
    printf("metrics of a request            %8.1f ns\n", request);
    double few = measure_scrapes(dir, RW_PROMETHEUS_TEXT, &length);
    printf("scrape of %u pages of one model  %8.1f us, %zu bytes\n", PAGES, few, length);
    for (unsigned i = 0; i < PAGES; i++)
        fill(pages[i]);
    double text = measure_scrapes(dir, RW_PROMETHEUS_TEXT, &length);
    printf("scrape of %u full pages, text    %8.1f us, %zu bytes\n", PAGES, text, length);
    double openmetrics = measure_scrapes(dir, RW_OPENMETRICS, &length);
    printf("the same, OpenMetrics           %8.1f us, %zu bytes\n", openmetrics, length);
    for (unsigned i = 0; i < PAGES; i++)
        rw_page_close(pages[i]);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR (empty, on tmpfs)\n", argv[0]);
        return 2;
    }
    rw_clock_init();
    measure_directory(argv[1]);
    return 0;
}

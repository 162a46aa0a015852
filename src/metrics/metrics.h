/*
 * metrics.h - counters, gauges and histograms in pages of shared memory.
 *
 * Every process writes a page of its own, a file in the metrics directory, with plain
 * stores.  A reader adds up all pages in one pass and writes Prometheus text.  The page
 * of a process that has ended is folded into one page of the dead, so that counters
 * never go back.  Which metrics there are is said once, in metrics_list.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_METRICS_H
#define RW_METRICS_H

#include "base/base.h"
#include "metrics/metrics_list.h"

/* Bounds. */
#define RW_METRIC_LABELS_MAX 4u           /* of one metric */
#define RW_METRIC_BOUNDS_MAX 24u          /* buckets of a histogram, without +Inf */
#define RW_LABEL_VALUE_MAX   128u         /* bytes; longer values are cut */
#define RW_PAGE_BYTES        (256u << 10) /* of one process */
#define RW_PAGES_MAX         4096u        /* read by one scrape */

/* ---- table: what each metric is (table.c) ------------------------------------------ */

enum rw_metric {
#define RW_METRIC(id, ...) RW_METRIC_##id,
    RW_METRIC_LIST(RW_METRIC)
#undef RW_METRIC
        RW_METRICS
};

enum rw_metric_type { RW_COUNTER, RW_GAUGE, RW_HISTOGRAM, RW_INFO };

/* What a cell holds. */
enum rw_metric_value {
    RW_COUNT,   /* uint64_t */
    RW_SECONDS, /* uint64_t nanoseconds, written as seconds */
    RW_REAL     /* double */
};

/* How the pages of living processes become one number. */
enum rw_metric_merge { RW_SUM, RW_MAX, RW_MIN };

struct rw_metric_def {
    const char *name; /* of the samples: counters end with _total, an info with _info */
    enum rw_metric_type type;
    enum rw_metric_value value;
    enum rw_metric_merge merge;
    uint32_t n_bounds;    /* histograms only */
    const char *unit;     /* OpenMetrics' unit, also the end of the name: "seconds"; or "" */
    const char *labels;   /* "method,endpoint"; in this order; or "" */
    const double *bounds; /* [n_bounds] rising, in the unit of the name; histograms only */
    const char *help;     /* one sentence */
};

extern const struct rw_metric_def rw_metric_defs[RW_METRICS];

/* ---- a page (page.c) ---------------------------------------------------------------- */

struct rw_page;

/* The cells of one metric with one set of label values.  A counter, gauge or info has
 * one; a histogram has n_bounds + 1 counts (the last one is that above all bounds) and
 * behind them the sum.  Read by other processes at any time, written by one thread. */
struct rw_series {
    uint64_t *cells;
    const uint64_t *bounds; /* RW_SECONDS: in nanoseconds; RW_REAL: bits of doubles */
    uint32_t n_bounds;
};

/* Makes this process's page in `dir` (which must exist) and folds the pages of the dead.
 * The page is the caller's until rw_page_close; the process that opened it holds a lock
 * on it for its life, and the end of the process is the end of the page. */
rowan_status rw_page_open(const char *dir, struct rw_page **page, rowan_error *error);
/* The same without a file, where a page could not be had: counts, but nobody sees it. */
struct rw_page *rw_page_private(void);
void rw_page_close(struct rw_page *page);

/* The series of these label values (one for each label of the metric; values may be any
 * bytes), made at its first use.  Never NULL: when the page is full, or a metric has too
 * many series, observations go to a series that is not shown and are counted by
 * rowan_metrics_dropped_total. Valid as long as the page. */
struct rw_series *rw_page_series(struct rw_page *page, enum rw_metric metric,
                                 const char *const values[]);

/* ---- writing: a few instructions each -------------------------------------------------- */

static inline void rw_cell_store(uint64_t *cell, uint64_t value) {
    __atomic_store_n(cell, value, __ATOMIC_RELAXED); /* one writer: no locked instruction */
}

static inline void rw_cell_store_real(uint64_t *cell, double value) {
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    rw_cell_store(cell, bits);
}

static inline double rw_cell_real(const uint64_t *cell) {
    uint64_t bits = __atomic_load_n(cell, __ATOMIC_RELAXED);
    double value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

/* RW_COUNT, RW_SECONDS: adds to a counter or gauge; a gauge may go down. */
static inline void rw_series_add(struct rw_series *series, uint64_t n) {
    rw_cell_store(series->cells, *series->cells + n);
}

static inline void rw_series_subtract(struct rw_series *series, uint64_t n) {
    rw_cell_store(series->cells, *series->cells - n);
}

static inline void rw_series_set(struct rw_series *series, uint64_t value) {
    rw_cell_store(series->cells, value);
}

/* RW_REAL */
static inline void rw_series_set_real(struct rw_series *series, double value) {
    rw_cell_store_real(series->cells, value);
}

/* RW_SECONDS histograms. */
static inline void rw_series_observe_ns(struct rw_series *series, uint64_t ns) {
    uint32_t i = 0;
    while (i < series->n_bounds && ns > series->bounds[i])
        i++;
    rw_cell_store(&series->cells[i], series->cells[i] + 1);
    uint64_t *sum = &series->cells[series->n_bounds + 1];
    rw_cell_store(sum, *sum + ns);
}

/* RW_REAL histograms of values that are not negative: their bits sort as they do. */
static inline void rw_series_observe(struct rw_series *series, double value) {
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    uint32_t i = 0;
    while (i < series->n_bounds && bits > series->bounds[i])
        i++;
    rw_cell_store(&series->cells[i], series->cells[i] + 1);
    uint64_t *sum = &series->cells[series->n_bounds + 1];
    rw_cell_store_real(sum, rw_cell_real(sum) + value);
}

/* ---- reading (read.c, text.c) ------------------------------------------------------------ */

enum rw_metrics_format { RW_PROMETHEUS_TEXT, RW_OPENMETRICS };

/* The media type of a format, with version and charset. */
const char *rw_metrics_media_type(enum rw_metrics_format format);
/* The format that an Accept header asks for: OpenMetrics 1.0 where it is preferred,
 * else Prometheus text 0.0.4 (also for an empty header). */
enum rw_metrics_format rw_metrics_negotiate(const char *accept, size_t length);

/* Adds up all pages of `dir` and appends the exposition.  Pages of the dead are folded on
 * the way.  A file that is no page is skipped, never trusted. */
rowan_status rw_metrics_expose(const char *dir, enum rw_metrics_format format,
                               struct rw_buffer *out, rowan_error *error);

/* ---- the process itself (process.c) ------------------------------------------------------ */

/* Keeps the process_* series and ml_model_cpu_usage_percent of this process up to date:
 * call it about once a second, from the thread that writes the page.  `started`: Unix time
 * of the service's start in seconds, 0 for this process's own. */
void rw_page_refresh_process(struct rw_page *page, double started);

/* ---- clock (clock.c) ------------------------------------------------------------------------ */

/* Monotonic nanoseconds for durations, about 10 ns a call: the CPU's own counter where the
 * kernel trusts it, else CLOCK_MONOTONIC.  rw_clock_init measures the counter's rate;
 * rw_clock_tick, about once a second and by one thread only, sharpens it.  No
 * thread sees it go back; between threads, a CPU may read its counter some nanoseconds
 * before what stands before the call. */
void rw_clock_init(void);
void rw_clock_tick(void);
uint64_t rw_clock_ns(void);

#endif

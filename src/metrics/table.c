/*
 * table.c - what each metric is, from the list, and the print of the whole table.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "metrics/page.h"

/* ---- bounds ------------------------------------------------------------------------ */

static const double rw_no_bounds[1] = {0};

/* A prediction takes microseconds; seconds are a machine in trouble. */
static const double rw_prediction_bounds[] = {1e-6,   2e-6, 3e-6, 5e-6,   7.5e-6, 1e-5,  1.5e-5,
                                              2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4,   0.001, 0.0025,
                                              0.01,   0.05, 0.1,  0.5,    1,      5};

/* 2: an objective that is often set in seconds. */
static const double rw_http_bounds[] = {1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                        0.05, 0.1,    0.25, 0.5,   1,      2,     5,    10};

static const double rw_load_bounds[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                        0.5,   1,     2,    5,     10,   30,  60};

/* Fine where fraud is decided: near 0, near 1; 0.3 and 0.7 are the risk levels. */
/* From a message's timestamp, in whole milliseconds, to hours behind. */
static const double rw_latency_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075,
                                           0.1,   0.15,   0.25,  0.5,  1,     2,    5,
                                           10,    30,     60,    300,  1800,  7200};
static const double rw_probability_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                               0.2,   0.3,    0.4,   0.5,  0.6,   0.7,  0.8,
                                               0.9,   0.95,   0.975, 0.99, 0.995, 0.999};

static const double rw_confidence_bounds[] = {0.5,  0.55, 0.6,  0.65,  0.7,  0.75, 0.8,
                                              0.85, 0.9,  0.95, 0.975, 0.99, 0.999};

/* ---- the table ----------------------------------------------------------------------- */

const struct rw_metric_def rw_metric_defs[RW_METRICS] = {
#define DEFINE(id, name_, type_, value_, merge_, unit_, labels_, bounds_, help_)                   \
    [RW_METRIC_##id] = {.name = (name_),                                                           \
                        .type = (type_),                                                           \
                        .value = (value_),                                                         \
                        .merge = (merge_),                                                         \
                        .unit = (unit_),                                                           \
                        .labels = (labels_),                                                       \
                        .bounds = (bounds_),                                                       \
                        .n_bounds = sizeof(bounds_) == sizeof rw_no_bounds                         \
                                        ? 0                                                        \
                                        : sizeof(bounds_) / sizeof *(bounds_),                     \
                        .help = (help_)},
    RW_METRIC_LIST(DEFINE)
#undef DEFINE
};

static uint64_t print_text(const char *text, uint64_t print) {
    return XXH64(text, strlen(text) + 1, print);
}

uint64_t rw_metric_table_print(void) {
    uint64_t print = RW_PAGE_LAYOUT;
    for (size_t i = 0; i < RW_METRICS; i++) {
        const struct rw_metric_def *def = &rw_metric_defs[i];
        const uint32_t kinds[] = {def->type, def->value, def->merge, def->n_bounds};
        print = print_text(def->name, print);
        print = print_text(def->labels, print);
        print = XXH64(kinds, sizeof kinds, print);
        print = XXH64(def->bounds, def->n_bounds * sizeof *def->bounds, print);
    }
    return print;
}

uint32_t rw_metric_cells(enum rw_metric metric) {
    const struct rw_metric_def *def = &rw_metric_defs[metric];
    return def->type == RW_HISTOGRAM ? def->n_bounds + 2 : 1;
}

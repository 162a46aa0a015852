/*
 * counters.c - what rowan-sync counts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "daemon/now.h"
#include "daemon/own_page.h"
#include "sync/counters.h"

static const char *const reasons[RW_REASONS] = {
    [RW_FAILED] = "",
    [RW_REFUSED_CHECKSUM] = "checksum",
    [RW_REFUSED_TOO_LARGE] = "too_large",
    [RW_REFUSED_FORMAT] = "format",
    [RW_REFUSED_GOLDEN] = "golden",
    [RW_REFUSED_CONTRACT] = "contract",
    [RW_REFUSED_NAME] = "name",
    [RW_REFUSED_INCOMPLETE] = "incomplete",
};

static const char *const outcomes[RW_SYNC_OUTCOMES] = {[RW_UNCHANGED] = "unchanged",
                                                       [RW_SWAPPED] = "swapped",
                                                       [RW_NAMES_NONE] = "none",
                                                       [RW_REFUSED] = "refused",
                                                       [RW_CHECK_FAILED] = "failed"};

struct rw_sync_counters {
    const struct rw_sync_settings *settings;
    struct rw_page *page;
    struct rw_series *checks[RW_SYNC_OUTCOMES], *refused[RW_REASONS];
    struct rw_series *up, *bytes, *duration, *unproved;
    struct rw_series *info; /* of what is served; NULL before the first */
};

const char *rw_reason_name(enum rw_reason reason) {
    return reasons[reason];
}

static struct rw_series *series_of(struct rw_sync_counters *counters, enum rw_metric metric,
                                   const char *third) {
    const char *labels[] = {counters->settings->name, counters->settings->reference, third};
    return rw_page_series(counters->page, metric, labels);
}

/* What is known from the start is shown from the start, as zero; a time that was not yet is not. */
static void resolve(struct rw_sync_counters *counters) {
    for (int i = 0; i < RW_SYNC_OUTCOMES; i++)
        counters->checks[i] = series_of(counters, RW_METRIC_SYNC_CHECKS, outcomes[i]);
    for (int i = RW_REFUSED_CHECKSUM; i < RW_REASONS; i++)
        counters->refused[i] = series_of(counters, RW_METRIC_SYNC_REFUSED, reasons[i]);
    counters->up = series_of(counters, RW_METRIC_SYNC_UP, NULL);
    counters->bytes = series_of(counters, RW_METRIC_SYNC_BYTES, NULL);
    counters->duration = series_of(counters, RW_METRIC_SYNC_DURATION, NULL);
    counters->unproved = series_of(counters, RW_METRIC_SYNC_UNPROVED, NULL);
}

struct rw_sync_counters *rw_sync_counters_open(const struct rw_sync_settings *settings) {
    struct rw_sync_counters *counters = calloc(1, sizeof *counters);
    if (!counters)
        return NULL;
    counters->settings = settings;
    counters->page = rw_own_page(settings->metrics_dir, "what rowan-sync does is");
    if (!counters->page) {
        free(counters);
        return NULL;
    }
    resolve(counters);
    return counters;
}

void rw_sync_counters_close(struct rw_sync_counters *counters) {
    if (!counters)
        return;
    rw_page_close(counters->page);
    free(counters);
}

void rw_sync_counters_tick(struct rw_sync_counters *counters) {
    rw_page_refresh_process(counters->page, 0);
}

void rw_sync_count_registry(struct rw_sync_counters *counters, bool is_up) {
    rw_series_set(counters->up, is_up);
}

void rw_sync_count_check(struct rw_sync_counters *counters, enum rw_sync_outcome outcome) {
    rw_series_add(counters->checks[outcome], 1);
    if (outcome == RW_UNCHANGED || outcome == RW_SWAPPED || outcome == RW_NAMES_NONE)
        rw_series_set_real(series_of(counters, RW_METRIC_SYNC_SUCCESS, NULL), rw_unix_seconds());
}

void rw_sync_count_refused(struct rw_sync_counters *counters, enum rw_reason reason) {
    rw_series_add(counters->refused[reason], 1);
}

void rw_sync_count_download(struct rw_sync_counters *counters, uint64_t bytes, uint64_t ns) {
    rw_series_add(counters->bytes, bytes);
    rw_series_observe_ns(counters->duration, ns);
}

void rw_sync_count_served(struct rw_sync_counters *counters, const char *version,
                          const char *model_version, bool is_unproved) {
    const char *labels[] = {counters->settings->name, counters->settings->reference, version,
                            model_version};
    if (counters->info)
        rw_series_set(counters->info, 0);
    counters->info = rw_page_series(counters->page, RW_METRIC_SYNC_INFO, labels);
    rw_series_set(counters->info, 1);
    rw_series_set(counters->unproved, is_unproved);
}

void rw_sync_count_swap(struct rw_sync_counters *counters) {
    rw_series_set_real(series_of(counters, RW_METRIC_SYNC_SWAPPED, NULL), rw_unix_seconds());
}

/*
 * counters.h - what rowan-sync counts: ml_model_sync_*, each with the model's name in the registry
 * and the reference that is followed.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_COUNTERS_H
#define RW_SYNC_COUNTERS_H

#include "metrics/metrics.h"
#include "sync/settings.h"
#include "sync/trouble.h"

enum rw_sync_outcome {
    RW_UNCHANGED,
    RW_SWAPPED,
    RW_NAMES_NONE, /* the registry is well, and nobody has been promoted */
    RW_REFUSED,
    RW_CHECK_FAILED,
    RW_SYNC_OUTCOMES
};

struct rw_sync_counters;

/* NULL without memory. */
struct rw_sync_counters *rw_sync_counters_open(const struct rw_sync_settings *settings);
void rw_sync_counters_close(struct rw_sync_counters *counters);
/* About once a second: the process itself. */
void rw_sync_counters_tick(struct rw_sync_counters *counters);

void rw_sync_count_registry(struct rw_sync_counters *counters, bool is_up);
void rw_sync_count_check(struct rw_sync_counters *counters, enum rw_sync_outcome outcome);
void rw_sync_count_refused(struct rw_sync_counters *counters, enum rw_reason reason);
void rw_sync_count_download(struct rw_sync_counters *counters, uint64_t bytes, uint64_t ns);
/* What the link leads to now; `version` of the registry, "" if it is none of its. */
void rw_sync_count_served(struct rw_sync_counters *counters, const char *version,
                          const char *model_version, bool is_unproved);
void rw_sync_count_swap(struct rw_sync_counters *counters);

const char *rw_reason_name(enum rw_reason reason);

#endif

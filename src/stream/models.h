/*
 * models.h - the model that the threads score with, renewed while they run.
 *
 * A thread of its own looks at the model directory once a second, loads and proves a
 * changed one, and shows it; scoring threads take it between two batches.  A bad
 * directory is refused with a line in the log and a metric, and the version before goes on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_MODELS_H
#define RW_STREAM_MODELS_H

#include "metrics/metrics.h"
#include "modeldir/modeldir.h"

struct rw_models;

/* A model in use: `served` stays until the lease is returned. */
struct rw_lease {
    struct rw_served *served; /* NULL: there is none yet */
    uint64_t generation;      /* 0: none; grows by one with each swap */
    void *owner;              /* models.c's */
};

/* Loads `dir` (an error unless `optional`) and starts the thread, which opens a page in
 * metrics_dir (may be NULL) for ml_model_loads_total, ml_model_info and the others of a
 * load.  Owned by the caller. */
rowan_status rw_models_start(const char *dir, bool optional, const char *metrics_dir,
                             struct rw_models **models, rowan_error *error);
/* Ends the thread.  All leases must have been returned. */
void rw_models_stop(struct rw_models *models);

/* A load and a compare: has another one come since this lease was taken? */
bool rw_models_changed(const struct rw_models *models, const struct rw_lease *lease);
struct rw_lease rw_models_take(struct rw_models *models);
void rw_models_return(struct rw_models *models, struct rw_lease *lease);

#endif

/*
 * progress.h - a line a second on standard error while a run goes on.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_PROGRESS_H
#define RW_LOAD_PROGRESS_H

#include "load-testing/run.h"
#include "stream/ticker.h"

struct rw_load_progress {
    const struct rw_load_run *run;
    struct rw_ticker ticker;
    bool runs;
    int64_t next; /* second to be written */
};

/* The run outlives the progress. */
rowan_status rw_load_progress_start(struct rw_load_progress *progress,
                                    const struct rw_load_run *run, rowan_error *error);
void rw_load_progress_stop(struct rw_load_progress *progress);

#endif

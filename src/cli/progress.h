/*
 * progress.h - how far a long command is, on a terminal.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_PROGRESS_H
#define RW_CLI_PROGRESS_H

#include "base/base.h"

struct rw_progress {
    bool shown;        /* standard error is a terminal */
    bool drawn;        /* something stands on its line */
    uint64_t total;    /* bytes; 0: unknown */
    int64_t last_draw; /* milliseconds */
};

void rw_progress_begin(struct rw_progress *progress, uint64_t total, bool wanted);
/* Cheap: draws a few times a second, whatever the number of calls. */
void rw_progress_update(struct rw_progress *progress, uint64_t bytes, uint64_t rows);
/* Clears the line, so that a message can be written; the next update draws again. */
void rw_progress_clear(struct rw_progress *progress);

#endif

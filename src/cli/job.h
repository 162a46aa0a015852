/*
 * job.h - runs the rows of a CSV file through a scorer, batch by batch, and reports
 * those that are refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_JOB_H
#define RW_CLI_JOB_H

#include "cli/command.h"
#include "cli/csv_file.h"
#include "cli/progress.h"
#include "cli/scorer.h"

struct rw_job {
    /* set by the command */
    const char *id_name; /* column that names rows; NULL: the contract's id */
    bool stop_on_error, no_progress;
    /* Looks at the model once it is loaded; may be NULL. */
    rowan_status (*begin)(struct rw_job *job, rowan_error *error);
    void (*write_header)(const struct rw_job *job, const struct rw_csv_record *header);
    /* Writes the result of every row of the batch to standard output, and empties it. */
    rowan_status (*flush)(struct rw_job *job, rowan_error *error);
    void *context;

    struct rw_scorer scorer;
    struct rw_csv_file input;
    struct rw_progress progress;
    uint64_t n_scored, n_refused;
};

/* `model` is a model directory or a model file; `input` a CSV file or "-". */
enum rw_exit rw_job_run(struct rw_job *job, const char *model, const char *input);

/* Options that every such command has; see score.c. */
#define RW_JOB_ID_TEXT                                                                             \
    "Repeat this column first in the result, instead of the contract's id.  Any\n"                 \
    "column of the input will do, whether the contract knows it or not."
#define RW_JOB_STOP_TEXT     "Stop at the first row that cannot be scored; rows before it are written."
#define RW_JOB_PROGRESS_TEXT "Draw no progress bar, even if standard error is a terminal."

#endif

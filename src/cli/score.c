/*
 * score.c - `rowan score`: CSV in, CSV out.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "cli/job.h"

static bool stop_on_error, no_progress;
static const char *id_name;

static void write_header(const struct rw_job *job, const struct rw_csv_record *header) {
    rw_scorer_write_header(&job->scorer, header, stdout);
}

static rowan_status flush(struct rw_job *job, rowan_error *error) {
    return rw_scorer_flush(&job->scorer, stdout, error);
}

static enum rw_exit score(const char *const *operands) {
    struct rw_job job = {.id_name = id_name,
                         .stop_on_error = stop_on_error,
                         .no_progress = no_progress,
                         .write_header = write_header,
                         .flush = flush};
    return rw_job_run(&job, operands[0], operands[1]);
}

/* ---- description ------------------------------------------------------------------------ */

static const struct rw_option options[] = {
    {"id", "COLUMN", RW_JOB_ID_TEXT, NULL, &id_name},
    {"stop-on-error", NULL, RW_JOB_STOP_TEXT, &stop_on_error, NULL},
    {"no-progress", NULL, RW_JOB_PROGRESS_TEXT, &no_progress, NULL},
    {0},
};

const struct rw_command rw_command_score = {
    .name = "score",
    .summary = "scores the rows of a CSV file",
    .operands = "DIR|MODEL FILE.csv|-",
    .n_operands = 2,
    .description =
        "Scores each row of FILE.csv (- is standard input) and writes CSV to standard\n"
        "output, in the order of the input.\n"
        "\n"
        "With a model directory DIR, the columns are the properties of its contract, and\n"
        "rows are checked and decoded as a request would be.  The result has the columns\n"
        "of the contract's id, fraud_probability, risk_level and model_version (score and\n"
        "model_version for a model that gives no probability).  With a model file MODEL,\n"
        "the columns are the model's features, and the result has prediction, or\n"
        "prediction_0, prediction_1 ... for a model with several outputs.  Where there is\n"
        "no id, the first column of the result is line, the row's line in the input.\n"
        "Numbers are the shortest decimals that read back as the same number.\n"
        "\n"
        "The input is CSV as RFC 4180 has it: a header, commas, LF or CRLF, quotes around\n"
        "cells that hold commas, quotes or line ends.  Columns come in any order; columns\n"
        "that nobody asked for are ignored; optional columns may be absent, required ones\n"
        "may not.  An empty cell is a missing value.  Numbers are written as in JSON;\n"
        "NA and NaN are not numbers.  A record may have 4 MiB and 131072 cells.\n"
        "\n"
        "A row that cannot be scored is reported on standard error with its line and the\n"
        "reason and has no row in the result; the others are scored.",
    .options = options,
    .exit_status = "0   all rows were scored\n"
                   "1   the model or the header was refused, or at least one row was\n"
                   "2   the command line was wrong",
    .examples = "rowan score models/fraud transactions.csv >scores.csv\n"
                "zcat transactions.csv.gz | rowan score models/fraud - | gzip >scores.csv.gz\n"
                "rowan score --id TRANSACTION_ID models/fraud/model.ubj features.csv",
    .run = score,
};

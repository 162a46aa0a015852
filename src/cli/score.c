/*
 * score.c - `rowan score`: CSV in, CSV out.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/csv_file.h"
#include "cli/progress.h"
#include "cli/scorer.h"

static bool stop_on_error, no_progress;
static const char *id_name;

struct job {
    struct rw_csv_file input;
    struct rw_scorer scorer;
    struct rw_progress progress;
    uint64_t n_scored, n_refused;
};

/* ---- input ------------------------------------------------------------------------ */

static uint64_t input_bytes(const struct job *job) {
    struct stat st;
    return fstat(job->input.fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0
               ? (uint64_t)st.st_size
               : 0;
}

/* ---- errors ------------------------------------------------------------------------- */

static void refuse(struct job *job, rowan_error *error) {
    rw_progress_clear(&job->progress);
    rw_error_prefix(error, job->input.name);
    rw_say_error(error);
}

/* A record that cannot be scored; false: do not go on. */
static bool refuse_row(struct job *job, rowan_error *error) {
    refuse(job, error);
    job->n_refused++;
    return !stop_on_error;
}

static void add_line(rowan_error *error, uint64_t line) {
    char where[32];
    snprintf(where, sizeof where, "line %llu", (unsigned long long)line);
    rw_error_prefix(error, where);
}

/* ---- rows ----------------------------------------------------------------------------- */

static bool flush(struct job *job) {
    rowan_error error;
    size_t n_rows = job->scorer.n_rows;
    if (rw_scorer_flush(&job->scorer, stdout, &error) != ROWAN_OK) {
        refuse(job, &error);
        return false;
    }
    job->n_scored += n_rows;
    return !ferror(stdout); /* a full disk: there is no use in going on */
}

static bool score_record(struct job *job, const struct rw_csv_record *record) {
    rowan_error error;
    if (rw_scorer_add(&job->scorer, record, &error) != ROWAN_OK) {
        add_line(&error, record->line);
        return refuse_row(job, &error);
    }
    return !rw_scorer_is_full(&job->scorer) || flush(job);
}

/* False when it ended early; what came before is scored in any case. */
static bool score_records(struct job *job) {
    struct rw_csv_record record;
    rowan_error error;
    for (bool go_on = true; go_on;) {
        switch (rw_csv_next(job->input.csv, &record, &error)) {
        case RW_CSV_RECORD:
            go_on = score_record(job, &record);
            break;
        case RW_CSV_BAD:
            go_on = refuse_row(job, &error);
            break;
        case RW_CSV_FATAL:
            refuse_row(job, &error);
            return false;
        case RW_CSV_END:
            return true;
        }
        rw_progress_update(&job->progress, rw_csv_consumed(job->input.csv),
                           job->n_scored + job->scorer.n_rows);
    }
    return false;
}

static bool read_header(struct job *job) {
    struct rw_csv_record header;
    rowan_error error;
    rowan_status status = rw_csv_file_header(&job->input, &header, &error);
    if (status == ROWAN_OK) {
        status = rw_scorer_bind(&job->scorer, &header, id_name, &error);
        if (status != ROWAN_OK)
            add_line(&error, header.line);
    }
    if (status != ROWAN_OK) {
        refuse(job, &error);
        return false;
    }
    rw_scorer_write_header(&job->scorer, &header, stdout);
    return true;
}

static enum rw_exit score_all(struct job *job) {
    if (!read_header(job))
        return RW_EXIT_REFUSED;
    bool whole = score_records(job);
    whole = flush(job) && whole;
    rw_progress_clear(&job->progress);
    if (job->n_refused)
        rw_say("%s: %llu rows scored, %llu refused%s", job->input.name,
               (unsigned long long)job->n_scored, (unsigned long long)job->n_refused,
               whole ? "" : "; stopped early");
    return whole && job->n_refused == 0 ? RW_EXIT_OK : RW_EXIT_REFUSED;
}

static enum rw_exit score(const char *const *operands) {
    struct job job = {0};
    rowan_error error;
    if (rw_scorer_open(&job.scorer, operands[0], &error) != ROWAN_OK) {
        rw_say_error(&error);
        return RW_EXIT_REFUSED;
    }
    enum rw_exit result = RW_EXIT_REFUSED;
    if (rw_csv_file_open(&job.input, operands[1], &error) != ROWAN_OK) {
        rw_say_error(&error);
    } else {
        rw_progress_begin(&job.progress, input_bytes(&job), !no_progress);
        result = score_all(&job);
    }
    rw_csv_file_close(&job.input);
    rw_scorer_close(&job.scorer);
    return result;
}

/* ---- description ------------------------------------------------------------------------ */

static const struct rw_option options[] = {
    {"id", "COLUMN",
     "Repeat this column first in the result, instead of the contract's id.  Any\n"
     "column of the input will do, whether the contract knows it or not.",
     NULL, &id_name},
    {"stop-on-error", NULL,
     "Stop at the first row that cannot be scored; rows before it are written.", &stop_on_error,
     NULL},
    {"no-progress", NULL, "Draw no progress bar, even if standard error is a terminal.",
     &no_progress, NULL},
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

/*
 * job.c - CSV in, batches through a scorer, results out.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/job.h"

#include <stdio.h>
#include <sys/stat.h>

/* ---- input ------------------------------------------------------------------------ */

static uint64_t input_bytes(const struct rw_job *job) {
    struct stat st;
    return fstat(job->input.fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0
               ? (uint64_t)st.st_size
               : 0;
}

/* ---- errors ------------------------------------------------------------------------- */

static void refuse(struct rw_job *job, rowan_error *error) {
    rw_progress_clear(&job->progress);
    rw_error_prefix(error, job->input.name);
    rw_say_error(error);
}

/* A record that cannot be scored; false: do not go on. */
static bool refuse_row(struct rw_job *job, rowan_error *error) {
    refuse(job, error);
    job->n_refused++;
    return !job->stop_on_error;
}

static void add_line(rowan_error *error, uint64_t line) {
    char where[32];
    snprintf(where, sizeof where, "line %llu", (unsigned long long)line);
    rw_error_prefix(error, where);
}

/* ---- rows ----------------------------------------------------------------------------- */

static bool flush(struct rw_job *job) {
    rowan_error error;
    size_t n_rows = job->scorer.n_rows;
    if (job->flush(job, &error) != ROWAN_OK) {
        refuse(job, &error);
        return false;
    }
    job->n_scored += n_rows;
    return !ferror(stdout); /* a full disk: there is no use in going on */
}

static bool score_record(struct rw_job *job, const struct rw_csv_record *record) {
    rowan_error error;
    if (rw_scorer_add(&job->scorer, record, &error) != ROWAN_OK) {
        add_line(&error, record->line);
        return refuse_row(job, &error);
    }
    return !rw_scorer_is_full(&job->scorer) || flush(job);
}

/* False when it ended early; what came before is scored in any case. */
static bool score_records(struct rw_job *job) {
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

static bool read_header(struct rw_job *job) {
    struct rw_csv_record header;
    rowan_error error;
    rowan_status status = rw_csv_file_header(&job->input, &header, &error);
    if (status == ROWAN_OK) {
        status = rw_scorer_bind(&job->scorer, &header, job->id_name, &error);
        if (status != ROWAN_OK)
            add_line(&error, header.line);
    }
    if (status != ROWAN_OK) {
        refuse(job, &error);
        return false;
    }
    job->write_header(job, &header);
    return true;
}

static enum rw_exit score_all(struct rw_job *job) {
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

static rowan_status prepare(struct rw_job *job, const char *model, rowan_error *error) {
    rowan_status status = job->begin ? job->begin(job, error) : ROWAN_OK;
    if (status != ROWAN_OK)
        rw_error_prefix(error, model);
    return status;
}

enum rw_exit rw_job_run(struct rw_job *job, const char *model, const char *input) {
    rowan_error error;
    job->input.fd = -1;
    if (rw_scorer_open(&job->scorer, model, &error) != ROWAN_OK) {
        rw_say_error(&error);
        return RW_EXIT_REFUSED;
    }
    enum rw_exit result = RW_EXIT_REFUSED;
    if (prepare(job, model, &error) != ROWAN_OK ||
        rw_csv_file_open(&job->input, input, &error) != ROWAN_OK) {
        rw_say_error(&error);
    } else {
        rw_progress_begin(&job->progress, input_bytes(job), !job->no_progress);
        result = score_all(job);
    }
    rw_csv_file_close(&job->input);
    rw_scorer_close(&job->scorer);
    return result;
}

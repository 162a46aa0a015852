/*
 * explain.c - `rowan explain`: CSV in, contributions of the features out.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/job.h"
#include "contract/schema.h" /* the positive class's column */

static bool stop_on_error, no_progress, as_json;
static const char *id_name, *top_text;

/* Of one row. */
struct explanation {
    uint32_t n_features, n_groups;
    uint32_t top;          /* 0: all, in the order of the features */
    double *contributions; /* [n_groups][n_features + 1] */
    double *margins;       /* [n_groups] */
    uint32_t *largest;     /* [n_features] */
    const char *id_key;    /* of JSON */
};

static const char *feature_name(const struct rw_scorer *scorer, uint32_t feature) {
    return scorer->served ? scorer->served->contract->features[feature].name
                          : rowan_model_feature_name(scorer->model, feature);
}

/* ---- options --------------------------------------------------------------------- */

static rowan_status read_top(struct explanation *explanation, rowan_error *error) {
    if (!top_text)
        return ROWAN_OK;
    char *end;
    errno = 0;
    const long top = strtol(top_text, &end, 10);
    if (errno || *end || end == top_text || top < 1 || top > (long)explanation->n_features)
        return rw_fail(error, ROWAN_ARGUMENT, "--top", "write a number within these bounds",
                       "%.40s is no number from 1 to %u", top_text, explanation->n_features);
    explanation->top = (uint32_t)top;
    return ROWAN_OK;
}

static rowan_status begin(struct rw_job *job, rowan_error *error) {
    struct explanation *explanation = job->context;
    const rowan_model_info *info = &job->scorer.info;
    rowan_status status = rowan_contributions_f64(job->scorer.model, NULL, 0, NULL, error);
    if (status != ROWAN_OK)
        return status;
    explanation->n_features = info->n_features;
    explanation->n_groups = info->n_groups;
    explanation->contributions =
        calloc(info->n_groups * ((size_t)info->n_features + 1), sizeof *explanation->contributions);
    explanation->margins = calloc(info->n_groups, sizeof *explanation->margins);
    explanation->largest = calloc(info->n_features, sizeof *explanation->largest);
    if (!explanation->contributions || !explanation->margins || !explanation->largest)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    return read_top(explanation, error);
}

/* ---- header ------------------------------------------------------------------------- */

/* A contract asks for one output; a bare model has one line each. */
static bool has_outputs(const struct rw_job *job) {
    return !job->scorer.served && job->scorer.info.n_groups > 1;
}

static void write_columns(const struct rw_job *job, const char *id) {
    const struct explanation *explanation = job->context;
    rw_write_cell(stdout, id);
    printf("%s,margin,mean", has_outputs(job) ? ",output" : "");
    for (uint32_t i = 1; i <= explanation->top; i++)
        printf(",feature_%u,value_%u,contribution_%u", i, i, i);
    for (uint32_t f = 0; !explanation->top && f < explanation->n_features; f++) {
        fputc(',', stdout);
        rw_write_cell(stdout, feature_name(&job->scorer, f));
    }
    fputc('\n', stdout);
}

static void write_header(const struct rw_job *job, const struct rw_csv_record *header) {
    struct explanation *explanation = job->context;
    const char *id = "line";
    if (job->scorer.id_column != RW_NO_COLUMN)
        id = header->cells[job->scorer.id_column].text;
    if (!as_json) {
        write_columns(job, id);
        return;
    }
    free((char *)(uintptr_t)explanation->id_key);
    explanation->id_key = strdup(id); /* the header's text ends with it */
}

/* ---- CSV ------------------------------------------------------------------------------ */

static void write_largest(const struct rw_job *job, const double *contributions,
                          const double *features) {
    const struct explanation *explanation = job->context;
    for (uint32_t i = 0; i < explanation->top; i++) {
        const uint32_t f = explanation->largest[i];
        fputc(',', stdout);
        rw_write_cell(stdout, feature_name(&job->scorer, f));
        fputc(',', stdout);
        rw_write_number(stdout, features[f], false);
        fputc(',', stdout);
        rw_write_number(stdout, contributions[f], false);
    }
}

static void write_csv(const struct rw_job *job, size_t row, uint32_t group,
                      const double *contributions, const double *features) {
    const struct explanation *explanation = job->context;
    rw_scorer_write_id(&job->scorer, row, stdout);
    if (has_outputs(job))
        printf(",%u", group);
    fputc(',', stdout);
    rw_write_number(stdout, explanation->margins[group], job->scorer.info.results == ROWAN_FLOAT32);
    fputc(',', stdout);
    rw_write_number(stdout, contributions[explanation->n_features], false);
    if (explanation->top)
        write_largest(job, contributions, features);
    for (uint32_t f = 0; !explanation->top && f < explanation->n_features; f++) {
        fputc(',', stdout);
        rw_write_number(stdout, contributions[f], false);
    }
    fputc('\n', stdout);
}

/* ---- JSON ----------------------------------------------------------------------------- */

static void write_text(const char *text) {
    fputc('"', stdout);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c < 0x20)
            printf("\\u%04x", c);
        else
            printf(c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    fputc('"', stdout);
}

static void write_json_number(double number, bool is_float32) {
    if (isfinite(number))
        rw_write_number(stdout, number, is_float32);
    else
        fputs("null", stdout);
}

static void write_json_id(const struct rw_job *job, size_t row) {
    const struct explanation *explanation = job->context;
    fputc('{', stdout);
    write_text(explanation->id_key ? explanation->id_key : "");
    fputc(':', stdout);
    if (job->scorer.id_column != RW_NO_COLUMN)
        write_text(job->scorer.ids[row]);
    else
        printf("%llu", (unsigned long long)job->scorer.lines[row]);
}

static void write_json(const struct rw_job *job, size_t row, uint32_t group,
                       const double *contributions, const double *features) {
    const struct explanation *explanation = job->context;
    const uint32_t count = explanation->top ? explanation->top : explanation->n_features;
    write_json_id(job, row);
    if (has_outputs(job))
        printf(",\"output\":%u", group);
    fputs(",\"margin\":", stdout);
    write_json_number(explanation->margins[group], job->scorer.info.results == ROWAN_FLOAT32);
    fputs(",\"mean\":", stdout);
    write_json_number(contributions[explanation->n_features], false);
    fputs(",\"reasons\":[", stdout);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t f = explanation->largest[i];
        fputs(i ? ",{\"feature\":" : "{\"feature\":", stdout);
        write_text(feature_name(&job->scorer, f));
        fputs(",\"value\":", stdout);
        write_json_number(features[f], false);
        fputs(",\"contribution\":", stdout);
        write_json_number(contributions[f], false);
        fputc('}', stdout);
    }
    fputs("]}\n", stdout);
}

/* ---- rows ------------------------------------------------------------------------------ */

static void write_row(const struct rw_job *job, size_t row, uint32_t group,
                      const double *contributions, const double *features) {
    const struct explanation *explanation = job->context;
    const uint32_t count = explanation->top ? explanation->top : explanation->n_features;
    if (explanation->top || as_json)
        rw_largest_contributions(contributions, explanation->n_features, explanation->largest,
                                 count);
    (as_json ? write_json : write_csv)(job, row, group, contributions, features);
}

/* The output that the contract asks for; with its margin's sign, if it has the other. */
static void write_served(const struct rw_job *job, size_t row, const double *features) {
    const struct explanation *explanation = job->context;
    const struct rw_contract *contract = job->scorer.served->contract;
    if (contract->is_opposite)
        explanation->margins[contract->margin] = 0.0 - explanation->margins[contract->margin];
    write_row(
        job, row, contract->margin,
        rw_contract_contributions(contract, explanation->contributions, explanation->n_features),
        features);
}

static void write_groups(const struct rw_job *job, size_t row, const double *features) {
    const struct explanation *explanation = job->context;
    const size_t width = (size_t)explanation->n_features + 1;
    for (uint32_t group = 0; group < explanation->n_groups; group++)
        write_row(job, row, group, explanation->contributions + group * width, features);
}

static rowan_status explain_row(const struct rw_job *job, size_t row, rowan_error *error) {
    const struct explanation *explanation = job->context;
    const struct rw_scorer *scorer = &job->scorer;
    const double *features = scorer->features + row * explanation->n_features;
    rowan_status status =
        rowan_contributions_f64(scorer->model, features, 1, explanation->contributions, error);
    if (status == ROWAN_OK)
        status = rowan_predict_f64(scorer->model, features, 1, ROWAN_MARGIN, explanation->margins,
                                   error);
    if (status != ROWAN_OK)
        return status;
    if (scorer->served)
        write_served(job, row, features);
    else
        write_groups(job, row, features);
    return ROWAN_OK;
}

static rowan_status flush(struct rw_job *job, rowan_error *error) {
    rowan_status status = ROWAN_OK;
    for (size_t row = 0; row < job->scorer.n_rows && status == ROWAN_OK; row++)
        status = explain_row(job, row, error);
    rw_scorer_clear(&job->scorer);
    return status;
}

static enum rw_exit explain(const char *const *operands) {
    struct explanation explanation = {0};
    struct rw_job job = {.id_name = id_name,
                         .stop_on_error = stop_on_error,
                         .no_progress = no_progress,
                         .begin = begin,
                         .write_header = write_header,
                         .flush = flush,
                         .context = &explanation};
    enum rw_exit result = rw_job_run(&job, operands[0], operands[1]);
    free(explanation.contributions);
    free(explanation.margins);
    free(explanation.largest);
    free((char *)(uintptr_t)explanation.id_key);
    return result;
}

/* ---- description -------------------------------------------------------------------------- */

static const struct rw_option options[] = {
    {"top", "N",
     "Write the N features that moved the margin most, largest first, each with its\n"
     "value and its contribution, instead of one column for each feature.",
     NULL, &top_text},
    {"json", NULL, "Write a JSON object a line instead of CSV, with the reasons largest first.",
     &as_json, NULL},
    {"id", "COLUMN", RW_JOB_ID_TEXT, NULL, &id_name},
    {"stop-on-error", NULL, RW_JOB_STOP_TEXT, &stop_on_error, NULL},
    {"no-progress", NULL, RW_JOB_PROGRESS_TEXT, &no_progress, NULL},
    {0},
};

const struct rw_command rw_command_explain = {
    .name = "explain",
    .summary = "says which features made the scores of a CSV file",
    .operands = "DIR|MODEL FILE.csv|-",
    .n_operands = 2,
    .description =
        "Writes for each row of FILE.csv (- is standard input) how much each feature moved\n"
        "the model's margin (log-odds for a probability) away from its mean over the\n"
        "training rows: exact path-dependent TreeSHAP, the numbers of XGBoost's\n"
        "pred_contribs and LightGBM's pred_contrib.  mean and all contributions sum to\n"
        "margin.\n"
        "\n"
        "Rows, columns and ids are those of rowan score (see rowan score --help).  The\n"
        "result has the id (or line), margin, mean, and one column for each feature; with\n"
        "--top N, feature_1, value_1, contribution_1 and so on, by absolute contribution.\n"
        "With --json it is one object a line: id, margin, mean, and reasons.  A model file\n"
        "with several outputs gives a line for each, with a column output; a contract, the\n"
        "line of its positive class.  Where one margin gives the probabilities of two\n"
        "classes it is that of class 1; for class 0 margin, mean and contributions have\n"
        "the opposite sign.\n"
        "\n"
        "A model must say how many training rows reached each node: what XGBoost,\n"
        "LightGBM and rowan_training.export save does.  Linear trees have no contributions.",
    .options = options,
    .exit_status = "0   all rows were explained\n"
                   "1   the model or the header was refused, or at least one row was\n"
                   "2   the command line was wrong",
    .examples = "rowan explain models/fraud transactions.csv >contributions.csv\n"
                "rowan explain --top 3 models/fraud transactions.csv >reasons.csv\n"
                "zcat transactions.csv.gz | rowan explain --json --top 5 models/fraud - | jq .",
    .run = explain,
};

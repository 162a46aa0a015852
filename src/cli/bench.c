/*
 * bench.c - `rowan bench`: how fast is this model on this machine?
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench_times.h"
#include "cli/command.h"

#define DEFAULT_SECONDS 1.0
#define MAX_SECONDS     3600.0
#define THREADS         2

static const char *rows_path, *seconds_text;

/* ---- the machine ----------------------------------------------------------------------- */

static void print_cpu(void) {
    char line[256], *name = NULL;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && !name && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
            name = strchr(line, ':') + 2;
    if (file)
        fclose(file);
    if (name)
        name[strcspn(name, "\n")] = '\0';
    printf("%-16s", "cpu");
    rw_print_text(name ? name : "unknown");
    printf(", %ld processors\n", sysconf(_SC_NPROCESSORS_ONLN));
}

/* ---- results ------------------------------------------------------------------------------ */

/* Three digits, and the unit that suits them. */
static void print_ns(double ns) {
    if (ns < 1e3)
        printf("%.3g ns", ns);
    else if (ns < 1e6)
        printf("%.3g us", ns / 1e3);
    else
        printf("%.3g ms", ns / 1e6);
}

static void print_rate(double rate) {
    if (rate < 1e6)
        printf("%.0f rows/s", rate);
    else
        printf("%.3g M rows/s", rate / 1e6);
}

static bool print_one(const struct rw_bench_subject *subject) {
    struct rw_bench_one one;
    if (!rw_bench_one(subject, rw_bench_predict, subject->info.n_outputs, &one))
        return false;
    printf("%-16s", "one row");
    print_ns(one.median);
    printf(" median, ");
    print_ns(one.p99);
    printf(" p99; %.3g ns of an empty call taken off\n", one.empty);
    return true;
}

static bool print_batches(const struct rw_bench_subject *subject) {
    size_t width = subject->info.n_outputs;
    double alone = rw_bench_rate(subject, rw_bench_predict, width, RW_BENCH_BATCH_ROWS, 1);
    double both = rw_bench_rate(subject, rw_bench_predict, width, RW_BENCH_BATCH_ROWS, THREADS);
    printf("%-16s", "batches");
    print_rate(alone);
    printf(" in calls of %zu rows\n",
           subject->rows->n < RW_BENCH_BATCH_ROWS ? subject->rows->n : (size_t)RW_BENCH_BATCH_ROWS);
    printf("%-16s", "two threads");
    print_rate(both);
    printf(", %.2f times one thread\n", both / alone);
    return alone > 0.0 && both > 0.0;
}

static bool print_contributions(const struct rw_bench_subject *subject) {
    size_t width = (size_t)subject->info.n_groups * (subject->info.n_features + 1);
    double *out = calloc(width, sizeof *out);
    bool has = out && rw_bench_explain && rw_bench_explain(subject, 0, 1, out) == ROWAN_OK;
    free(out);
    printf("%-16s", "contributions");
    if (!has) {
        printf("not available for this model\n");
        return true;
    }
    struct rw_bench_one one;
    if (!rw_bench_one(subject, rw_bench_explain, width, &one))
        return false;
    print_ns(one.median);
    printf(" one row, ");
    print_rate(rw_bench_rate(subject, rw_bench_explain, width, RW_BENCH_CONTRIBUTION_ROWS, 1));
    printf(" in batches\n");
    return true;
}

static void print_subject(const struct rw_bench_subject *subject, const char *path) {
    printf("%-16s", "path");
    rw_print_text(path);
    printf("\n%-16s%s\n", "kernel", subject->info.kernel);
    print_cpu();
    printf("%-16s%zu ", "rows", subject->rows->n);
    if (rows_path) {
        printf("of ");
        rw_print_text(strcmp(rows_path, "-") == 0 ? "standard input" : rows_path);
        printf("\n");
    } else {
        printf("random, where the model's thresholds are\n");
    }
    fflush(stdout); /* what follows takes seconds */
}

static enum rw_exit measure(const struct rw_bench_subject *subject, const char *path) {
    print_subject(subject, path);
    if (print_one(subject) && print_batches(subject) && print_contributions(subject))
        return RW_EXIT_OK;
    rw_say("%s: no memory for the results, or no thread", path);
    return RW_EXIT_REFUSED;
}

/* ---- command -------------------------------------------------------------------------------- */

/* 0: not a number of seconds. */
static double parse_seconds(void) {
    if (!seconds_text)
        return DEFAULT_SECONDS;
    char *end;
    double seconds = strtod(seconds_text, &end);
    bool is_good = *seconds_text && *end == '\0' && seconds > 0.0 && seconds <= MAX_SECONDS;
    return is_good ? seconds : 0.0;
}

static rowan_status find_rows(struct rw_bench_rows *rows, struct rw_scorer *scorer,
                              rowan_error *error) {
    return rows_path ? rw_bench_rows_read(rows, scorer, rows_path, error)
                     : rw_bench_rows_make(rows, scorer->model, error);
}

static enum rw_exit bench(const char *const *operands) {
    struct rw_scorer scorer;
    struct rw_bench_rows rows = {0};
    rowan_error error;
    double seconds = parse_seconds();
    if (seconds == 0.0) {
        rw_say("bench: --seconds takes a number above 0, at most %g (see rowan bench --help)",
               MAX_SECONDS);
        return RW_EXIT_USAGE;
    }
    if (rw_scorer_open(&scorer, operands[0], &error) != ROWAN_OK) {
        rw_say_error(&error);
        return RW_EXIT_REFUSED;
    }
    enum rw_exit result = RW_EXIT_REFUSED;
    if (find_rows(&rows, &scorer, &error) != ROWAN_OK) {
        rw_say_error(&error);
    } else {
        struct rw_bench_subject subject = {
            .model = scorer.model, .rows = &rows, .info = scorer.info, .seconds = seconds};
        result = measure(&subject, operands[0]);
    }
    rw_bench_rows_free(&rows);
    rw_scorer_close(&scorer);
    return result;
}

static const struct rw_option options[] = {
    {"rows", "FILE.csv",
     "Score the rows of this file (- is standard input), at most 20000, read as\n"
     "rowan score reads them.  Your own rows give the figures that you will see.",
     NULL, &rows_path},
    {"seconds", "S", "Spend S seconds on each measurement instead of 1.", NULL, &seconds_text},
    {0},
};

const struct rw_command rw_command_bench = {
    .name = "bench",
    .summary = "measures how fast a model is on this machine",
    .operands = "DIR|MODEL",
    .n_operands = 1,
    .description =
        "Scores rows with the model for some seconds and prints the kernel that this CPU\n"
        "runs, the time of a call with one row (median and 99th percentile), the rows a\n"
        "second of calls with many rows, by one thread and by two that share the model,\n"
        "and the same for contributions where the model has them.  Times are those of the\n"
        "scoring call alone: no reading, no checking, no JSON.\n"
        "\n"
        "Without --rows the rows are random, from a fixed seed: each feature's values lie\n"
        "where the model's scores change, so that rows take different ways down the trees.\n"
        "\n"
        "Figures vary with the load of the machine.  Compare those of one sitting.",
    .options = options,
    .exit_status = "0   success\n"
                   "1   the model or the rows were refused\n"
                   "2   the command line was wrong",
    .examples = "rowan bench models/fraud\n"
                "rowan bench --rows transactions.csv --seconds 3 models/fraud",
    .run = bench,
};

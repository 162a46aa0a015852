/*
 * simulate.c - `rowan simulate`: card transactions to standard output.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "simulate/simulate.h"

#define ID_PREFIX   "tx-"
#define BLOCK_BYTES ((size_t)64 << 10) /* written at once */

static const char *seed_text, *customers_text, *terminals_text, *days_text, *radius_text,
    *start_text, *count_text, *format_text;
static bool label, no_progress;

/* ---- options --------------------------------------------------------------------------------- */

struct job {
    struct rw_simulate_options options;
    uint64_t count; /* transactions at most */
    bool json;
};

static bool refuse(const char *name, const char *text, const char *what) {
    rw_say("simulate: --%s %s: must be %s (see rowan simulate --help)", name, text, what);
    return false;
}

static bool read_number(const char *name, const char *text, uint64_t least, uint64_t most,
                        uint64_t *number) {
    if (!text)
        return true;
    char *end, what[80];
    errno = 0;
    *number = strtoull(text, &end, 10);
    bool is_digit = text[0] >= '0' && text[0] <= '9'; /* strtoull takes signs and blanks */
    if (is_digit && !*end && !errno && *number >= least && *number <= most)
        return true;
    snprintf(what, sizeof what, "a number from %" PRIu64 " to %" PRIu64, least, most);
    return refuse(name, text, what);
}

static bool read_number_32(const char *name, const char *text, uint32_t most, uint32_t *number) {
    uint64_t wide = *number;
    bool good = read_number(name, text, 1, most, &wide);
    *number = (uint32_t)wide;
    return good;
}

static bool read_radius(double *radius) {
    char *end, what[80];
    if (!radius_text)
        return true;
    *radius = strtod(radius_text, &end);
    if (end != radius_text && !*end && *radius > 0.0 && *radius <= RW_SIMULATE_RADIUS_MAX)
        return true;
    snprintf(what, sizeof what, "a number above 0, and at most %g", RW_SIMULATE_RADIUS_MAX);
    return refuse("radius", radius_text, what);
}

/* Days of no month are refused: they do not come back from a Unix time as they went in. */
static bool read_start(int64_t *start) {
    struct tm day = {0};
    char again[16];
    if (!start_text)
        return true;
    const char *end = strptime(start_text, "%Y-%m-%d", &day);
    *start = end ? (int64_t)timegm(&day) : -1;
    if (end && strftime(again, sizeof again, "%Y-%m-%d", &day) && strcmp(again, start_text) == 0 &&
        *start >= 0 && *start <= RW_SIMULATE_START_MAX)
        return true;
    return refuse("start", start_text, "a day from 1970-01-01 to 9999-01-01");
}

static bool read_format(bool *json) {
    *json = format_text && strcmp(format_text, "jsonl") == 0;
    if (!format_text || *json || strcmp(format_text, "csv") == 0)
        return true;
    return refuse("format", format_text, "csv or jsonl");
}

static bool read_options(struct job *job) {
    struct rw_simulate_options *options = &job->options;
    *options = rw_simulate_defaults();
    job->count = UINT64_MAX;
    if (count_text)
        options->days = RW_SIMULATE_DAYS_MAX; /* as many as it takes */
    return read_number("seed", seed_text, 0, UINT64_MAX, &options->seed) &&
           read_number_32("customers", customers_text, RW_SIMULATE_CUSTOMERS_MAX,
                          &options->customers) &&
           read_number_32("terminals", terminals_text, RW_SIMULATE_TERMINALS_MAX,
                          &options->terminals) &&
           read_number_32("days", days_text, RW_SIMULATE_DAYS_MAX, &options->days) &&
           read_radius(&options->radius) && read_start(&options->start) &&
           read_number("count", count_text, 0, UINT64_MAX, &job->count) && read_format(&job->json);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_line(const struct job *job, const struct rw_simulated *transaction,
                     struct rw_buffer *block) {
    if (!job->json) {
        rw_simulated_csv(transaction, ID_PREFIX, label, block);
        return;
    }
    rw_simulated_json(transaction, ID_PREFIX, label, block);
    rw_buffer_add(block, "\n", 1);
}

/* Not through stdio: the blocks are large, and the reason of a failure stays known. */
static bool write_block(struct rw_buffer *block) {
    const char *at = block->data, *end = at + block->length;
    block->length = 0;
    while (at < end) {
        ssize_t written = write(STDOUT_FILENO, at, (size_t)(end - at));
        if (written >= 0)
            at += written;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

static bool write_all(const struct job *job, struct rw_simulation *simulation) {
    static char bytes[BLOCK_BYTES];
    struct rw_buffer block = {.data = bytes, .capacity = sizeof bytes};
    struct rw_simulated transaction;
    struct rw_progress progress;
    rw_progress_begin(&progress, 0, !no_progress);
    if (!job->json)
        rw_simulated_csv(NULL, ID_PREFIX, label, &block);
    bool writable = true;
    for (uint64_t n = 0; n < job->count && writable && rw_simulate_next(simulation, &transaction);
         n++) {
        add_line(job, &transaction, &block);
        if (block.capacity - block.length >= 2 * RW_SIMULATED_TEXT_MAX)
            continue;
        writable = write_block(&block);
        rw_progress_update(&progress, 0, n + 1);
    }
    writable = writable && write_block(&block);
    int reason = errno;
    rw_progress_clear(&progress);
    if (!writable)
        rw_say("standard output: cannot be written: %s", strerror(reason));
    return writable;
}

static enum rw_exit run(const char *const *operands) {
    (void)operands;
    struct job job;
    struct rw_simulation *simulation;
    rowan_error error;
    if (!read_options(&job))
        return RW_EXIT_USAGE;
    if (rw_simulate_start(&job.options, &simulation, &error) != ROWAN_OK) {
        rw_say_error(&error);
        return RW_EXIT_REFUSED;
    }
    bool written = write_all(&job, simulation);
    rw_simulate_free(simulation);
    return written ? RW_EXIT_OK : RW_EXIT_REFUSED;
}

/* ---- description ----------------------------------------------------------------------------- */

static const struct rw_option options[] = {
    {"seed", "N", "Other numbers, other transactions.  Default: 0.", NULL, &seed_text},
    {"customers", "N", "Number of customers, up to 10000000.  Default: 5000.", NULL,
     &customers_text},
    {"terminals", "N", "Number of terminals, up to 10000000.  Default: 10000.", NULL,
     &terminals_text},
    {"days", "N",
     "Number of days, up to 3650.  Default: 183; with --count, as many as it\n"
     "takes.",
     NULL, &days_text},
    {"radius", "R",
     "Customers pay at terminals less than R away, on a square with sides of\n"
     "100.  Default: 5.",
     NULL, &radius_text},
    {"start", "YYYY-MM-DD", "The first day, in UTC.  Default: 2018-04-01.", NULL, &start_text},
    {"format", "FORMAT", "csv, or jsonl: a JSON object a line.  Default: csv.", NULL, &format_text},
    {"count", "N", "End after N transactions.", NULL, &count_text},
    {"label", NULL,
     "Write tx_fraud_scenario, too: 0 is legitimate; 1 an amount above 220, 2 a\n"
     "compromised terminal, 3 leaked card data.",
     &label, NULL},
    {"no-progress", NULL, "Draw no progress, even if standard error is a terminal.", &no_progress,
     NULL},
    {0},
};

const struct rw_command rw_command_simulate = {
    .name = "simulate",
    .summary = "writes simulated card transactions",
    .operands = "",
    .description =
        "Writes the transactions of a simulated world of card holders, terminals and\n"
        "frauds to standard output, in the order of time, with the window features of\n"
        "the default model.  Names and values are those of its contract: rowan score\n"
        "models/fraud takes the CSV, and /predict each line of the JSON.\n"
        "\n"
        "The rules are those of the Fraud Detection Handbook (docs/simulate.md says where\n"
        "they differ); its random numbers are not.  The same options give the same bytes\n"
        "on every machine.  A million customers take 1.4 GB of memory.",
    .options = options,
    .exit_status = "0   all transactions were written\n"
                   "1   no memory for so many, or the output could not be written\n"
                   "2   the command line was wrong",
    .examples = "rowan simulate --days 30 >transactions.csv\n"
                "rowan simulate --seed 7 --count 1000000 --format jsonl >transactions.jsonl\n"
                "rowan simulate --count 100000 | rowan score models/fraud -",
    .run = run,
};

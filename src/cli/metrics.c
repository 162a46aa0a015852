/*
 * metrics.c - `rowan metrics`: what the pages of a directory add up to.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "metrics/page.h"

static bool openmetrics, list;

/* ---- the pages of a directory --------------------------------------------------------- */

static void say_skipped(void *context, const rowan_error *error) {
    (void)context;
    rw_say_error(error);
}

static void *lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

static rowan_status print_pages(const char *dir, rowan_error *error) {
    struct rw_merge merge;
    rw_merge_init(&merge);
    struct rw_arena arena;
    rw_arena_init(&arena, SIZE_MAX);
    const struct rw_memory memory = {lend, &arena};
    struct rw_buffer text = {.memory = &memory};
    size_t n_dead;
    rowan_status status =
        rw_metrics_read(dir, &merge, &n_dead, &(struct rw_skipped){say_skipped, NULL}, error);
    if (status == ROWAN_OK)
        status = rw_metrics_text(&merge, openmetrics ? RW_OPENMETRICS : RW_PROMETHEUS_TEXT, &text,
                                 error);
    if (status == ROWAN_OK)
        fwrite(text.data, 1, text.length, stdout);
    rw_arena_free(&arena);
    rw_merge_free(&merge);
    return status;
}

/* ---- the list -------------------------------------------------------------------------- */

static void print_labels(const char *labels) {
    for (const char *name = labels; *name;) {
        int length = (int)strcspn(name, ",");
        printf("%s`%.*s`", name == labels ? "" : ", ", length, name);
        name += length + (name[length] == ',');
    }
}

static void print_list(void) {
    static const char *const types[] = {"counter", "gauge", "histogram", "info"};
    static const char *const merges[] = {"sum", "largest", "smallest"};
    printf("| metric | type | labels | of all processes | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < RW_METRICS; i++) {
        const struct rw_metric_def *def = &rw_metric_defs[i];
        printf("| `%s` | %s | ", def->name, types[def->type]);
        print_labels(def->labels);
        printf(" | %s | %s", merges[def->merge], def->help);
        for (uint32_t k = 0; k < def->n_bounds; k++)
            printf("%s%.15g", k ? ", " : " Buckets up to ", def->bounds[k]);
        printf("%s |\n", def->n_bounds ? "." : "");
    }
}

static enum rw_exit metrics(const char *const *operands) {
    rowan_error error;
    if (list == (operands[0] != NULL)) {
        rw_say("metrics: give either DIR or --list (see rowan metrics --help)");
        return RW_EXIT_USAGE;
    }
    if (list) {
        print_list();
        return RW_EXIT_OK;
    }
    if (print_pages(operands[0], &error) == ROWAN_OK)
        return RW_EXIT_OK;
    rw_say_error(&error);
    return RW_EXIT_REFUSED;
}

static const struct rw_option options[] = {
    {.name = "openmetrics", .text = "Print OpenMetrics 1.0.", .flag = &openmetrics},
    {.name = "list",
     .text = "Print every metric that there is as a table in Markdown, and read no directory.",
     .flag = &list},
    {0}};

const struct rw_command rw_command_metrics = {
    .name = "metrics",
    .summary = "adds up the metrics of running processes",
    .operands = "DIR | --list",
    .n_operands = 1,
    .n_optional = 1,
    .description = "Reads the pages of shared memory in which the processes of a service count\n"
                   "(their metrics directory DIR), adds them up and prints Prometheus text 0.0.4:\n"
                   "what GET /metrics answers.  It changes nothing.  A file that is no page, or a\n"
                   "page of another version of Rowan, is left out and named on standard error.",
    .options = options,
    .exit_status = "0   the metrics were printed\n"
                   "1   the directory cannot be read\n"
                   "2   the command line was wrong",
    .examples = "rowan metrics /dev/shm/rowan\n"
                "rowan metrics --openmetrics /dev/shm/rowan\n"
                "rowan metrics --list",
    .run = metrics,
};

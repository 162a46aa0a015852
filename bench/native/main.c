/*
 * main.c - engine_native: one engine, one model, measured in a process of its own.
 *
 * usage: engine_native ENGINE LIBRARY MODEL ROWS.f32 [OPTION]...
 *
 * Prints one JSON object.  bench/engine.py calls it for all engines in turn.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <getopt.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/stopwatch.h"
#include "measure.h"

#define USAGE                                                                                      \
    "usage: engine_native ENGINE LIBRARY MODEL ROWS.f32 --features N [--double]\n"                 \
    "           [--seconds S] [--first ROW] [--at-least CALLS]   times (the default)\n"            \
    "           [--scores FILE]   writes the scores of all rows as float64\n"                      \
    "           [--contributions FILE]   writes those of 1000 rows, and times them\n"              \
    "           [--threads N]   batches with 1 and with N threads\n"

#define CONTRIBUTION_ROWS 1000

static const struct engine *const engines[] = {
    &engine_rowan,    &engine_xgboost, &engine_lightgbm, &engine_onnxruntime,
    &engine_treelite, &engine_tl2cgen, &engine_lleaves,
};

/* ---- helpers --------------------------------------------------------------------- */

void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void *open_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        die("%s", dlerror());
    return library;
}

void *find_symbol(void *library, const char *name, bool may_lack) {
    void *symbol = dlsym(library, name);
    if (!symbol && !may_lack)
        die("the library has no %s", name);
    return symbol;
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        die("no memory");
    return memory;
}

/* ---- command line ------------------------------------------------------------------ */

struct options {
    const struct engine *engine;
    struct task task;
    const char *rows, *scores, *contributions;
    double seconds;
    size_t first, at_least;
    int n_threads;
};

enum { FEATURES = 1, DOUBLE, SECONDS, FIRST, AT_LEAST, SCORES, CONTRIBUTIONS, THREADS };

static const struct option long_options[] = {
    {"features", required_argument, NULL, FEATURES},
    {"double", no_argument, NULL, DOUBLE},
    {"seconds", required_argument, NULL, SECONDS},
    {"first", required_argument, NULL, FIRST},
    {"at-least", required_argument, NULL, AT_LEAST},
    {"scores", required_argument, NULL, SCORES},
    {"contributions", required_argument, NULL, CONTRIBUTIONS},
    {"threads", required_argument, NULL, THREADS},
    {0},
};

static void set_option(struct options *options, int option) {
    switch (option) {
    case FEATURES:
        options->task.n_features = strtoul(optarg, NULL, 10);
        break;
    case DOUBLE:
        options->task.is_double = true;
        break;
    case SECONDS:
        options->seconds = strtod(optarg, NULL);
        break;
    case FIRST:
        options->first = strtoul(optarg, NULL, 10);
        break;
    case AT_LEAST:
        options->at_least = strtoul(optarg, NULL, 10);
        break;
    case SCORES:
        options->scores = optarg;
        break;
    case CONTRIBUTIONS:
        options->contributions = optarg;
        break;
    case THREADS:
        options->n_threads = atoi(optarg);
        break;
    default:
        die(USAGE);
    }
}

static const struct engine *find_engine(const char *name) {
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    die("there is no engine %s", name);
}

static struct options parse(int argc, char **argv) {
    struct options options = {.seconds = 1.0};
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        set_option(&options, option);
    if (argc - optind != 4 || options.task.n_features == 0 ||
        options.task.n_features > MAX_FEATURES)
        die(USAGE);
    options.engine = find_engine(argv[optind]);
    options.task.library = argv[optind + 1];
    options.task.model = argv[optind + 2];
    options.rows = argv[optind + 3];
    return options;
}

/* ---- files ----------------------------------------------------------------------------- */

static struct rows read_rows(const char *path, size_t n_features) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        die("%s: cannot be read", path);
    size_t row_bytes = n_features * sizeof(float);
    struct rows rows = {.count = (size_t)ftell(file) / row_bytes, .n_features = n_features};
    rewind(file);
    rows.values = allocate(rows.count, row_bytes);
    if (rows.count < ROWS_IN_A_BATCH ||
        fread(rows.values, row_bytes, rows.count, file) != rows.count)
        die("%s: fewer than %d rows", path, ROWS_IN_A_BATCH);
    fclose(file);
    return rows;
}

static void write_values(const char *path, const double *values, size_t n) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(values, sizeof *values, n, file) != n || fclose(file) != 0)
        die("%s: cannot be written", path);
}

/* ---- what is asked ------------------------------------------------------------------------ */

/* KiB of this process that are in memory now; what malloc holds back is given back. */
static double resident_kib(void) {
    malloc_trim(0);
    long total, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &total, &resident) != 2)
        die("/proc/self/statm cannot be read");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024.0;
}

/* One by one and in batches: the two must not differ. */
static void write_scores(const struct options *options, const struct rows *rows) {
    double *scores = allocate(rows->count, sizeof *scores);
    for (size_t row = 0; row < rows->count; row += ROWS_IN_A_BATCH) {
        size_t rest = rows->count - row, n = rest < ROWS_IN_A_BATCH ? rest : ROWS_IN_A_BATCH;
        options->engine->batch(rows->values + row * rows->n_features, n, scores + row);
    }
    size_t differ = 0;
    for (size_t row = 0; row < rows->count; row += 7)
        differ += options->engine->one(rows->values + row * rows->n_features) != scores[row];
    write_values(options->scores, scores, rows->count);
    printf("{\"one_row_differs_from_batch\": %zu}\n", differ);
    free(scores);
}

static void print_contributions(const struct options *options, const struct rows *rows) {
    const struct engine *engine = options->engine;
    if (!engine->contributions)
        die("%s has no contributions here", engine->name);
    size_t n_values = CONTRIBUTION_ROWS * (rows->n_features + 1);
    double *values = allocate(n_values, sizeof *values);
    engine->contributions(rows->values, CONTRIBUTION_ROWS, values);
    write_values(options->contributions, values, n_values);
    free(values);
    double one = measure_contributions(engine, rows, 1, options->seconds);
    double batch = measure_contributions(engine, rows, CONTRIBUTION_ROWS, options->seconds);
    printf("{\"one_ns\": %.1f, \"batch_ns\": %.2f}\n", one, batch);
}

/* One and N threads take turns, so that a drift of the clock meets both. */
static void print_threads(const struct options *options, const struct rows *rows) {
    double alone = 0.0, together = 0.0;
    for (int round = 0; round < 3; round++) {
        double one = measure_threads(options->engine, rows, 1, options->seconds);
        double all = measure_threads(options->engine, rows, options->n_threads, options->seconds);
        alone = one > alone ? one : alone;
        together = all > together ? all : together;
    }
    printf("{\"rate_1\": %.0f, \"rate_n\": %.0f}\n", alone, together);
}

static double kib_since(double before, const struct engine *engine, const struct rows *rows) {
    double *out = allocate(ROWS_IN_A_BATCH, sizeof *out);
    engine->batch(rows->values, ROWS_IN_A_BATCH, out);
    free(out);
    return resident_kib() - before;
}

static void print_times(const struct options *options, const struct rows *rows, double load_ns,
                        double kib_before) {
    const struct engine *engine = options->engine;
    double memory = kib_since(kib_before, engine, rows);
    struct one_row one =
        measure_one(engine, rows, options->first, options->at_least, options->seconds);
    double batch = measure_batch(engine, rows, options->seconds);
    printf("{\"one_ns\": %.2f, \"p99_ns\": %.2f, \"empty_ns\": %.2f, \"calls\": %zu, "
           "\"clock\": \"%s\", \"batch_ns\": %.3f, \"load_ms\": %.4f, \"memory_kib\": %.0f",
           one.median, one.p99, one.empty_call, one.calls, RW_STOPWATCH, batch, load_ns / 1e6,
           memory);
    if (engine->print_facts)
        engine->print_facts();
    printf("}\n");
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    struct rows rows = read_rows(options.rows, options.task.n_features);
    options.engine->open(&options.task);
    double before = resident_kib(), started = rw_now_ns();
    options.engine->load(&options.task);
    double load_ns = rw_now_ns() - started;
    if (options.scores)
        write_scores(&options, &rows);
    else if (options.contributions)
        print_contributions(&options, &rows);
    else if (options.n_threads)
        print_threads(&options, &rows);
    else
        print_times(&options, &rows, load_ns, before);
    fflush(stdout);
    _exit(0); /* libraries with threads of their own may hang in their destructors */
}

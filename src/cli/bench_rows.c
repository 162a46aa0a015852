/*
 * bench_rows.c - rows out of a file, or random ones.
 *
 * A row of random numbers would take the same way down most trees: thresholds are where
 * the training data were.  rowan.h does not tell thresholds, but it tells scores: each
 * feature walks over a ladder of values, and where the margin changes between two steps
 * there is a threshold between them.  Random values are then drawn between such steps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/bench_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/csv_file.h"
#include "cli/stopwatch.h"

/* ---- memory ------------------------------------------------------------------------ */

static rowan_status no_memory(rowan_error *error) {
    return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the rows");
}

static size_t most_rows(size_t n_features) {
    size_t fitting = RW_BENCH_MAX_VALUES / n_features;
    return fitting < RW_BENCH_MAX_ROWS ? fitting : RW_BENCH_MAX_ROWS;
}

static bool alloc_rows(struct rw_bench_rows *rows, size_t n_features) {
    size_t most = most_rows(n_features);
    *rows = (struct rw_bench_rows){.n_features = n_features};
    rows->wide = calloc(most * n_features, sizeof *rows->wide);
    rows->narrow = calloc(most * n_features, sizeof *rows->narrow);
    return rows->wide && rows->narrow;
}

static void narrow_rows(struct rw_bench_rows *rows) {
    for (size_t i = 0; i < rows->n * rows->n_features; i++)
        rows->narrow[i] = (float)rows->wide[i];
}

void rw_bench_rows_free(struct rw_bench_rows *rows) {
    free(rows->wide);
    free(rows->narrow);
    *rows = (struct rw_bench_rows){0};
}

/* ---- out of a file ------------------------------------------------------------------- */

static rowan_status at_line(rowan_status status, uint64_t line, rowan_error *error) {
    char where[32];
    snprintf(where, sizeof where, "line %llu", (unsigned long long)line);
    if (status != ROWAN_OK)
        rw_error_prefix(error, where);
    return status;
}

static rowan_status keep(struct rw_bench_rows *rows, struct rw_scorer *scorer,
                         const struct rw_csv_record *record, rowan_error *error) {
    rowan_status status = at_line(rw_scorer_add(scorer, record, error), record->line, error);
    if (status == ROWAN_OK)
        memcpy(rows->wide + rows->n++ * rows->n_features, scorer->features,
               rows->n_features * sizeof *rows->wide);
    rw_scorer_clear(scorer);
    return status;
}

static rowan_status read_records(struct rw_bench_rows *rows, struct rw_scorer *scorer,
                                 struct rw_csv_file *file, rowan_error *error) {
    struct rw_csv_record record;
    rowan_status status = rw_csv_file_header(file, &record, error);
    if (status == ROWAN_OK)
        status = at_line(rw_scorer_bind(scorer, &record, NULL, error), record.line, error);
    while (status == ROWAN_OK && rows->n < most_rows(rows->n_features)) {
        enum rw_csv_result result = rw_csv_next(file->csv, &record, error);
        if (result == RW_CSV_END)
            break;
        status = result == RW_CSV_RECORD ? keep(rows, scorer, &record, error) : error->status;
    }
    if (status == ROWAN_OK && rows->n == 0)
        status = rw_fail(error, ROWAN_MALFORMED, NULL, "give at least one row below the header",
                         "there are no rows");
    return status;
}

rowan_status rw_bench_rows_read(struct rw_bench_rows *rows, struct rw_scorer *scorer,
                                const char *path, rowan_error *error) {
    struct rw_csv_file file;
    if (!alloc_rows(rows, scorer->info.n_features))
        return no_memory(error);
    rowan_status status = rw_csv_file_open(&file, path, error);
    if (status == ROWAN_OK) {
        status = read_records(rows, scorer, &file, error);
        if (status != ROWAN_OK)
            rw_error_prefix(error, file.name);
    }
    rw_csv_file_close(&file);
    if (status == ROWAN_OK)
        narrow_rows(rows);
    return status;
}

/* ---- random numbers -------------------------------------------------------------------- */

#define SEED 0x9E3779B97F4A7C15u

/* xorshift64*: enough to spread rows. */
static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

static double next_unit(uint64_t *state) {
    return (double)(next_random(state) >> 11) * 0x1p-53;
}

static size_t next_below(uint64_t *state, size_t n) {
    return (size_t)(next_unit(state) * (double)n);
}

/* ---- where a feature matters --------------------------------------------------------------- */

/* Steps of the ladder: 0 in the middle, and powers of the square root of 2 on both sides. */
#define HALF         120
#define STEPS        (2 * HALF + 1)
#define FIRST_POWER  (-40)       /* of the square root: 2^-20; the last is 2^39.5 */
#define SITES        64          /* of one feature, kept at random if there are more */
#define BASES        8           /* rows in which the feature walks */
#define PASSES       2           /* the first with rows from the ladder, then from what it found */
#define PROBE_NS     1e9         /* of a pass; features after it stay unknown */
#define UNKNOWN_SITE (HALF + 40) /* between 1 and the square root of 2 */

struct feature_sites {
    uint8_t steps[SITES]; /* something changes between this step and the next */
    size_t n_found;
    bool is_categorical;
};

struct prober {
    const rowan_model *model;
    size_t n_features, n_groups;
    struct feature_sites *sites; /* [n_features] */
    double *row;                 /* [n_features] */
    double *before, *after;      /* [n_groups] */
    uint64_t random;
};

static double ladder(const struct feature_sites *sites, size_t step) {
    if (sites->is_categorical)
        return (double)step;
    if (step == HALF)
        return 0.0;
    int distance = step > HALF ? (int)step - HALF : HALF - (int)step;
    double size = exp2((FIRST_POWER + distance - 1) / 2.0);
    return step > HALF ? size : -size;
}

/* Between the step and the next; a category is one of the two. */
static double draw_at(const struct feature_sites *sites, size_t step, uint64_t *random) {
    double low = ladder(sites, step), high = ladder(sites, step + 1), at = next_unit(random);
    if (sites->is_categorical)
        return at < 0.5 ? low : high;
    return low + (high - low) * at;
}

/* A threshold may lie at the very end of its site: the sites beside it take part. */
static size_t near(size_t step, uint64_t *random) {
    size_t at = step + next_below(random, 3);
    return at == 0 ? 0 : at - 1 < STEPS - 2 ? at - 1 : STEPS - 2;
}

static double draw(const struct feature_sites *sites, uint64_t *random) {
    size_t known = sites->n_found < SITES ? sites->n_found : SITES;
    if (known == 0)
        return draw_at(sites, sites->is_categorical ? 0 : UNKNOWN_SITE, random);
    size_t step = sites->steps[next_below(random, known)];
    return draw_at(sites, sites->is_categorical ? step : near(step, random), random);
}

static void draw_row(struct prober *prober, double *row) {
    for (size_t i = 0; i < prober->n_features; i++)
        row[i] = draw(&prober->sites[i], &prober->random);
}

/* Every site has the same chance to be among those kept (reservoir sampling). */
static void add_site(struct feature_sites *sites, size_t step, uint64_t *random) {
    size_t place = sites->n_found < SITES ? sites->n_found : next_below(random, sites->n_found + 1);
    if (place < SITES)
        sites->steps[place] = (uint8_t)step;
    sites->n_found++;
}

static void score_row(struct prober *prober, double *margins) {
    rowan_predict_f64(prober->model, prober->row, 1, ROWAN_MARGIN, margins, NULL);
}

static void walk(struct prober *prober, size_t feature, struct feature_sites *found) {
    size_t bytes = prober->n_groups * sizeof *prober->before;
    double kept = prober->row[feature];
    for (size_t step = 0; step < STEPS; step++) {
        prober->row[feature] = ladder(found, step);
        score_row(prober, prober->after);
        if (step > 0 && memcmp(prober->before, prober->after, bytes) != 0)
            add_site(found, step - 1, &prober->random);
        memcpy(prober->before, prober->after, bytes);
    }
    prober->row[feature] = kept;
}

/* Before anything is known, any step will do. */
static void draw_base(struct prober *prober, int pass) {
    draw_row(prober, prober->row);
    for (size_t i = 0; pass == 0 && i < prober->n_features; i++)
        prober->row[i] =
            draw_at(&prober->sites[i], next_below(&prober->random, STEPS - 1), &prober->random);
}

static void probe_pass(struct prober *prober, int pass, struct feature_sites *found) {
    double deadline = rw_now_ns() + PROBE_NS;
    for (int base = 0; base < BASES; base++) {
        draw_base(prober, pass);
        for (size_t i = 0; i < prober->n_features && rw_now_ns() < deadline; i++)
            walk(prober, i, &found[i]);
    }
    for (size_t i = 0; i < prober->n_features; i++)
        if (found[i].n_found)
            prober->sites[i] = found[i];
}

static rowan_status probe(struct prober *prober, rowan_error *error) {
    for (size_t i = 0; i < prober->n_features; i++)
        prober->sites[i].is_categorical =
            rowan_model_feature_kind(prober->model, (uint32_t)i) == ROWAN_CATEGORICAL;
    for (int pass = 0; pass < PASSES; pass++) {
        struct feature_sites *found = calloc(prober->n_features, sizeof *found);
        if (!found)
            return no_memory(error);
        for (size_t i = 0; i < prober->n_features; i++)
            found[i].is_categorical = prober->sites[i].is_categorical;
        probe_pass(prober, pass, found);
        free(found);
    }
    return ROWAN_OK;
}

rowan_status rw_bench_rows_make(struct rw_bench_rows *rows, const rowan_model *model,
                                rowan_error *error) {
    rowan_model_info info;
    rowan_model_describe(model, &info);
    struct prober prober = {.model = model,
                            .n_features = info.n_features,
                            .n_groups = info.n_groups,
                            .sites = calloc(info.n_features, sizeof *prober.sites),
                            .row = calloc(info.n_features, sizeof *prober.row),
                            .before = calloc(info.n_groups, sizeof *prober.before),
                            .after = calloc(info.n_groups, sizeof *prober.after),
                            .random = SEED};
    bool allocated = alloc_rows(rows, info.n_features) && prober.sites && prober.row &&
                     prober.before && prober.after;
    rowan_status status = allocated ? probe(&prober, error) : no_memory(error);
    for (size_t most = most_rows(info.n_features); status == ROWAN_OK && rows->n < most; rows->n++)
        draw_row(&prober, rows->wide + rows->n * rows->n_features);
    if (status == ROWAN_OK)
        narrow_rows(rows);
    free(prober.sites);
    free(prober.row);
    free(prober.before);
    free(prober.after);
    return status;
}

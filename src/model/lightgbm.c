/*
 * lightgbm.c - LightGBM's text format, v3 and v4 (LightGBM 2.2 to 4.x).
 *
 * A header of key=value lines, the trees, "end of trees", then what does not change
 * a score: importances, parameters, and, from Python, the names of categories.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "model/lightgbm_names.h"
#include "model/lightgbm_objective.h"
#include "model/lightgbm_text.h"
#include "model/lightgbm_tree.h"

#define SAVE_AGAIN "save the model again with LightGBM's save_model"

enum field {
    VERSION,
    NUM_CLASS,
    NUM_TREE_PER_ITERATION,
    MAX_FEATURE_IDX,
    OBJECTIVE,
    FEATURE_NAMES,
    FEATURE_INFOS,
    TREE_SIZES,
    AVERAGE_OUTPUT,
    N_FIELDS
};

static const char *const names[N_FIELDS] = {
    "version",         "num_class",  "num_tree_per_iteration",
    "max_feature_idx", "objective",  "feature_names",
    "feature_infos",   "tree_sizes", "average_output",
};

struct reader {
    struct rw_slice fields[N_FIELDS];
    struct rw_lines lines;
    struct rw_forest *forest;
    const rowan_load_options *options;
    rowan_error *error;
};

static rowan_status malformed(const struct reader *reader, const char *where, const char *what) {
    return rw_fail(reader->error, ROWAN_MALFORMED, where, SAVE_AGAIN, "%s", what);
}

static rowan_status no_memory(const struct reader *reader) {
    return rw_fail(reader->error, ROWAN_LIMIT, NULL, NULL,
                   "takes more memory than its size allows");
}

/* ---- header ------------------------------------------------------------------------- */

static void take_field(struct reader *reader, struct rw_slice line) {
    const char *equals = memchr(line.data, '=', line.length);
    size_t length = equals ? (size_t)(equals - line.data) : line.length;
    size_t skipped = equals ? length + 1 : length; /* average_output stands alone */
    for (int field = 0; field < N_FIELDS; field++)
        if (rw_slice_is((struct rw_slice){line.data, length}, names[field]))
            reader->fields[field] = (struct rw_slice){line.data + skipped, line.length - skipped};
}

/* Leaves the lines at the first tree. */
static void take_header(struct reader *reader) {
    struct rw_lines ahead = reader->lines;
    struct rw_slice line;
    while (rw_lines_next(&ahead, &line) && !rw_slice_starts(line, "Tree=") &&
           !rw_slice_is(line, "end of trees")) {
        take_field(reader, line);
        reader->lines = ahead;
    }
}

/* Errors repeat the first two, programs the names. */
static rowan_status check_text(const struct reader *reader) {
    if (!rw_slice_is_ascii(reader->fields[VERSION]))
        return malformed(reader, "version", "has bytes that are no text");
    if (!rw_slice_is_ascii(reader->fields[OBJECTIVE]))
        return malformed(reader, "objective", "has bytes that are no text");
    if (!rw_is_utf8(reader->fields[FEATURE_NAMES].data, reader->fields[FEATURE_NAMES].length))
        return malformed(reader, "feature_names", "is not UTF-8");
    return ROWAN_OK;
}

static rowan_status read_version(const struct reader *reader) {
    struct rw_slice version = reader->fields[VERSION];
    if (rw_slice_is(version, "v3"))
        reader->forest->producer = "lightgbm v3";
    else if (rw_slice_is(version, "v4"))
        reader->forest->producer = "lightgbm v4";
    else
        return rw_fail(reader->error, ROWAN_UNSUPPORTED, "version",
                       "load it with LightGBM 3 or 4 and save it again",
                       "version %.*s is not one that Rowan reads: v3 and v4",
                       version.length < 16 ? (int)version.length : 16,
                       version.data ? version.data : "");
    return ROWAN_OK;
}

static rowan_status read_count(const struct reader *reader, enum field field, int64_t least,
                               int64_t most, uint32_t *count) {
    int64_t value;
    if (!rw_slice_i64(reader->fields[field], &value) || value < least || value > most)
        return malformed(reader, names[field], "is not a number in range");
    *count = (uint32_t)value;
    return ROWAN_OK;
}

static rowan_status read_sizes(const struct reader *reader) {
    struct rw_forest *forest = reader->forest;
    uint32_t n_classes, last;
    rowan_status status =
        read_count(reader, NUM_TREE_PER_ITERATION, 1, ROWAN_MAX_OUTPUTS, &forest->n_groups);
    if (status == ROWAN_OK)
        status = read_count(reader, NUM_CLASS, 1, ROWAN_MAX_OUTPUTS, &n_classes);
    if (status == ROWAN_OK)
        status = read_count(reader, MAX_FEATURE_IDX, 0, ROWAN_MAX_FEATURES - 1, &last);
    if (status != ROWAN_OK)
        return status;
    if (n_classes != forest->n_groups)
        return malformed(reader, "num_class", "does not agree with num_tree_per_iteration");
    forest->n_features = last + 1;
    return ROWAN_OK;
}

/* A model trained with the caller's own objective has no such line: its scores are
 * its margins. */
static rowan_status read_objective(const struct reader *reader) {
    struct rw_forest *forest = reader->forest;
    struct rw_lightgbm_objective objective;
    struct rw_slice text = reader->fields[OBJECTIVE];
    const char *what;
    forest->objective = "custom";
    forest->link = ROWAN_LINK_IDENTITY;
    if (!text.data)
        return ROWAN_OK;
    if (!rw_lightgbm_objective_read(text, &objective, &what))
        return rw_fail(reader->error, ROWAN_UNSUPPORTED, "objective", NULL, "%.*s %s",
                       text.length < 64 ? (int)text.length : 64, text.data, what);
    forest->objective = objective.name;
    forest->link = objective.link;
    forest->link_scale = objective.link_scale;
    if (strcmp(objective.name, "custom") != 0 && objective.n_classes != forest->n_groups)
        return malformed(reader, "objective", "does not agree with num_tree_per_iteration");
    return ROWAN_OK;
}

/* ---- trees ----------------------------------------------------------------------------- */

struct census {
    size_t n_trees, n_words;
    bool is_whole;
};

/* What the trees ahead will need: arrays are made once, and no larger. */
static struct census count_ahead(const struct reader *reader) {
    struct census census = {0};
    struct rw_lines lines = reader->lines;
    struct rw_slice line;
    while (!census.is_whole && rw_lines_next(&lines, &line)) {
        struct rw_slice words = rw_slice_after(line, "cat_threshold=");
        census.n_words += words.data ? rw_slice_count(words, ' ') : 0;
        census.n_trees += rw_slice_starts(line, "Tree=");
        census.is_whole = rw_slice_is(line, "end of trees");
    }
    return census;
}

static rowan_status check_census(const struct reader *reader, const struct census *census) {
    struct rw_slice sizes = reader->fields[TREE_SIZES];
    if (!census->is_whole)
        return malformed(reader, "end of trees", "is missing: the file is cut short");
    if (sizes.data && rw_slice_count(sizes, ' ') != census->n_trees)
        return malformed(reader, "tree_sizes", "does not agree with the number of trees");
    if (census->n_trees > ROWAN_MAX_TREES)
        return rw_fail(reader->error, ROWAN_LIMIT, "tree_sizes", NULL,
                       "%zu trees; ROWAN_MAX_TREES is %u", census->n_trees, ROWAN_MAX_TREES);
    if (census->n_trees % reader->forest->n_groups)
        return malformed(reader, "tree_sizes", "the last round lacks trees");
    return census->n_words > UINT32_MAX ? no_memory(reader) : ROWAN_OK;
}

static rowan_status read_tree(struct reader *reader, uint32_t index, struct rw_tree *tree,
                              struct rw_lightgbm_words *words) {
    struct rw_slice line;
    do
        if (!rw_lines_next(&reader->lines, &line))
            return malformed(reader, "Tree=", "is missing");
    while (line.length == 0);
    if (!rw_slice_starts(line, "Tree="))
        return malformed(reader, "Tree=", "does not follow the tree before it");
    tree->group = index % reader->forest->n_groups;
    return rw_lightgbm_read_tree(&reader->lines, index, &reader->forest->arena, tree, words,
                                 reader->error);
}

static rowan_status read_trees(struct reader *reader) {
    struct rw_forest *forest = reader->forest;
    struct census census = count_ahead(reader);
    rowan_status status = check_census(reader, &census);
    if (status != ROWAN_OK)
        return status;
    struct rw_lightgbm_words words = {.capacity = (uint32_t)census.n_words};
    struct rw_tree *trees = rw_arena_alloc(&forest->arena, census.n_trees, sizeof *trees);
    words.words = rw_arena_alloc(&forest->arena, census.n_words, sizeof *words.words);
    if (!trees || !words.words)
        return no_memory(reader);
    for (uint32_t i = 0; status == ROWAN_OK && i < census.n_trees; i++)
        status = read_tree(reader, i, &trees[i], &words);
    forest->n_trees_in_file = (uint32_t)census.n_trees;
    forest->trees = trees;
    forest->categories = words.words;
    forest->n_category_words = words.n_words;
    return status;
}

/* The file does not say which round early stopping chose (Python saves no more than
 * that round unless told to). */
static rowan_status read_rounds(const struct reader *reader) {
    struct rw_forest *forest = reader->forest;
    uint32_t in_file = forest->n_trees_in_file / forest->n_groups;
    int32_t wanted = reader->options->iterations;
    uint32_t rounds = wanted > 0 ? (uint32_t)wanted : in_file;
    if (rounds > in_file)
        return rw_fail(reader->error, ROWAN_MISMATCH, "iterations", "ask for fewer, or \"all\"",
                       "the model has fewer than %u rounds", rounds);
    forest->n_trees = rounds * forest->n_groups;
    if (reader->fields[AVERAGE_OUTPUT].data)
        forest->divisor = rounds;
    return ROWAN_OK;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static rowan_status read_features(const struct reader *reader) {
    struct rw_lightgbm_feature_texts texts = {.names = reader->fields[FEATURE_NAMES],
                                              .infos = reader->fields[FEATURE_INFOS],
                                              .behind_trees = reader->lines};
    return rw_lightgbm_read_features(&texts, reader->forest, reader->error);
}

static rowan_status read_text(const char *bytes, size_t size, const rowan_load_options *options,
                              struct rw_forest *forest, rowan_error *error) {
    struct reader reader = {
        .lines = {bytes, bytes + size}, .forest = forest, .options = options, .error = error};
    forest->arithmetic = RW_ARITHMETIC_LIGHTGBM;
    take_header(&reader);
    forest->booster = reader.fields[AVERAGE_OUTPUT].data ? "rf" : "gbdt";
    rowan_status status = check_text(&reader);
    if (status == ROWAN_OK)
        status = read_version(&reader);
    if (status == ROWAN_OK)
        status = read_sizes(&reader);
    if (status == ROWAN_OK)
        status = read_objective(&reader);
    if (status == ROWAN_OK)
        status = read_trees(&reader);
    if (status == ROWAN_OK)
        status = read_features(&reader);
    return status == ROWAN_OK ? read_rounds(&reader) : status;
}

/* The first line is the name of LightGBM's only kind of submodel. */
static bool recognize(const char *bytes, size_t size) {
    struct rw_lines lines = {bytes, bytes + (size < 8 ? size : 8)};
    struct rw_slice line;
    return rw_lines_next(&lines, &line) && rw_slice_is(line, "tree") && lines.next < lines.end;
}

const struct rw_format rw_format_lightgbm = {"lightgbm", recognize, read_text};

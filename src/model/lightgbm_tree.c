/*
 * lightgbm_tree.c - one tree of LightGBM's text.
 *
 * The file numbers splits and leaves apart; a child id below zero is ~leaf.  Here the
 * splits come first, then the leaves: leaf i is node n_splits + i.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/lightgbm_tree.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAVE_AGAIN "save the model again with LightGBM's save_model"

/* LightGBM's bits of a decision. */
#define DECISION_CATEGORICAL   1
#define DECISION_DEFAULT_LEFT  2
#define DECISION_MISSING_SHIFT 2
enum { MISSING_NONE, MISSING_ZERO, MISSING_NAN };

enum field {
    NUM_LEAVES,
    NUM_CAT,
    SPLIT_FEATURE,
    THRESHOLD,
    DECISION_TYPE,
    LEFT_CHILD,
    RIGHT_CHILD,
    LEAF_VALUE,
    LEAF_COUNT,
    INTERNAL_COUNT,
    CAT_BOUNDARIES,
    CAT_THRESHOLD,
    IS_LINEAR,
    LEAF_CONST,
    NUM_FEATURES,
    LEAF_FEATURES,
    LEAF_COEFF,
    N_FIELDS
};

static const char *const names[N_FIELDS] = {
    "num_leaves",     "num_cat",       "split_feature", "threshold",  "decision_type",
    "left_child",     "right_child",   "leaf_value",    "leaf_count", "internal_count",
    "cat_boundaries", "cat_threshold", "is_linear",     "leaf_const", "num_features",
    "leaf_features",  "leaf_coeff",
};

struct reader {
    struct rw_slice fields[N_FIELDS];
    uint32_t index;
    uint32_t n_leaves, n_splits, n_nodes, n_sets;
    struct rw_arena *arena;
    struct rw_lightgbm_words *words;
    rowan_error *error;
};

static rowan_status fail(const struct reader *reader, enum field field, const char *what) {
    char where[96];
    snprintf(where, sizeof where, "tree %u/%s", reader->index, names[field]);
    return rw_fail(reader->error, ROWAN_MALFORMED, where, SAVE_AGAIN, "%s", what);
}

static rowan_status no_memory(const struct reader *reader) {
    return rw_fail(reader->error, ROWAN_LIMIT, NULL, NULL,
                   "takes more memory than its size allows");
}

/* ---- fields ------------------------------------------------------------------------- */

static void take_field(struct reader *reader, struct rw_slice line) {
    const char *equals = memchr(line.data, '=', line.length);
    if (!equals)
        return;
    struct rw_slice key = {line.data, (size_t)(equals - line.data)};
    for (int field = 0; field < N_FIELDS; field++)
        if (rw_slice_is(key, names[field]))
            reader->fields[field] = (struct rw_slice){equals + 1, line.length - key.length - 1};
}

static void take_fields(struct reader *reader, struct rw_lines *lines) {
    struct rw_slice line;
    while (rw_lines_next(lines, &line) && line.length)
        take_field(reader, line);
}

static rowan_status read_count(const struct reader *reader, enum field field, int64_t least,
                               int64_t most, uint32_t *count) {
    int64_t value;
    if (!rw_slice_i64(reader->fields[field], &value) || value < least || value > most)
        return fail(reader, field, "is not a number in range");
    *count = (uint32_t)value;
    return ROWAN_OK;
}

/* The words are counted first, so that a file's claims reserve no more than it holds. */
static rowan_status read_i64s(const struct reader *reader, enum field field, size_t count,
                              int64_t **out) {
    if (rw_slice_count(reader->fields[field], ' ') != count)
        return fail(reader, field, "has more or fewer numbers than the tree needs");
    *out = rw_arena_alloc(reader->arena, count, sizeof **out);
    if (!*out && count)
        return no_memory(reader);
    return rw_slice_i64s(reader->fields[field], count, *out)
               ? ROWAN_OK
               : fail(reader, field, "is not a list of integers");
}

static rowan_status read_f64s(const struct reader *reader, enum field field, size_t count,
                              double **out) {
    if (rw_slice_count(reader->fields[field], ' ') != count)
        return fail(reader, field, "has more or fewer numbers than the tree needs");
    *out = rw_arena_alloc(reader->arena, count, sizeof **out);
    if (!*out && count)
        return no_memory(reader);
    return rw_slice_f64s(reader->fields[field], count, *out)
               ? ROWAN_OK
               : fail(reader, field, "is not a list of numbers");
}

static rowan_status read_sizes(struct reader *reader) {
    rowan_status status =
        read_count(reader, NUM_LEAVES, 1, ROWAN_MAX_TREE_NODES / 2, &reader->n_leaves);
    if (status == ROWAN_OK)
        status = read_count(reader, NUM_CAT, 0, reader->n_leaves - 1, &reader->n_sets);
    if (status != ROWAN_OK)
        return status;
    if (rw_slice_count(reader->fields[LEAF_VALUE], ' ') != reader->n_leaves)
        return fail(reader, LEAF_VALUE, "has more or fewer numbers than the tree has leaves");
    reader->n_splits = reader->n_leaves - 1;
    reader->n_nodes = reader->n_splits + reader->n_leaves;
    return ROWAN_OK;
}

/* ---- nodes ------------------------------------------------------------------------------ */

/* While they are filled; struct rw_tree has them as constants. */
struct nodes {
    int32_t *left, *right;
    uint32_t *feature;
    double *value;
    uint8_t *flags;
    uint32_t *category_begin, *category_words;
};

static bool alloc_nodes(const struct reader *reader, struct nodes *nodes) {
    struct rw_arena *arena = reader->arena;
    uint32_t n = reader->n_nodes;
    nodes->left = rw_arena_alloc(arena, n, sizeof *nodes->left);
    nodes->right = rw_arena_alloc(arena, n, sizeof *nodes->right);
    nodes->feature = rw_arena_alloc(arena, n, sizeof *nodes->feature);
    nodes->value = rw_arena_alloc(arena, n, sizeof *nodes->value);
    nodes->flags = rw_arena_alloc(arena, n, sizeof *nodes->flags);
    if (!nodes->left || !nodes->right || !nodes->feature || !nodes->value || !nodes->flags)
        return false;
    if (reader->n_sets == 0)
        return true;
    nodes->category_begin = rw_arena_alloc(arena, n, sizeof *nodes->category_begin);
    nodes->category_words = rw_arena_alloc(arena, n, sizeof *nodes->category_words);
    return nodes->category_begin && nodes->category_words;
}

static rowan_status read_children(const struct reader *reader, enum field field,
                                  int32_t *children) {
    int64_t *ids;
    rowan_status status = read_i64s(reader, field, reader->n_splits, &ids);
    for (uint32_t i = 0; status == ROWAN_OK && i < reader->n_splits; i++) {
        if (ids[i] >= reader->n_splits || ids[i] < -(int64_t)reader->n_leaves)
            return fail(reader, field, "has a child id that is out of range");
        int64_t node = ids[i] >= 0 ? ids[i] : reader->n_splits + (-1 - ids[i]);
        children[i] = (int32_t)node;
    }
    return status;
}

static rowan_status read_features(const struct reader *reader, uint32_t *features) {
    int64_t *ids;
    rowan_status status = read_i64s(reader, SPLIT_FEATURE, reader->n_splits, &ids);
    for (uint32_t i = 0; status == ROWAN_OK && i < reader->n_splits; i++) {
        if (ids[i] < 0 || ids[i] >= ROWAN_MAX_FEATURES)
            return fail(reader, SPLIT_FEATURE, "names a feature that is out of range");
        features[i] = (uint32_t)ids[i];
    }
    return status;
}

/* LightGBM compares what is not further from 0 than its threshold of zero as 0.
 * Thresholds that near to 0 move to the edge, which sends the same values left. */
static double zeros_together(double threshold) {
    if (!(fabs(threshold) <= RW_ZERO_THRESHOLD))
        return threshold;
    return threshold >= 0 ? RW_ZERO_THRESHOLD : nextafter(-RW_ZERO_THRESHOLD, -INFINITY);
}

/* LightGBM sends the categories of a set left, and all else, NaN too, right:
 * the other way round. */
static rowan_status set_categorical(const struct reader *reader, const struct nodes *nodes,
                                    uint32_t node, const int64_t *boundaries) {
    double set = nodes->value[node];
    if (!(set >= 0 && set < reader->n_sets))
        return fail(reader, THRESHOLD, "names a set of categories that does not exist");
    int64_t begin = boundaries[(uint32_t)set], end = boundaries[(uint32_t)set + 1];
    if (end - begin > (ROWAN_MAX_CATEGORY + 1) / 32)
        return rw_fail(reader->error, ROWAN_LIMIT, NULL, "number the categories from 0",
                       "tree %u has categories beyond ROWAN_MAX_CATEGORY (%d)", reader->index,
                       ROWAN_MAX_CATEGORY);
    nodes->category_begin[node] = reader->words->n_words + (uint32_t)begin;
    nodes->category_words[node] = (uint32_t)(end - begin);
    nodes->flags[node] = RW_NODE_CATEGORICAL | RW_NODE_TRUNCATE | RW_NODE_DEFAULT_LEFT;
    nodes->value[node] = 0;
    int32_t left = nodes->left[node];
    nodes->left[node] = nodes->right[node];
    nodes->right[node] = left;
    return ROWAN_OK;
}

static rowan_status set_numeric(const struct reader *reader, const struct nodes *nodes,
                                uint32_t node, int64_t decision) {
    unsigned flags = RW_NODE_AT_MOST;
    if (decision & DECISION_DEFAULT_LEFT)
        flags |= RW_NODE_DEFAULT_LEFT;
    switch (decision >> DECISION_MISSING_SHIFT) {
    case MISSING_NONE:
        flags |= RW_NODE_NAN_IS_ZERO;
        break;
    case MISSING_ZERO:
        flags |= RW_NODE_NAN_IS_ZERO | RW_NODE_ZERO_IS_MISSING;
        break;
    case MISSING_NAN:
        break;
    default:
        return fail(reader, DECISION_TYPE, "has a kind of missing value that is not known");
    }
    nodes->flags[node] = (uint8_t)flags;
    nodes->value[node] = zeros_together(nodes->value[node]);
    return ROWAN_OK;
}

/* ---- categories ---------------------------------------------------------------------------- */

static rowan_status read_boundaries(const struct reader *reader, int64_t **boundaries) {
    rowan_status status = read_i64s(reader, CAT_BOUNDARIES, (size_t)reader->n_sets + 1, boundaries);
    if (status != ROWAN_OK)
        return status;
    if ((*boundaries)[0] != 0)
        return fail(reader, CAT_BOUNDARIES, "does not begin with 0");
    for (uint32_t i = 0; i < reader->n_sets; i++)
        if ((*boundaries)[i + 1] <= (*boundaries)[i])
            return fail(reader, CAT_BOUNDARIES, "does not grow");
    if ((*boundaries)[reader->n_sets] > reader->words->capacity - reader->words->n_words)
        return fail(reader, CAT_BOUNDARIES, "ends beyond cat_threshold");
    return ROWAN_OK;
}

static rowan_status read_words(const struct reader *reader, uint32_t count) {
    int64_t *words;
    rowan_status status = read_i64s(reader, CAT_THRESHOLD, count, &words);
    if (status != ROWAN_OK)
        return status;
    uint32_t *to = reader->words->words + reader->words->n_words;
    for (uint32_t i = 0; i < count; i++) {
        if (words[i] < 0 || words[i] > UINT32_MAX)
            return fail(reader, CAT_THRESHOLD, "has a number that is no word of 32 bits");
        to[i] = (uint32_t)words[i];
    }
    reader->words->n_words += count;
    return ROWAN_OK;
}

static rowan_status set_decisions(const struct reader *reader, const struct nodes *nodes) {
    int64_t *decisions, *boundaries = NULL;
    rowan_status status = read_i64s(reader, DECISION_TYPE, reader->n_splits, &decisions);
    if (status == ROWAN_OK && reader->n_sets)
        status = read_boundaries(reader, &boundaries);
    for (uint32_t i = 0; status == ROWAN_OK && i < reader->n_splits; i++) {
        if (decisions[i] < 0)
            return fail(reader, DECISION_TYPE, "has a negative number");
        if (!(decisions[i] & DECISION_CATEGORICAL))
            status = set_numeric(reader, nodes, i, decisions[i]);
        else if (reader->n_sets)
            status = set_categorical(reader, nodes, i, boundaries);
        else
            return fail(reader, NUM_CAT, "is 0, but the tree has a categorical split");
    }
    if (status == ROWAN_OK && reader->n_sets)
        status = read_words(reader, (uint32_t)boundaries[reader->n_sets]);
    return status;
}

/* ---- splits and leaves -------------------------------------------------------------------- */

static rowan_status read_splits(const struct reader *reader, const struct nodes *nodes) {
    double *thresholds;
    rowan_status status = read_children(reader, LEFT_CHILD, nodes->left);
    if (status == ROWAN_OK)
        status = read_children(reader, RIGHT_CHILD, nodes->right);
    if (status == ROWAN_OK)
        status = read_features(reader, nodes->feature);
    if (status == ROWAN_OK)
        status = read_f64s(reader, THRESHOLD, reader->n_splits, &thresholds);
    if (status != ROWAN_OK)
        return status;
    memcpy(nodes->value, thresholds, reader->n_splits * sizeof *thresholds);
    return set_decisions(reader, nodes);
}

static rowan_status read_leaves(const struct reader *reader, const struct nodes *nodes) {
    double *values;
    rowan_status status = read_f64s(reader, LEAF_VALUE, reader->n_leaves, &values);
    for (uint32_t i = 0; status == ROWAN_OK && i < reader->n_leaves; i++) {
        uint32_t node = reader->n_splits + i;
        nodes->left[node] = nodes->right[node] = -1;
        nodes->value[node] = values[i];
    }
    return status;
}

/* What LightGBM's contributions weigh with.  Files without counts are valid. */
static rowan_status read_cover(const struct reader *reader, struct rw_tree *tree) {
    if (rw_slice_count(reader->fields[LEAF_COUNT], ' ') != reader->n_leaves ||
        rw_slice_count(reader->fields[INTERNAL_COUNT], ' ') != reader->n_splits)
        return ROWAN_OK;
    double *cover = rw_arena_alloc(reader->arena, reader->n_nodes, sizeof *cover);
    if (!cover)
        return no_memory(reader);
    if (!rw_slice_f64s(reader->fields[INTERNAL_COUNT], reader->n_splits, cover))
        return fail(reader, INTERNAL_COUNT, "is not a list of numbers");
    if (!rw_slice_f64s(reader->fields[LEAF_COUNT], reader->n_leaves, cover + reader->n_splits))
        return fail(reader, LEAF_COUNT, "is not a list of numbers");
    tree->cover = cover;
    return ROWAN_OK;
}

static rowan_status read_nodes(const struct reader *reader, struct rw_tree *tree) {
    struct nodes nodes = {0};
    if (!alloc_nodes(reader, &nodes))
        return no_memory(reader);
    rowan_status status = reader->n_splits ? read_splits(reader, &nodes) : ROWAN_OK;
    if (status == ROWAN_OK)
        status = read_leaves(reader, &nodes);
    if (status == ROWAN_OK)
        status = read_cover(reader, tree);
    tree->n_nodes = reader->n_nodes;
    tree->weight = 1.0f; /* LightGBM has multiplied the values already, DART's too */
    tree->left = nodes.left;
    tree->right = nodes.right;
    tree->feature = nodes.feature;
    tree->value = nodes.value;
    tree->flags = nodes.flags;
    tree->category_begin = nodes.category_begin;
    tree->category_words = nodes.category_words;
    return status;
}

/* ---- linear leaves --------------------------------------------------------------------------- */

static rowan_status read_linear_sizes(const struct reader *reader, struct rw_linear_leaf *leaves,
                                      uint32_t *n_coefficients) {
    int64_t *counts;
    double *constants;
    rowan_status status = read_i64s(reader, NUM_FEATURES, reader->n_leaves, &counts);
    if (status == ROWAN_OK)
        status = read_f64s(reader, LEAF_CONST, reader->n_leaves, &constants);
    if (status != ROWAN_OK)
        return status;
    size_t most = rw_slice_count(reader->fields[LEAF_FEATURES], ' ');
    *n_coefficients = 0;
    for (uint32_t i = 0; i < reader->n_leaves; i++) {
        if (counts[i] < 0 || (uint64_t)counts[i] > most - *n_coefficients)
            return fail(reader, NUM_FEATURES, "does not agree with leaf_features");
        leaves[i] = (struct rw_linear_leaf){*n_coefficients, (uint32_t)counts[i], constants[i]};
        *n_coefficients += (uint32_t)counts[i];
    }
    return ROWAN_OK;
}

static rowan_status read_linear_features(const struct reader *reader, uint32_t count,
                                         uint32_t *features) {
    int64_t *ids;
    rowan_status status = read_i64s(reader, LEAF_FEATURES, count, &ids);
    for (uint32_t i = 0; status == ROWAN_OK && i < count; i++) {
        if (ids[i] < 0 || ids[i] >= ROWAN_MAX_FEATURES)
            return fail(reader, LEAF_FEATURES, "names a feature that is out of range");
        features[i] = (uint32_t)ids[i];
    }
    return status;
}

static rowan_status read_linear(const struct reader *reader, struct rw_tree *tree) {
    struct rw_arena *arena = reader->arena;
    struct rw_linear *linear = rw_arena_alloc(arena, 1, sizeof *linear);
    struct rw_linear_leaf *leaves = rw_arena_alloc(arena, reader->n_leaves, sizeof *leaves);
    uint32_t *index = rw_arena_alloc(arena, reader->n_nodes, sizeof *index);
    if (!linear || !leaves || !index)
        return no_memory(reader);
    for (uint32_t i = 0; i < reader->n_leaves; i++)
        index[reader->n_splits + i] = i;
    uint32_t n;
    rowan_status status = read_linear_sizes(reader, leaves, &n);
    if (status != ROWAN_OK)
        return status;
    uint32_t *features = rw_arena_alloc(arena, n, sizeof *features);
    double *coefficients;
    if (!features && n)
        return no_memory(reader);
    status = read_linear_features(reader, n, features);
    if (status == ROWAN_OK)
        status = read_f64s(reader, LEAF_COEFF, n, &coefficients);
    if (status == ROWAN_OK)
        *linear = (struct rw_linear){index, leaves, features, coefficients, reader->n_leaves, n};
    tree->linear = linear;
    return status;
}

static rowan_status read_linear_if_any(const struct reader *reader, struct rw_tree *tree) {
    int64_t is_linear = 0; /* the field came with LightGBM 3.2 */
    if (reader->fields[IS_LINEAR].data &&
        (!rw_slice_i64(reader->fields[IS_LINEAR], &is_linear) || is_linear < 0 || is_linear > 1))
        return fail(reader, IS_LINEAR, "is neither 0 nor 1");
    return is_linear ? read_linear(reader, tree) : ROWAN_OK;
}

rowan_status rw_lightgbm_read_tree(struct rw_lines *lines, uint32_t index, struct rw_arena *arena,
                                   struct rw_tree *tree, struct rw_lightgbm_words *words,
                                   rowan_error *error) {
    struct reader reader = {.index = index, .arena = arena, .words = words, .error = error};
    take_fields(&reader, lines);
    rowan_status status = read_sizes(&reader);
    if (status == ROWAN_OK)
        status = read_nodes(&reader, tree);
    if (status == ROWAN_OK)
        status = read_linear_if_any(&reader, tree);
    return status;
}

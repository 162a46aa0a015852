/*
 * xgboost_tree.c - one tree of an XGBoost file: parallel arrays, one element a node.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/xgboost_tree.h"

#include <stdio.h>
#include <string.h>

#define SAVE_AGAIN    "save the model again with XGBoost's save_model"
#define FIRST_WORDS   256u
#define CATEGORICAL   1 /* in split_type */
#define LEAF_SIZE_MAX 1 /* of size_leaf_vector; older files have 0 */

struct reader {
    const struct rw_value *value;
    uint32_t index, n_nodes;
    struct rw_arena *arena;
    struct rw_xgboost_categories *categories;
    rowan_error *error;
};

static rowan_status fail(const struct reader *reader, const char *member, const char *what) {
    char where[96];
    snprintf(where, sizeof where, "tree %u/%s", reader->index, member);
    return rw_fail(reader->error, ROWAN_MALFORMED, where, SAVE_AGAIN, "%s", what);
}

static rowan_status no_memory(const struct reader *reader) {
    return rw_fail(reader->error, ROWAN_LIMIT, NULL, NULL,
                   "takes more memory than its size allows");
}

static rowan_status check_leaf_size(const struct reader *reader) {
    int64_t size = 1;
    const struct rw_value *stated = rw_value_at(reader->value, "tree_param/size_leaf_vector");
    if (stated && !rw_value_i64(stated, &size))
        return fail(reader, "tree_param/size_leaf_vector", "is not a number");
    if (size > LEAF_SIZE_MAX)
        return rw_fail(
            reader->error, ROWAN_UNSUPPORTED, NULL, "train with multi_strategy=one_output_per_tree",
            "tree %u has vector leaves (size_leaf_vector %lld)", reader->index, (long long)size);
    return ROWAN_OK;
}

static rowan_status read_n_nodes(struct reader *reader) {
    uint32_t count = rw_value_count(rw_value_get(reader->value, "left_children"));
    int64_t stated;
    if (!rw_value_i64(rw_value_at(reader->value, "tree_param/num_nodes"), &stated) ||
        stated != (int64_t)count || count == 0)
        return fail(reader, "tree_param/num_nodes", "does not match left_children");
    if (count > ROWAN_MAX_TREE_NODES)
        return rw_fail(reader->error, ROWAN_LIMIT, NULL, NULL,
                       "tree %u has %u nodes; ROWAN_MAX_TREE_NODES is %u", reader->index, count,
                       ROWAN_MAX_TREE_NODES);
    reader->n_nodes = count;
    return ROWAN_OK;
}

/* `scratch` has n_nodes elements; *out becomes the array narrowed to 32 bits. */
static rowan_status read_ids(const struct reader *reader, const char *member, int64_t lowest,
                             int64_t *scratch, int32_t **out) {
    *out = rw_arena_alloc(reader->arena, reader->n_nodes, sizeof **out);
    if (!*out)
        return no_memory(reader);
    if (!rw_value_i64s(rw_value_get(reader->value, member), reader->n_nodes, scratch))
        return fail(reader, member, "is not a list of one integer for each node");
    for (uint32_t i = 0; i < reader->n_nodes; i++) {
        if (scratch[i] < lowest || scratch[i] > INT32_MAX)
            return fail(reader, member, "has a number that is out of range");
        (*out)[i] = (int32_t)scratch[i];
    }
    return ROWAN_OK;
}

/* Numbers of type float32, one for each node, as double. */
static rowan_status read_floats(const struct reader *reader, const char *member,
                                const double **out) {
    const uint32_t n = reader->n_nodes;
    double *wide = rw_arena_alloc(reader->arena, n, sizeof *wide);
    if (!wide)
        return no_memory(reader);
    float *narrow = rw_arena_alloc(reader->arena, n, sizeof *narrow);
    if (!narrow)
        return no_memory(reader);
    if (!rw_value_f32s(rw_value_get(reader->value, member), n, narrow))
        return fail(reader, member, "is not a list of one number for each node");
    for (uint32_t i = 0; i < n; i++)
        wide[i] = (double)narrow[i];
    *out = wide;
    return ROWAN_OK;
}

static rowan_status read_values(const struct reader *reader, struct rw_tree *tree) {
    rowan_status status = read_floats(reader, "split_conditions", &tree->value);
    if (status == ROWAN_OK && rw_value_get(reader->value, "sum_hessian"))
        status = read_floats(reader, "sum_hessian", &tree->cover);
    return status;
}

static rowan_status read_flags(const struct reader *reader, int64_t *scratch, uint8_t **flags) {
    *flags = rw_arena_alloc(reader->arena, reader->n_nodes, 1);
    if (!*flags)
        return no_memory(reader);
    if (!rw_value_i64s(rw_value_get(reader->value, "default_left"), reader->n_nodes, scratch))
        return fail(reader, "default_left", "is not a list of one flag for each node");
    for (uint32_t i = 0; i < reader->n_nodes; i++)
        (*flags)[i] = scratch[i] ? RW_NODE_DEFAULT_LEFT : 0;
    const struct rw_value *types = rw_value_get(reader->value, "split_type");
    if (!types)
        return ROWAN_OK; /* files without categorical support */
    if (!rw_value_i64s(types, reader->n_nodes, scratch))
        return fail(reader, "split_type", "is not a list of one type for each node");
    for (uint32_t i = 0; i < reader->n_nodes; i++)
        if (scratch[i] == CATEGORICAL)
            (*flags)[i] |= RW_NODE_CATEGORICAL;
    return ROWAN_OK;
}

/* ---- categorical splits ------------------------------------------------------ */

/* The file's lists: categories of node nodes[i] are
 * categories[segments[i] .. segments[i] + sizes[i]). */
struct sets {
    uint32_t n_nodes, n_categories;
    int64_t n_read; /* of categories, by all nodes so far */
    int64_t *nodes, *segments, *sizes, *categories;
};

static rowan_status read_list(const struct reader *reader, const char *member, uint32_t *count,
                              int64_t **out) {
    const struct rw_value *value = rw_value_get(reader->value, member);
    *count = rw_value_count(value);
    *out = rw_arena_alloc(reader->arena, (size_t)*count + 1, sizeof **out);
    if (!*out)
        return no_memory(reader);
    if (value && !rw_value_i64s(value, *count, *out))
        return fail(reader, member, "is not a list of integers");
    return ROWAN_OK;
}

static rowan_status read_sets(const struct reader *reader, struct sets *sets) {
    uint32_t n_segments = 0, n_sizes = 0;
    rowan_status status = read_list(reader, "categories_nodes", &sets->n_nodes, &sets->nodes);
    if (status == ROWAN_OK)
        status = read_list(reader, "categories_segments", &n_segments, &sets->segments);
    if (status == ROWAN_OK)
        status = read_list(reader, "categories_sizes", &n_sizes, &sets->sizes);
    if (status == ROWAN_OK)
        status = read_list(reader, "categories", &sets->n_categories, &sets->categories);
    if (status == ROWAN_OK && (n_segments != sets->n_nodes || n_sizes != sets->n_nodes))
        return fail(reader, "categories_segments", "do not match categories_nodes");
    return status;
}

/* Room for `more` words at the end, zeroed. */
static uint32_t *add_words(const struct reader *reader, uint32_t more) {
    struct rw_xgboost_categories *all = reader->categories;
    uint64_t needed = (uint64_t)all->n_words + more;
    if (needed > all->capacity) {
        uint64_t capacity = all->capacity ? 2 * (uint64_t)all->capacity : FIRST_WORDS;
        capacity = capacity < needed ? needed : capacity;
        if (capacity > UINT32_MAX)
            return NULL;
        uint32_t *words = rw_arena_alloc(reader->arena, capacity, sizeof *words);
        if (!words)
            return NULL;
        if (all->n_words)
            memcpy(words, all->words, all->n_words * sizeof *words);
        all->words = words;
        all->capacity = (uint32_t)capacity;
    }
    uint32_t *added = all->words + all->n_words;
    all->n_words = (uint32_t)needed;
    return added;
}

static rowan_status add_set(const struct reader *reader, const int64_t *categories, uint32_t count,
                            uint32_t *begin, uint32_t *n_words) {
    int64_t largest = -1;
    for (uint32_t i = 0; i < count; i++) {
        if (categories[i] < 0 || categories[i] > ROWAN_MAX_CATEGORY)
            return fail(reader, "categories", "a category is out of range (ROWAN_MAX_CATEGORY)");
        largest = categories[i] > largest ? categories[i] : largest;
    }
    *begin = reader->categories->n_words;
    *n_words = (uint32_t)(largest / 32) + 1;
    uint32_t *words = add_words(reader, *n_words);
    if (!words)
        return no_memory(reader);
    for (uint32_t i = 0; i < count; i++)
        words[categories[i] / 32] |= 1u << (categories[i] % 32);
    return ROWAN_OK;
}

/* Segments share no category, so that the work is bounded by the file's size. */
static rowan_status add_node_set(const struct reader *reader, struct sets *sets, uint32_t i,
                                 uint32_t *begin, uint32_t *n_words) {
    int64_t node = sets->nodes[i], first = sets->segments[i], count = sets->sizes[i];
    if (node < 0 || node >= reader->n_nodes)
        return fail(reader, "categories_nodes", "names a node that does not exist");
    if (first < 0 || count <= 0 || first > sets->n_categories || count > sets->n_categories - first)
        return fail(reader, "categories_segments", "points outside of categories");
    sets->n_read += count;
    if (sets->n_read > sets->n_categories)
        return fail(reader, "categories_sizes", "has segments that overlap");
    return add_set(reader, sets->categories + first, (uint32_t)count, &begin[node], &n_words[node]);
}

static rowan_status read_categories(const struct reader *reader, struct rw_tree *tree) {
    struct sets sets = {0};
    if (rw_value_count(rw_value_get(reader->value, "categories_nodes")) == 0)
        return ROWAN_OK;
    rowan_status status = read_sets(reader, &sets);
    if (status != ROWAN_OK)
        return status;
    uint32_t *begin = rw_arena_alloc(reader->arena, reader->n_nodes, sizeof *begin);
    uint32_t *n_words = rw_arena_alloc(reader->arena, reader->n_nodes, sizeof *n_words);
    if (!begin || !n_words)
        return no_memory(reader);
    for (uint32_t i = 0; i < sets.n_nodes; i++) {
        status = add_node_set(reader, &sets, i, begin, n_words);
        if (status != ROWAN_OK)
            return status;
    }
    tree->category_begin = begin;
    tree->category_words = n_words;
    return ROWAN_OK;
}

static rowan_status read_nodes(const struct reader *reader, struct rw_tree *tree) {
    int64_t *scratch = rw_arena_alloc(reader->arena, reader->n_nodes, sizeof *scratch);
    int32_t *left, *right, *feature;
    uint8_t *flags;
    if (!scratch)
        return no_memory(reader);
    rowan_status status = read_ids(reader, "left_children", -1, scratch, &left);
    if (status == ROWAN_OK)
        status = read_ids(reader, "right_children", -1, scratch, &right);
    if (status == ROWAN_OK)
        status = read_ids(reader, "split_indices", 0, scratch, &feature);
    if (status == ROWAN_OK)
        status = read_flags(reader, scratch, &flags);
    if (status != ROWAN_OK)
        return status;
    tree->left = left;
    tree->right = right;
    tree->feature = (const uint32_t *)feature; /* checked to be no negative */
    tree->flags = flags;
    return read_values(reader, tree);
}

rowan_status rw_xgboost_read_tree(const struct rw_value *value, uint32_t index,
                                  struct rw_arena *arena, struct rw_tree *tree,
                                  struct rw_xgboost_categories *categories, rowan_error *error) {
    struct reader reader = {
        .value = value, .index = index, .arena = arena, .categories = categories, .error = error};
    rowan_status status = check_leaf_size(&reader);
    if (status == ROWAN_OK)
        status = read_n_nodes(&reader);
    if (status == ROWAN_OK)
        status = read_nodes(&reader, tree);
    if (status == ROWAN_OK)
        status = read_categories(&reader, tree);
    if (status == ROWAN_OK)
        tree->n_nodes = reader.n_nodes;
    return status;
}

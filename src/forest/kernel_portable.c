/*
 * kernel_portable.c - any model on any CPU.
 *
 * A walk down a tree is a chain of dependent loads; eight independent walks at a
 * time hide their latency: eight rows in one tree for batches, eight trees for one
 * row.  Every walk takes as many steps as the deepest tree needs, because a leaf
 * leads back to itself, so the loop has no branch to mispredict.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/kernel.h"

#define LANES 8u

/* The compare is written so that NaN (a missing value that goes right, or a leaf's
 * threshold) takes the right branch. */
static inline uint32_t step(const struct rw_compact_node *nodes, uint32_t at, const float *row) {
    struct rw_compact_node node = nodes[at];
    return node.left + (uint32_t) !(row[node.feature] < node.threshold);
}

/* both[0 .. f) = row, both[f .. 2f) = row with -infinity for missing values */
static void prepare_row(const float *row, uint32_t n_features, float *both) {
    for (uint32_t f = 0; f < n_features; f++) {
        float x = row[f];
        both[f] = x;
        both[n_features + f] = x != x ? -INFINITY : x;
    }
}

/* XGBoost's rule: a category of the node's set goes right, everything else left;
 * codes are truncated to integers, and what is no valid code goes left. */
static bool category_goes_right(const uint32_t *set, uint32_t n_words, float x) {
    if (x < 0.0f || x >= (float)(ROWAN_MAX_CATEGORY + 1))
        return false;
    uint32_t category = (uint32_t)x;
    return category / 32 < n_words && (set[category / 32] >> (category % 32) & 1u);
}

static bool wide_goes_right(const struct rw_image *image, const struct rw_wide_node *node,
                            float x) {
    if (x != x)
        return !(node->flags & RW_WIDE_DEFAULT_LEFT);
    if (node->flags & RW_WIDE_CATEGORICAL)
        return category_goes_right(image->categories + node->u.categories,
                                   node->flags >> RW_WIDE_WORDS_SHIFT, x);
    return !(x < node->u.threshold);
}

static float wide_leaf(const struct rw_image *image, const struct rw_image_tree *tree,
                       const float *row) {
    const struct rw_wide_node *nodes = image->wide + tree->root, *node = nodes;
    while (!(node->flags & RW_WIDE_LEAF))
        node = nodes + node->left + wide_goes_right(image, node, row[node->feature]);
    return node->u.leaf;
}

static float compact_leaf(const struct rw_image *image, const struct rw_image_tree *tree,
                          const float *both) {
    const struct rw_compact_node *nodes = image->compact + tree->root;
    uint32_t at = 1;
    for (uint32_t depth = tree->depth; depth > 0; depth--)
        at = step(nodes, at, both);
    return image->leaves[tree->root + at];
}

/* ---- one row: eight trees at a time ---------------------------------------- */

static bool eight_compact(const struct rw_image_tree *trees) {
    for (uint32_t lane = 0; lane < LANES; lane++)
        if (trees[lane].encoding != RW_TREE_COMPACT)
            return false;
    return true;
}

static void one_row_eight_trees(const struct rw_image *image, const struct rw_image_tree *trees,
                                const float *both, float *margins) {
    const struct rw_compact_node *nodes[LANES];
    uint32_t at[LANES], depth = 0;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        nodes[lane] = image->compact + trees[lane].root;
        at[lane] = 1;
        depth = trees[lane].depth > depth ? trees[lane].depth : depth;
    }
    for (; depth > 0; depth--)
#pragma GCC unroll 8
        for (uint32_t lane = 0; lane < LANES; lane++)
            at[lane] = step(nodes[lane], at[lane], both);
    for (uint32_t lane = 0; lane < LANES; lane++)
        margins[trees[lane].group] += image->leaves[trees[lane].root + at[lane]];
}

static void one_row(const struct rw_image *image, const float *row, const float *both,
                    float *margins) {
    const struct rw_image_tree *tree = image->trees, *end = tree + image->header->n_trees;
    while (tree < end) {
        if (end - tree >= (ptrdiff_t)LANES && eight_compact(tree)) {
            one_row_eight_trees(image, tree, both, margins);
            tree += LANES;
            continue;
        }
        margins[tree->group] += tree->encoding == RW_TREE_COMPACT ? compact_leaf(image, tree, both)
                                                                  : wide_leaf(image, tree, row);
        tree++;
    }
}

/* ---- many rows: eight rows of one tree at a time ---------------------------- */

/* The depth is a constant in each caller, so that the compiler unrolls the walk and
 * keeps all lanes in registers. */
static inline __attribute__((always_inline)) void eight_rows(const struct rw_compact_node *nodes,
                                                             const float *leaves, uint32_t depth,
                                                             const float *both, size_t stride,
                                                             float *margins, uint32_t n_groups) {
    uint32_t at[LANES] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (; depth > 0; depth--)
#pragma GCC unroll 8
        for (uint32_t lane = 0; lane < LANES; lane++)
            at[lane] = step(nodes, at[lane], both + lane * stride);
#pragma GCC unroll 8
    for (uint32_t lane = 0; lane < LANES; lane++)
        margins[lane * n_groups] += leaves[at[lane]];
}

static void compact_tree(const struct rw_image *image, const struct rw_image_tree *tree,
                         const float *both, size_t n_rows, float *margins) {
    const struct rw_compact_node *nodes = image->compact + tree->root;
    const float *leaves = image->leaves + tree->root;
    uint32_t n_groups = image->header->n_groups;
    size_t stride = 2 * (size_t)image->header->n_features, row = 0;
    for (; row + LANES <= n_rows; row += LANES)
        eight_rows(nodes, leaves, tree->depth, both + row * stride, stride,
                   margins + row * n_groups + tree->group, n_groups);
    for (; row < n_rows; row++)
        margins[row * n_groups + tree->group] += compact_leaf(image, tree, both + row * stride);
}

static void many_rows(const struct rw_image *image, const float *rows, const float *both,
                      size_t n_rows, float *margins) {
    const struct rw_image_header *header = image->header;
    for (uint32_t i = 0; i < header->n_trees; i++) {
        const struct rw_image_tree *tree = &image->trees[i];
        if (tree->encoding == RW_TREE_COMPACT) {
            compact_tree(image, tree, both, n_rows, margins);
            continue;
        }
        for (size_t row = 0; row < n_rows; row++)
            margins[row * header->n_groups + tree->group] +=
                wide_leaf(image, tree, rows + row * header->n_features);
    }
}

static void score(const struct rw_image *image, const float *rows, size_t n_rows, float *margins) {
    const uint32_t n_features = image->header->n_features;
    float both[RW_BLOCK_VALUES];
    /* wide models (more features than fit here) have no compact tree to prepare for */
    if (2 * (size_t)n_features * n_rows <= RW_BLOCK_VALUES)
        for (size_t row = 0; row < n_rows; row++)
            prepare_row(rows + row * n_features, n_features, both + row * 2 * n_features);
    if (n_rows == 1)
        one_row(image, rows, both, margins);
    else
        many_rows(image, rows, both, n_rows, margins);
}

static bool fits(const struct rw_image *image) {
    (void)image;
    return true;
}

const struct rw_kernel rw_kernel_portable = {.name = "portable", .fits = fits, .score = score};

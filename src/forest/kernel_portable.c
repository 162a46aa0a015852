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
#include "forest/rule.h"

#define LANES 8u

/* Of the columns of the rows that are scored at once: 32 KiB of stack, half of a
 * level 1 cache at most. */
#define COLUMN_VALUES 8192u
#define ROWS_AT_ONCE  512u

/* ---- columns --------------------------------------------------------------------- */

static double value_at(const struct rw_image *image, const struct rw_block *block, size_t row,
                       uint32_t feature) {
    const size_t at = row * image->header->n_features + feature;
    return block->f64 ? block->f64[at] : (double)block->f32[at];
}

/* Number of cuts of the feature that are <= x, without a branch to mispredict. */
static float rank(const struct rw_image *image, uint32_t feature, double x) {
    const uint32_t begin = image->cut_begin[feature];
    const double *cuts = image->cuts + begin, *low = cuts;
    uint32_t n = image->cut_begin[feature + 1] - begin;
    if (n == 0)
        return 0.0f;
    while (n > 1) {
        const uint32_t half = n / 2;
        low = low[half - 1] <= x ? low + half : low;
        n -= half;
    }
    return (float)(low - cuts + (*low <= x));
}

static void prepare_values(const struct rw_image *image, const float *row, float *columns) {
    for (uint32_t c = 0; c < image->n_columns; c++) {
        const struct rw_column *column = &image->columns[c];
        const float x = row[column->feature];
        columns[c] = x != x || fabsf(x) <= column->zero ? column->missing : x;
    }
}

static void prepare_ranks(const struct rw_image *image, const struct rw_block *block, size_t row,
                          float *columns) {
    for (uint32_t c = 0; c < image->n_columns; c++) {
        const struct rw_column *column = &image->columns[c];
        const double x = value_at(image, block, row, column->feature);
        const bool missing = x != x || fabs(x) <= (double)column->zero;
        columns[c] = missing ? column->missing : rank(image, column->feature, x);
    }
}

static void prepare(const struct rw_image *image, const struct rw_block *block, size_t row,
                    float *columns) {
    if (image->cut_begin)
        prepare_ranks(image, block, row, columns);
    else if (image->n_columns) /* rows of a model without them may be doubles */
        prepare_values(image, block->f32 + row * image->header->n_features, columns);
}

/* ---- trees ----------------------------------------------------------------------- */

/* The compare is written so that NaN (a missing value that goes right, or a leaf's
 * threshold) takes the right branch. */
static inline uint32_t step(const struct rw_compact_node *nodes, uint32_t at,
                            const float *columns) {
    struct rw_compact_node node = nodes[at];
    return node.left + (uint32_t) !(columns[node.column] < node.threshold);
}

/* LightGBM falls back to the leaf's plain value for missing values, and its rows hold
 * 0 for what is no further from it than its threshold of zero. */
static double linear_leaf(const struct rw_image *image, const struct rw_wide_node *leaf,
                          const struct rw_block *block, size_t row) {
    const struct rw_image_linear *linear = &image->linear[leaf->feature];
    double sum = linear->constant;
    for (uint32_t i = linear->begin; i < linear->begin + linear->count; i++) {
        const double x = value_at(image, block, row, image->coefficients[i].feature);
        if (x != x)
            return leaf->u.leaf;
        sum += image->coefficients[i].value * (fabs(x) <= RW_ZERO_THRESHOLD ? 0.0 : x);
    }
    return sum;
}

static double wide_leaf(const struct rw_image *image, const struct rw_image_tree *tree,
                        const struct rw_block *block, size_t row) {
    const struct rw_wide_node *nodes = image->wide + tree->root, *node = nodes;
    while (!(node->flags & RW_WIDE_LEAF)) {
        const bool categorical = node->flags & RW_NODE_CATEGORICAL;
        const uint32_t *set = categorical ? image->categories + node->u.categories : NULL;
        const double x = value_at(image, block, row, node->feature);
        node =
            nodes + node->left + rw_goes_right(node->flags, node->u.threshold, set, node->words, x);
    }
    return node->flags & RW_WIDE_LINEAR ? linear_leaf(image, node, block, row) : node->u.leaf;
}

static uint32_t compact_leaf(const struct rw_image *image, const struct rw_image_tree *tree,
                             const float *columns) {
    const struct rw_compact_node *nodes = image->compact + tree->root;
    uint32_t at = 1;
    for (uint32_t depth = tree->depth; depth > 0; depth--)
        at = step(nodes, at, columns);
    return tree->root + at;
}

static inline void add(const struct rw_image *image, void *sums, size_t at, double leaf) {
    if (image->sums64)
        ((double *)sums)[at] += leaf;
    else
        ((float *)sums)[at] += (float)leaf;
}

static inline void add_compact(const struct rw_image *image, void *sums, size_t at, uint32_t leaf) {
    if (image->sums64)
        ((double *)sums)[at] += image->leaves64[leaf];
    else
        ((float *)sums)[at] += image->leaves[leaf];
}

static void add_tree(const struct rw_image *image, const struct rw_image_tree *tree,
                     const struct rw_block *block, size_t row, const float *columns, void *sums) {
    const size_t at = row * image->header->n_groups + tree->group;
    if (tree->encoding == RW_TREE_COMPACT)
        add_compact(image, sums, at, compact_leaf(image, tree, columns));
    else
        add(image, sums, at, wide_leaf(image, tree, block, row));
}

/* ---- one row: eight trees at a time ---------------------------------------------- */

static bool eight_compact(const struct rw_image_tree *trees) {
    for (uint32_t lane = 0; lane < LANES; lane++)
        if (trees[lane].encoding != RW_TREE_COMPACT)
            return false;
    return true;
}

static void one_row_eight_trees(const struct rw_image *image, const struct rw_image_tree *trees,
                                const float *columns, void *sums) {
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
            at[lane] = step(nodes[lane], at[lane], columns);
    for (uint32_t lane = 0; lane < LANES; lane++)
        add_compact(image, sums, trees[lane].group, trees[lane].root + at[lane]);
}

static void one_row(const struct rw_image *image, const struct rw_block *block,
                    const float *columns, void *sums) {
    const uint32_t n_trees = image->header->n_trees;
    uint32_t i = 0;
    while (i < n_trees) {
        if (i + LANES <= n_trees && eight_compact(&image->trees[i])) {
            one_row_eight_trees(image, &image->trees[i], columns, sums);
            i += LANES;
        } else {
            add_tree(image, &image->trees[i], block, 0, columns, sums);
            i++;
        }
    }
}

/* ---- many rows: eight rows at a time ---------------------------------------------- */

static inline __attribute__((always_inline)) void eight_rows(const struct rw_compact_node *nodes,
                                                             uint32_t depth, const float *columns,
                                                             size_t stride,
                                                             uint32_t at[static LANES]) {
    for (uint32_t lane = 0; lane < LANES; lane++)
        at[lane] = 1;
    for (; depth > 0; depth--)
#pragma GCC unroll 8
        for (uint32_t lane = 0; lane < LANES; lane++)
            at[lane] = step(nodes, at[lane], columns + lane * stride);
}

static void compact_tree(const struct rw_image *image, const struct rw_image_tree *tree,
                         const float *columns, size_t first, size_t n_rows, void *sums) {
    const struct rw_compact_node *nodes = image->compact + tree->root;
    const size_t stride = image->n_columns, n_groups = image->header->n_groups;
    size_t row = 0;
    for (; row + LANES <= n_rows; row += LANES) {
        uint32_t at[LANES];
        eight_rows(nodes, tree->depth, columns + row * stride, stride, at);
#pragma GCC unroll 8
        for (uint32_t lane = 0; lane < LANES; lane++)
            add_compact(image, sums, (first + row + lane) * n_groups + tree->group,
                        tree->root + at[lane]);
    }
    for (; row < n_rows; row++)
        add_compact(image, sums, (first + row) * n_groups + tree->group,
                    compact_leaf(image, tree, columns + row * stride));
}

/* Rows [first, first + n_rows) of the block, whose columns are there. */
static void many_rows(const struct rw_image *image, const struct rw_block *block, size_t first,
                      size_t n_rows, const float *columns, void *sums) {
    for (uint32_t i = 0; i < image->header->n_trees; i++) {
        const struct rw_image_tree *tree = &image->trees[i];
        if (tree->encoding == RW_TREE_COMPACT)
            compact_tree(image, tree, columns, first, n_rows, sums);
        else
            for (size_t row = first; row < first + n_rows; row++)
                add_tree(image, tree, block, row, columns, sums);
    }
}

static void score(const struct rw_image *image, const struct rw_block *block, void *sums) {
    float columns[COLUMN_VALUES];
    size_t at_once = COLUMN_VALUES / (image->n_columns ? image->n_columns : 1);
    at_once = at_once < ROWS_AT_ONCE ? at_once : ROWS_AT_ONCE;
    for (size_t first = 0; first < block->n_rows; first += at_once) {
        size_t n_rows = block->n_rows - first < at_once ? block->n_rows - first : at_once;
        for (size_t row = 0; row < n_rows; row++)
            prepare(image, block, first + row, columns + row * image->n_columns);
        if (block->n_rows == 1)
            one_row(image, block, columns, sums);
        else
            many_rows(image, block, first, n_rows, columns, sums);
    }
}

static bool fits(const struct rw_image *image) {
    (void)image;
    return true;
}

const struct rw_kernel rw_kernel_portable = {.name = "portable", .fits = fits, .score = score};

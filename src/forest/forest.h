/*
 * forest.h - the common description that every model format is read into.
 *
 * Plain arrays, ids as the file has them; rw_forest_check proves that they are
 * trees before anything walks them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_FOREST_H
#define RW_FOREST_H

#include "base/base.h"

/* How a split node sends a value x; the order of the rules is the order of the list.
 * A node that sends the other way round is described with its children swapped. */
#define RW_NODE_NAN_IS_ZERO     0x01u /* NaN becomes 0.0 */
#define RW_NODE_ZERO_IS_MISSING 0x02u /* |x| <= RW_ZERO_THRESHOLD is missing, as NaN is */
#define RW_NODE_DEFAULT_LEFT    0x04u /* what is missing goes left; without: right */
#define RW_NODE_CATEGORICAL     0x08u /* categories of the node's set go right, others left */
#define RW_NODE_TRUNCATE        0x10u /* with CATEGORICAL: -1 < x < 0 is category 0 */
#define RW_NODE_EQUAL           0x20u /* x == value goes left */
#define RW_NODE_AT_MOST         0x40u /* x <= value goes left; without: x < value */

#define RW_ZERO_THRESHOLD ((double)1e-35f) /* LightGBM's kZeroThreshold: a float */

/* One leaf of a linear tree: its output is constant + sum of coefficient * x over
 * its features, in this order, in double; or the leaf's plain value where one of
 * these x is NaN. */
struct rw_linear_leaf {
    uint32_t begin, count; /* in rw_linear.features and .coefficients */
    double constant;
};

/* Of a tree; leaf of node n is leaves[index[n]]. */
struct rw_linear {
    const uint32_t *index; /* [n_nodes] */
    const struct rw_linear_leaf *leaves;
    const uint32_t *features;
    const double *coefficients;
    uint32_t n_leaves, n_coefficients;
};

/* Arrays of n_nodes elements; a node is a leaf where left is -1. Node 0 is the root. */
struct rw_tree {
    uint32_t n_nodes;
    uint32_t group; /* which margin the tree adds to */
    float weight;   /* of its leaves (DART); 1 elsewhere */
    const int32_t *left, *right;
    const uint32_t *feature;
    const double *value; /* split: its threshold; leaf: its value */
    const uint8_t *flags;
    /* Weight of the training rows that reached each node: what contributions are
     * made of.  NULL where the file has none. */
    const double *cover;
    /* Bit sets of categorical nodes, NULL without any: bit c of words
     * [category_begin, category_begin + category_words) of rw_forest.categories. */
    const uint32_t *category_begin, *category_words;
    const struct rw_linear *linear; /* NULL: leaves are constants */
};

struct rw_forest_feature {
    const char *name;
    rowan_feature_kind kind;
    /* Names of the categories 0, 1, 2 ... where the file has them. */
    uint32_t n_categories;
    const char *const *categories;
};

/* Whose arithmetic the last bit comes from. */
enum rw_arithmetic {
    RW_ARITHMETIC_XGBOOST,  /* float32 rows, float32 sums */
    RW_ARITHMETIC_LIGHTGBM, /* double rows, double sums */
    RW_ARITHMETIC_ONNX,     /* float32 rows, float32 sums; ONNX Runtime's links */
    RW_ARITHMETIC_ONNX64,   /* double rows, double sums; ONNX Runtime's links */
    RW_ARITHMETIC_SKLEARN,  /* float32 rows, double sums */
    RW_ARITHMETIC_COUNT
};

struct rw_forest {
    const char *format;
    const char *producer;
    const char *objective;
    const char *booster;
    enum rw_arithmetic arithmetic;
    rowan_link link;
    double link_scale; /* LOGISTIC: of the margin; 0 means 1 */
    uint32_t n_features;
    const struct rw_forest_feature *features; /* [n_features] */
    uint32_t n_groups;
    /* margin = (base + sum of the trees in their order) / divisor + offset */
    const double *base;   /* [n_groups]; NULL: zeros */
    double divisor;       /* 0: none */
    const double *offset; /* [n_groups]; NULL: none */
    uint32_t n_trees;     /* that take part */
    uint32_t n_trees_in_file;
    const struct rw_tree *trees; /* [n_trees] */
    const uint32_t *categories;
    uint32_t n_category_words;
    int32_t best_iteration; /* -1: none */
    /* A model that is more than trees: bytes of the program that scores it (program.h),
     * whose n_groups results are responses already.  NULL: trees only. */
    const void *program;
    size_t program_size;
    /* all of the above lives here */
    struct rw_arena arena;
};

/* Whether rows are compared, and sums taken, in double. */
bool rw_arithmetic_rows64(enum rw_arithmetic arithmetic);
bool rw_arithmetic_sums64(enum rw_arithmetic arithmetic);

/* What a leaf adds, rounded as the arithmetic rounds it. */
double rw_leaf_value(const struct rw_forest *forest, const struct rw_tree *tree, uint32_t node);

struct rw_tree_shape {
    uint32_t n_nodes; /* reachable from the root */
    uint32_t n_leaves;
    uint32_t depth;
    bool has_sets;   /* categorical or equality splits */
    bool has_linear; /* leaves that are no constants */
    bool has_cover;  /* positive for each split node and not negative below */
};

/* Proves that tree `index` is a tree: ids in range, no node reached twice, values
 * that can be computed with, every bound kept.  `order` and `depths` have room for
 * n_nodes elements; order[0 .. shape->n_nodes) becomes the nodes breadth first, with
 * the two children of a node next to each other. */
rowan_status rw_tree_check(const struct rw_forest *forest, uint32_t index, uint32_t *order,
                           uint32_t *depths, struct rw_tree_shape *shape, rowan_error *error);

/* Proves what is not a tree's: counts, names, base scores. */
rowan_status rw_forest_check(const struct rw_forest *forest, rowan_error *error);

#endif

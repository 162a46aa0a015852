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

#define RW_NODE_DEFAULT_LEFT 1u /* a missing value goes left */
#define RW_NODE_CATEGORICAL  2u /* categories of the node's set go right */

/* Arrays of n_nodes elements; a node is a leaf where left is -1. Node 0 is the root. */
struct rw_tree {
    uint32_t n_nodes;
    uint32_t group; /* which margin the tree adds to */
    float weight;   /* of its leaves (DART); 1 elsewhere */
    const int32_t *left, *right;
    const uint32_t *feature;
    const float *value; /* split: x < value goes left; leaf: its value */
    const uint8_t *flags;
    /* Bit sets of categorical nodes, NULL without any: bit c of words
     * [category_begin, category_begin + category_words) of rw_forest.categories. */
    const uint32_t *category_begin, *category_words;
};

struct rw_forest_feature {
    const char *name;
    rowan_feature_kind kind;
};

struct rw_forest {
    const char *format;
    const char *producer;
    const char *objective;
    const char *booster;
    rowan_link link;
    uint32_t n_features;
    const struct rw_forest_feature *features; /* [n_features] */
    uint32_t n_groups;
    const float *base; /* [n_groups], in link space */
    uint32_t n_trees;  /* that take part */
    uint32_t n_trees_in_file;
    const struct rw_tree *trees; /* [n_trees] */
    const uint32_t *categories;
    uint32_t n_category_words;
    int32_t best_iteration; /* -1: none */
    /* all of the above lives here */
    struct rw_arena arena;
};

struct rw_tree_shape {
    uint32_t n_nodes; /* reachable from the root */
    uint32_t n_leaves;
    uint32_t depth;
    bool has_categories;
    bool has_minus_infinity; /* a threshold that no compare with -infinity can model */
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

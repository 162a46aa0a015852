/*
 * plan.h - a proven forest in one normal form, from which every layout of an image
 * is written.
 *
 * Nodes lie breadth first, siblings side by side.  A plain split is x < value in the
 * precision of the rows, whatever its own compare was, and reads a column: a feature
 * under one rule for missing values.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_PLAN_H
#define RW_PLAN_H

#include "forest/forest.h"

#define RW_PLAN_LEAF UINT32_MAX

enum rw_plan_kind {
    RW_PLAN_CONSTANT, /* a leaf, of a linear tree too */
    RW_PLAN_CUT,      /* a plain split */
    RW_PLAN_SET,      /* categories: no rule but which way NaN goes */
    RW_PLAN_OTHER
};

struct rw_plan_node {
    double value;    /* plain split: x < value goes left; leaf: what it adds */
    uint32_t column; /* RW_PLAN_LEAF: a leaf */
    uint32_t rank;   /* plain split: place of value among its feature's cuts, from 1 */
    uint32_t left;   /* children: left, left + 1, counted from the tree's root */
    uint32_t origin; /* the node of the description */
    enum rw_plan_kind kind;
};

struct rw_plan_tree {
    uint64_t begin; /* of its nodes */
    struct rw_tree_shape shape;
    uint32_t group;
    bool plain; /* every split is, and every leaf is a constant */
    bool sets;  /* the same, but for splits by categories */
};

enum rw_plan_rule {
    RW_RULE_NAN_RIGHT,
    RW_RULE_NAN_LEFT,
    RW_RULE_NAN_IS_ZERO,
    RW_RULE_ZERO_RIGHT, /* zero and NaN */
    RW_RULE_ZERO_LEFT,
    RW_RULE_COUNT
};

struct rw_plan_column {
    uint32_t feature;
    enum rw_plan_rule rule;
};

struct rw_plan {
    const struct rw_forest *forest;
    bool rows64, sums64;
    bool plain, sets;           /* every tree is, or has */
    struct rw_plan_tree *trees; /* [forest->n_trees] */
    struct rw_plan_node *nodes;
    uint64_t n_nodes, n_leaves;
    uint32_t max_depth;
    struct rw_plan_column *columns;
    uint32_t n_columns;
    /* Distinct values of feature f's plain splits, ascending:
     * cuts[cut_begin[f] .. cut_begin[f + 1]). */
    double *cuts;
    uint32_t *cut_begin; /* [n_features + 1] */
};

/* Proves the forest (rw_forest_check, rw_tree_check) and fills *plan; free it also
 * when it failed. */
rowan_status rw_plan_make(const struct rw_forest *forest, struct rw_plan *plan, rowan_error *error);
void rw_plan_free(struct rw_plan *plan);

/* Whether a split is x < t in some precision, on a column. */
bool rw_plan_is_plain(uint32_t flags, double value);

/* Number of cuts of `feature` that are <= x. */
uint32_t rw_plan_rank(const struct rw_plan *plan, uint32_t feature, double x);

#endif

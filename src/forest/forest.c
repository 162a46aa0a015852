/*
 * forest.c - proves that a forest description can be walked.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/forest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNSEEN UINT32_MAX

struct walk {
    const struct rw_forest *forest;
    const struct rw_tree *tree;
    uint32_t tree_index;
    uint32_t *order, *depths; /* depths[node]; UNSEEN before the node is reached */
    struct rw_tree_shape *shape;
    rowan_error *error;
};

static rowan_status bad_node(const struct walk *walk, uint32_t node, const char *what) {
    char where[64];
    snprintf(where, sizeof where, "tree %u, node %u", walk->tree_index, node);
    return rw_fail(walk->error, ROWAN_MALFORMED, where,
                   "the file is damaged or was edited; save the model again", "%s", what);
}

bool rw_arithmetic_rows64(enum rw_arithmetic arithmetic) {
    return arithmetic == RW_ARITHMETIC_LIGHTGBM || arithmetic == RW_ARITHMETIC_ONNX64;
}

bool rw_arithmetic_sums64(enum rw_arithmetic arithmetic) {
    return arithmetic != RW_ARITHMETIC_XGBOOST && arithmetic != RW_ARITHMETIC_ONNX;
}

double rw_leaf_value(const struct rw_forest *forest, const struct rw_tree *tree, uint32_t node) {
    if (rw_arithmetic_sums64(forest->arithmetic))
        return tree->value[node] * (double)tree->weight;
    return (double)((float)tree->value[node] * tree->weight);
}

static rowan_status check_linear(const struct walk *walk, uint32_t node) {
    const struct rw_linear *linear = walk->tree->linear;
    if (linear->index[node] >= linear->n_leaves)
        return bad_node(walk, node, "linear leaf does not exist");
    const struct rw_linear_leaf *leaf = &linear->leaves[linear->index[node]];
    if (leaf->begin > linear->n_coefficients || leaf->count > linear->n_coefficients - leaf->begin)
        return bad_node(walk, node, "linear leaf has coefficients that do not exist");
    bool finite = isfinite(leaf->constant);
    for (uint32_t i = leaf->begin; i < leaf->begin + leaf->count; i++) {
        finite = finite && isfinite(linear->coefficients[i]);
        if (linear->features[i] >= walk->forest->n_features)
            return bad_node(walk, node, "linear leaf has a feature that the model does not have");
    }
    if (!finite)
        return bad_node(walk, node, "linear leaf has a number that is not finite");
    walk->shape->has_linear = true;
    return ROWAN_OK;
}

static rowan_status check_leaf(const struct walk *walk, uint32_t node) {
    walk->shape->n_leaves++;
    if (!isfinite(rw_leaf_value(walk->forest, walk->tree, node)))
        return bad_node(walk, node, "leaf value is not a finite number");
    return walk->tree->linear ? check_linear(walk, node) : ROWAN_OK;
}

static rowan_status check_categories(const struct walk *walk, uint32_t node) {
    const struct rw_tree *tree = walk->tree;
    uint32_t begin = tree->category_begin ? tree->category_begin[node] : UINT32_MAX;
    uint32_t words = tree->category_words ? tree->category_words[node] : 0;
    if (words == 0 || begin > walk->forest->n_category_words ||
        words > walk->forest->n_category_words - begin)
        return bad_node(walk, node, "categorical split without a set of categories");
    walk->shape->has_sets = true;
    return ROWAN_OK;
}

static rowan_status check_split(const struct walk *walk, uint32_t node) {
    const struct rw_tree *tree = walk->tree;
    if (tree->feature[node] >= walk->forest->n_features)
        return bad_node(walk, node, "splits on a feature that the model does not have");
    if (tree->flags[node] & RW_NODE_CATEGORICAL)
        return check_categories(walk, node);
    if (isnan(tree->value[node]))
        return bad_node(walk, node, "threshold is NaN");
    if (tree->flags[node] & RW_NODE_EQUAL)
        walk->shape->has_sets = true;
    return ROWAN_OK;
}

static rowan_status reach_child(const struct walk *walk, uint32_t parent, int32_t child,
                                uint32_t *n_reached) {
    if (child < 0 || (uint32_t)child >= walk->tree->n_nodes)
        return bad_node(walk, parent, "child id is out of range");
    if (walk->depths[child] != UNSEEN)
        return bad_node(walk, parent, "child is reached twice: not a tree");
    uint32_t depth = walk->depths[parent] + 1;
    if (depth > ROWAN_MAX_TREE_DEPTH)
        return rw_fail(walk->error, ROWAN_LIMIT, NULL, "train with a depth limit",
                       "tree %u is deeper than ROWAN_MAX_TREE_DEPTH (%u)", walk->tree_index,
                       ROWAN_MAX_TREE_DEPTH);
    walk->depths[child] = depth;
    if (depth > walk->shape->depth)
        walk->shape->depth = depth;
    walk->order[(*n_reached)++] = (uint32_t)child;
    return ROWAN_OK;
}

static rowan_status visit(const struct walk *walk, uint32_t node, uint32_t *n_reached) {
    int32_t left = walk->tree->left[node], right = walk->tree->right[node];
    if (left == -1 && right == -1)
        return check_leaf(walk, node);
    rowan_status status = check_split(walk, node);
    if (status == ROWAN_OK)
        status = reach_child(walk, node, left, n_reached);
    if (status == ROWAN_OK)
        status = reach_child(walk, node, right, n_reached);
    return status;
}

/* Ratios of covers must be numbers: what splits has weight, and no weight is negative. */
static bool has_cover(const struct rw_tree *tree, const uint32_t *order, uint32_t n) {
    for (uint32_t i = 0; i < n && tree->cover; i++) {
        double cover = tree->cover[order[i]];
        bool split = tree->left[order[i]] != -1;
        if (!isfinite(cover) || cover < 0.0 || (split && cover == 0.0))
            return false;
    }
    return tree->cover != NULL;
}

rowan_status rw_tree_check(const struct rw_forest *forest, uint32_t index, uint32_t *order,
                           uint32_t *depths, struct rw_tree_shape *shape, rowan_error *error) {
    const struct rw_tree *tree = &forest->trees[index];
    struct walk walk = {forest, tree, index, order, depths, shape, error};
    memset(shape, 0, sizeof *shape);
    if (tree->n_nodes == 0)
        return bad_node(&walk, 0, "tree has no nodes");
    if (tree->group >= forest->n_groups)
        return bad_node(&walk, 0, "tree adds to an output that the model does not have");
    if (!isfinite(tree->weight))
        return bad_node(&walk, 0, "tree weight is not a finite number");
    for (uint32_t i = 0; i < tree->n_nodes; i++)
        depths[i] = UNSEEN;
    depths[0] = 0;
    order[0] = 0;
    uint32_t n_reached = 1;
    for (uint32_t i = 0; i < n_reached; i++) {
        rowan_status status = visit(&walk, order[i], &n_reached);
        if (status != ROWAN_OK)
            return status;
    }
    shape->n_nodes = n_reached;
    shape->has_cover = has_cover(tree, order, n_reached);
    return ROWAN_OK;
}

static rowan_status over(rowan_error *error, const char *what, uint32_t value, const char *bound,
                         uint32_t limit) {
    return rw_fail(error, ROWAN_LIMIT, NULL, NULL, "%s: %u; %s allows 1 to %u", what, value, bound,
                   limit);
}

rowan_status rw_forest_check(const struct rw_forest *forest, rowan_error *error) {
    if (forest->n_features == 0 || forest->n_features > ROWAN_MAX_FEATURES)
        return over(error, "features", forest->n_features, "ROWAN_MAX_FEATURES",
                    ROWAN_MAX_FEATURES);
    if (forest->n_groups == 0 || forest->n_groups > ROWAN_MAX_OUTPUTS)
        return over(error, "outputs", forest->n_groups, "ROWAN_MAX_OUTPUTS", ROWAN_MAX_OUTPUTS);
    if (forest->n_trees > ROWAN_MAX_TREES)
        return over(error, "trees", forest->n_trees, "ROWAN_MAX_TREES", ROWAN_MAX_TREES);
    for (uint32_t group = 0; group < forest->n_groups; group++)
        if ((forest->base && !isfinite(forest->base[group])) ||
            (forest->offset && !isfinite(forest->offset[group])))
            return rw_fail(error, ROWAN_MALFORMED, NULL, "save the model again",
                           "base score %u is not a finite number in link space", group);
    if (!isfinite(forest->divisor) || !isfinite(forest->link_scale))
        return rw_fail(error, ROWAN_MALFORMED, NULL, "save the model again",
                       "a divisor or scale is not a finite number");
    return ROWAN_OK;
}

/*
 * onnx_trees.c - reads the nodes of TreeEnsembleClassifier and TreeEnsembleRegressor.
 *
 * The nodes come as parallel lists.  A tree begins where the tree's id changes, and its
 * first node is its root; children and weights are found by (tree id, node id).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/onnx_trees.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What identifies a node in the file. */
struct key {
    int64_t tree, node;
    uint32_t index;
};

struct lists {
    const Onnx__NodeProto *node;
    size_t n;
    const int64_t *trees, *nodes, *features, *when_true, *when_false, *tracks;
    size_t n_tracks;
    const Onnx__AttributeProto *modes;
    double *values;
    struct key *keys; /* [n], sorted */
};

rowan_status rw_onnx_reals(struct rw_onnx *onnx, const Onnx__NodeProto *node, const char *name,
                           double **reals, size_t *n) {
    char tensor_name[64];
    const float *floats;
    struct rw_onnx_value tensor = {0};
    snprintf(tensor_name, sizeof tensor_name, "%s_as_tensor", name);
    const Onnx__AttributeProto *attribute = rw_onnx_attribute(node, tensor_name);
    if (!attribute) /* TreeEnsemble's lists are tensors under their own name */
        attribute = rw_onnx_attribute(node, name);
    *n = rw_onnx_floats(node, name, &floats);
    if (attribute && attribute->t) {
        rowan_status status = rw_onnx_tensor(onnx, attribute->t, &tensor);
        if (status != ROWAN_OK)
            return status;
        if (tensor.type != RW_ONNX_FLOAT && tensor.type != RW_ONNX_DOUBLE)
            return rw_onnx_unsupported(onnx, node, "%s of type %d", name, tensor.type);
        *n = tensor.width;
    }
    *reals = rw_arena_alloc(&onnx->forest->arena, *n, sizeof **reals);
    if (!*reals)
        return rw_onnx_no_memory(onnx);
    for (size_t i = 0; i < *n; i++)
        (*reals)[i] = tensor.numbers ? tensor.numbers[i].real : (double)floats[i];
    return ROWAN_OK;
}

rowan_status rw_onnx_ensemble_alloc(struct rw_onnx *onnx, struct rw_onnx_ensemble *ensemble) {
    struct rw_arena *arena = &onnx->forest->arena;
    const size_t n = ensemble->n_nodes;
    ensemble->tree_begin = rw_arena_alloc(arena, n + 1, sizeof *ensemble->tree_begin);
    ensemble->left = rw_arena_alloc(arena, n, sizeof *ensemble->left);
    ensemble->right = rw_arena_alloc(arena, n, sizeof *ensemble->right);
    ensemble->feature = rw_arena_alloc(arena, n, sizeof *ensemble->feature);
    ensemble->threshold = rw_arena_alloc(arena, n, sizeof *ensemble->threshold);
    ensemble->flags = rw_arena_alloc(arena, n, sizeof *ensemble->flags);
    ensemble->weight_begin = rw_arena_alloc(arena, n + 2, sizeof *ensemble->weight_begin);
    ensemble->weight_target =
        rw_arena_alloc(arena, ensemble->n_weights, sizeof *ensemble->weight_target);
    ensemble->weight = rw_arena_alloc(arena, ensemble->n_weights, sizeof *ensemble->weight);
    return ensemble->tree_begin && ensemble->left && ensemble->right && ensemble->feature &&
                   ensemble->threshold && ensemble->flags && ensemble->weight_begin &&
                   ensemble->weight_target && ensemble->weight
               ? ROWAN_OK
               : rw_onnx_no_memory(onnx);
}

/* ---- splits -------------------------------------------------------------------------------- */

void rw_onnx_set_split(struct rw_onnx_ensemble *ensemble, uint32_t node, enum rw_onnx_mode mode,
                       int32_t when_true, int32_t when_false, bool nan_is_true) {
    static const struct {
        uint8_t flags;
        bool swapped; /* the opposite compare, with its children exchanged */
    } rules[RW_ONNX_MODE_COUNT] = {[RW_ONNX_LEQ] = {RW_NODE_AT_MOST, false},
                                   [RW_ONNX_LT] = {0, false},
                                   [RW_ONNX_GTE] = {0, true},
                                   [RW_ONNX_GT] = {RW_NODE_AT_MOST, true},
                                   [RW_ONNX_EQ] = {RW_NODE_EQUAL, false},
                                   [RW_ONNX_NEQ] = {RW_NODE_EQUAL, true}};
    const bool swapped = rules[mode].swapped;
    if (mode == RW_ONNX_NEQ)
        nan_is_true = true; /* it differs from every number */
    ensemble->left[node] = swapped ? when_false : when_true;
    ensemble->right[node] = swapped ? when_true : when_false;
    ensemble->flags[node] = rules[mode].flags | (nan_is_true != swapped ? RW_NODE_DEFAULT_LEFT : 0);
}

static bool parse_mode(const ProtobufCBinaryData *text, bool *leaf, enum rw_onnx_mode *mode) {
    static const char *const names[RW_ONNX_MODE_COUNT] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                                          "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
    *leaf = text->len == 4 && memcmp(text->data, "LEAF", 4) == 0;
    for (uint32_t i = 0; i < RW_ONNX_MODE_COUNT; i++)
        if (text->len == strlen(names[i]) && memcmp(text->data, names[i], text->len) == 0) {
            *mode = (enum rw_onnx_mode)i;
            return true;
        }
    return *leaf;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static int compare_keys(const void *left, const void *right) {
    const struct key *a = left, *b = right;
    if (a->tree != b->tree)
        return a->tree < b->tree ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

static rowan_status sort_keys(struct rw_onnx *onnx, struct lists *lists) {
    bool sorted = true;
    lists->keys = rw_arena_alloc(&onnx->forest->arena, lists->n, sizeof *lists->keys);
    if (!lists->keys)
        return rw_onnx_no_memory(onnx);
    for (size_t i = 0; i < lists->n; i++) {
        lists->keys[i] = (struct key){lists->trees[i], lists->nodes[i], (uint32_t)i};
        sorted = sorted && (i == 0 || compare_keys(&lists->keys[i - 1], &lists->keys[i]) < 0);
    }
    if (!sorted)
        qsort(lists->keys, lists->n, sizeof *lists->keys, compare_keys);
    for (size_t i = 1; i < lists->n && !sorted; i++)
        if (compare_keys(&lists->keys[i - 1], &lists->keys[i]) == 0)
            return rw_onnx_malformed(onnx, lists->node, "node %lld of tree %lld is there twice",
                                     (long long)lists->keys[i].node,
                                     (long long)lists->keys[i].tree);
    return ROWAN_OK;
}

/* Most files number nodes in their order: `guess` is where the node then is. */
static bool find(const struct lists *lists, int64_t tree, int64_t node, uint64_t guess,
                 uint32_t *index) {
    const struct key key = {tree, node, 0};
    const struct key *found = guess < lists->n ? &lists->keys[guess] : NULL;
    if (!found || compare_keys(found, &key) != 0)
        found = bsearch(&key, lists->keys, lists->n, sizeof key, compare_keys);
    if (found)
        *index = found->index;
    return found != NULL;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static rowan_status read_lists(struct rw_onnx *onnx, struct lists *lists) {
    const Onnx__NodeProto *node = lists->node;
    size_t n_values;
    lists->n = rw_onnx_ints(node, "nodes_treeids", &lists->trees);
    lists->modes = rw_onnx_attribute(node, "nodes_modes");
    lists->n_tracks = rw_onnx_ints(node, "nodes_missing_value_tracks_true", &lists->tracks);
    rowan_status status = rw_onnx_reals(onnx, node, "nodes_values", &lists->values, &n_values);
    if (status != ROWAN_OK)
        return status;
    if (lists->n == 0 || lists->n > UINT32_MAX / 4 ||
        rw_onnx_ints(node, "nodes_nodeids", &lists->nodes) != lists->n ||
        rw_onnx_ints(node, "nodes_featureids", &lists->features) != lists->n ||
        rw_onnx_ints(node, "nodes_truenodeids", &lists->when_true) != lists->n ||
        rw_onnx_ints(node, "nodes_falsenodeids", &lists->when_false) != lists->n ||
        n_values != lists->n || !lists->modes || lists->modes->n_strings != lists->n ||
        (lists->n_tracks != 0 && lists->n_tracks != lists->n))
        return rw_onnx_malformed(onnx, node, "its lists of nodes are not of one length");
    return sort_keys(onnx, lists);
}

static rowan_status read_split(struct rw_onnx *onnx, const struct lists *lists,
                               struct rw_onnx_ensemble *ensemble, uint32_t node, uint32_t begin,
                               enum rw_onnx_mode mode) {
    const int64_t tree = lists->trees[node];
    uint32_t when_true, when_false;
    if (!find(lists, tree, lists->when_true[node], begin + (uint64_t)lists->when_true[node],
              &when_true) ||
        !find(lists, tree, lists->when_false[node], begin + (uint64_t)lists->when_false[node],
              &when_false))
        return rw_onnx_malformed(onnx, lists->node, "a child of node %lld of tree %lld is missing",
                                 (long long)lists->nodes[node], (long long)tree);
    if (when_true < begin || when_false < begin)
        return rw_onnx_malformed(onnx, lists->node, "tree %lld is in two pieces", (long long)tree);
    if (lists->features[node] < 0 || lists->features[node] > ROWAN_MAX_FEATURES)
        return rw_onnx_malformed(onnx, lists->node, "node %lld of tree %lld splits on feature %lld",
                                 (long long)lists->nodes[node], (long long)tree,
                                 (long long)lists->features[node]);
    ensemble->feature[node] = (uint32_t)lists->features[node];
    rw_onnx_set_split(ensemble, node, mode, (int32_t)(when_true - begin),
                      (int32_t)(when_false - begin), lists->n_tracks && lists->tracks[node] == 1);
    return ROWAN_OK;
}

static rowan_status read_nodes(struct rw_onnx *onnx, const struct lists *lists,
                               struct rw_onnx_ensemble *ensemble) {
    rowan_status status = ROWAN_OK;
    for (uint32_t i = 0; i < ensemble->n_nodes && status == ROWAN_OK; i++) {
        bool leaf;
        enum rw_onnx_mode mode = RW_ONNX_LEQ;
        if (i == 0 || lists->trees[i] != lists->trees[i - 1])
            ensemble->tree_begin[ensemble->n_trees++] = i;
        if (!parse_mode(&lists->modes->strings[i], &leaf, &mode))
            return rw_onnx_unsupported(
                onnx, lists->node, "nodes of mode %.*s",
                lists->modes->strings[i].len < 32 ? (int)lists->modes->strings[i].len : 32,
                (const char *)lists->modes->strings[i].data);
        ensemble->left[i] = ensemble->right[i] = -1;
        ensemble->threshold[i] = lists->values[i];
        if (!leaf)
            status = read_split(onnx, lists, ensemble, i,
                                ensemble->tree_begin[ensemble->n_trees - 1], mode);
    }
    ensemble->tree_begin[ensemble->n_trees] = ensemble->n_nodes;
    return status;
}

/* ---- cover ----------------------------------------------------------------------------------- */

#define COVER_TOLERANCE 1e-6 /* relative: weights of rows were added in float or in double */

/* Some converters write 1 for every node: weights of rows are only what adds up. */
static bool adds_up(const struct rw_onnx_ensemble *ensemble, const double *cover) {
    for (uint32_t tree = 0; tree < ensemble->n_trees; tree++) {
        const uint32_t begin = ensemble->tree_begin[tree];
        for (uint32_t i = begin; i < ensemble->tree_begin[tree + 1]; i++) {
            if (ensemble->left[i] == -1)
                continue;
            const double below = cover[begin + (uint32_t)ensemble->left[i]] +
                                 cover[begin + (uint32_t)ensemble->right[i]];
            if (!(cover[i] > 0.0 && fabs(cover[i] - below) <= COVER_TOLERANCE * cover[i]))
                return false;
        }
    }
    return true;
}

static rowan_status read_cover(struct rw_onnx *onnx, const struct lists *lists,
                               struct rw_onnx_ensemble *ensemble) {
    double *cover;
    size_t n;
    if (!rw_onnx_attribute(lists->node, "nodes_hitrates") &&
        !rw_onnx_attribute(lists->node, "nodes_hitrates_as_tensor"))
        return ROWAN_OK;
    rowan_status status = rw_onnx_reals(onnx, lists->node, "nodes_hitrates", &cover, &n);
    if (status == ROWAN_OK && n == ensemble->n_nodes && adds_up(ensemble, cover))
        ensemble->cover = cover;
    return status;
}

/* ---- weights --------------------------------------------------------------------------------- */

struct weights {
    const int64_t *trees, *nodes, *targets;
    double *values;
    uint32_t *at; /* [n]: the node of each */
};

static rowan_status list_weights(struct rw_onnx *onnx, const struct lists *lists,
                                 const char *target, struct rw_onnx_ensemble *ensemble,
                                 struct weights *weights) {
    char name[32];
    size_t n;
    snprintf(name, sizeof name, "%s_weights", target);
    rowan_status status = rw_onnx_reals(onnx, lists->node, name, &weights->values, &n);
    if (status != ROWAN_OK)
        return status;
    snprintf(name, sizeof name, "%s_ids", target);
    bool same = rw_onnx_ints(lists->node, name, &weights->targets) == n;
    snprintf(name, sizeof name, "%s_treeids", target);
    same = same && rw_onnx_ints(lists->node, name, &weights->trees) == n;
    snprintf(name, sizeof name, "%s_nodeids", target);
    same = same && rw_onnx_ints(lists->node, name, &weights->nodes) == n;
    if (!same || n > UINT32_MAX / 4)
        return rw_onnx_malformed(onnx, lists->node, "its lists of weights are not of one length");
    ensemble->n_weights = (uint32_t)n;
    weights->at = rw_arena_alloc(&onnx->forest->arena, n, sizeof *weights->at);
    return weights->at ? ROWAN_OK : rw_onnx_no_memory(onnx);
}

/* Counting sort by node: the order of a node's weights stays. */
static rowan_status sort_weights(struct rw_onnx *onnx, const struct lists *lists,
                                 const struct weights *weights, struct rw_onnx_ensemble *ensemble) {
    uint32_t *begin = ensemble->weight_begin;
    uint64_t tree_start = 0;
    for (uint32_t i = 0; i < ensemble->n_weights; i++) {
        if (!find(lists, weights->trees[i], weights->nodes[i],
                  tree_start + (uint64_t)weights->nodes[i], &weights->at[i]))
            return rw_onnx_malformed(onnx, lists->node,
                                     "a weight of node %lld of tree %lld, which is missing",
                                     (long long)weights->nodes[i], (long long)weights->trees[i]);
        tree_start = weights->at[i] - (uint64_t)weights->nodes[i];
        if (ensemble->left[weights->at[i]] != -1)
            return rw_onnx_unsupported(onnx, lists->node, "a split that has a weight");
        if (weights->targets[i] < 0 || weights->targets[i] >= ensemble->n_targets)
            return rw_onnx_malformed(onnx, lists->node, "a weight of output %lld of %u",
                                     (long long)weights->targets[i], ensemble->n_targets);
        begin[weights->at[i] + 2]++;
    }
    for (uint32_t i = 2; i < ensemble->n_nodes + 2; i++)
        begin[i] += begin[i - 1];
    for (uint32_t i = 0; i < ensemble->n_weights; i++) {
        const uint32_t slot = begin[weights->at[i] + 1]++;
        ensemble->weight_target[slot] = (uint32_t)weights->targets[i];
        ensemble->weight[slot] = weights->values[i];
    }
    return ROWAN_OK;
}

rowan_status rw_onnx_ensemble_read(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                   const char *target, struct rw_onnx_ensemble *ensemble) {
    struct lists lists = {.node = node};
    struct weights weights;
    rowan_status status = read_lists(onnx, &lists);
    if (status == ROWAN_OK)
        status = list_weights(onnx, &lists, target, ensemble, &weights);
    if (status != ROWAN_OK)
        return status;
    ensemble->n_nodes = (uint32_t)lists.n;
    status = rw_onnx_ensemble_alloc(onnx, ensemble);
    if (status == ROWAN_OK)
        status = read_nodes(onnx, &lists, ensemble);
    if (status == ROWAN_OK)
        status = read_cover(onnx, &lists, ensemble);
    if (status == ROWAN_OK)
        status = sort_weights(onnx, &lists, &weights, ensemble);
    return status;
}

/*
 * onnx_trees_5.c - reads the nodes of TreeEnsemble (ai.onnx.ml 5).
 *
 * Splits and leaves are two lists; a child is in the one or the other.  They are laid
 * out anew, tree by tree from its root, each list's element once: what would be reached
 * twice is no tree.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/onnx_trees.h"

struct lists_5 {
    const Onnx__NodeProto *node;
    size_t n_splits, n_leaves, n_roots, n_tracks;
    const int64_t *roots, *features, *when_true, *when_false, *true_leaf, *false_leaf, *tracks;
    const int64_t *targets;
    struct rw_onnx_value modes;
    double *values, *weights;
    struct rw_onnx_ensemble *ensemble;
};

static rowan_status read_modes(struct rw_onnx *onnx, struct lists_5 *lists) {
    const Onnx__AttributeProto *modes = rw_onnx_attribute(lists->node, "nodes_modes");
    if (!modes || !modes->t)
        return rw_onnx_malformed(onnx, lists->node, "has no nodes_modes");
    return rw_onnx_tensor(onnx, modes->t, &lists->modes);
}

static rowan_status read_lists_5(struct rw_onnx *onnx, struct lists_5 *lists) {
    const Onnx__NodeProto *node = lists->node;
    size_t n_values = 0, n_weights = 0;
    rowan_status status = read_modes(onnx, lists);
    if (status == ROWAN_OK)
        status = rw_onnx_reals(onnx, node, "nodes_splits", &lists->values, &n_values);
    if (status == ROWAN_OK)
        status = rw_onnx_reals(onnx, node, "leaf_weights", &lists->weights, &n_weights);
    if (status != ROWAN_OK)
        return status;
    const size_t n = lists->n_splits = n_values;
    lists->n_leaves = n_weights;
    lists->n_roots = rw_onnx_ints(node, "tree_roots", &lists->roots);
    lists->n_tracks = rw_onnx_ints(node, "nodes_missing_value_tracks_true", &lists->tracks);
    if (n == 0 || n_weights == 0 || n + n_weights > UINT32_MAX / 4 || lists->modes.width != n ||
        !lists->modes.numbers || rw_onnx_graph_type(lists->modes.type) != RW_GRAPH_I64 ||
        rw_onnx_ints(node, "nodes_featureids", &lists->features) != n ||
        rw_onnx_ints(node, "nodes_truenodeids", &lists->when_true) != n ||
        rw_onnx_ints(node, "nodes_falsenodeids", &lists->when_false) != n ||
        rw_onnx_ints(node, "nodes_trueleafs", &lists->true_leaf) != n ||
        rw_onnx_ints(node, "nodes_falseleafs", &lists->false_leaf) != n ||
        rw_onnx_ints(node, "leaf_targetids", &lists->targets) != n_weights ||
        (lists->n_tracks != 0 && lists->n_tracks != n))
        return rw_onnx_malformed(onnx, node, "its lists of nodes are not of one length");
    return ROWAN_OK;
}

/* Nodes of the new layout, and where each comes from: [0, n_splits) a split, behind it a
 * leaf.  A leaf may be the child of two splits: it is copied, so there are at most twice
 * as many nodes as splits, and a root for each tree. */
struct layout {
    struct lists_5 *lists;
    uint32_t *origin;
    bool *seen;
    uint32_t n_nodes, capacity;
};

static rowan_status add_node(struct rw_onnx *onnx, struct layout *layout, int64_t id, bool leaf) {
    const struct lists_5 *lists = layout->lists;
    const size_t n = leaf ? lists->n_leaves : lists->n_splits;
    if (id < 0 || (uint64_t)id >= n)
        return rw_onnx_malformed(onnx, lists->node, "%s %lld does not exist",
                                 leaf ? "leaf" : "node", (long long)id);
    if ((!leaf && layout->seen[id]) || layout->n_nodes == layout->capacity)
        return rw_onnx_malformed(onnx, lists->node, "node %lld is reached twice: not a tree",
                                 (long long)id);
    if (!leaf)
        layout->seen[id] = true;
    layout->origin[layout->n_nodes++] =
        (uint32_t)(leaf ? lists->n_splits + (uint64_t)id : (uint64_t)id);
    return ROWAN_OK;
}

static rowan_status lay_split(struct rw_onnx *onnx, struct layout *layout, uint32_t node,
                              uint32_t begin) {
    const struct lists_5 *lists = layout->lists;
    struct rw_onnx_ensemble *ensemble = lists->ensemble;
    const uint32_t from = layout->origin[node];
    const int64_t mode = lists->modes.numbers[from].integer;
    if (mode < 0 || mode >= RW_ONNX_MODE_COUNT)
        return rw_onnx_unsupported(onnx, lists->node, "nodes of mode %lld", (long long)mode);
    if (lists->features[from] < 0 || lists->features[from] > ROWAN_MAX_FEATURES)
        return rw_onnx_malformed(onnx, lists->node, "node %u splits on feature %lld", from,
                                 (long long)lists->features[from]);
    ensemble->feature[node] = (uint32_t)lists->features[from];
    ensemble->threshold[node] = lists->values[from];
    const int32_t child = (int32_t)(layout->n_nodes - begin);
    rw_onnx_set_split(ensemble, node, (enum rw_onnx_mode)mode, child, child + 1,
                      lists->n_tracks && lists->tracks[from] == 1);
    rowan_status status =
        add_node(onnx, layout, lists->when_true[from], lists->true_leaf[from] != 0);
    return status == ROWAN_OK
               ? add_node(onnx, layout, lists->when_false[from], lists->false_leaf[from] != 0)
               : status;
}

static rowan_status lay_leaf(struct rw_onnx *onnx, struct layout *layout, uint32_t node) {
    const struct lists_5 *lists = layout->lists;
    struct rw_onnx_ensemble *ensemble = lists->ensemble;
    const size_t from = layout->origin[node] - lists->n_splits;
    if (lists->targets[from] < 0 || lists->targets[from] >= ensemble->n_targets)
        return rw_onnx_malformed(onnx, lists->node, "a weight of output %lld of %u",
                                 (long long)lists->targets[from], ensemble->n_targets);
    ensemble->left[node] = ensemble->right[node] = -1;
    ensemble->weight_target[ensemble->n_weights] = (uint32_t)lists->targets[from];
    ensemble->weight[ensemble->n_weights++] = lists->weights[from];
    return ROWAN_OK;
}

/* Breadth first: a node's children are added when it is reached itself. */
static rowan_status lay_tree(struct rw_onnx *onnx, struct layout *layout, int64_t root) {
    struct lists_5 *lists = layout->lists;
    struct rw_onnx_ensemble *ensemble = lists->ensemble;
    const uint32_t begin = layout->n_nodes;
    ensemble->tree_begin[ensemble->n_trees++] = begin;
    rowan_status status = add_node(onnx, layout, root, false);
    for (uint32_t node = begin; node < layout->n_nodes && status == ROWAN_OK; node++) {
        ensemble->weight_begin[node] = ensemble->n_weights;
        status = layout->origin[node] < lists->n_splits ? lay_split(onnx, layout, node, begin)
                                                        : lay_leaf(onnx, layout, node);
        ensemble->weight_begin[node + 1] = ensemble->n_weights;
    }
    return status;
}

rowan_status rw_onnx_ensemble_read_5(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                     struct rw_onnx_ensemble *ensemble) {
    struct lists_5 lists = {.node = node, .ensemble = ensemble};
    rowan_status status = read_lists_5(onnx, &lists);
    if (status != ROWAN_OK)
        return status;
    if (lists.n_roots == 0 || lists.n_roots > lists.n_splits)
        return rw_onnx_malformed(onnx, node, "%zu trees of %zu splits", lists.n_roots,
                                 lists.n_splits);
    struct layout layout = {.lists = &lists,
                            .capacity = (uint32_t)(2 * lists.n_splits + lists.n_roots)};
    ensemble->n_nodes = ensemble->n_weights = layout.capacity;
    status = rw_onnx_ensemble_alloc(onnx, ensemble);
    if (status != ROWAN_OK)
        return status;
    layout.origin = rw_arena_alloc(&onnx->forest->arena, layout.capacity, sizeof *layout.origin);
    layout.seen = rw_arena_alloc(&onnx->forest->arena, lists.n_splits, sizeof *layout.seen);
    if (!layout.origin || !layout.seen)
        return rw_onnx_no_memory(onnx);
    ensemble->n_weights = 0;
    for (size_t i = 0; i < lists.n_roots && status == ROWAN_OK; i++)
        status = lay_tree(onnx, &layout, lists.roots[i]);
    ensemble->n_nodes = layout.n_nodes;
    ensemble->tree_begin[ensemble->n_trees] = layout.n_nodes;
    return status;
}

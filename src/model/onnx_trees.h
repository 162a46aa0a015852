/*
 * onnx_trees.h - a tree ensemble of ONNX: its nodes, and the forest that becomes of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_ONNX_TREES_H
#define RW_ONNX_TREES_H

#include "model/onnx.h"

/* Trees one behind the other; children are counted from the tree's first node. */
struct rw_onnx_ensemble {
    uint32_t n_nodes, n_trees;
    uint32_t *tree_begin; /* [n_trees + 1] */
    int32_t *left, *right;
    uint32_t *feature;
    double *threshold;   /* of a leaf: what the file has in its place */
    uint8_t *flags;      /* RW_NODE_* */
    const double *cover; /* NULL: the file has none */
    uint32_t n_targets;
    /* Weights of node n: [weight_begin[n], weight_begin[n + 1]), in the file's order. */
    uint32_t *weight_begin;
    uint32_t *weight_target;
    double *weight;
    uint32_t n_weights;
};

/* TreeEnsembleClassifier and -Regressor; `target` is the prefix "class" or "target". */
rowan_status rw_onnx_ensemble_read(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                   const char *target, struct rw_onnx_ensemble *ensemble);
/* TreeEnsemble of opset 5. */
rowan_status rw_onnx_ensemble_read_5(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                     struct rw_onnx_ensemble *ensemble);

/* Numbers of a list of floats, or of a tensor of doubles. */
rowan_status rw_onnx_reals(struct rw_onnx *onnx, const Onnx__NodeProto *node, const char *name,
                           double **reals, size_t *n);

/* Room for nodes and weights. */
rowan_status rw_onnx_ensemble_alloc(struct rw_onnx *onnx, struct rw_onnx_ensemble *ensemble);

enum rw_onnx_mode {
    RW_ONNX_LEQ,
    RW_ONNX_LT,
    RW_ONNX_GTE,
    RW_ONNX_GT,
    RW_ONNX_EQ,
    RW_ONNX_NEQ,
    RW_ONNX_MODE_COUNT
};

/* Describes a split as forest.h does. */
void rw_onnx_set_split(struct rw_onnx_ensemble *ensemble, uint32_t node, enum rw_onnx_mode mode,
                       int32_t when_true, int32_t when_false, bool nan_is_true);

/* An ensemble that was lowered: forest number `number` of the graph. */
struct rw_onnx_trees {
    struct rw_onnx_trees *next;
    struct rw_forest description;   /* but for features and texts */
    const char *name;               /* of the operator */
    uint32_t input, forest, result; /* values of the graph */
    bool plain;                     /* the link gives the result: no post transform needed */
};

#endif

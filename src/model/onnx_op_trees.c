/*
 * onnx_op_trees.c - tree ensembles become forests, and what ONNX Runtime does with
 * their sums a link or an operation behind them.
 *
 * A leaf may have a weight for each output: a tree then becomes one tree for each output
 * that it has weights of, which share everything but the leaves' values.  The order of
 * the sums stays: for each output, the trees in their order, then the base value.
 *
 * ONNX Runtime knows of each output whether any leaf that was reached had a weight of
 * it ("has a score").  That is decided here, for all rows: an output has a score if all
 * leaves of some tree have a weight of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/forest.h"
#include "model/onnx_trees.h"

#define NO_GROUP UINT32_MAX

enum aggregate { AVERAGE, SUM, MIN, MAX };

/* How sums become the operator's output. */
struct scheme {
    enum aggregate aggregate;
    uint32_t transform; /* enum rw_graph_transform */
    uint32_t *group;    /* [n_targets]: which sum an output's weights are added to */
    uint32_t n_groups;
    double *offset; /* [n_groups] or NULL */
    uint32_t post;  /* detail of RW_GRAPH_POST */
    uint32_t width; /* of the result */
    bool plain;     /* `link` of the sums is the result */
    rowan_link link;
};

struct lowering {
    struct rw_onnx *onnx;
    const Onnx__NodeProto *node;
    struct rw_onnx_ensemble ensemble;
    struct scheme scheme;
    struct rw_onnx_value input;
    double *base;
    size_t n_base;
    bool double_result; /* of doubles: TreeEnsemble; the older ones always give floats */
};

static void *alloc(const struct lowering *lowering, uint64_t count, size_t size) {
    return rw_arena_alloc(&lowering->onnx->forest->arena, count, size);
}

static rowan_status unsupported(const struct lowering *lowering, const char *what) {
    return rw_onnx_unsupported(lowering->onnx, lowering->node, "%s", what);
}

/* ---- input: floats, or doubles as they are -------------------------------------------------- */

static rowan_status take_input(struct lowering *lowering) {
    struct rw_onnx *onnx = lowering->onnx;
    const struct rw_onnx_value *input;
    rowan_status status = rw_onnx_need(onnx, lowering->node, 0, &input);
    if (status != ROWAN_OK)
        return status;
    lowering->input = *input;
    if (input->constant || input->rank != 2 || input->type == RW_ONNX_STRING ||
        input->type == RW_ONNX_BOOL)
        return unsupported(lowering, "anything but a table of numbers");
    if (rw_onnx_graph_type(input->type) != RW_GRAPH_I64)
        return ROWAN_OK;
    const struct rw_graph_new added = {.code = RW_GRAPH_CAST,
                                       .type = RW_GRAPH_F32,
                                       .width = input->width,
                                       .n_operands = 1,
                                       .operands = &input->op};
    return rw_onnx_add(onnx, &added, RW_ONNX_FLOAT, &lowering->input);
}

/* ---- schemes -------------------------------------------------------------------------------- */

static rowan_status read_texts(struct lowering *lowering) {
    static const char *const transforms[] = {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO",
                                             "PROBIT"};
    static const char *const aggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    struct scheme *scheme = &lowering->scheme;
    uint32_t i = 0;
    while (i < 5 && !rw_onnx_is_text(lowering->node, "post_transform", transforms[i], "NONE"))
        i++;
    scheme->transform = i;
    for (i = 0;
         i < 4 && !rw_onnx_is_text(lowering->node, "aggregate_function", aggregates[i], "SUM");)
        i++;
    scheme->aggregate = (enum aggregate)i;
    return scheme->transform < 5 && i < 4
               ? rw_onnx_reals(lowering->onnx, lowering->node, "base_values", &lowering->base,
                               &lowering->n_base)
               : rw_onnx_malformed(lowering->onnx, lowering->node,
                                   "an unknown post_transform or aggregate_function");
}

static bool alloc_scheme(struct lowering *lowering) {
    struct scheme *scheme = &lowering->scheme;
    const uint32_t n_targets = lowering->ensemble.n_targets;
    scheme->group = alloc(lowering, n_targets, sizeof *scheme->group);
    scheme->offset = alloc(lowering, n_targets, sizeof *scheme->offset);
    if (!scheme->group || !scheme->offset)
        return false;
    for (uint32_t i = 0; i < n_targets; i++)
        scheme->group[i] = i;
    scheme->n_groups = scheme->width = n_targets;
    return true;
}

/* Whether all leaves of some tree have a weight of `target`, and whether any leaf has. */
static void find_scores(const struct rw_onnx_ensemble *ensemble, uint32_t target, bool *always,
                        bool *ever) {
    *always = *ever = false;
    for (uint32_t tree = 0; tree < ensemble->n_trees; tree++) {
        bool all = true;
        for (uint32_t node = ensemble->tree_begin[tree]; node < ensemble->tree_begin[tree + 1];
             node++) {
            bool has = false;
            for (uint32_t i = ensemble->weight_begin[node]; i < ensemble->weight_begin[node + 1];
                 i++)
                has = has || ensemble->weight_target[i] == target;
            *ever = *ever || has;
            all = all && (has || ensemble->left[node] != -1);
        }
        *always = *always || all;
    }
}

/* Weights of two classes of opposite sign on every leaf: one sum serves both. */
static bool are_opposite(const struct rw_onnx_ensemble *ensemble) {
    for (uint32_t node = 0; node < ensemble->n_nodes; node++) {
        const uint32_t at = ensemble->weight_begin[node];
        const uint32_t n = ensemble->weight_begin[node + 1] - at;
        if (ensemble->left[node] != -1)
            continue;
        if (n != 2 || ensemble->weight_target[at] == ensemble->weight_target[at + 1] ||
            ensemble->weight[at] != -ensemble->weight[at + 1])
            return false;
    }
    return true;
}

static bool all_positive(const struct rw_onnx_ensemble *ensemble) {
    for (uint32_t i = 0; i < ensemble->n_weights; i++)
        if (ensemble->weight[i] < 0.0)
            return false;
    return true;
}

static void one_score(struct scheme *scheme, uint32_t target, double offset) {
    scheme->group[target] = 0;
    scheme->group[1 - target] = NO_GROUP;
    scheme->n_groups = 1;
    scheme->width = 2;
    scheme->offset[0] = offset;
}

/* One score for two classes, as one class has weights only. */
static rowan_status binary_scheme(struct lowering *lowering, uint32_t target, double offset) {
    struct scheme *scheme = &lowering->scheme;
    one_score(scheme, target, offset);
    if (scheme->transform == RW_GRAPH_TRANSFORM_PROBIT)
        return unsupported(lowering, "PROBIT of one score for two classes");
    if (all_positive(&lowering->ensemble)) {
        scheme->post = RW_GRAPH_POST_COMPLEMENT;
        scheme->link = ROWAN_LINK_BOTH;
        scheme->plain = true;
    } else {
        scheme->post = RW_GRAPH_POST_OPPOSITE;
        scheme->plain = scheme->transform == RW_GRAPH_TRANSFORM_LOGISTIC;
        scheme->post |= scheme->plain ? RW_GRAPH_TRANSFORM_LOGISTIC : 0;
        scheme->link = ROWAN_LINK_LOGISTIC_BOTH;
    }
    return ROWAN_OK;
}

/* The transform of as many scores as there are outputs. */
static void wide_scheme(struct scheme *scheme) {
    scheme->post = scheme->transform;
    scheme->plain = scheme->transform == RW_GRAPH_TRANSFORM_NONE ||
                    scheme->transform == RW_GRAPH_TRANSFORM_SOFTMAX;
    scheme->link = scheme->transform == RW_GRAPH_TRANSFORM_SOFTMAX ? ROWAN_LINK_SOFTMAX
                                                                   : ROWAN_LINK_PROBABILITIES;
}

/* Two base values: class 1 is the second one plus class 0's sum, class 0 its opposite. */
static void based_scheme(struct lowering *lowering) {
    struct scheme *scheme = &lowering->scheme;
    one_score(scheme, 0, lowering->base[1]);
    scheme->post = RW_GRAPH_POST_OPPOSITE | scheme->transform;
    scheme->plain = scheme->transform == RW_GRAPH_TRANSFORM_LOGISTIC;
    scheme->link = ROWAN_LINK_LOGISTIC_BOTH;
}

static rowan_status two_class_scheme(struct lowering *lowering) {
    struct scheme *scheme = &lowering->scheme;
    bool always0, ever0, always1, ever1;
    find_scores(&lowering->ensemble, 0, &always0, &ever0);
    find_scores(&lowering->ensemble, 1, &always1, &ever1);
    if (always0 != ever0 || always1 != ever1)
        return unsupported(lowering, "leaves of two classes where some have no weight of a class");
    if (lowering->n_base == 2 && ever1) {
        based_scheme(lowering);
        return ROWAN_OK;
    }
    if (lowering->n_base < 2 && !ever1)
        return binary_scheme(lowering, 0, lowering->n_base ? lowering->base[0] : 0.0);
    wide_scheme(scheme);
    scheme->offset[0] = lowering->n_base && ever0 ? lowering->base[0] : 0.0;
    if (lowering->n_base == 0 && scheme->transform == RW_GRAPH_TRANSFORM_LOGISTIC &&
        are_opposite(&lowering->ensemble)) {
        one_score(scheme, 1, 0.0);
        scheme->post = RW_GRAPH_POST_OPPOSITE | RW_GRAPH_TRANSFORM_LOGISTIC;
        scheme->plain = true;
        scheme->link = ROWAN_LINK_LOGISTIC_BOTH;
    }
    return ROWAN_OK;
}

static rowan_status class_scheme(struct lowering *lowering) {
    const uint32_t n_classes = lowering->ensemble.n_targets;
    if (n_classes < 2 || lowering->n_base > n_classes)
        return unsupported(lowering, "a classifier of one class, or with too many base values");
    if (lowering->scheme.aggregate != SUM)
        return unsupported(lowering, "a classifier that does not sum");
    if (!alloc_scheme(lowering))
        return rw_onnx_no_memory(lowering->onnx);
    if (n_classes == 2)
        return two_class_scheme(lowering);
    wide_scheme(&lowering->scheme);
    for (size_t i = 0; i < lowering->n_base; i++)
        lowering->scheme.offset[i] = lowering->base[i];
    return ROWAN_OK;
}

/* Of one target ONNX Runtime transforms nothing but PROBIT. */
static rowan_status target_scheme(struct lowering *lowering) {
    struct scheme *scheme = &lowering->scheme;
    const uint32_t n_targets = lowering->ensemble.n_targets;
    if (!alloc_scheme(lowering))
        return rw_onnx_no_memory(lowering->onnx);
    if (n_targets == 1 && scheme->transform != RW_GRAPH_TRANSFORM_PROBIT)
        scheme->transform = RW_GRAPH_TRANSFORM_NONE;
    wide_scheme(scheme);
    if (scheme->transform == RW_GRAPH_TRANSFORM_NONE)
        scheme->link = ROWAN_LINK_IDENTITY;
    for (uint32_t i = 0; i < n_targets && lowering->n_base == n_targets; i++)
        scheme->offset[i] = lowering->base[i];
    return ROWAN_OK;
}

/* ---- trees ----------------------------------------------------------------------------------- */

struct forest_parts {
    struct rw_tree *trees;
    uint32_t n_trees;
    double **values; /* [n_targets]: of the tree at hand, where it has weights of the target */
    uint32_t *used;  /* [n_targets]: those targets */
    uint32_t *stamp; /* [n_targets]: 1 + the last leaf that had a weight of the target */
    uint32_t n_used;
};

/* The tree's values for one target: its thresholds, and what a leaf without a weight
 * adds. Of one target ONNX Runtime takes what stands in a threshold's place. */
static double *values_for(const struct lowering *lowering, struct forest_parts *parts,
                          uint32_t target, uint32_t begin, uint32_t n_nodes) {
    const struct rw_onnx_ensemble *ensemble = &lowering->ensemble;
    if (parts->values[target])
        return parts->values[target];
    double *values = alloc(lowering, n_nodes, sizeof *values);
    for (uint32_t i = 0; values && i < n_nodes; i++)
        values[i] = ensemble->left[begin + i] != -1 || ensemble->n_targets == 1
                        ? ensemble->threshold[begin + i]
                        : 0.0;
    parts->values[target] = values;
    parts->used[parts->n_used++] = target;
    return values;
}

static rowan_status fill_leaf(const struct lowering *lowering, struct forest_parts *parts,
                              uint32_t begin, uint32_t n_nodes, uint32_t node) {
    const struct rw_onnx_ensemble *ensemble = &lowering->ensemble;
    for (uint32_t i = ensemble->weight_begin[node]; i < ensemble->weight_begin[node + 1]; i++) {
        const uint32_t target = ensemble->weight_target[i];
        if (parts->stamp[target] == node + 1)
            return unsupported(lowering, "a leaf with two weights of one output");
        parts->stamp[target] = node + 1;
        if (lowering->scheme.group[target] == NO_GROUP)
            continue;
        double *values = values_for(lowering, parts, target, begin, n_nodes);
        if (!values)
            return rw_onnx_no_memory(lowering->onnx);
        values[node - begin] = ensemble->weight[i];
    }
    return ROWAN_OK;
}

static void add_trees(const struct lowering *lowering, struct forest_parts *parts, uint32_t begin,
                      uint32_t n_nodes) {
    const struct rw_onnx_ensemble *ensemble = &lowering->ensemble;
    for (uint32_t i = 0; i < parts->n_used; i++) {
        const uint32_t target = parts->used[i];
        parts->trees[parts->n_trees++] =
            (struct rw_tree){.n_nodes = n_nodes,
                             .group = lowering->scheme.group[target],
                             .weight = 1.0f,
                             .left = ensemble->left + begin,
                             .right = ensemble->right + begin,
                             .feature = ensemble->feature + begin,
                             .value = parts->values[target],
                             .flags = ensemble->flags + begin,
                             .cover = ensemble->cover ? ensemble->cover + begin : NULL};
        parts->values[target] = NULL;
    }
    parts->n_used = 0;
}

static rowan_status build_trees(const struct lowering *lowering, struct rw_forest *forest) {
    const struct rw_onnx_ensemble *ensemble = &lowering->ensemble;
    const uint64_t most = (uint64_t)ensemble->n_trees + ensemble->n_weights; /* trees */
    struct forest_parts parts = {
        .trees = alloc(lowering, most, sizeof *parts.trees),
        .values = alloc(lowering, ensemble->n_targets, sizeof *parts.values),
        .used = alloc(lowering, ensemble->n_targets, sizeof *parts.used),
        .stamp = alloc(lowering, ensemble->n_targets, sizeof *parts.stamp)};
    if (!parts.trees || !parts.values || !parts.used || !parts.stamp)
        return rw_onnx_no_memory(lowering->onnx);
    for (uint32_t tree = 0; tree < ensemble->n_trees; tree++) {
        const uint32_t begin = ensemble->tree_begin[tree], end = ensemble->tree_begin[tree + 1];
        rowan_status status = ROWAN_OK;
        if (ensemble->n_targets == 1 && !values_for(lowering, &parts, 0, begin, end - begin))
            return rw_onnx_no_memory(lowering->onnx);
        for (uint32_t node = begin; node < end && status == ROWAN_OK; node++)
            status = fill_leaf(lowering, &parts, begin, end - begin, node);
        if (status != ROWAN_OK)
            return status;
        add_trees(lowering, &parts, begin, end - begin);
    }
    forest->trees = parts.trees;
    forest->n_trees = parts.n_trees;
    forest->n_trees_in_file = ensemble->n_trees;
    return ROWAN_OK;
}

/* The smallest or largest of trees: each tree gets a sum of its own. */
static rowan_status separate_trees(const struct lowering *lowering, struct rw_forest *forest) {
    const struct rw_onnx_ensemble *ensemble = &lowering->ensemble;
    struct rw_tree *trees = (struct rw_tree *)(uintptr_t)forest->trees;
    if (ensemble->n_targets != 1 || forest->n_trees != ensemble->n_trees ||
        ensemble->n_trees > ROWAN_MAX_OUTPUTS)
        return unsupported(lowering, "the extremes of trees, but for one output");
    for (uint32_t i = 0; i < forest->n_trees; i++)
        trees[i].group = i;
    forest->n_groups = forest->n_trees;
    forest->offset = NULL;
    return ROWAN_OK;
}

/* ---- the forest, and what comes behind it ---------------------------------------------------- */

static rowan_status describe(const struct lowering *lowering, struct rw_forest *forest) {
    const struct scheme *scheme = &lowering->scheme;
    bool has_offset = false;
    for (uint32_t i = 0; i < scheme->n_groups; i++)
        has_offset = has_offset || scheme->offset[i] != 0.0;
    *forest = (struct rw_forest){.arithmetic = lowering->input.type == RW_ONNX_DOUBLE
                                                   ? RW_ARITHMETIC_ONNX64
                                                   : RW_ARITHMETIC_ONNX,
                                 .link = scheme->link,
                                 .n_features = lowering->input.width,
                                 .n_groups = scheme->n_groups,
                                 .offset = has_offset ? scheme->offset : NULL,
                                 .best_iteration = -1};
    if (scheme->aggregate == AVERAGE)
        forest->divisor = lowering->ensemble.n_trees;
    return build_trees(lowering, forest);
}

static rowan_status add_op(const struct lowering *lowering, enum rw_graph_code code,
                           enum rw_graph_type type, uint32_t width, uint32_t detail,
                           const uint32_t *operands, uint32_t n_operands, uint32_t *op) {
    const struct rw_graph_new added = {.code = code,
                                       .type = type,
                                       .width = width,
                                       .detail = detail,
                                       .n_operands = n_operands,
                                       .operands = operands};
    *op = rw_graph_add(&lowering->onnx->builder, &added);
    return *op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(lowering->onnx) : ROWAN_OK;
}

/* extreme + base: a constant that is added in double, and rounded behind it */
static rowan_status add_extreme(struct lowering *lowering, uint32_t *op) {
    const struct scheme *scheme = &lowering->scheme;
    rowan_status status =
        add_op(lowering, scheme->aggregate == MIN ? RW_GRAPH_SMALLEST : RW_GRAPH_LARGEST,
               RW_GRAPH_F64, 1, 0, op, 1, op);
    if (status != ROWAN_OK || scheme->offset[0] == 0.0)
        return status;
    const union rw_graph_number base = {.real = scheme->offset[0]};
    const struct rw_graph_new constant = {.code = RW_GRAPH_CONSTANT,
                                          .type = RW_GRAPH_F64,
                                          .width = 1,
                                          .n_numbers = 1,
                                          .numbers = &base};
    uint32_t operands[2] = {*op, rw_graph_add(&lowering->onnx->builder, &constant)};
    if (operands[1] == RW_GRAPH_NO_VALUE)
        return rw_onnx_no_memory(lowering->onnx);
    return add_op(lowering, RW_GRAPH_ADD, RW_GRAPH_F64, 1, 0, operands, 2, op);
}

/* Transforms compute in float; without one, doubles stay what they are. */
static rowan_status add_post(const struct lowering *lowering, uint32_t *op) {
    const struct scheme *scheme = &lowering->scheme;
    if (lowering->double_result && scheme->post == RW_GRAPH_TRANSFORM_NONE)
        return ROWAN_OK;
    rowan_status status =
        add_op(lowering, RW_GRAPH_POST, RW_GRAPH_F32, scheme->width, scheme->post, op, 1, op);
    if (status == ROWAN_OK && lowering->double_result)
        status = add_op(lowering, RW_GRAPH_CAST, RW_GRAPH_F64, scheme->width, 0, op, 1, op);
    return status;
}

static rowan_status lower(struct lowering *lowering, size_t output) {
    struct rw_onnx *onnx = lowering->onnx;
    struct scheme *scheme = &lowering->scheme;
    struct rw_onnx_trees *trees = alloc(lowering, 1, sizeof *trees);
    if (!trees)
        return rw_onnx_no_memory(onnx);
    rowan_status status = describe(lowering, &trees->description);
    const bool extreme = scheme->aggregate == MIN || scheme->aggregate == MAX;
    if (status == ROWAN_OK && extreme)
        status = separate_trees(lowering, &trees->description);
    if (status != ROWAN_OK)
        return status;
    if (scheme->transform == RW_GRAPH_TRANSFORM_SOFTMAX_ZERO &&
        lowering->input.type == RW_ONNX_DOUBLE)
        return unsupported(lowering, "SOFTMAX_ZERO of doubles");
    uint32_t op;
    status = add_op(lowering, RW_GRAPH_FOREST, RW_GRAPH_F64, trees->description.n_groups,
                    onnx->n_trees, &lowering->input.op, 1, &op);
    trees->forest = op;
    if (status == ROWAN_OK && extreme)
        status = add_extreme(lowering, &op);
    if (status == ROWAN_OK)
        status = add_post(lowering, &op);
    if (status != ROWAN_OK)
        return status;
    trees->name = rw_onnx_text(lowering->node->op_type);
    trees->input = lowering->input.op;
    trees->result = op;
    trees->plain = scheme->plain && !extreme;
    *onnx->last_trees = trees;
    onnx->last_trees = &trees->next;
    onnx->n_trees++;
    const struct rw_onnx_value result = {.type = lowering->double_result ? RW_ONNX_DOUBLE
                                                                         : RW_ONNX_FLOAT,
                                         .rank = 2,
                                         .dims = {-1, scheme->width},
                                         .width = scheme->width,
                                         .op = op};
    return rw_onnx_output(onnx, lowering->node, output, &result);
}

/* ---- operators ------------------------------------------------------------------------------- */

rowan_status rw_onnx_lower_tree_classifier(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    struct lowering lowering = {.onnx = onnx, .node = node};
    const int64_t *ints;
    const Onnx__AttributeProto *texts = rw_onnx_attribute(node, "classlabels_strings");
    const size_t n_texts = texts ? texts->n_strings : 0;
    const size_t n_labels = n_texts ? n_texts : rw_onnx_ints(node, "classlabels_int64s", &ints);
    if (n_labels > ROWAN_MAX_OUTPUTS)
        return rw_onnx_unsupported(onnx, node, "%zu classes; ROWAN_MAX_OUTPUTS is %u", n_labels,
                                   ROWAN_MAX_OUTPUTS);
    lowering.ensemble.n_targets = (uint32_t)n_labels;
    rowan_status status = take_input(&lowering);
    if (status == ROWAN_OK)
        status = read_texts(&lowering);
    if (status == ROWAN_OK)
        status = rw_onnx_ensemble_read(onnx, node, "class", &lowering.ensemble);
    if (status == ROWAN_OK)
        status = class_scheme(&lowering);
    return status == ROWAN_OK ? lower(&lowering, 1) : status;
}

static rowan_status read_n_targets(struct lowering *lowering) {
    const int64_t n_targets = rw_onnx_int(lowering->node, "n_targets", 1);
    if (n_targets < 1 || n_targets > ROWAN_MAX_OUTPUTS)
        return rw_onnx_unsupported(lowering->onnx, lowering->node,
                                   "%lld targets; ROWAN_MAX_OUTPUTS is %u", (long long)n_targets,
                                   ROWAN_MAX_OUTPUTS);
    lowering->ensemble.n_targets = (uint32_t)n_targets;
    return ROWAN_OK;
}

rowan_status rw_onnx_lower_tree_regressor(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    struct lowering lowering = {.onnx = onnx, .node = node};
    rowan_status status = read_n_targets(&lowering);
    if (status == ROWAN_OK)
        status = take_input(&lowering);
    if (status == ROWAN_OK)
        status = read_texts(&lowering);
    if (status == ROWAN_OK)
        status = rw_onnx_ensemble_read(onnx, node, "target", &lowering.ensemble);
    if (status == ROWAN_OK)
        status = target_scheme(&lowering);
    return status == ROWAN_OK ? lower(&lowering, 0) : status;
}

rowan_status rw_onnx_lower_tree_ensemble(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    struct lowering lowering = {.onnx = onnx, .node = node};
    const int64_t transform = rw_onnx_int(node, "post_transform", 0);
    const int64_t aggregate = rw_onnx_int(node, "aggregate_function", SUM);
    if (transform < 0 || transform > 4 || aggregate < AVERAGE || aggregate > MAX)
        return rw_onnx_malformed(onnx, node, "an unknown post_transform or aggregate_function");
    /* ONNX Runtime's numbers; the specification says 1 for SOFTMAX and 2 for LOGISTIC */
    lowering.scheme.transform = (uint32_t)transform;
    lowering.scheme.aggregate = (enum aggregate)aggregate;
    rowan_status status = read_n_targets(&lowering);
    if (status == ROWAN_OK)
        status = take_input(&lowering);
    if (status == ROWAN_OK)
        status = rw_onnx_ensemble_read_5(onnx, node, &lowering.ensemble);
    lowering.double_result = lowering.input.type == RW_ONNX_DOUBLE;
    if (status == ROWAN_OK)
        status = target_scheme(&lowering);
    return status == ROWAN_OK ? lower(&lowering, 0) : status;
}

/*
 * build_walk.c - nodes to walk: compact trees, and wide ones for what they cannot say.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/build.h"
#include "forest/image_private.h"

struct writer {
    struct rw_builder *builder;
    const struct rw_plan *plan;
    bool columns_fit;
};

static uint32_t most_cuts(const struct rw_plan *plan) {
    uint32_t most = 0;
    for (uint32_t f = 0; f < plan->forest->n_features; f++)
        if (plan->cut_begin[f + 1] - plan->cut_begin[f] > most)
            most = plan->cut_begin[f + 1] - plan->cut_begin[f];
    return most;
}

static bool is_compact(const struct writer *writer, const struct rw_plan_tree *tree) {
    return writer->columns_fit && tree->plain && tree->shape.n_nodes <= RW_COMPACT_MAX_NODES;
}

static struct rw_column column_of(const struct rw_plan *plan,
                                  const struct rw_plan_column *planned) {
    struct rw_column column = {.feature = planned->feature, .missing = NAN, .zero = -1.0f};
    if (planned->rule == RW_RULE_NAN_LEFT || planned->rule == RW_RULE_ZERO_LEFT)
        column.missing = -INFINITY;
    if (planned->rule == RW_RULE_ZERO_LEFT || planned->rule == RW_RULE_ZERO_RIGHT)
        column.zero = (float)RW_ZERO_THRESHOLD;
    if (planned->rule == RW_RULE_NAN_IS_ZERO)
        column.missing = plan->rows64 ? (float)rw_plan_rank(plan, planned->feature, 0.0) : 0.0f;
    return column;
}

static void write_columns(const struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    struct rw_column *columns =
        rw_builder_add(writer->builder, RW_SECTION_COLUMNS, plan->n_columns);
    for (uint32_t i = 0; columns && i < plan->n_columns; i++)
        columns[i] = column_of(plan, &plan->columns[i]);
}

static void write_cuts(const struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    const uint32_t n_features = plan->forest->n_features, n_cuts = plan->cut_begin[n_features];
    uint32_t *begin =
        rw_builder_add(writer->builder, RW_SECTION_CUT_BEGIN, (uint64_t)n_features + 1);
    double *cuts = rw_builder_add(writer->builder, RW_SECTION_CUTS, n_cuts);
    for (uint32_t f = 0; begin && f <= n_features; f++)
        begin[f] = plan->cut_begin[f];
    for (uint32_t i = 0; cuts && i < n_cuts; i++)
        cuts[i] = plan->cuts[i];
}

/* Node i of the plan becomes node i + 1: node 0 is padding, so that a leaf at the root
 * can lead back to itself. */
static uint32_t write_compact(const struct writer *writer, const struct rw_plan_tree *tree) {
    const struct rw_plan *plan = writer->plan;
    const struct rw_plan_node *planned = plan->nodes + tree->begin;
    const uint32_t n_nodes = tree->shape.n_nodes + 1;
    const uint32_t root = (uint32_t)writer->builder->parts[RW_SECTION_COMPACT].count;
    struct rw_compact_node *nodes = rw_builder_add(writer->builder, RW_SECTION_COMPACT, n_nodes);
    float *leaves = NULL;
    double *leaves64 = NULL;
    if (plan->sums64)
        leaves64 = rw_builder_add(writer->builder, RW_SECTION_LEAVES64, n_nodes);
    else
        leaves = rw_builder_add(writer->builder, RW_SECTION_LEAVES, n_nodes);
    if (!nodes || (!leaves && !leaves64))
        return root;
    nodes[0] = (struct rw_compact_node){.threshold = NAN};
    for (uint32_t at = 1; at < n_nodes; at++, planned++) {
        if (planned->column == RW_PLAN_LEAF) {
            nodes[at] = (struct rw_compact_node){.threshold = NAN, .left = (uint16_t)(at - 1)};
            if (leaves64)
                leaves64[at] = planned->value;
            else
                leaves[at] = (float)planned->value;
            continue;
        }
        nodes[at] = (struct rw_compact_node){.threshold = plan->rows64 ? (float)planned->rank
                                                                       : (float)planned->value,
                                             .column = (uint16_t)planned->column,
                                             .left = (uint16_t)(planned->left + 1)};
    }
    return root;
}

static uint32_t write_linear(const struct writer *writer, const struct rw_linear *linear,
                             uint32_t node) {
    const struct rw_linear_leaf *leaf = &linear->leaves[linear->index[node]];
    const uint32_t begin = (uint32_t)writer->builder->parts[RW_SECTION_COEFFICIENTS].count;
    struct rw_coefficient *coefficients =
        rw_builder_add(writer->builder, RW_SECTION_COEFFICIENTS, leaf->count);
    for (uint32_t i = 0; coefficients && i < leaf->count; i++)
        coefficients[i] = (struct rw_coefficient){.value = linear->coefficients[leaf->begin + i],
                                                  .feature = linear->features[leaf->begin + i]};
    const uint32_t index = (uint32_t)writer->builder->parts[RW_SECTION_LINEAR].count;
    struct rw_image_linear *written = rw_builder_add(writer->builder, RW_SECTION_LINEAR, 1);
    if (written)
        *written = (struct rw_image_linear){begin, leaf->count, leaf->constant};
    return index;
}

static struct rw_wide_node wide_node(const struct writer *writer, const struct rw_tree *tree,
                                     const struct rw_plan_node *planned) {
    const uint32_t origin = planned->origin;
    if (planned->column == RW_PLAN_LEAF) {
        struct rw_wide_node leaf = {.u.leaf = planned->value, .flags = RW_WIDE_LEAF};
        if (tree->linear) {
            leaf.flags |= RW_WIDE_LINEAR;
            leaf.feature = write_linear(writer, tree->linear, origin);
        }
        return leaf;
    }
    struct rw_wide_node split = {.u.threshold = tree->value[origin],
                                 .feature = tree->feature[origin],
                                 .left = planned->left,
                                 .flags = tree->flags[origin]};
    if (split.flags & RW_NODE_CATEGORICAL) {
        split.u.categories = tree->category_begin[origin];
        split.words = tree->category_words[origin];
    }
    return split;
}

static uint32_t write_wide(const struct writer *writer, uint32_t index) {
    const struct rw_plan_tree *tree = &writer->plan->trees[index];
    const struct rw_plan_node *planned = writer->plan->nodes + tree->begin;
    const uint32_t root = (uint32_t)writer->builder->parts[RW_SECTION_WIDE].count;
    struct rw_wide_node *nodes =
        rw_builder_add(writer->builder, RW_SECTION_WIDE, tree->shape.n_nodes);
    for (uint32_t i = 0; nodes && i < tree->shape.n_nodes; i++)
        nodes[i] = wide_node(writer, &writer->plan->forest->trees[index], &planned[i]);
    return root;
}

void rw_build_walk(struct rw_builder *builder, const struct rw_plan *plan) {
    struct writer writer = {builder, plan,
                            plan->n_columns <= RW_COMPACT_MAX_COLUMNS &&
                                (!plan->rows64 || most_cuts(plan) < RW_COMPACT_MAX_RANK)};
    struct rw_image_tree *trees = rw_builder_add(builder, RW_SECTION_TREES, plan->forest->n_trees);
    for (uint32_t i = 0; trees && i < plan->forest->n_trees; i++) {
        const struct rw_plan_tree *tree = &plan->trees[i];
        bool compact = is_compact(&writer, tree);
        trees[i] = (struct rw_image_tree){.encoding = compact ? RW_TREE_COMPACT : RW_TREE_WIDE,
                                          .group = tree->group,
                                          .root = compact ? write_compact(&writer, tree)
                                                          : write_wide(&writer, i),
                                          .n_nodes = tree->shape.n_nodes,
                                          .depth = tree->shape.depth};
    }
    if (builder->parts[RW_SECTION_COMPACT].count == 0)
        return;
    write_columns(&writer);
    if (plan->rows64)
        write_cuts(&writer);
}

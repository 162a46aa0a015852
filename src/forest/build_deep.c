/*
 * build_deep.c - deep trees: the top as a heap, the rest in lines of the cache.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "forest/build.h"
#include "forest/image_private.h"

#define LINE 16u /* nodes of four bytes */
#define NONE UINT32_MAX

struct writer {
    struct rw_builder *builder;
    const struct rw_plan *plan;
    const struct rw_plan_node *nodes; /* of the tree at hand */
    uint32_t *shown;                  /* [RW_DEEP_MAX_NODES]: node at a position; NONE: empty */
    uint16_t *children;               /* [RW_DEEP_MAX_NODES] */
    uint32_t *pending;                /* [RW_DEEP_MAX_NODES]: positions without children yet */
    uint32_t n_pending, used;         /* positions */
    uint32_t open, open_end;          /* room left in an earlier line */
};

static bool is_leaf(const struct writer *writer, uint32_t node) {
    return writer->nodes[node].column == RW_PLAN_LEAF;
}

/* Nodes below `node`, counted up to LINE. */
static uint32_t size_below(const struct writer *writer, uint32_t node) {
    uint32_t queue[LINE + 2] = {node}, n = 1, size = 0;
    while (n > 0 && size < LINE) {
        const uint32_t at = queue[--n];
        if (is_leaf(writer, at))
            continue;
        size += 2;
        queue[n++] = writer->nodes[at].left;
        queue[n++] = writer->nodes[at].left + 1;
    }
    return size;
}

static bool place(struct writer *writer, uint32_t position, uint32_t node) {
    if (position >= RW_DEEP_MAX_NODES)
        return false;
    while (writer->used <= position)
        writer->shown[writer->used++] = NONE;
    writer->shown[position] = node;
    return true;
}

/* Places what is below `position` breadth first into [*next, end); what finds no room
 * there is left pending. */
static bool fill(struct writer *writer, uint32_t position, uint32_t *next, uint32_t end) {
    uint32_t queue[2 * LINE] = {position}, n = 1;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t at = queue[i], node = writer->shown[at];
        writer->children[at] = (uint16_t)at;
        if (is_leaf(writer, node))
            continue;
        if (*next + 2 > end) {
            writer->pending[writer->n_pending++] = at;
            continue;
        }
        writer->children[at] = (uint16_t)*next;
        if (!place(writer, *next, writer->nodes[node].left) ||
            !place(writer, *next + 1, writer->nodes[node].left + 1))
            return false;
        queue[n++] = (*next)++;
        queue[n++] = (*next)++;
    }
    return true;
}

static bool lay_out_below(struct writer *writer, uint32_t position, uint32_t *line) {
    const uint32_t size = size_below(writer, writer->shown[position]);
    if (size < LINE && writer->open + size <= writer->open_end)
        return fill(writer, position, &writer->open, writer->open_end);
    uint32_t next = *line * LINE;
    const uint32_t end = next + LINE;
    (*line)++;
    if (!fill(writer, position, &next, end))
        return false;
    if (end - next > writer->open_end - writer->open) {
        writer->open = next;
        writer->open_end = end;
    }
    return true;
}

/* Heap position p of the top shows `node`; a leaf stands for all below it. */
static void lay_out_top(struct writer *writer, uint32_t node, uint32_t p, uint32_t *heap) {
    heap[p] = node;
    if (p >= RW_TOP_NODES) {
        place(writer, p - RW_TOP_NODES, node);
        return;
    }
    const bool leaf = is_leaf(writer, node);
    lay_out_top(writer, leaf ? node : writer->nodes[node].left, 2 * p, heap); /* 6 deep */
    lay_out_top(writer, leaf ? node : writer->nodes[node].left + 1, 2 * p + 1, heap);
}

/* False where the tree takes more positions than a child's number can say. */
static bool lay_out(struct writer *writer, const struct rw_plan_tree *tree, uint32_t *heap) {
    writer->nodes = writer->plan->nodes + tree->begin;
    writer->used = writer->n_pending = writer->open = writer->open_end = 0;
    lay_out_top(writer, 0, 1, heap);
    for (uint32_t p = 0; p < RW_TOP_NODES; p++)
        writer->pending[writer->n_pending++] = p;
    uint32_t line = RW_TOP_NODES / LINE;
    for (uint32_t i = 0; i < writer->n_pending; i++) {
        const uint32_t position = writer->pending[i];
        writer->children[position] = (uint16_t)position;
        if (!is_leaf(writer, writer->shown[position]) && !lay_out_below(writer, position, &line))
            return false;
    }
    return true;
}

static bool alloc_scratch(struct writer *writer) {
    writer->shown = malloc(RW_DEEP_MAX_NODES * sizeof *writer->shown);
    writer->children = malloc(RW_DEEP_MAX_NODES * sizeof *writer->children);
    writer->pending = malloc(RW_DEEP_MAX_NODES * sizeof *writer->pending);
    return writer->shown && writer->children && writer->pending;
}

static void free_scratch(const struct writer *writer) {
    free(writer->shown);
    free(writer->children);
    free(writer->pending);
}

bool rw_suits_deep(const struct rw_plan *plan) {
    if (plan->n_columns == 0 || plan->n_columns > RW_DEEP_MAX_COLUMNS ||
        plan->n_nodes > INT32_MAX / 2)
        return false;
    for (uint32_t f = 0; f < plan->forest->n_features; f++)
        if (plan->cut_begin[f + 1] - plan->cut_begin[f] > RW_DEEP_MAX_CUTS)
            return false;
    struct writer writer = {.plan = plan};
    uint32_t heap[2 * RW_TOP_NODES];
    bool suits = alloc_scratch(&writer);
    for (uint32_t i = 0; suits && i < plan->forest->n_trees; i++)
        suits = lay_out(&writer, &plan->trees[i], heap);
    free_scratch(&writer);
    return suits;
}

/* ---- writing ------------------------------------------------------------------------- */

static void write_columns(const struct writer *writer, struct rw_lanes *lanes) {
    const struct rw_plan *plan = writer->plan;
    const uint16_t *slot_of = writer->builder->parts[RW_SECTION_SLOT_OF].data;
    struct rw_word_column *columns =
        rw_builder_add(writer->builder, RW_SECTION_WORD_COLUMNS, plan->n_columns);
    for (uint32_t c = 0; columns && c < plan->n_columns; c++) {
        const struct rw_plan_column *column = &plan->columns[c];
        const enum rw_plan_rule rule = column->rule;
        columns[c].slot = slot_of[column->feature];
        columns[c].zero = rule == RW_RULE_ZERO_LEFT || rule == RW_RULE_ZERO_RIGHT;
        lanes->has_zero |= columns[c].zero;
        if (rule == RW_RULE_NAN_IS_ZERO)
            columns[c].missing = (uint16_t)rw_plan_rank(plan, column->feature, 0.0);
        else if (rule == RW_RULE_NAN_RIGHT || rule == RW_RULE_ZERO_RIGHT)
            columns[c].missing = RW_DEEP_MAX_CUTS;
    }
}

static void write_top(const struct writer *writer, const uint32_t *heap) {
    uint16_t *columns = rw_builder_add(writer->builder, RW_SECTION_TOP_COLUMNS, RW_TOP_NODES);
    uint16_t *cuts = rw_builder_add(writer->builder, RW_SECTION_TOP_CUTS, RW_TOP_NODES);
    for (uint32_t p = 1; columns && cuts && p < RW_TOP_NODES; p++) {
        const bool leaf = is_leaf(writer, heap[p]);
        columns[p] = leaf ? 0 : (uint16_t)writer->nodes[heap[p]].column;
        cuts[p] = leaf ? RW_DEEP_LEAF_CUT : (uint16_t)writer->nodes[heap[p]].rank;
    }
}

struct below {
    uint32_t *nodes;
    uint16_t *cuts, *children;
    uint8_t *columns;
    float *leaves;
    double *leaves64;
};

static bool add_below(const struct writer *writer, struct below *below) {
    struct rw_builder *builder = writer->builder;
    const uint32_t n = writer->used;
    below->nodes = rw_builder_add(builder, RW_SECTION_DEEP_NODES, n);
    below->cuts = rw_builder_add(builder, RW_SECTION_DEEP_CUTS, n);
    below->children = rw_builder_add(builder, RW_SECTION_DEEP_CHILDREN, n);
    below->columns = rw_builder_add(builder, RW_SECTION_DEEP_COLUMNS, n);
    below->leaves = NULL;
    below->leaves64 = NULL;
    if (writer->plan->sums64)
        below->leaves64 = rw_builder_add(builder, RW_SECTION_DEEP_LEAVES64, n);
    else
        below->leaves = rw_builder_add(builder, RW_SECTION_DEEP_LEAVES, n);
    return !builder->failed;
}

static void write_below(const struct writer *writer) {
    struct below below;
    if (!add_below(writer, &below))
        return;
    for (uint32_t i = 0; i < writer->used; i++) {
        const uint32_t node = writer->shown[i];
        const bool split = node != NONE && !is_leaf(writer, node);
        below.cuts[i] = split ? (uint16_t)writer->nodes[node].rank : RW_DEEP_LEAF_CUT;
        below.columns[i] = split ? (uint8_t)writer->nodes[node].column : 0;
        below.children[i] = split ? writer->children[i] : (uint16_t)i;
        below.nodes[i] = (uint32_t)below.cuts[i] << RW_DEEP_CUT_SHIFT |
                         (uint32_t)below.columns[i] << RW_DEEP_COLUMN_SHIFT | below.children[i];
        if (node == NONE || split)
            continue;
        if (below.leaves64)
            below.leaves64[i] = writer->nodes[node].value;
        else if (below.leaves)
            below.leaves[i] = (float)writer->nodes[node].value;
    }
}

static void write_trees(struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    struct rw_builder *builder = writer->builder;
    struct rw_deep_tree *trees =
        rw_builder_add(builder, RW_SECTION_DEEP_TREES, plan->forest->n_trees);
    uint32_t heap[2 * RW_TOP_NODES];
    for (uint32_t i = 0; !builder->failed && i < plan->forest->n_trees; i++) {
        const struct rw_plan_tree *tree = &plan->trees[i];
        lay_out(writer, tree, heap);
        trees[i] = (struct rw_deep_tree){
            .begin = (uint32_t)builder->parts[RW_SECTION_DEEP_NODES].count,
            .count = writer->used,
            .group = tree->group,
            .levels = tree->shape.depth > RW_TOP_LEVELS ? tree->shape.depth - RW_TOP_LEVELS : 0};
        write_top(writer, heap);
        write_below(writer);
    }
}

void rw_build_deep(struct rw_builder *builder, const struct rw_plan *plan, struct rw_lanes *lanes) {
    struct writer writer = {.builder = builder, .plan = plan};
    if (alloc_scratch(&writer)) {
        write_columns(&writer, lanes);
        write_trees(&writer);
    } else {
        builder->failed = true;
    }
    free_scratch(&writer);
}

/*
 * build_sweeps.c - byte columns, and trees that are scored in byte lanes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/build.h"
#include "forest/image_private.h"

struct writer {
    struct rw_builder *builder;
    const struct rw_plan *plan;
    struct rw_lanes lanes;
    uint16_t *column_of; /* [plan->n_columns]: first byte column of a column */
    uint32_t n_slots, n_columns;
    uint32_t *set_of; /* [n_features]: index in SET_FEATURES + 1 */
};

static uint32_t n_cuts(const struct rw_plan *plan, uint32_t feature) {
    return plan->cut_begin[feature + 1] - plan->cut_begin[feature];
}

static uint32_t n_segments(uint32_t cuts) {
    return (cuts + RW_SEGMENT - 1) / RW_SEGMENT;
}

bool rw_suits_sweeps(const struct rw_plan *plan) {
    uint64_t n_columns = 0;
    for (uint32_t i = 0; i < plan->forest->n_trees; i++)
        if (plan->trees[i].shape.n_leaves > RW_LANES_MAX_LEAVES)
            return false;
    for (uint32_t i = 0; i < plan->n_columns; i++)
        n_columns += n_segments(n_cuts(plan, plan->columns[i].feature));
    return n_columns <= RW_LANES_MAX_COLUMNS && (plan->plain || rw_suits_sets(plan, n_columns));
}

/* ---- columns --------------------------------------------------------------------------- */

static uint8_t clamp_rank(uint32_t rank, uint32_t offset) {
    return (uint8_t)(rank <= offset ? 0 : rank - offset > UINT8_MAX ? UINT8_MAX : rank - offset);
}

static uint8_t missing_value(const struct rw_plan *plan, const struct rw_plan_column *column,
                             uint32_t offset) {
    if (column->rule == RW_RULE_NAN_IS_ZERO)
        return clamp_rank(rw_plan_rank(plan, column->feature, 0.0), offset);
    bool left = column->rule == RW_RULE_NAN_LEFT || column->rule == RW_RULE_ZERO_LEFT;
    return left ? 0 : UINT8_MAX;
}

static bool takes_zero(const struct rw_plan_column *column) {
    return column->rule == RW_RULE_ZERO_LEFT || column->rule == RW_RULE_ZERO_RIGHT;
}

/* The columns of one plan's column in one slot. */
static void write_segments(struct writer *writer, uint32_t c, uint32_t slot, uint32_t segments) {
    const struct rw_plan_column *column = &writer->plan->columns[c];
    struct rw_byte_column *bytes =
        rw_builder_add(writer->builder, RW_SECTION_BYTE_COLUMNS, segments);
    writer->column_of[c] = (uint16_t)writer->n_columns;
    writer->n_columns += segments;
    writer->lanes.has_segments |= segments > 1;
    writer->lanes.has_zero |= takes_zero(column);
    for (uint32_t s = 0; bytes && s < segments; s++)
        bytes[s] =
            (struct rw_byte_column){.slot = (uint16_t)slot,
                                    .offset = (uint16_t)(s * RW_SEGMENT),
                                    .missing = missing_value(writer->plan, column, s * RW_SEGMENT),
                                    .zero = takes_zero(column)};
}

static void write_columns(struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    struct rw_slot *slots = writer->builder->parts[RW_SECTION_SLOTS].data;
    for (uint32_t s = 0; !writer->builder->failed && s < writer->n_slots; s++) {
        slots[s].first_column = writer->n_columns;
        for (uint32_t c = 0; c < plan->n_columns; c++)
            if (plan->columns[c].feature == slots[s].feature)
                write_segments(writer, c, s, n_segments(slots[s].n_cuts));
        slots[s].n_columns = writer->n_columns - slots[s].first_column;
    }
}

/* What a single row needs in registers. */
static void write_row_maps(struct writer *writer) {
    const struct rw_byte_column *columns = writer->builder->parts[RW_SECTION_BYTE_COLUMNS].data;
    struct rw_lanes *lanes = &writer->lanes;
    lanes->row_slots[RW_SET_COLUMN] = RW_SET_COLUMN; /* where kernels put a zero */
    lanes->identity = !lanes->has_segments && writer->n_columns == writer->n_slots;
    for (uint32_t c = 0; c < writer->n_columns && c < RW_LANES_ROW_COLUMNS; c++) {
        lanes->row_slots[c] = (uint8_t)columns[c].slot;
        lanes->row_missing[c] = columns[c].missing;
        lanes->row_offsets[c] = columns[c].offset;
        lanes->row_zero |= (uint64_t)columns[c].zero << c;
    }
}

/* Where a split looks, and from which value on it sends rows to the right. */
static void locate(const struct writer *writer, const struct rw_plan_node *node, uint16_t *column,
                   uint8_t *cut) {
    const uint32_t segment = (node->rank - 1) / RW_SEGMENT;
    *column = (uint16_t)(writer->column_of[node->column] + segment);
    *cut = (uint8_t)(node->rank - segment * RW_SEGMENT);
}

/* ---- sweeps -------------------------------------------------------------------------- */

struct visit {
    uint32_t node, low;
    bool left_done;
};

/* In order without recursion: a stack of the splits on the way. */
struct in_order {
    const struct writer *writer;
    const struct rw_plan_node *nodes;
    struct visit stack[RW_LANES_MAX_LEAVES + 1];
    uint32_t depth, n_leaves;
    uint32_t tree; /* leaves go to its row of LANE_LEAVES */
};

static void emit_leaf(struct in_order *walk, double value) {
    struct rw_builder *builder = walk->writer->builder;
    const size_t at = (size_t)walk->tree * walk->writer->lanes.leaf_stride + walk->n_leaves++;
    if (walk->writer->plan->sums64)
        ((double *)builder->parts[RW_SECTION_LANE_LEAVES64].data)[at] = value;
    else
        ((float *)builder->parts[RW_SECTION_LANE_LEAVES].data)[at] = (float)value;
}

static void emit_split(const struct in_order *walk, const struct visit *visit) {
    const struct writer *writer = walk->writer;
    const struct rw_plan_node *planned = &walk->nodes[visit->node];
    struct rw_sweep_node node = {.low = (uint8_t)visit->low, .next = (uint8_t)walk->n_leaves};
    if (planned->kind == RW_PLAN_SET) {
        rw_build_set_nodes(writer->builder, writer->plan, walk->tree, planned, writer->set_of,
                           &node);
        return;
    }
    locate(writer, planned, &node.column, &node.cut);
    struct rw_sweep_node *written = rw_builder_add(writer->builder, RW_SECTION_SWEEP_NODES, 1);
    if (written)
        *written = node;
}

/* Goes down to the leftmost leaf below `node`. */
static void descend(struct in_order *walk, uint32_t node) {
    while (walk->nodes[node].column != RW_PLAN_LEAF) {
        walk->stack[walk->depth++] = (struct visit){.node = node, .low = walk->n_leaves};
        node = walk->nodes[node].left;
    }
    emit_leaf(walk, walk->nodes[node].value);
}

static void sweep_tree(struct in_order *walk) {
    descend(walk, 0);
    while (walk->depth > 0 && !walk->writer->builder->failed) {
        const struct visit visit = walk->stack[--walk->depth];
        emit_split(walk, &visit);
        descend(walk, walk->nodes[visit.node].left + 1);
    }
}

static void write_sweeps(const struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    struct rw_builder *builder = writer->builder;
    const uint32_t n_trees = plan->forest->n_trees;
    struct rw_sweep_tree *trees = rw_builder_add(builder, RW_SECTION_SWEEP_TREES, n_trees);
    rw_builder_add(builder, plan->sums64 ? RW_SECTION_LANE_LEAVES64 : RW_SECTION_LANE_LEAVES,
                   (uint64_t)n_trees * writer->lanes.leaf_stride);
    for (uint32_t i = 0; !builder->failed && i < n_trees; i++) {
        const struct rw_plan_tree *tree = &plan->trees[i];
        const uint32_t begin = (uint32_t)builder->parts[RW_SECTION_SWEEP_NODES].count;
        struct in_order walk = {.writer = writer, .nodes = plan->nodes + tree->begin, .tree = i};
        sweep_tree(&walk);
        trees[i] = (struct rw_sweep_tree){
            begin, (uint32_t)builder->parts[RW_SECTION_SWEEP_NODES].count - begin, tree->group,
            tree->shape.n_leaves};
    }
}

/* ---- chunks of 64 trees, for one row ---------------------------------------------------- */

/* Step s is split s of each tree; where there is none, nobody moves. */
static void clear_steps(uint8_t *steps, size_t n_steps) {
    for (size_t s = 0; s < n_steps; s++)
        memset(steps + s * RW_SWEEP_STEP_BYTES + (size_t)2 * RW_CHUNK_TREES, UINT8_MAX,
               RW_CHUNK_TREES);
}

static void write_lane(uint8_t *steps, uint32_t width, uint32_t lane,
                       const struct rw_sweep_node *nodes, uint32_t n_nodes) {
    const uint32_t group = lane / RW_CHUNK_TREES, at = lane % RW_CHUNK_TREES;
    for (uint32_t i = 0; i < n_nodes; i++) {
        const uint32_t s = nodes[i].next - 1u;
        uint8_t *step = steps + (size_t)(s * width + group) * RW_SWEEP_STEP_BYTES + at;
        const bool set = nodes[i].cut == 0;
        step[0] = set ? (uint8_t)RW_SET_COLUMN : (uint8_t)nodes[i].column;
        step[RW_CHUNK_TREES] = set ? 1 : nodes[i].cut; /* never reached: the column is 0 */
        step[2 * RW_CHUNK_TREES] = nodes[i].low;
    }
}

static uint32_t write_chunk(struct rw_builder *builder, uint32_t n_trees, uint32_t first,
                            uint32_t width, uint32_t first_word) {
    const struct rw_sweep_tree *trees = builder->parts[RW_SECTION_SWEEP_TREES].data;
    const struct rw_sweep_node *nodes = builder->parts[RW_SECTION_SWEEP_NODES].data;
    const uint32_t end =
        first + width * RW_CHUNK_TREES < n_trees ? first + width * RW_CHUNK_TREES : n_trees;
    uint32_t n_steps = 0;
    for (uint32_t i = first; i < end; i++)
        n_steps = trees[i].n_leaves - 1 > n_steps ? trees[i].n_leaves - 1 : n_steps;
    struct rw_sweep_chunk *chunk = rw_builder_add(builder, RW_SECTION_SWEEP_CHUNKS, 1);
    const uint64_t begin = builder->parts[RW_SECTION_SWEEP_STEPS].count;
    uint8_t *steps = rw_builder_add(builder, RW_SECTION_SWEEP_STEPS,
                                    (uint64_t)width * n_steps * RW_SWEEP_STEP_BYTES);
    if (builder->failed)
        return 0;
    *chunk = (struct rw_sweep_chunk){begin, first, width, n_steps, first_word};
    if (n_steps)
        clear_steps(steps, (size_t)width * n_steps);
    for (uint32_t i = first; n_steps && i < end; i++)
        write_lane(steps, width, i - first, nodes + trees[i].begin, trees[i].count);
    return width * n_steps;
}

static uint32_t sum_of_depths(const struct rw_plan *plan) {
    uint64_t levels = 0;
    for (uint32_t i = 0; i < plan->forest->n_trees; i++)
        levels += plan->trees[i].shape.depth;
    return levels < UINT32_MAX ? (uint32_t)levels : UINT32_MAX;
}

static void write_chunks(struct writer *writer) {
    const uint32_t n_trees = writer->plan->forest->n_trees;
    uint32_t n_steps = 0;
    writer->lanes.levels = sum_of_depths(writer->plan);
    const bool sets = !writer->plan->plain;
    if (writer->n_columns > (sets ? RW_SET_COLUMN : RW_LANES_ROW_COLUMNS) ||
        (sets && writer->n_slots > RW_SET_COLUMN))
        return;
    for (uint32_t first = 0; first < n_trees;) {
        const uint32_t left = (n_trees - first + RW_CHUNK_TREES - 1) / RW_CHUNK_TREES;
        uint32_t width = RW_CHUNK_MAX_WIDTH;
        while (width > left)
            width /= 2;
        n_steps += write_chunk(writer->builder, n_trees, first, width, n_steps);
        first += width * RW_CHUNK_TREES;
    }
    /* A step of 64 trees costs about what a level of a walk does. */
    if (n_steps > writer->lanes.levels && !writer->lanes.heap_depth)
        return;
    if (sets && !rw_build_set_rows(writer->builder, writer->plan, n_steps, &writer->lanes))
        return;
    writer->lanes.row_columns = sets ? RW_SET_COLUMN : writer->n_columns;
}

/* ---- heaps: complete trees of 5 or 6 levels ---------------------------------------------- */

struct heap {
    uint8_t *columns, *cuts;
    float *leaves;
    double *leaves64;
    uint32_t depth;
};

/* Position `at` of the heap (root 1) shows `node`; a leaf stands for all below it. */
static void write_heap_node(const struct writer *writer, const struct heap *heap,
                            const struct rw_plan_node *nodes, uint32_t node, uint32_t at) {
    if (at >= 1u << heap->depth) {
        const uint32_t leaf = at - (1u << heap->depth);
        if (heap->leaves64)
            heap->leaves64[leaf] = nodes[node].value;
        else
            heap->leaves[leaf] = (float)nodes[node].value;
        return;
    }
    uint32_t left = node, right = node;
    uint16_t column = 0;
    uint8_t cut = 1;
    if (nodes[node].column != RW_PLAN_LEAF) {
        locate(writer, &nodes[node], &column, &cut);
        left = nodes[node].left;
        right = left + 1;
    }
    heap->columns[at] = (uint8_t)column;
    heap->cuts[at] = cut;
    write_heap_node(writer, heap, nodes, left, 2 * at); /* at most 6 deep */
    write_heap_node(writer, heap, nodes, right, 2 * at + 1);
}

static void write_heaps(struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    struct rw_builder *builder = writer->builder;
    if (!plan->plain || plan->max_depth > RW_DEEP_HEAP || writer->n_columns > UINT8_MAX ||
        writer->n_columns == 0)
        return;
    const uint32_t depth = plan->max_depth > RW_SHALLOW_HEAP ? RW_DEEP_HEAP : RW_SHALLOW_HEAP;
    const uint32_t n_trees = plan->forest->n_trees;
    const uint64_t size = (uint64_t)n_trees << depth;
    struct heap heap = {.columns = rw_builder_add(builder, RW_SECTION_HEAP_COLUMNS, size),
                        .cuts = rw_builder_add(builder, RW_SECTION_HEAP_CUTS, size),
                        .depth = depth};
    if (plan->sums64)
        heap.leaves64 = rw_builder_add(builder, RW_SECTION_HEAP_LEAVES64, size);
    else
        heap.leaves = rw_builder_add(builder, RW_SECTION_HEAP_LEAVES, size);
    writer->lanes.heap_depth = depth;
    for (uint32_t i = 0; !builder->failed && i < n_trees; i++) {
        write_heap_node(writer, &heap, plan->nodes + plan->trees[i].begin, 0, 1);
        heap.columns += 1u << depth;
        heap.cuts += 1u << depth;
        if (heap.leaves64)
            heap.leaves64 += 1u << depth;
        else
            heap.leaves += 1u << depth;
    }
}

/* ---- direct: thresholds in place of ranks ------------------------------------------------- */

static bool suits_direct(const struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    for (uint32_t c = 0; c < plan->n_columns; c++)
        if (plan->columns[c].rule != RW_RULE_NAN_LEFT && plan->columns[c].rule != RW_RULE_NAN_RIGHT)
            return false;
    return writer->lanes.heap_depth == RW_SHALLOW_HEAP && !plan->rows64 && !plan->sums64 &&
           plan->forest->n_features <= RW_DIRECT_FEATURES && plan->forest->n_groups == 1 &&
           plan->forest->n_trees <= RW_DIRECT_TREES;
}

static void write_direct_node(const struct rw_plan *plan, const struct rw_plan_node *nodes,
                              uint32_t node, uint32_t at, uint8_t *columns, float *thresholds) {
    if (at >= 1u << RW_SHALLOW_HEAP)
        return;
    uint32_t left = node, right = node;
    if (nodes[node].column != RW_PLAN_LEAF) {
        const struct rw_plan_column *column = &plan->columns[nodes[node].column];
        columns[at] = (uint8_t)(column->feature +
                                (column->rule == RW_RULE_NAN_RIGHT ? RW_DIRECT_FEATURES : 0));
        thresholds[at] = (float)nodes[node].value;
        left = nodes[node].left;
        right = left + 1;
    }
    write_direct_node(plan, nodes, left, 2 * at, columns, thresholds); /* at most 5 deep */
    write_direct_node(plan, nodes, right, 2 * at + 1, columns, thresholds);
}

static void write_direct(struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    if (!suits_direct(writer))
        return;
    const uint32_t n_trees = plan->forest->n_trees;
    const uint64_t size = (uint64_t)n_trees << RW_SHALLOW_HEAP;
    uint8_t *columns = rw_builder_add(writer->builder, RW_SECTION_DIRECT_COLUMNS, size);
    float *thresholds = rw_builder_add(writer->builder, RW_SECTION_DIRECT_THRESHOLDS, size);
    for (uint32_t i = 0; !writer->builder->failed && i < n_trees; i++)
        write_direct_node(plan, plan->nodes + plan->trees[i].begin, 0, 1,
                          columns + ((size_t)i << RW_SHALLOW_HEAP),
                          thresholds + ((size_t)i << RW_SHALLOW_HEAP));
    writer->lanes.direct = 1;
}

/* Room for the leaves of any tree: a power of two, so that whole registers of leaves
 * can be read. */
static uint32_t leaf_stride(const struct rw_plan *plan) {
    uint32_t stride = RW_LANES_LEAST_STRIDE;
    for (uint32_t i = 0; i < plan->forest->n_trees; i++)
        while (plan->trees[i].shape.n_leaves > stride)
            stride *= 2;
    return stride;
}

static void write_all(struct writer *writer) {
    write_columns(writer);
    writer->lanes.n_planes = writer->n_columns;
    if (!writer->plan->plain)
        rw_build_set_features(writer->builder, writer->plan, writer->set_of, &writer->lanes);
    if (!writer->builder->failed)
        write_row_maps(writer);
    write_sweeps(writer);
    write_heaps(writer);
    write_direct(writer);
    write_chunks(writer);
}

void rw_build_sweeps(struct rw_builder *builder, const struct rw_plan *plan,
                     struct rw_lanes *lanes) {
    struct writer writer = {.builder = builder, .plan = plan, .lanes = *lanes};
    writer.n_slots = (uint32_t)builder->parts[RW_SECTION_SLOTS].count;
    writer.lanes.sweeps = 1;
    writer.lanes.leaf_stride = leaf_stride(plan);
    writer.column_of = calloc((size_t)plan->n_columns + 1, sizeof *writer.column_of);
    writer.set_of = calloc(plan->forest->n_features, sizeof *writer.set_of);
    if (writer.column_of && writer.set_of)
        write_all(&writer);
    else
        builder->failed = true;
    *lanes = writer.lanes;
    free(writer.column_of);
    free(writer.set_of);
}

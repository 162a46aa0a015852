/*
 * build_contributions.c - covers and leaves become the tables of contributions.h.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>

#include "forest/build.h"
#include "forest/contributions.h"

/* Splits of one run at most, so that the frames of a walk stay in the nearest cache. */
#define RUN_SPLITS 64u
#define NO_NODE    UINT32_MAX
/* Of what is divided by: nothing comes through an edge without a share anyway. */
#define LEAST_SHARE 1e-200
#define ROOT        0u

/* What is known of a node while its tree is laid out. */
struct place {
    double share[2]; /* split: of its children, with the same feature's above */
    double mean;     /* of the leaves below */
    uint32_t parent;
    uint32_t earlier;  /* nearest split above with the same feature; NO_NODE */
    uint32_t n_splits; /* of its subtree */
    uint32_t n_unique; /* features on the path, with its own */
    uint16_t frame;
    bool is_right;      /* child of its parent */
    bool earlier_right; /* the path leaves `earlier` to the right */
};

/* A split whose subtree is to be written, or that is to be popped behind it. */
struct pending {
    uint32_t node, frame;
    bool is_pop;
};

struct writer {
    struct rw_builder *builder;
    const struct rw_plan *plan;
    const struct rw_tree *tree;
    const struct rw_plan_node *nodes; /* of the tree */
    struct rw_contribution_tree current;
    double *bias; /* [n_groups] */
    uint32_t n_slots;
    struct place *places;
    struct pending pending[2 * RW_CONTRIBUTION_FRAMES];
    uint32_t n_pending;
};

static bool is_leaf(const struct writer *writer, uint32_t node) {
    return writer->nodes[node].column == RW_PLAN_LEAF;
}

static uint32_t child(const struct writer *writer, uint32_t node, uint32_t side) {
    return writer->nodes[node].left + side;
}

static uint32_t feature_of(const struct writer *writer, uint32_t node) {
    return writer->plan->columns[writer->nodes[node].column].feature;
}

/* What of the sums is divided, every leaf is. */
static double leaf_value(const struct writer *writer, uint32_t node) {
    const double divisor = writer->plan->forest->divisor;
    return divisor != 0.0 ? writer->nodes[node].value / divisor : writer->nodes[node].value;
}

static double share(const struct writer *writer, uint32_t node, uint32_t to) {
    const double *cover = writer->tree->cover;
    return cover[writer->nodes[to].origin] / cover[writer->nodes[node].origin];
}

/* ---- measuring -------------------------------------------------------------------- */

static void find_earlier(struct writer *writer, uint32_t node) {
    struct place *place = &writer->places[node];
    uint32_t below = node, above = place->parent;
    while (above != NO_NODE && feature_of(writer, above) != feature_of(writer, node)) {
        below = above;
        above = writer->places[above].parent;
    }
    place->earlier = above;
    place->earlier_right = writer->places[below].is_right;
}

static double share_above(const struct writer *writer, const struct place *place) {
    if (place->earlier == NO_NODE)
        return 1.0;
    return writer->places[place->earlier].share[place->earlier_right];
}

static void place_split(struct writer *writer, uint32_t node) {
    struct place *place = &writer->places[node];
    find_earlier(writer, node);
    const double above = share_above(writer, place);
    place->n_unique = place->parent == NO_NODE ? 0 : writer->places[place->parent].n_unique;
    place->n_unique += place->earlier == NO_NODE;
    for (uint32_t side = 0; side < 2; side++) {
        const uint32_t to = child(writer, node, side);
        place->share[side] = above * share(writer, node, to);
        writer->places[to] = (struct place){.parent = node, .is_right = side};
    }
}

/* From the root down; returns the most features on a path. */
static uint32_t place_splits(struct writer *writer, uint32_t n_nodes) {
    uint32_t most = 0;
    writer->places[ROOT] = (struct place){.parent = NO_NODE};
    for (uint32_t node = 0; node < n_nodes; node++) {
        if (is_leaf(writer, node))
            continue;
        place_split(writer, node);
        if (writer->places[node].n_unique > most)
            most = writer->places[node].n_unique;
    }
    return most;
}

/* From the leaves up. */
static void sum_up(struct writer *writer, uint32_t n_nodes) {
    for (uint32_t node = n_nodes; node-- > 0;) {
        struct place *place = &writer->places[node];
        if (is_leaf(writer, node)) {
            place->mean = leaf_value(writer, node);
            continue;
        }
        place->n_splits = 1;
        for (uint32_t side = 0; side < 2; side++) {
            const uint32_t to = child(writer, node, side);
            place->n_splits += writer->places[to].n_splits;
            place->mean += writer->places[to].mean * share(writer, node, to);
        }
    }
}

/* n nodes are exact for paths of up to 2 n features (docs/engine.md). */
static void set_quadrature(struct rw_contribution_tree *tree, uint32_t n_features) {
    tree->lanes = n_features <= 8 ? 4 : RW_CONTRIBUTION_LANES;
    tree->passes = n_features <= 16 ? 1 : n_features <= 32 ? 2 : RW_CONTRIBUTION_PASSES;
}

/* ---- splits ------------------------------------------------------------------------ */

static void set_rule(struct writer *writer, uint32_t node, struct rw_contribution_push *split) {
    const struct rw_plan_node *planned = &writer->nodes[node];
    const uint32_t flags = writer->tree->flags[planned->origin];
    const double value = writer->tree->value[planned->origin];
    if (planned->column < writer->n_slots && rw_plan_is_plain(flags, value)) {
        split->threshold = planned->value;
        split->slot = planned->column;
        return;
    }
    const uint64_t index = writer->builder->parts[RW_SECTION_CONTRIBUTION_RULES].count;
    split->slot = writer->n_slots + (uint32_t)index;
    writer->current.has_rules = 1;
    struct rw_contribution_rule *rule =
        rw_builder_add(writer->builder, RW_SECTION_CONTRIBUTION_RULES, 1);
    if (!rule)
        return;
    *rule = (struct rw_contribution_rule){.feature = feature_of(writer, node), .flags = flags};
    if (flags & RW_NODE_CATEGORICAL) {
        rule->categories = writer->tree->category_begin[planned->origin];
        rule->n_words = writer->tree->category_words[planned->origin];
    } else {
        rule->threshold = value;
    }
}

static uint16_t edge(const struct writer *writer, uint32_t node, bool is_right) {
    return (uint16_t)(2u * writer->places[node].frame + is_right);
}

static uint16_t value_of(const struct writer *writer, uint32_t node) {
    return (uint16_t)(writer->places[node].frame * writer->current.lanes);
}

static void push(struct writer *writer, uint32_t node, uint32_t frame) {
    struct place *place = &writer->places[node];
    struct rw_contribution_push split = {.share = 1.0, .above = 1.0};
    set_rule(writer, node, &split);
    place->frame = (uint16_t)frame;
    if (place->parent != NO_NODE) {
        split.share = writer->places[place->parent].share[place->is_right];
        split.parent = edge(writer, place->parent, place->is_right);
    }
    if (place->earlier != NO_NODE) {
        split.earlier = edge(writer, place->earlier, place->earlier_right);
        split.above = fmax(share_above(writer, place), LEAST_SHARE);
    }
    writer->current.n_splits++;
    struct rw_contribution_push *added =
        rw_builder_add(writer->builder, RW_SECTION_CONTRIBUTION_PUSHES, 1);
    if (added)
        *added = split;
}

static void pop(struct writer *writer, uint32_t node) {
    const struct place *place = &writer->places[node];
    struct rw_contribution_pop *split =
        rw_builder_add(writer->builder, RW_SECTION_CONTRIBUTION_POPS, 1);
    if (!split)
        return;
    split->feature = (uint16_t)feature_of(writer, node);
    split->above = share_above(writer, place);
    for (uint32_t side = 0; side < 2; side++) {
        const uint32_t to = child(writer, node, side);
        split->share[side] = place->share[side];
        if (is_leaf(writer, to))
            split->leaf[1 + side] = leaf_value(writer, to);
        else
            split->child[1 + side] = value_of(writer, to);
        split->leaf_mean += place->share[side] * split->leaf[1 + side];
    }
}

static void add_run(struct writer *writer, uint32_t frame, uint32_t n_push, uint32_t n_pop) {
    struct rw_contribution_run *run =
        rw_builder_add(writer->builder, RW_SECTION_CONTRIBUTION_RUNS, 1);
    if (run)
        *run = (struct rw_contribution_run){(uint16_t)frame, (uint16_t)n_push, (uint16_t)n_pop, 0};
    writer->current.n_runs++;
}

/* A whole subtree, breadth first: neighbours do not wait for each other. */
static void add_subtree(struct writer *writer, uint32_t root, uint32_t frame) {
    uint32_t nodes[RUN_SPLITS + 1], n = 1;
    nodes[0] = root;
    for (uint32_t i = 0; i < n; i++) {
        push(writer, nodes[i], frame + i);
        for (uint32_t side = 0; side < 2; side++)
            if (!is_leaf(writer, child(writer, nodes[i], side)))
                nodes[n++] = child(writer, nodes[i], side);
    }
    for (uint32_t i = n; i-- > 0;)
        pop(writer, nodes[i]);
    add_run(writer, frame, n, n);
}

static void add_pending(struct writer *writer, uint32_t node, uint32_t frame, bool is_pop) {
    writer->pending[writer->n_pending++] = (struct pending){node, frame, is_pop};
}

/* The larger subtree comes first; its sum keeps its frame while the other is worked on.
 * So what a path needs beyond a frame a split is a frame a halving. */
static void add_children(struct writer *writer, uint32_t node, uint32_t frame) {
    uint32_t first = child(writer, node, 0), second = child(writer, node, 1);
    if (writer->places[second].n_splits > writer->places[first].n_splits) {
        first = child(writer, node, 1);
        second = child(writer, node, 0);
    }
    if (!is_leaf(writer, second))
        add_pending(writer, second, frame + 2, false);
    add_pending(writer, first, frame + 1, false); /* a split, in a subtree so large */
}

static void add_splits(struct writer *writer) {
    writer->n_pending = 0;
    add_pending(writer, ROOT, 1, false);
    while (writer->n_pending > 0) {
        const struct pending next = writer->pending[--writer->n_pending];
        const uint32_t room = RW_CONTRIBUTION_FRAMES - next.frame;
        if (next.is_pop) {
            pop(writer, next.node);
            add_run(writer, next.frame + 1, 0, 1);
        } else if (writer->places[next.node].n_splits <= (room < RUN_SPLITS ? room : RUN_SPLITS)) {
            add_subtree(writer, next.node, next.frame);
        } else { /* alone, then its children */
            push(writer, next.node, next.frame);
            add_run(writer, next.frame, 1, 0);
            add_pending(writer, next.node, next.frame, true);
            add_children(writer, next.node, next.frame);
        }
    }
}

/* ---- trees -------------------------------------------------------------------------- */

static uint32_t count_of(const struct writer *writer, enum rw_section_id id) {
    return (uint32_t)writer->builder->parts[id].count;
}

static void write_tree(struct writer *writer, uint32_t index) {
    const struct rw_plan_tree *planned = &writer->plan->trees[index];
    writer->tree = &writer->plan->forest->trees[index];
    writer->nodes = writer->plan->nodes + planned->begin;
    const uint32_t n_unique = place_splits(writer, planned->shape.n_nodes);
    sum_up(writer, planned->shape.n_nodes);
    writer->bias[planned->group] += writer->places[ROOT].mean;
    if (is_leaf(writer, ROOT))
        return;
    writer->current = (struct rw_contribution_tree){
        .group = planned->group,
        .first_run = count_of(writer, RW_SECTION_CONTRIBUTION_RUNS),
        .first_split = count_of(writer, RW_SECTION_CONTRIBUTION_PUSHES)};
    set_quadrature(&writer->current, n_unique);
    add_splits(writer);
    struct rw_contribution_tree *added =
        rw_builder_add(writer->builder, RW_SECTION_CONTRIBUTION_TREES, 1);
    if (added)
        *added = writer->current;
}

static int by_walk(const void *left, const void *right) {
    const struct rw_contribution_tree *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->lanes * a->passes != b->lanes * b->passes)
        return a->lanes * a->passes < b->lanes * b->passes ? -1 : 1;
    return (a->first_split > b->first_split) - (a->first_split < b->first_split);
}

static void sort_trees(struct rw_builder *builder) {
    struct rw_part *trees = &builder->parts[RW_SECTION_CONTRIBUTION_TREES];
    if (trees->count)
        qsort(trees->data, trees->count, sizeof(struct rw_contribution_tree), by_walk);
}

static void write_slots(struct writer *writer) {
    const struct rw_plan *plan = writer->plan;
    writer->n_slots =
        plan->n_columns < RW_CONTRIBUTION_SLOTS ? plan->n_columns : RW_CONTRIBUTION_SLOTS;
    struct rw_contribution_slot *slots =
        rw_builder_add(writer->builder, RW_SECTION_CONTRIBUTION_SLOTS, writer->n_slots);
    for (uint32_t i = 0; slots && i < writer->n_slots; i++)
        slots[i] = (struct rw_contribution_slot){plan->columns[i].feature, plan->columns[i].rule};
}

/* bias = (base + means of the trees) / divisor + offset */
static void write_bias(struct writer *writer) {
    const struct rw_forest *forest = writer->plan->forest;
    double *bias = rw_builder_add(writer->builder, RW_SECTION_CONTRIBUTION_BIAS, forest->n_groups);
    for (uint32_t group = 0; bias && group < forest->n_groups; group++) {
        const double base = forest->base ? forest->base[group] : 0.0;
        bias[group] =
            writer->bias[group] + (forest->divisor != 0.0 ? base / forest->divisor : base);
        if (forest->offset)
            bias[group] += forest->offset[group];
    }
}

static void write_all(struct writer *writer) {
    write_slots(writer);
    for (uint32_t i = 0; i < writer->plan->forest->n_trees && !writer->builder->failed; i++)
        write_tree(writer, i);
    sort_trees(writer->builder);
    write_bias(writer);
}

static bool suits(const struct rw_plan *plan, uint32_t *largest) {
    if (plan->forest->program) /* what it does beside the trees is not known */
        return false;
    if (plan->forest->program)
        return false; /* its trees are not all that there is */
    for (uint32_t i = 0; i < plan->forest->n_trees; i++) {
        const struct rw_tree_shape *shape = &plan->trees[i].shape;
        if (!shape->has_cover || shape->has_linear || shape->depth > RW_CONTRIBUTION_MAX_DEPTH)
            return false;
        if (shape->n_nodes > *largest)
            *largest = shape->n_nodes;
    }
    return true;
}

void rw_build_contributions(struct rw_builder *builder, const struct rw_plan *plan) {
    uint32_t largest = 1;
    if (!suits(plan, &largest))
        return;
    struct writer writer = {.builder = builder, .plan = plan};
    writer.places = malloc(largest * sizeof *writer.places);
    writer.bias = calloc(plan->forest->n_groups, sizeof *writer.bias);
    if (writer.places && writer.bias)
        write_all(&writer);
    else
        builder->failed = true;
    free(writer.places);
    free(writer.bias);
}

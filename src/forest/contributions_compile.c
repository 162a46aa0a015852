/*
 * contributions_compile.c - covers and leaves become the tables of contributions.h.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/contributions.h"
#include "forest/forest.h"

/* Splits of one run at most, so that the frames of a walk stay in the nearest cache. */
#define RUN_SPLITS  64u
#define NO_NODE     UINT32_MAX
#define PLAIN_UNITS ((size_t)2 * RW_CONTRIBUTION_LANES * RW_CONTRIBUTION_PASSES / RW_INVERSE_UNIT)

/* A growing array; `failed` is sticky. */
struct table {
    void *data;
    size_t count, capacity, element;
};

/* What is known of a split while its tree is laid out, by node. */
struct place {
    uint32_t parent;   /* node */
    uint32_t earlier;  /* nearest node above with the same feature; NO_NODE */
    uint32_t n_splits; /* of its subtree */
    uint16_t frame;
    bool is_right, earlier_right;
    uint16_t n_unique; /* features on the path, with its own */
    double share[2];
};

struct builder {
    const struct rw_forest *forest;
    const struct rw_tree *tree;
    struct rw_contribution_tree current;
    struct table trees, runs, splits, inverses, rules;
    double *bias;
    uint32_t *slot_of; /* [n_features][SLOT_KINDS]: rule + 1 */
    /* scratch of the largest tree */
    struct place *places;
    uint32_t *order, *depths, *pending;
    double *mean;
    uint32_t n_pending;
    uint32_t n_frames; /* on the stack */
    bool no_memory;
};

/* ---- tables ---------------------------------------------------------------------- */

static void *append(struct builder *builder, struct table *table, size_t n) {
    if (table->capacity - table->count < n) {
        size_t capacity = table->capacity + table->capacity / 2 + n + 256;
        void *data = realloc(table->data, capacity * table->element);
        if (!data) {
            builder->no_memory = true;
            return NULL;
        }
        table->data = data;
        table->capacity = capacity;
    }
    void *at = (char *)table->data + table->count * table->element;
    memset(at, 0, n * table->element);
    table->count += n;
    return at;
}

/* ---- rules ------------------------------------------------------------------------ */

#define SLOT_FLAGS (RW_NODE_NAN_IS_ZERO | RW_NODE_ZERO_IS_MISSING | RW_NODE_DEFAULT_LEFT)
#define SLOT_KINDS 8u
_Static_assert(SLOT_FLAGS < SLOT_KINDS, "flags of slots index slot_of");

/* "x <= value" is "x < next value"; false where no compare with a slot can decide. */
static bool slot_threshold(uint32_t flags, double value, double *threshold) {
    if (flags & (RW_NODE_CATEGORICAL | RW_NODE_EQUAL))
        return false;
    *threshold = flags & RW_NODE_AT_MOST ? nextafter(value, INFINITY) : value;
    return *threshold != -INFINITY && !((flags & RW_NODE_AT_MOST) && value == INFINITY);
}

static uint32_t find_slot(struct builder *builder, uint32_t feature, uint32_t flags) {
    uint32_t *slot = &builder->slot_of[(size_t)feature * SLOT_KINDS + (flags & SLOT_FLAGS)];
    if (*slot == 0 && builder->rules.count < RW_CONTRIBUTION_SLOTS) {
        struct rw_contribution_rule *rule = append(builder, &builder->rules, 1);
        if (rule)
            *rule = (struct rw_contribution_rule){.feature = feature, .flags = flags & SLOT_FLAGS};
        *slot = (uint32_t)builder->rules.count;
    }
    return *slot;
}

/* First pass over all trees, so that slots come before the other rules. */
static void find_slots(struct builder *builder) {
    for (uint32_t i = 0; i < builder->forest->n_trees; i++) {
        const struct rw_tree *tree = &builder->forest->trees[i];
        double threshold;
        for (uint32_t node = 0; node < tree->n_nodes; node++)
            if (tree->left[node] != -1 &&
                slot_threshold(tree->flags[node], tree->value[node], &threshold))
                find_slot(builder, tree->feature[node], tree->flags[node]);
    }
}

static void set_rule(struct builder *builder, uint32_t node,
                     struct rw_contribution_split *split) {
    const struct rw_tree *tree = builder->tree;
    const uint32_t flags = tree->flags[node], feature = tree->feature[node];
    if (slot_threshold(flags, tree->value[node], &split->threshold)) {
        split->slot = builder->slot_of[(size_t)feature * SLOT_KINDS + (flags & SLOT_FLAGS)] - 1;
        if (split->slot != NO_NODE)
            return;
    }
    builder->current.has_rules = 1;
    split->slot = (uint32_t)builder->rules.count;
    struct rw_contribution_rule *rule = append(builder, &builder->rules, 1);
    if (!rule)
        return;
    *rule = (struct rw_contribution_rule){
        .feature = feature, .flags = flags, .value = tree->value[node]};
    if (flags & RW_NODE_CATEGORICAL) {
        rule->value = 0.0;
        rule->categories = tree->category_begin[node];
        rule->n_words = tree->category_words[node];
    }
}

/* ---- shares ------------------------------------------------------------------------- */

static bool is_leaf(const struct rw_tree *tree, uint32_t node) {
    return tree->left[node] == -1;
}

static uint32_t child(const struct rw_tree *tree, uint32_t node, int side) {
    return (uint32_t)(side ? tree->right[node] : tree->left[node]);
}

/* Nearest split above on the same feature. */
static void find_earlier(struct builder *builder, uint32_t node) {
    struct place *place = &builder->places[node];
    place->earlier = NO_NODE;
    uint32_t below = node, above = place->parent;
    while (above != NO_NODE && builder->tree->feature[above] != builder->tree->feature[node]) {
        below = above;
        above = builder->places[above].parent;
    }
    place->earlier = above;
    place->earlier_right = builder->places[below].is_right;
}

static void place_split(struct builder *builder, uint32_t node) {
    const struct rw_tree *tree = builder->tree;
    struct place *place = &builder->places[node];
    find_earlier(builder, node);
    double above = 1.0;
    if (place->earlier != NO_NODE)
        above = builder->places[place->earlier].share[place->earlier_right];
    place->n_unique = (uint16_t)((place->parent == NO_NODE
                                      ? 0
                                      : builder->places[place->parent].n_unique) +
                                 (place->earlier == NO_NODE));
    for (int side = 0; side < 2; side++) {
        uint32_t to = child(tree, node, side);
        place->share[side] = above * (tree->cover[to] / tree->cover[node]);
        builder->places[to].parent = node;
        builder->places[to].is_right = side;
    }
}

static double leaf_value(const struct builder *builder, uint32_t node) {
    const struct rw_forest *forest = builder->forest;
    double value = builder->tree->value[node] * (double)builder->tree->weight;
    return forest->divisor != 0.0 ? value / forest->divisor : value;
}

/* Going up: number of splits, and the mean of the leaves. */
static void sum_up(struct builder *builder, uint32_t n_nodes) {
    const struct rw_tree *tree = builder->tree;
    for (uint32_t i = n_nodes; i > 0; i--) {
        uint32_t node = builder->order[i - 1];
        if (is_leaf(tree, node)) {
            builder->places[node].n_splits = 0;
            builder->mean[node] = leaf_value(builder, node);
            continue;
        }
        uint32_t left = child(tree, node, 0), right = child(tree, node, 1);
        builder->places[node].n_splits =
            builder->places[left].n_splits + builder->places[right].n_splits + 1;
        builder->mean[node] = builder->mean[left] * (tree->cover[left] / tree->cover[node]) +
                              builder->mean[right] * (tree->cover[right] / tree->cover[node]);
    }
}

/* Places all splits, from the root down; the most features on a path. */
static uint32_t measure(struct builder *builder, uint32_t n_nodes) {
    uint32_t most = 0;
    builder->places[0].parent = NO_NODE;
    for (uint32_t i = 0; i < n_nodes; i++) {
        uint32_t node = builder->order[i];
        if (is_leaf(builder->tree, node))
            continue;
        place_split(builder, node);
        if (builder->places[node].n_unique > most)
            most = builder->places[node].n_unique;
    }
    return most;
}

/* n nodes are exact for paths of up to 2 n features. */
static void set_quadrature(struct rw_contribution_tree *tree, uint32_t n_features) {
    tree->lanes = n_features <= 8 ? 4 : RW_CONTRIBUTION_LANES;
    tree->passes = n_features <= 16 ? 1 : n_features <= 32 ? 2 : RW_CONTRIBUTION_PASSES;
}

/* ---- splits ---------------------------------------------------------------------------- */

static double invert(double factor) {
    return factor > 1e-200 ? 1.0 / factor : 0.0; /* nothing comes through such an edge */
}

static void add_inverses(struct builder *builder, struct rw_contribution_split *split) {
    const uint32_t lanes = builder->current.lanes, passes = builder->current.passes;
    const double *t = rw_quadrature_nodes(lanes * passes);
    split->inverse = (uint32_t)(builder->inverses.count / RW_INVERSE_UNIT);
    double *inverse = append(builder, &builder->inverses, (size_t)2 * lanes * passes);
    for (uint32_t i = 0; inverse && i < lanes * passes; i++) {
        double cold = split->above * (1.0 - t[i]);
        uint32_t at = i / lanes * 2 * lanes + i % lanes;
        inverse[at] = invert(cold);
        inverse[at + lanes] = invert(cold + t[i]);
    }
}

/* For splits without an earlier one: zeros, and ones behind them, for every pass.  With
 * four lanes they begin in the middle. */
static void add_plain_inverses(struct builder *builder) {
    const size_t lanes = RW_CONTRIBUTION_LANES;
    double *inverse = append(builder, &builder->inverses, PLAIN_UNITS * RW_INVERSE_UNIT);
    for (size_t i = 0; inverse && i < PLAIN_UNITS * RW_INVERSE_UNIT; i++)
        inverse[i] = i / lanes % 2 ? 1.0 : 0.0;
}

static uint16_t edge(const struct builder *builder, uint32_t node, bool is_right) {
    return (uint16_t)(2u * builder->places[node].frame + is_right);
}

static void push(struct builder *builder, uint32_t node) {
    struct place *place = &builder->places[node];
    struct rw_contribution_split *split = append(builder, &builder->splits, 1);
    place->frame = (uint16_t)builder->n_frames++;
    ((struct rw_contribution_run *)builder->runs.data)[builder->runs.count - 1].n_push++;
    if (!split)
        return;
    builder->current.n_splits++;
    split->feature = builder->tree->feature[node];
    split->above = 1.0;
    split->inverse = RW_CONTRIBUTION_LANES / builder->current.lanes - 1;
    set_rule(builder, node, split);
    for (int side = 0; side < 2; side++) {
        uint32_t to = child(builder->tree, node, side);
        split->share[side] = place->share[side];
        split->leaf[side] = is_leaf(builder->tree, to) ? leaf_value(builder, to) : 0.0;
    }
    if (place->parent != NO_NODE)
        split->parent = edge(builder, place->parent, place->is_right);
    if (place->earlier != NO_NODE) {
        split->earlier = edge(builder, place->earlier, place->earlier_right);
        split->above = builder->places[place->earlier].share[place->earlier_right];
        add_inverses(builder, split);
    }
}

static void pop(struct builder *builder) {
    ((struct rw_contribution_run *)builder->runs.data)[builder->runs.count - 1].n_pop++;
    builder->n_frames--;
}

/* A run pushes, then pops. */
static void begin_run(struct builder *builder) {
    const struct rw_contribution_run *last = builder->runs.data;
    if (builder->current.n_runs && last[builder->runs.count - 1].n_pop == 0)
        return;
    append(builder, &builder->runs, 1);
    builder->current.n_runs++;
}

/* A whole subtree, breadth first: neighbours do not wait for each other. */
static void add_subtree(struct builder *builder, uint32_t root) {
    uint32_t *queue = builder->pending + builder->n_pending, n = 1;
    queue[0] = root;
    begin_run(builder);
    for (uint32_t i = 0; i < n && !builder->no_memory; i++) {
        for (int side = 0; side < 2; side++) {
            uint32_t to = child(builder->tree, queue[i], side);
            if (!is_leaf(builder->tree, to))
                queue[n++] = to;
        }
        push(builder, queue[i]);
    }
    for (uint32_t i = 0; i < n; i++)
        pop(builder);
}

#define POP NO_NODE

/* A split whose subtree is too large for one run is pushed alone, then come its
 * children, then it is popped. */
static void add_split(struct builder *builder, uint32_t node) {
    uint32_t room = RW_CONTRIBUTION_FRAMES - builder->n_frames;
    if (builder->places[node].n_splits <= (room < RUN_SPLITS ? room : RUN_SPLITS)) {
        add_subtree(builder, node);
        return;
    }
    begin_run(builder);
    push(builder, node);
    builder->pending[builder->n_pending++] = POP;
    for (int side = 1; side >= 0; side--)
        if (!is_leaf(builder->tree, child(builder->tree, node, side)))
            builder->pending[builder->n_pending++] = child(builder->tree, node, side);
}

static void add_splits(struct builder *builder) {
    builder->n_frames = 1;
    builder->n_pending = 0;
    builder->pending[builder->n_pending++] = 0;
    while (builder->n_pending > 0 && !builder->no_memory) {
        uint32_t node = builder->pending[--builder->n_pending];
        if (node == POP)
            pop(builder);
        else
            add_split(builder, node);
    }
}

/* ---- trees -------------------------------------------------------------------------------- */

static rowan_status add_tree(struct builder *builder, uint32_t index, rowan_error *error) {
    const struct rw_tree *tree = builder->tree = &builder->forest->trees[index];
    struct rw_tree_shape shape;
    rowan_status status = rw_tree_check(builder->forest, index, builder->order, builder->depths,
                                        &shape, error);
    if (status != ROWAN_OK)
        return status;
    sum_up(builder, shape.n_nodes);
    builder->bias[tree->group] += builder->mean[0];
    if (is_leaf(tree, 0))
        return ROWAN_OK;
    builder->current =
        (struct rw_contribution_tree){.group = tree->group,
                                      .first_run = (uint32_t)builder->runs.count,
                                      .first_split = (uint32_t)builder->splits.count};
    set_quadrature(&builder->current, measure(builder, shape.n_nodes));
    add_splits(builder);
    struct rw_contribution_tree *added = append(builder, &builder->trees, 1);
    if (added)
        *added = builder->current;
    return ROWAN_OK;
}

static int by_group_and_walk(const void *left, const void *right) {
    const struct rw_contribution_tree *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->lanes * a->passes != b->lanes * b->passes)
        return a->lanes * a->passes < b->lanes * b->passes ? -1 : 1;
    return a->first_split < b->first_split ? -1 : a->first_split > b->first_split;
}

/* ---- forest -------------------------------------------------------------------------------- */

static bool can_contribute(const struct builder *builder) {
    for (uint32_t i = 0; i < builder->forest->n_trees; i++)
        if (!builder->forest->trees[i].cover || builder->forest->trees[i].linear)
            return false;
    return true;
}

static bool alloc_scratch(struct builder *builder) {
    const struct rw_forest *forest = builder->forest;
    size_t largest = 1;
    for (uint32_t i = 0; i < forest->n_trees; i++)
        if (forest->trees[i].n_nodes > largest)
            largest = forest->trees[i].n_nodes;
    builder->places = calloc(largest, sizeof *builder->places);
    builder->order = malloc(largest * sizeof *builder->order);
    builder->depths = malloc(largest * sizeof *builder->depths);
    builder->pending = malloc((2 * largest + RUN_SPLITS) * sizeof *builder->pending);
    builder->mean = malloc(largest * sizeof *builder->mean);
    builder->bias = calloc(forest->n_groups, sizeof *builder->bias);
    builder->slot_of = calloc((size_t)forest->n_features * SLOT_KINDS, sizeof *builder->slot_of);
    return builder->places && builder->order && builder->depths && builder->pending &&
           builder->mean && builder->bias && builder->slot_of;
}

static void free_scratch(struct builder *builder) {
    free(builder->places);
    free(builder->order);
    free(builder->depths);
    free(builder->pending);
    free(builder->mean);
    free(builder->slot_of);
}

static void finish_bias(struct builder *builder) {
    const struct rw_forest *forest = builder->forest;
    for (uint32_t i = 0; i < forest->n_groups; i++) {
        double base = forest->base ? forest->base[i] : 0.0;
        builder->bias[i] += forest->divisor != 0.0 ? base / forest->divisor : base;
        if (forest->offset)
            builder->bias[i] += forest->offset[i];
    }
}

static rowan_status add_trees(struct builder *builder, rowan_error *error) {
    rowan_status status = ROWAN_OK;
    if (!alloc_scratch(builder))
        builder->no_memory = true;
    if (!builder->no_memory)
        find_slots(builder);
    uint64_t n_slots = builder->rules.count;
    (void)n_slots;
    add_plain_inverses(builder);
    for (uint32_t i = 0; i < builder->forest->n_trees && status == ROWAN_OK; i++)
        if (!builder->no_memory)
            status = add_tree(builder, i, error);
    if (status == ROWAN_OK && builder->no_memory)
        status = rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory to compile");
    return status;
}

rowan_status rw_contributions_build(const struct rw_forest *forest, struct rw_contributions *tables,
                                    rowan_error *error) {
    struct builder builder = {.forest = forest,
                              .trees.element = sizeof *tables->trees,
                              .runs.element = sizeof *tables->runs,
                              .splits.element = sizeof *tables->splits,
                              .inverses.element = sizeof *tables->inverses,
                              .rules.element = sizeof *tables->rules};
    *tables = (struct rw_contributions){.n_features = forest->n_features,
                                        .n_groups = forest->n_groups};
    if (!can_contribute(&builder))
        return ROWAN_OK;
    rowan_status status = add_trees(&builder, error);
    free_scratch(&builder);
    if (status == ROWAN_OK) {
        finish_bias(&builder);
        if (builder.trees.count)
            qsort(builder.trees.data, builder.trees.count, sizeof *tables->trees, by_group_and_walk);
    }
    tables->trees = builder.trees.data;
    tables->runs = builder.runs.data;
    tables->splits = builder.splits.data;
    tables->inverses = builder.inverses.data;
    tables->rules = builder.rules.data;
    tables->bias = builder.bias;
    tables->n_trees = builder.trees.count;
    tables->n_runs = builder.runs.count;
    tables->n_splits = builder.splits.count;
    tables->n_inverses = builder.inverses.count;
    tables->n_rules = builder.rules.count;
    if (status != ROWAN_OK)
        rw_contributions_free(tables);
    return status;
}

void rw_contributions_free(struct rw_contributions *tables) {
    free((void *)(uintptr_t)tables->trees);
    free((void *)(uintptr_t)tables->runs);
    free((void *)(uintptr_t)tables->splits);
    free((void *)(uintptr_t)tables->inverses);
    free((void *)(uintptr_t)tables->rules);
    free((void *)(uintptr_t)tables->bias);
    *tables = (struct rw_contributions){0};
}

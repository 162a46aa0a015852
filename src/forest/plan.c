/*
 * plan.c - from the description to the normal form.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct planner {
    const struct rw_forest *forest;
    struct rw_plan *plan;
    uint32_t *order, *depths; /* scratch of the largest tree */
    uint32_t *column_of;      /* [n_features * RW_RULE_COUNT]: column + 1 */
    uint64_t capacity;        /* of plan->nodes */
    uint32_t column_capacity; /* of plan->columns */
    rowan_error *error;
};

static rowan_status no_memory(const struct planner *planner) {
    return rw_fail(planner->error, ROWAN_NO_MEMORY, NULL, NULL, "no memory to compile");
}

/* Smallest float that is >= value, or > value. */
static double float_at_least(double value, bool beyond) {
    float f = (float)value;
    if ((double)f < value || (beyond && (double)f == value))
        f = nextafterf(f, INFINITY);
    return (double)f;
}

/* x <= infinity is always true and x < -infinity never: columns cannot say that */
bool rw_plan_is_plain(uint32_t flags, double value) {
    return !(flags & (RW_NODE_CATEGORICAL | RW_NODE_EQUAL)) &&
           value != (flags & RW_NODE_AT_MOST ? INFINITY : -INFINITY);
}

/* The threshold t such that x < t says the same as the node, for every x of the rows'
 * precision that is not missing.  False where there is none. */
static bool plain_threshold(const struct rw_plan *plan, uint32_t flags, double value, double *t) {
    const bool at_most = flags & RW_NODE_AT_MOST;
    if (!rw_plan_is_plain(flags, value))
        return false;
    if (!plan->rows64)
        *t = float_at_least(value, at_most);
    else
        *t = at_most ? nextafter(value, INFINITY) : value;
    if (*t == 0.0)
        *t = 0.0; /* not -0.0 */
    return true;
}

static enum rw_plan_kind kind_of(const struct rw_plan *plan, uint32_t flags, double value,
                                 double *t) {
    const uint32_t with_sets = RW_NODE_CATEGORICAL | RW_NODE_TRUNCATE | RW_NODE_DEFAULT_LEFT;
    if (plain_threshold(plan, flags, value, t))
        return RW_PLAN_CUT;
    return (flags & RW_NODE_CATEGORICAL) && !(flags & ~with_sets) ? RW_PLAN_SET : RW_PLAN_OTHER;
}

static enum rw_plan_rule rule_of(uint32_t flags) {
    const bool left = flags & RW_NODE_DEFAULT_LEFT;
    if (flags & RW_NODE_ZERO_IS_MISSING)
        return left ? RW_RULE_ZERO_LEFT : RW_RULE_ZERO_RIGHT;
    if (flags & RW_NODE_NAN_IS_ZERO)
        return RW_RULE_NAN_IS_ZERO;
    return left ? RW_RULE_NAN_LEFT : RW_RULE_NAN_RIGHT;
}

/* False without memory. */
static bool find_column(struct planner *planner, uint32_t feature, enum rw_plan_rule rule,
                        uint32_t *column) {
    struct rw_plan *plan = planner->plan;
    uint32_t *known = &planner->column_of[(size_t)feature * RW_RULE_COUNT + rule];
    if (*known == 0) {
        if (plan->n_columns == planner->column_capacity) {
            uint32_t capacity = 2 * planner->column_capacity + 64;
            struct rw_plan_column *columns =
                realloc(plan->columns, capacity * sizeof *plan->columns);
            if (!columns)
                return false;
            plan->columns = columns;
            planner->column_capacity = capacity;
        }
        plan->columns[plan->n_columns++] = (struct rw_plan_column){feature, rule};
        *known = plan->n_columns;
    }
    *column = *known - 1;
    return true;
}

/* Breadth first, the children of the i-th split node are the next two: no map of
 * ids is needed. */
static bool plan_nodes(struct planner *planner, uint32_t index, struct rw_plan_tree *planned) {
    const struct rw_tree *tree = &planner->forest->trees[index];
    struct rw_plan_node *nodes = planner->plan->nodes + planned->begin;
    uint32_t next_child = 1;
    planned->plain = planned->sets = !planned->shape.has_linear;
    for (uint32_t i = 0; i < planned->shape.n_nodes; i++) {
        uint32_t origin = planner->order[i];
        nodes[i] = (struct rw_plan_node){.origin = origin, .column = RW_PLAN_LEAF};
        if (tree->left[origin] == -1) {
            nodes[i].value = rw_leaf_value(planner->forest, tree, origin);
            continue;
        }
        nodes[i].kind =
            kind_of(planner->plan, tree->flags[origin], tree->value[origin], &nodes[i].value);
        planned->plain = planned->plain && nodes[i].kind == RW_PLAN_CUT;
        planned->sets = planned->sets && nodes[i].kind != RW_PLAN_OTHER;
        if (!find_column(planner, tree->feature[origin], rule_of(tree->flags[origin]),
                         &nodes[i].column))
            return false;
        nodes[i].left = next_child;
        next_child += 2;
    }
    return true;
}

static bool grow_nodes(struct planner *planner, uint32_t more) {
    struct rw_plan *plan = planner->plan;
    if (plan->n_nodes + more <= planner->capacity)
        return true;
    uint64_t capacity = planner->capacity + planner->capacity / 2 + more;
    struct rw_plan_node *nodes = realloc(plan->nodes, capacity * sizeof *nodes);
    if (!nodes)
        return false;
    plan->nodes = nodes;
    planner->capacity = capacity;
    return true;
}

static rowan_status plan_tree(struct planner *planner, uint32_t index) {
    struct rw_plan *plan = planner->plan;
    struct rw_plan_tree *planned = &plan->trees[index];
    rowan_status status = rw_tree_check(planner->forest, index, planner->order, planner->depths,
                                        &planned->shape, planner->error);
    if (status != ROWAN_OK)
        return status;
    planned->begin = plan->n_nodes;
    planned->group = planner->forest->trees[index].group;
    if (!grow_nodes(planner, planned->shape.n_nodes) || !plan_nodes(planner, index, planned))
        return no_memory(planner);
    plan->n_nodes += planned->shape.n_nodes;
    plan->n_leaves += planned->shape.n_leaves;
    plan->plain = plan->plain && planned->plain;
    plan->sets = plan->sets && planned->sets;
    if (planned->shape.depth > plan->max_depth)
        plan->max_depth = planned->shape.depth;
    return ROWAN_OK;
}

/* ---- cuts ------------------------------------------------------------------------ */

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint32_t sort_distinct(double *values, uint32_t n) {
    qsort(values, n, sizeof *values, compare_doubles);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || values[i] != values[kept - 1])
            values[kept++] = values[i];
    return kept;
}

static uint32_t feature_of(const struct rw_plan *plan, const struct rw_plan_node *node) {
    return plan->columns[node->column].feature;
}

static void count_cuts(struct rw_plan *plan) {
    const uint32_t n_features = plan->forest->n_features;
    for (uint64_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i].kind == RW_PLAN_CUT)
            plan->cut_begin[feature_of(plan, &plan->nodes[i]) + 1]++;
    for (uint32_t f = 0; f < n_features; f++)
        plan->cut_begin[f + 1] += plan->cut_begin[f];
}

static void rank_nodes(struct rw_plan *plan) {
    for (uint64_t i = 0; i < plan->n_nodes; i++) {
        struct rw_plan_node *node = &plan->nodes[i];
        if (node->kind == RW_PLAN_CUT)
            node->rank = rw_plan_rank(plan, feature_of(plan, node), node->value);
    }
}

/* Sorts the splits by feature, then each feature's values; closes the gaps. */
static void fill_cuts(struct rw_plan *plan, uint32_t *next) {
    const uint32_t n_features = plan->forest->n_features;
    for (uint32_t f = 0; f < n_features; f++)
        next[f] = plan->cut_begin[f];
    for (uint64_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i].kind == RW_PLAN_CUT)
            plan->cuts[next[feature_of(plan, &plan->nodes[i])]++] = plan->nodes[i].value;
    uint32_t end = 0;
    for (uint32_t f = 0; f < n_features; f++) {
        uint32_t begin = plan->cut_begin[f];
        uint32_t kept = sort_distinct(plan->cuts + begin, next[f] - begin);
        memmove(plan->cuts + end, plan->cuts + begin, kept * sizeof *plan->cuts);
        plan->cut_begin[f] = end;
        end += kept;
    }
    plan->cut_begin[n_features] = end;
}

uint32_t rw_plan_rank(const struct rw_plan *plan, uint32_t feature, double x) {
    uint32_t low = plan->cut_begin[feature], high = plan->cut_begin[feature + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (plan->cuts[middle] <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low - plan->cut_begin[feature];
}

static rowan_status plan_cuts(struct planner *planner) {
    struct rw_plan *plan = planner->plan;
    const uint32_t n_features = planner->forest->n_features;
    plan->cut_begin = calloc((size_t)n_features + 1, sizeof *plan->cut_begin);
    plan->cuts = malloc((plan->n_nodes + 1) * sizeof *plan->cuts);
    uint32_t *next = calloc((size_t)n_features + 1, sizeof *next);
    if (plan->cut_begin && plan->cuts && next) {
        count_cuts(plan);
        fill_cuts(plan, next);
        rank_nodes(plan);
    }
    bool ok = plan->cut_begin && plan->cuts && next;
    free(next);
    return ok ? ROWAN_OK : no_memory(planner);
}

/* ---- the whole ------------------------------------------------------------------- */

static bool alloc_scratch(struct planner *planner) {
    const struct rw_forest *forest = planner->forest;
    size_t largest = 1;
    for (uint32_t i = 0; i < forest->n_trees; i++) {
        if (forest->trees[i].n_nodes > largest)
            largest = forest->trees[i].n_nodes;
        planner->capacity += forest->trees[i].n_nodes;
    }
    planner->order = malloc(largest * sizeof *planner->order);
    planner->depths = malloc(largest * sizeof *planner->depths);
    planner->column_of =
        calloc((size_t)forest->n_features * RW_RULE_COUNT, sizeof *planner->column_of);
    planner->plan->trees =
        calloc(forest->n_trees ? forest->n_trees : 1, sizeof *planner->plan->trees);
    planner->plan->nodes = calloc(planner->capacity + 1, sizeof *planner->plan->nodes);
    return planner->order && planner->depths && planner->column_of && planner->plan->trees &&
           planner->plan->nodes;
}

static rowan_status plan_forest(struct planner *planner) {
    if (!alloc_scratch(planner))
        return no_memory(planner);
    for (uint32_t i = 0; i < planner->forest->n_trees; i++) {
        rowan_status status = plan_tree(planner, i);
        if (status != ROWAN_OK)
            return status;
    }
    if (planner->plan->n_nodes > UINT32_MAX / 2)
        return rw_fail(planner->error, ROWAN_LIMIT, NULL, NULL, "more than %u nodes",
                       UINT32_MAX / 2);
    return plan_cuts(planner);
}

rowan_status rw_plan_make(const struct rw_forest *forest, struct rw_plan *plan,
                          rowan_error *error) {
    *plan = (struct rw_plan){.forest = forest,
                             .plain = true,
                             .sets = true,
                             .rows64 = rw_arithmetic_rows64(forest->arithmetic),
                             .sums64 = rw_arithmetic_sums64(forest->arithmetic)};
    rowan_status status = rw_forest_check(forest, error);
    if (status != ROWAN_OK)
        return status;
    struct planner planner = {.forest = forest, .plan = plan, .error = error};
    status = plan_forest(&planner);
    free(planner.order);
    free(planner.depths);
    free(planner.column_of);
    return status;
}

void rw_plan_free(struct rw_plan *plan) {
    free(plan->trees);
    free(plan->nodes);
    free(plan->columns);
    free(plan->cuts);
    free(plan->cut_begin);
}

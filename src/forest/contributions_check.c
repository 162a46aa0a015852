/*
 * contributions_check.c - proves that a walk over the tables stays inside of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/contributions.h"
#include "forest/forest.h"
#include "forest/plan.h"

/* While a tree's program runs. */
struct run_state {
    const struct rw_contributions *tables;
    const struct rw_contribution_tree *tree;
    uint64_t next_push, next_pop;
    uint32_t n_frames; /* that were ever written */
};

static bool is_within(uint64_t begin, uint64_t count, uint64_t total) {
    return begin <= total && count <= total - begin;
}

static bool slots_ok(const struct rw_contributions *tables) {
    if (tables->n_slots > RW_CONTRIBUTION_SLOTS)
        return false;
    for (uint64_t i = 0; i < tables->n_slots; i++)
        if (tables->slots[i].feature >= tables->n_features ||
            tables->slots[i].rule >= RW_RULE_COUNT)
            return false;
    return true;
}

static bool rules_ok(const struct rw_contributions *tables) {
    for (uint64_t i = 0; i < tables->n_rules; i++) {
        const struct rw_contribution_rule *rule = &tables->rules[i];
        if (rule->feature >= tables->n_features ||
            !is_within(rule->categories, rule->n_words, tables->n_category_words))
            return false;
    }
    return true;
}

static bool push_ok(const struct run_state *state, uint32_t frame,
                    const struct rw_contribution_push *split) {
    const struct rw_contributions *tables = state->tables;
    const struct rw_contribution_tree *tree = state->tree;
    const uint64_t n_ways = tables->n_slots + (tree->has_rules ? tables->n_rules : 0);
    return split->slot < n_ways && split->parent / 2 < frame && split->earlier / 2 < frame;
}

static bool pop_ok(const struct run_state *state, const struct rw_contribution_pop *split) {
    for (uint32_t i = 0; i < 3; i++)
        if (split->child[i] / state->tree->lanes >= state->n_frames ||
            split->child[i] % state->tree->lanes != 0)
            return false;
    return split->feature < state->tables->n_features;
}

/* What is read of a frame was written before: frames fill up from the lowest. */
static bool run_ok(struct run_state *state, const struct rw_contribution_run *run) {
    const struct rw_contribution_tree *tree = state->tree;
    const struct rw_contributions *tables = state->tables;
    const uint64_t end = (uint64_t)tree->first_split + tree->n_splits;
    if (run->frame == 0 || run->frame > state->n_frames ||
        run->n_push > RW_CONTRIBUTION_FRAMES - run->frame || run->n_push > end - state->next_push ||
        run->n_pop > end - state->next_pop || run->n_pop >= run->frame + run->n_push)
        return false;
    for (uint32_t frame = run->frame, i = 0; i < run->n_push; i++, frame++) {
        if (!push_ok(state, frame, &tables->pushes[state->next_push++]))
            return false;
        if (frame == state->n_frames)
            state->n_frames++;
    }
    for (uint32_t i = 0; i < run->n_pop; i++)
        if (!pop_ok(state, &tables->pops[state->next_pop++]))
            return false;
    return true;
}

static bool tree_ok(const struct rw_contributions *tables,
                    const struct rw_contribution_tree *tree) {
    if (tree->group >= tables->n_groups ||
        !is_within(tree->first_run, tree->n_runs, tables->n_runs) ||
        !is_within(tree->first_split, tree->n_splits, tables->n_splits))
        return false;
    const bool four = tree->lanes == 4 && tree->passes == 1;
    const bool eight = tree->lanes == RW_CONTRIBUTION_LANES &&
                       (tree->passes == 1 || tree->passes == 2 || tree->passes == 4);
    struct run_state state = {tables, tree, tree->first_split, tree->first_split, 1};
    if (!four && !eight)
        return false;
    for (uint32_t i = 0; i < tree->n_runs; i++)
        if (!run_ok(&state, &tables->runs[tree->first_run + i]))
            return false;
    return true;
}

bool rw_contributions_check(const struct rw_contributions *tables) {
    if (tables->n_bias != 0 && tables->n_bias != tables->n_groups)
        return false;
    if (!slots_ok(tables) || !rules_ok(tables))
        return false;
    uint64_t n_runs = 0, n_splits = 0; /* no two trees share any: that bounds the work */
    for (uint64_t i = 0; i < tables->n_trees; i++) {
        n_runs += tables->trees[i].n_runs;
        n_splits += tables->trees[i].n_splits;
        if (n_runs > tables->n_runs || n_splits > tables->n_splits ||
            !tree_ok(tables, &tables->trees[i]))
            return false;
    }
    return tables->n_trees <= UINT32_MAX;
}

/*
 * contributions_walker.h - all of a walker, for the file of its CPU level, which
 * defines WALKER_TARGET and WALKER_WIDTH (doubles in a register, at most 4).
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "forest/contributions.h"

#define WALK_TARGET WALKER_TARGET

#define WALK_LANES      4
#define WALK_WIDTH      WALKER_WIDTH
#define WALK_NAME(name) four_##name
#include "forest/contributions_walk.h"
#undef WALK_LANES
#undef WALK_WIDTH
#undef WALK_NAME

#define WALK_LANES      8
#define WALK_WIDTH      WALKER_WIDTH
#define WALK_NAME(name) eight_##name
#include "forest/contributions_walk.h"
#undef WALK_LANES
#undef WALK_WIDTH
#undef WALK_NAME

static bool same_walk(const struct rw_contribution_tree *a, const struct rw_contribution_tree *b) {
    return a->group == b->group && a->lanes == b->lanes && a->passes == b->passes;
}

static void add(const struct rw_contributions *tables, const double *slots,
                const struct rw_contribution_row *row, double *out) {
    const struct rw_contribution_tree *trees = tables->trees;
    for (uint32_t first = 0, end; first < tables->n_trees; first = end) {
        for (end = first + 1; end < tables->n_trees && same_walk(&trees[first], &trees[end]);)
            end++;
        double *group = out + (size_t)trees[first].group * (tables->n_features + 1);
        if (trees[first].lanes == 4)
            four_trees(tables, first, end, slots, row, group);
        else
            eight_trees(tables, first, end, slots, row, group);
    }
}

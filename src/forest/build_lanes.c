/*
 * build_lanes.c - which layouts of ranks suit a forest.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/build.h"

static bool suits_ranks(const struct rw_plan *plan) {
    if (!plan->sets || plan->forest->n_trees == 0 || plan->n_columns > RW_LANES_MAX_COLUMNS)
        return false;
    for (uint32_t f = 0; f < plan->forest->n_features; f++)
        if (plan->cut_begin[f + 1] - plan->cut_begin[f] > RW_LANES_MAX_CUTS)
            return false;
    return true;
}

void rw_build_lanes(struct rw_builder *builder, const struct rw_plan *plan) {
    if (!suits_ranks(plan))
        return;
    const bool sweeps = rw_suits_sweeps(plan), deep = !sweeps && plan->plain && rw_suits_deep(plan);
    if (!sweeps && !deep)
        return;
    struct rw_lanes lanes = {0};
    rw_build_slots(builder, plan, &lanes);
    if (sweeps)
        rw_build_sweeps(builder, plan, &lanes);
    else
        rw_build_deep(builder, plan, &lanes);
    struct rw_lanes *written = rw_builder_add(builder, RW_SECTION_LANES, 1);
    if (written)
        *written = lanes;
}

/*
 * contributions_walk.h - the walk of contributions.h, for one CPU level and number of
 * lanes: a template, included with WALK_LANES, WALK_TARGET and WALK(name) defined.
 *
 * The lanes of a vector are nodes t of the quadrature.  A push goes down: the product
 * of the factors on the path.  A pop goes up: sums over the leaves below; from both
 * follows what the split adds to its feature.  docs/engine.md has the formulas.
 * No multiplication may be contracted, so that every CPU gives the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

typedef double WALK(vector) __attribute__((vector_size(WALK_LANES * 8)));
typedef double WALK(loose) __attribute__((vector_size(WALK_LANES * 8), aligned(8), may_alias));

struct WALK(pass) {
    WALK(vector) hot[2];  /* 0, t: so that hot edges find theirs at WALK_HOT bytes */
    WALK(vector) cold;    /* 1 - t */
    const char *inverses; /* of this pass */
};

#define WALK_HOT                (WALK_LANES * 8)
#define WALK_LOAD(base, offset) (*(const WALK(loose) *)((const char *)(base) + (offset)))

/* Of the frames. */
struct WALK(stack) {
    WALK(vector)
    others[RW_CONTRIBUTION_FRAMES];               /* product of the path's factors, without
                                                     the feature of the split */
    WALK(vector) inverse[RW_CONTRIBUTION_FRAMES]; /* of the feature's factor above */
    WALK(vector) sum[RW_CONTRIBUTION_FRAMES];     /* of leaves * factors below */
    uint8_t hot[RW_CONTRIBUTION_FRAMES][2];       /* of the edges: 0 or WALK_HOT */
    uint8_t way[RW_CONTRIBUTION_FRAMES];          /* index of rw_contribution_pop.leaf */
};

static inline __attribute__((always_inline)) WALK_TARGET void WALK(push)(
    struct WALK(stack) * stack, uint32_t frame, const struct rw_contribution_push *split,
    const struct WALK(pass) * pass, bool left) {
    const uint8_t *hots = stack->hot[0];
    const uint32_t hot_here = hots[split->parent], hot = hots[split->earlier];
    /* no branches: which way a row goes is hard to foresee */
    const uint32_t right = !left;
    stack->hot[frame][0] = (uint8_t)(hot & (right - 1));
    stack->hot[frame][1] = (uint8_t)(hot & -right);
    stack->way[frame] = (uint8_t)(hot / WALK_HOT << right);
    const WALK(vector) factor = split->share * pass->cold + WALK_LOAD(pass->hot, hot_here);
    const WALK(vector) inverse =
        WALK_LOAD(pass->inverses, (size_t)split->inverse * (RW_INVERSE_UNIT * 8) + hot);
    stack->inverse[frame] = inverse;
    stack->others[frame] =
        WALK_LOAD(stack->others, split->parent_value * sizeof(double)) * factor * inverse;
}

static inline __attribute__((always_inline)) WALK_TARGET void WALK(pop)(
    struct WALK(stack) * stack, uint32_t frame, const struct rw_contribution_pop *split,
    const struct WALK(pass) * pass, WALK(vector) * totals) {
    static const double is_hot[3] = {0.0, 1.0, 1.0};
    const uint32_t way = stack->way[frame];
#define SUM_OF(which) WALK_LOAD(stack->sum, split->child[which] * sizeof(double))
    const WALK(vector) mean =
        split->share[0] * SUM_OF(1) + (split->share[1] * SUM_OF(2) + split->leaf_mean);
    const WALK(vector) taken = SUM_OF(way) + split->leaf[way];
#undef SUM_OF
    const WALK(vector) sum = (mean * pass->cold + taken * pass->hot[1]) * stack->inverse[frame];
    const double above = is_hot[way] - split->above;
    stack->sum[frame] = sum;
    totals[split->feature] += stack->others[frame] * (taken - mean - sum * above);
}

static inline __attribute__((always_inline)) WALK_TARGET void WALK(tree)(
    const struct rw_contributions *tables, const struct rw_contribution_tree *tree,
    const double *slots, const double *row, const struct WALK(pass) * pass,
    struct WALK(stack) * stack, WALK(vector) * totals) {
    const struct rw_contribution_push *push = tables->pushes + tree->first_split;
    const struct rw_contribution_pop *pop = tables->pops + tree->first_split;
    const struct rw_contribution_run *run = tables->runs + tree->first_run;
    for (uint32_t i = 0; i < tree->n_runs; i++, run++) {
        uint32_t frame = run->frame;
        if (tree->has_rules)
            for (uint32_t n = run->n_push; n > 0; n--, push++)
                WALK(push)
        (stack, frame++, push, pass,
         push->slot < tables->n_slots
             ? slots[push->slot] < push->threshold
             : rw_contribution_goes_left(tables, push->slot - (uint32_t)tables->n_slots, row));
        else for (uint32_t n = run->n_push; n > 0; n--, push++)
            WALK(push)(stack, frame++, push, pass, slots[push->slot] < push->threshold);
        for (uint32_t n = run->n_pop; n > 0; n--, pop++)
            WALK(pop)(stack, --frame, pop, pass, totals);
    }
}

static WALK_TARGET void WALK(flush)(const WALK(vector) * totals, uint32_t n_features,
                                    const double *weights, double *out) {
    const WALK(vector) weight = WALK_LOAD(weights, 0);
    for (uint32_t f = 0; f < n_features; f++) {
        const WALK(vector) weighted = totals[f] * weight;
        double sum = 0.0;
        for (uint32_t lane = 0; lane < WALK_LANES; lane++)
            sum += weighted[lane];
        out[f] += sum;
    }
}

/* Trees [first, end) of one group, lanes and passes. */
static WALK_TARGET __attribute__((noinline)) void WALK(trees)(const struct rw_contributions *tables,
                                                              uint32_t first, uint32_t end,
                                                              const double *slots,
                                                              const double *row, double *out) {
    struct WALK(stack) stack;
    WALK(vector) totals[RW_CONTRIBUTION_TOTALS];
    const struct rw_contribution_tree *trees = tables->trees;
    const uint32_t n = WALK_LANES * trees[first].passes;
    stack.others[0] = (WALK(vector)){} + 1.0;
    stack.sum[0] = (WALK(vector)){};
    stack.hot[0][0] = stack.hot[0][1] = WALK_HOT;
    for (uint32_t p = 0; p < n; p += WALK_LANES) {
        const WALK(vector) t = WALK_LOAD(rw_quadrature_nodes(n), p * sizeof(double));
        const struct WALK(pass) pass = {.cold = 1.0 - t,
                                        .hot = {t - t, t},
                                        .inverses = (const char *)(tables->inverses + 2 * p)};
        memset(totals, 0, tables->n_features * sizeof *totals);
        for (uint32_t i = first; i < end; i++)
            WALK(tree)(tables, &trees[i], slots, row, &pass, &stack, totals);
        WALK(flush)(totals, tables->n_features, rw_quadrature_weights(n) + p, out);
    }
}
#undef WALK_HOT
#undef WALK_LOAD

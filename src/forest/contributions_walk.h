/*
 * contributions_walk.h - the walk of contributions.h, for one CPU level and number of
 * lanes: a template, included with these defined:
 *
 * WALK_LANES   nodes of the quadrature at a time
 * WALK_WIDTH   doubles in a register; a vector of WALK_LANES is WALK_PARTS of them
 * WALK_TARGET  attribute of the CPU level
 * WALK(name)   a name of its own
 *
 * The lanes of a vector are nodes t of the quadrature.  A push goes down: the product
 * of the factors on the path.  A pop goes up: sums over the leaves below; from both
 * follows what the split adds to its feature.  docs/engine.md has the formulas.
 * No multiplication may be contracted, so that every CPU gives the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define WALK_PARTS  (WALK_LANES / WALK_WIDTH)
#define WALK_HOT    (WALK_LANES * 8) /* bytes of a vector */
#define WALK_INLINE static inline __attribute__((always_inline)) WALK_TARGET

typedef double WALK(part) __attribute__((vector_size(WALK_WIDTH * 8)));
typedef double WALK(loose) __attribute__((vector_size(WALK_WIDTH * 8), aligned(8), may_alias));

struct WALK(vector) {
    WALK(part) part[WALK_PARTS];
};

#define WALK_EACH_PART _Pragma("GCC unroll 4") for (uint32_t part = 0; part < WALK_PARTS; part++)

/* Part of the vector that begins at a byte offset. */
#define WALK_PART(base, offset)                                                                    \
    (*(const WALK(loose) *)((const char *)(base) + (offset) + part * sizeof(WALK(part))))

struct WALK(pass) {
    struct WALK(vector) hot[2]; /* 0, t: hot edges find theirs at WALK_HOT bytes */
    struct WALK(vector) cold;   /* 1 - t */
    const char *inverses;       /* of this pass */
};

/* Of the frames. */
struct WALK(stack) {
    /* product of the path's factors, without the feature of the split */
    struct WALK(vector) others[RW_CONTRIBUTION_FRAMES];
    struct WALK(vector) inverse[RW_CONTRIBUTION_FRAMES]; /* of the feature's factor above */
    struct WALK(vector) sum[RW_CONTRIBUTION_FRAMES];     /* of leaves * factors below */
    uint8_t hot[RW_CONTRIBUTION_FRAMES][2];              /* of the edges: 0 or WALK_HOT */
    uint8_t way[RW_CONTRIBUTION_FRAMES];                 /* index of rw_contribution_pop.leaf */
};

WALK_INLINE void WALK(push)(struct WALK(stack) * stack, uint32_t frame,
                            const struct rw_contribution_push *split,
                            const struct WALK(pass) * pass, bool left) {
    const uint8_t *hots = stack->hot[0];
    const uint32_t hot_here = hots[split->parent], hot = hots[split->earlier];
    /* no branches: which way a row goes is hard to foresee */
    const uint32_t right = !left;
    stack->hot[frame][0] = (uint8_t)(hot & (right - 1));
    stack->hot[frame][1] = (uint8_t)(hot & -right);
    stack->way[frame] = (uint8_t)(hot / WALK_HOT << right);
    const char *inverses = pass->inverses + (size_t)split->inverse * (RW_INVERSE_UNIT * 8) + hot;
    WALK_EACH_PART {
        const WALK(part) inverse = WALK_PART(inverses, 0);
        const WALK(part) factor =
            split->share * pass->cold.part[part] + WALK_PART(pass->hot, hot_here);
        stack->inverse[frame].part[part] = inverse;
        stack->others[frame].part[part] =
            WALK_PART(stack->others, split->parent_value * sizeof(double)) * factor * inverse;
    }
}

WALK_INLINE void WALK(pop)(struct WALK(stack) * stack, uint32_t frame,
                           const struct rw_contribution_pop *split, const struct WALK(pass) * pass,
                           struct WALK(vector) * totals) {
    static const double is_hot[3] = {0.0, 1.0, 1.0};
    const uint32_t way = stack->way[frame];
    const double above = is_hot[way] - split->above;
    WALK_EACH_PART {
        const WALK(part) left = WALK_PART(stack->sum, split->child[1] * sizeof(double));
        const WALK(part) right = WALK_PART(stack->sum, split->child[2] * sizeof(double));
        const WALK(part) mean =
            split->share[0] * left + (split->share[1] * right + split->leaf_mean);
        const WALK(part) taken =
            WALK_PART(stack->sum, split->child[way] * sizeof(double)) + split->leaf[way];
        const WALK(part) sum = (mean * pass->cold.part[part] + taken * pass->hot[1].part[part]) *
                               stack->inverse[frame].part[part];
        stack->sum[frame].part[part] = sum;
        totals[split->feature].part[part] +=
            stack->others[frame].part[part] * (taken - mean - sum * above);
    }
}

WALK_INLINE void WALK(tree)(const struct rw_contributions *tables,
                            const struct rw_contribution_tree *tree, const double *slots,
                            const double *row, const struct WALK(pass) * pass,
                            struct WALK(stack) * stack, struct WALK(vector) * totals) {
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

static WALK_TARGET void WALK(flush)(const struct WALK(vector) * totals, uint32_t n_features,
                                    const double *weights, double *out) {
    for (uint32_t f = 0; f < n_features; f++) {
        const double *total = (const double *)&totals[f];
        double sum = 0.0;
        for (uint32_t lane = 0; lane < WALK_LANES; lane++)
            sum += total[lane] * weights[lane];
        out[f] += sum;
    }
}

static WALK_TARGET void WALK(begin)(struct WALK(pass) * pass, struct WALK(stack) * stack,
                                    const double *nodes) {
    WALK_EACH_PART {
        const WALK(part) t = WALK_PART(nodes, 0);
        pass->hot[0].part[part] = t - t;
        pass->hot[1].part[part] = t;
        pass->cold.part[part] = 1.0 - t;
        stack->others[0].part[part] = t - t + 1.0;
        stack->sum[0].part[part] = t - t;
    }
    stack->hot[0][0] = stack->hot[0][1] = WALK_HOT;
}

/* Trees [first, end) of one group, lanes and passes. */
static WALK_TARGET __attribute__((noinline)) void WALK(trees)(const struct rw_contributions *tables,
                                                              uint32_t first, uint32_t end,
                                                              const double *slots,
                                                              const double *row, double *out) {
    struct WALK(stack) stack;
    struct WALK(pass) pass;
    struct WALK(vector) totals[RW_CONTRIBUTION_TOTALS];
    const struct rw_contribution_tree *trees = tables->trees;
    const uint32_t n = WALK_LANES * trees[first].passes;
    for (uint32_t p = 0; p < n; p += WALK_LANES) {
        WALK(begin)(&pass, &stack, rw_quadrature_nodes(n) + p);
        pass.inverses = (const char *)(tables->inverses + 2 * p);
        memset(totals, 0, tables->n_features * sizeof *totals);
        for (uint32_t i = first; i < end; i++)
            WALK(tree)(tables, &trees[i], slots, row, &pass, &stack, totals);
        WALK(flush)(totals, tables->n_features, rw_quadrature_weights(n) + p, out);
    }
}

#undef WALK_PARTS
#undef WALK_HOT
#undef WALK_INLINE
#undef WALK_EACH_PART
#undef WALK_PART

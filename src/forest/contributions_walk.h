/*
 * contributions_walk.h - the walk of contributions.h, for one CPU level and number of
 * lanes: a template, included with WALK_LANES, WALK_TARGET and WALK(name) defined.
 *
 * The lanes of a vector are nodes t of the quadrature.  An edge with share z has the
 * factor z (1 - t) + o t, where o is 1 if the row follows it ("hot").  A push goes
 * down: product of the factors above a split.  A pop goes up: sum of the leaves below,
 * each times the factors between; from both follows what the split adds to its feature.
 * No multiplication may be contracted, so that every CPU gives the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

typedef double WALK(vector) __attribute__((vector_size(WALK_LANES * 8)));
typedef double WALK(loose) __attribute__((vector_size(WALK_LANES * 8), aligned(8), may_alias));

struct WALK(frame) {
    WALK(vector) factor[2]; /* of the edges to the children */
    WALK(vector) above;     /* product of the factors above the split */
    WALK(vector) others;    /* the same without the split's own feature */
    WALK(vector) sum;       /* of value * factors below the split */
    WALK(vector) gain;      /* of value * factors * (o - z) of the split's edge */
    double gains[2];        /* o - z of the edges */
    double above_gain;      /* o - z of the feature's edge above */
    const struct rw_contribution_split *split;
};

struct WALK(stack) {
    struct WALK(frame) frames[RW_CONTRIBUTION_FRAMES];
    uint8_t hot[2 * RW_CONTRIBUTION_FRAMES]; /* of the edges */
};

struct WALK(pass) {
    WALK(vector) cold_factor;   /* 1 - t */
    WALK(vector) hot_factor[2]; /* 0, t */
    const double *inverses;
};

static inline __attribute__((always_inline)) WALK_TARGET void WALK(push)(
    struct WALK(stack) * stack, struct WALK(frame) * frame,
    const struct rw_contribution_split *split, const struct WALK(pass) * pass, bool left) {
    static const double is_hot[2] = {0.0, 1.0};
    const uint32_t own = (uint32_t)(frame - stack->frames);
    const uint32_t hot = stack->hot[split->earlier];
    const uint32_t hot_left = hot & left, hot_right = hot & !left;
    stack->hot[2 * own] = (uint8_t)hot_left;
    stack->hot[2 * own + 1] = (uint8_t)hot_right;
    const WALK(vector) inverse = *(
        const WALK(loose) *)(pass->inverses + RW_INVERSE_UNIT * split->inverse + WALK_LANES * hot);
    frame->factor[0] = (split->share[0] * pass->cold_factor + pass->hot_factor[hot_left]) * inverse;
    frame->factor[1] =
        (split->share[1] * pass->cold_factor + pass->hot_factor[hot_right]) * inverse;
    frame->gains[0] = is_hot[hot_left] - split->share[0];
    frame->gains[1] = is_hot[hot_right] - split->share[1];
    frame->above_gain = is_hot[hot] - split->above;
    const struct WALK(frame) *parent = &stack->frames[split->parent >> 1];
    frame->above = parent->above * parent->factor[split->parent & 1];
    frame->others = frame->above * inverse;
    frame->sum = frame->factor[0] * split->leaf[0] + frame->factor[1] * split->leaf[1];
    const double gain = frame->gains[0] * split->leaf[0] + frame->gains[1] * split->leaf[1];
    frame->gain = gain - (WALK(vector)){};
    frame->split = split;
}

static inline __attribute__((always_inline)) WALK_TARGET void WALK(pop)(
    struct WALK(stack) * stack, const struct WALK(frame) * frame, WALK(vector) * totals) {
    const struct rw_contribution_split *split = frame->split;
    const WALK(vector) sum = frame->sum;
    totals[split->feature] += frame->others * (frame->gain - frame->above_gain * sum);
    struct WALK(frame) *parent = &stack->frames[split->parent >> 1];
    parent->sum += parent->factor[split->parent & 1] * sum;
    parent->gain += parent->gains[split->parent & 1] * sum;
}

static inline __attribute__((always_inline)) WALK_TARGET void WALK(tree)(
    const struct rw_contributions *tables, const struct rw_contribution_tree *tree,
    const double *slots, const double *row, const struct WALK(pass) * pass,
    struct WALK(stack) * stack, WALK(vector) * totals) {
    const struct rw_contribution_split *split = tables->splits + tree->first_split;
    const struct rw_contribution_run *run = tables->runs + tree->first_run;
    struct WALK(frame) *frame = stack->frames + 1;
    for (uint32_t i = 0; i < tree->n_runs; i++, run++) {
        if (tree->has_rules)
            for (uint32_t n = run->n_push; n > 0; n--, split++)
                WALK(push)
                (stack, frame++, split, pass,
                 split->slot < tables->n_slots
                     ? slots[split->slot] < split->threshold
                     : rw_contribution_goes_left(tables, split->slot - (uint32_t)tables->n_slots,
                                                 row));
        else
            for (uint32_t n = run->n_push; n > 0; n--, split++)
                WALK(push)(stack, frame++, split, pass, slots[split->slot] < split->threshold);
        for (uint32_t n = run->n_pop; n > 0; n--)
            WALK(pop)(stack, --frame, totals);
    }
}

static WALK_TARGET void WALK(flush)(const WALK(vector) * totals, uint32_t n_features,
                                    const double *weights, double *out) {
    const WALK(vector) weight = *(const WALK(vector) *)weights;
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
    const uint32_t n_passes = trees[first].passes;
    stack.frames[0] = (struct WALK(frame)){.above = (WALK(vector)){} + 1.0};
    stack.frames[0].factor[0] = stack.frames[0].above;
    stack.hot[0] = stack.hot[1] = 1;
    for (uint32_t p = 0; p < n_passes; p++) {
        const WALK(vector) t =
            *(const WALK(vector) *)(rw_quadrature_nodes(WALK_LANES * n_passes) + WALK_LANES * p);
        const struct WALK(pass) pass = {.cold_factor = 1.0 - t,
                                        .hot_factor = {t - t, t},
                                        .inverses = tables->inverses + 2 * WALK_LANES * p};
        memset(totals, 0, tables->n_features * sizeof *totals);
        for (uint32_t i = first; i < end; i++)
            WALK(tree)(tables, &trees[i], slots, row, &pass, &stack, totals);
        WALK(flush)
        (totals, tables->n_features, rw_quadrature_weights(WALK_LANES * n_passes) + WALK_LANES * p,
         out);
    }
}

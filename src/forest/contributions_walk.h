/*
 * contributions_walk.h - the walk of contributions.h, for one CPU level and number of
 * lanes: a template, included with these defined:
 *
 * WALK_LANES      nodes of the quadrature at a time
 * WALK_WIDTH      doubles in a register; a vector is WALK_PARTS of them
 * WALK_TARGET     attribute of the CPU level
 * WALK_NAME(name) a name of its own
 *
 * The lanes of a vector are nodes t of the quadrature.  A push goes down: the product
 * of the factors on the path.  A pop goes up: sums over the leaves below; from both
 * follows what the split adds to its feature.  docs/engine.md has the formulas.
 * No multiplication may be contracted, so that every CPU gives the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#define walk_part   WALK_NAME(part)
#define walk_loose  WALK_NAME(loose)
#define walk_vector WALK_NAME(vector)
#define walk_pass   WALK_NAME(pass)
#define walk_stack  WALK_NAME(stack)
#define walk_push   WALK_NAME(push)
#define walk_pop    WALK_NAME(pop)
#define walk_weigh  WALK_NAME(weigh)
#define walk_tree   WALK_NAME(tree)
#define walk_begin  WALK_NAME(begin)
#define walk_trees  WALK_NAME(trees)

#define WALK_PARTS  (WALK_LANES / WALK_WIDTH)
#define WALK_HOT    (WALK_LANES * 8) /* bytes of a vector */
#define WALK_INLINE static inline __attribute__((always_inline)) WALK_TARGET

typedef double walk_part __attribute__((vector_size(WALK_WIDTH * 8)));
typedef double walk_loose __attribute__((vector_size(WALK_WIDTH * 8), aligned(8), may_alias));

struct walk_vector {
    walk_part part[WALK_PARTS];
};

/* Part i of the vector that begins at a byte offset. */
#define WALK_AT(base, offset, i)                                                                   \
    (*(const walk_loose *)((const char *)(base) + (offset) + (i) * sizeof(walk_part)))

struct walk_pass {
    struct walk_vector hot[2]; /* 0, t: hot edges find theirs at WALK_HOT bytes */
    struct walk_vector cold;   /* 1 - t */
    const double *weights;
    struct walk_vector *totals; /* [n_features]; NULL where they do not fit: `out` */
    double *out;                /* [n_features] */
};

/* Of the frames. */
struct walk_stack {
    /* product of the path's factors, without the feature of the split */
    struct walk_vector others[RW_CONTRIBUTION_FRAMES];
    struct walk_vector inverse[RW_CONTRIBUTION_FRAMES]; /* of the feature's factor above */
    struct walk_vector sum[RW_CONTRIBUTION_FRAMES];     /* of leaves * factors below */
    uint8_t hot[RW_CONTRIBUTION_FRAMES][2];             /* of the edges: 0 or WALK_HOT */
    uint8_t way[RW_CONTRIBUTION_FRAMES];                /* index of rw_contribution_pop.leaf */
};

WALK_INLINE void walk_push(struct walk_stack *stack, uint32_t frame,
                           const struct rw_contribution_push *split, const struct walk_pass *pass,
                           bool left) {
    const uint8_t *hots = stack->hot[0];
    const uint32_t hot_here = hots[split->parent], hot = hots[split->earlier];
    /* no branches: which way a row goes is hard to foresee */
    const uint32_t right = !left;
    stack->hot[frame][0] = (uint8_t)(hot & (right - 1));
    stack->hot[frame][1] = (uint8_t)(hot & -right);
    stack->way[frame] = (uint8_t)(hot / WALK_HOT << right);
    const size_t parent = split->parent / 2 * (size_t)WALK_HOT;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < WALK_PARTS; i++) {
        const walk_part factor =
            split->share * pass->cold.part[i] + WALK_AT(pass->hot, hot_here, i);
        const walk_part inverse =
            1.0 / (split->above * pass->cold.part[i] + WALK_AT(pass->hot, hot, i));
        stack->inverse[frame].part[i] = inverse;
        stack->others[frame].part[i] = WALK_AT(stack->others, parent, i) * factor * inverse;
    }
}

WALK_INLINE double walk_weigh(const struct walk_vector *vector, const double *weights) {
    const double *lanes = (const double *)vector;
    double sum = 0.0;
    for (uint32_t lane = 0; lane < WALK_LANES; lane++)
        sum += lanes[lane] * weights[lane];
    return sum;
}

WALK_INLINE void walk_pop(struct walk_stack *stack, uint32_t frame,
                          const struct rw_contribution_pop *split, const struct walk_pass *pass) {
    static const double is_hot[3] = {0.0, 1.0, 1.0};
    const uint32_t way = stack->way[frame];
    const double above = is_hot[way] - split->above;
    const size_t left = split->child[1] * sizeof(double), right = split->child[2] * sizeof(double);
    const size_t child = split->child[way] * sizeof(double);
    struct walk_vector gain;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < WALK_PARTS; i++) {
        const walk_part taken = WALK_AT(stack->sum, child, i) + split->leaf[way];
        const walk_part mean = split->share[0] * WALK_AT(stack->sum, left, i) +
                               (split->share[1] * WALK_AT(stack->sum, right, i) + split->leaf_mean);
        const walk_part sum = (mean * pass->cold.part[i] + taken * pass->hot[1].part[i]) *
                              stack->inverse[frame].part[i];
        stack->sum[frame].part[i] = sum;
        gain.part[i] = stack->others[frame].part[i] * (taken - mean - sum * above);
    }
    if (!pass->totals) {
        pass->out[split->feature] += walk_weigh(&gain, pass->weights);
        return;
    }
#pragma GCC unroll 4
    for (uint32_t i = 0; i < WALK_PARTS; i++)
        pass->totals[split->feature].part[i] += gain.part[i];
}

WALK_INLINE void walk_tree(const struct rw_contributions *tables,
                           const struct rw_contribution_tree *tree, const double *slots,
                           const struct rw_contribution_row *row, const struct walk_pass *pass,
                           struct walk_stack *stack) {
    const struct rw_contribution_push *push = tables->pushes + tree->first_split;
    const struct rw_contribution_pop *pop = tables->pops + tree->first_split;
    const struct rw_contribution_run *run = tables->runs + tree->first_run;
    for (uint32_t i = 0; i < tree->n_runs; i++, run++) {
        uint32_t frame = run->frame;
        if (tree->has_rules)
            for (uint32_t n = run->n_push; n > 0; n--, push++)
                walk_push(stack, frame++, push, pass,
                          rw_contribution_goes_left(tables, push, slots, row));
        else
            for (uint32_t n = run->n_push; n > 0; n--, push++)
                walk_push(stack, frame++, push, pass, slots[push->slot] < push->threshold);
        for (uint32_t n = run->n_pop; n > 0; n--, pop++)
            walk_pop(stack, --frame, pop, pass);
    }
}

static WALK_TARGET void walk_begin(struct walk_pass *pass, struct walk_stack *stack,
                                   const double *nodes) {
    for (uint32_t i = 0; i < WALK_PARTS; i++) {
        const walk_part t = WALK_AT(nodes, 0, i);
        pass->hot[0].part[i] = t - t;
        pass->hot[1].part[i] = t;
        pass->cold.part[i] = 1.0 - t;
        stack->others[0].part[i] = t - t + 1.0;
        stack->sum[0].part[i] = t - t;
    }
    stack->hot[0][0] = stack->hot[0][1] = WALK_HOT;
}

/* Trees [first, end) of one group, lanes and passes. */
static WALK_TARGET __attribute__((noinline)) void walk_trees(const struct rw_contributions *tables,
                                                             uint32_t first, uint32_t end,
                                                             const double *slots,
                                                             const struct rw_contribution_row *row,
                                                             double *out) {
    struct walk_stack stack;
    struct walk_vector totals[RW_CONTRIBUTION_TOTALS];
    const bool fits = tables->n_features <= RW_CONTRIBUTION_TOTALS;
    struct walk_pass pass = {.totals = fits ? totals : NULL, .out = out};
    const uint32_t n = WALK_LANES * tables->trees[first].passes;
    for (uint32_t p = 0; p < n; p += WALK_LANES) {
        walk_begin(&pass, &stack, rw_quadrature_nodes(n) + p);
        pass.weights = rw_quadrature_weights(n) + p;
        if (fits)
            memset(totals, 0, tables->n_features * sizeof *totals);
        for (uint32_t i = first; i < end; i++)
            walk_tree(tables, &tables->trees[i], slots, row, &pass, &stack);
        for (uint32_t f = 0; fits && f < tables->n_features; f++)
            out[f] += walk_weigh(&totals[f], pass.weights);
    }
}

#undef walk_part
#undef walk_loose
#undef walk_vector
#undef walk_pass
#undef walk_stack
#undef walk_push
#undef walk_pop
#undef walk_weigh
#undef walk_tree
#undef walk_begin
#undef walk_trees
#undef WALK_PARTS
#undef WALK_HOT
#undef WALK_INLINE
#undef WALK_AT

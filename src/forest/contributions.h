/*
 * contributions.h - what each feature adds to a margin (path-dependent TreeSHAP).
 *
 * Formula and its derivation: docs/engine.md, "Contributions".  The tables below are
 * sections of the image; build_contributions.c writes them, contributions_check.c
 * proves them, contributions_walk.h walks them.
 *
 * A tree is a program of runs.  A run pushes splits, each onto a frame of its own, then
 * pops them in reverse.  Frame 0 stands for the path above the root.  Edge 2 * frame +
 * side leads to a child.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CONTRIBUTIONS_H
#define RW_CONTRIBUTIONS_H

#include "base/base.h"

/* Frames of one tree at once: they bound its depth, and the stack of a walk. */
#define RW_CONTRIBUTION_FRAMES    256u
#define RW_CONTRIBUTION_MAX_DEPTH 224u  /* more is needed for the smaller of two subtrees */
#define RW_CONTRIBUTION_SLOTS     4096u /* prepared values of a row */
#define RW_CONTRIBUTION_LANES     8u    /* most nodes of the quadrature at a time */
#define RW_CONTRIBUTION_TOTALS    512u  /* features that are summed on the stack */
#define RW_CONTRIBUTION_PASSES    4u    /* of that many nodes: 8, 16 or 32 in all */

struct rw_contribution_tree {
    uint32_t group;
    uint16_t lanes;  /* 4 or RW_CONTRIBUTION_LANES */
    uint16_t passes; /* over the tree: lanes * passes nodes */
    uint32_t first_run, n_runs;
    uint32_t first_split, n_splits;
    uint32_t has_rules; /* splits that no slot decides */
    uint32_t reserved;
};

struct rw_contribution_run {
    uint16_t frame; /* that the first push makes */
    uint16_t n_push, n_pop;
    uint16_t reserved;
};

/* "share": what part of the training rows that reach a node goes on to a child.  Where
 * the path has splits on the same feature above, theirs are multiplied in. */

/* What the walk needs on the way down, in the order of the pushes. */
struct rw_contribution_push {
    double threshold; /* slot value < threshold goes left */
    double share;     /* of the edge that leads here; 1 at the root */
    double above;     /* share of `earlier`, never 0; 1 without */
    uint32_t slot;    /* below n_slots: of a slot; else n_slots + index of a rule */
    uint16_t parent;  /* edge that leads here */
    uint16_t earlier; /* edge of the same feature above; 0 without */
};

/* And on the way up, in the order of the pops. */
struct rw_contribution_pop {
    double share[2];   /* of the children */
    double above;      /* share of `earlier`; 1 without */
    double leaf_mean;  /* of the children that are leaves: share * value */
    double leaf[3];    /* 0, and values of the children; 0 where a child is a split */
    uint16_t child[3]; /* 0, and frames of the children * lanes; 0 where one is a leaf */
    uint16_t feature;
};

/* A slot is a row's value of a feature, with what is missing replaced. */
struct rw_contribution_slot {
    uint32_t feature;
    uint32_t rule; /* enum rw_plan_rule */
};

/* Of a split that is no compare with a slot. */
struct rw_contribution_rule {
    double threshold;
    uint32_t feature;
    uint32_t flags;               /* RW_NODE_* */
    uint32_t categories, n_words; /* set that goes right, in CATEGORIES of the image */
};

/* Pointers into an image. */
struct rw_contributions {
    const struct rw_contribution_tree *trees; /* by group, then by lanes */
    const struct rw_contribution_run *runs;
    const struct rw_contribution_push *pushes;
    const struct rw_contribution_pop *pops; /* as many */
    const struct rw_contribution_slot *slots;
    const struct rw_contribution_rule *rules;
    const double *bias; /* [n_groups]: means of the margins; NULL: no contributions */
    const uint32_t *categories;
    uint64_t n_trees, n_runs, n_splits, n_slots, n_rules, n_bias, n_category_words;
    uint32_t n_features, n_groups;
};

/* Whether a walk over them stays inside of them. */
bool rw_contributions_check(const struct rw_contributions *tables);

/* One row: either as float or as double; the other pointer is NULL. */
struct rw_contribution_row {
    const float *f32;
    const double *f64;
    bool rounded; /* doubles are compared as floats */
};

/* A CPU level's way to add the trees' contributions for a row to out
 * [n_groups][n_features + 1]. */
struct rw_contribution_walker {
    const char *name;
    bool (*fits)(void); /* this CPU */
    void (*add)(const struct rw_contributions *tables, const double *slots,
                const struct rw_contribution_row *row, double *out);
};

extern const struct rw_contribution_walker rw_contribution_walker_portable;
extern const struct rw_contribution_walker rw_contribution_walker_avx2;

/* The fastest that fits; number `index` of the table, NULL behind the last one. */
const struct rw_contribution_walker *rw_contribution_walker_choose(void);
const struct rw_contribution_walker *rw_contribution_walker_at(size_t index);

/* contributions_rules.c */
void rw_contribution_slots(const struct rw_contributions *tables,
                           const struct rw_contribution_row *row, double *slots);
bool rw_contribution_goes_left(const struct rw_contributions *tables,
                               const struct rw_contribution_push *split, const double *slots,
                               const struct rw_contribution_row *row);

/* contributions_nodes.c: nodes and weights of Gauss-Legendre on [0, 1], ascending. */
const double *rw_quadrature_nodes(uint32_t n); /* n: 4, 8, 16 or 32; aligned to 64 */
const double *rw_quadrature_weights(uint32_t n);

#endif

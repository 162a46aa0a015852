/*
 * build.h - sections that grow, and then become one image.
 *
 * A layout is one function that writes its sections from a plan, and one line in the
 * table of compile.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_BUILD_H
#define RW_BUILD_H

#include "forest/image.h"
#include "forest/plan.h"

struct rw_part {
    void *data;
    uint64_t count, capacity; /* elements */
};

struct rw_builder {
    struct rw_image_header header;
    struct rw_part parts[RW_SECTION_COUNT];
    bool failed; /* sticky: memory ran out */
};

/* `count` zeroed elements at the end of a section, aligned as malloc aligns; valid
 * until the section grows again.  Without memory NULL, for count 0 maybe. */
void *rw_builder_add(struct rw_builder *builder, enum rw_section_id id, uint64_t count);

/* The layouts; each leaves its sections empty where the forest does not suit it. */
void rw_build_walk(struct rw_builder *builder, const struct rw_plan *plan);
void rw_build_contributions(struct rw_builder *builder, const struct rw_plan *plan);
void rw_build_lanes(struct rw_builder *builder, const struct rw_plan *plan);

/* The parts of rw_build_lanes. */
void rw_build_slots(struct rw_builder *builder, const struct rw_plan *plan, struct rw_lanes *lanes);
bool rw_suits_sweeps(const struct rw_plan *plan);
void rw_build_sweeps(struct rw_builder *builder, const struct rw_plan *plan,
                     struct rw_lanes *lanes);
/* Splits by categories, of a forest that suits sweeps but for them. */
bool rw_suits_sets(const struct rw_plan *plan, uint64_t n_byte_columns);
/* set_of[feature] becomes the feature's place in SET_FEATURES, from 1. */
void rw_build_set_features(struct rw_builder *builder, const struct rw_plan *plan, uint32_t *set_of,
                           struct rw_lanes *lanes);
/* The sweep nodes of one split: `node` says where in the order it is. */
void rw_build_set_nodes(struct rw_builder *builder, const struct rw_plan *plan, uint32_t tree,
                        const struct rw_plan_node *planned, const uint32_t *set_of,
                        const struct rw_sweep_node *node);
/* False where they take too much memory: then single rows are walked. */
bool rw_build_set_rows(struct rw_builder *builder, const struct rw_plan *plan, uint32_t n_words,
                       struct rw_lanes *lanes);
bool rw_suits_deep(const struct rw_plan *plan);
void rw_build_deep(struct rw_builder *builder, const struct rw_plan *plan, struct rw_lanes *lanes);

#endif

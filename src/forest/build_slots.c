/*
 * build_slots.c - tables in which values find their ranks.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/build.h"
#include "forest/image_private.h"

struct writer {
    struct rw_builder *builder;
    const struct rw_plan *plan;
    uint32_t n_slots;
};

static uint32_t n_cuts(const struct rw_plan *plan, uint32_t feature) {
    return plan->cut_begin[feature + 1] - plan->cut_begin[feature];
}

/* Smallest float that is >= value: a float x has the same rank among these. */
static float float_cut(double value) {
    float f = (float)value;
    return (double)f < value ? nextafterf(f, INFINITY) : f;
}

static void write_table(const struct writer *writer, const double *cuts, uint32_t n) {
    const uint32_t levels = rw_slot_levels(n);
    for (uint32_t level = 0; level < levels; level++) {
        const uint64_t size = rw_slot_level_size(n, levels, level);
        float *table = rw_builder_add(writer->builder, RW_SECTION_RANKS, size);
        double *table64 =
            writer->plan->rows64 ? rw_builder_add(writer->builder, RW_SECTION_RANKS64, size) : NULL;
        for (uint64_t i = 0; table && i < size; i++) {
            const uint64_t cut = rw_slot_separator(n, levels, level, i);
            table[i] = cut == UINT64_MAX ? NAN : float_cut(cuts[cut]);
            if (table64)
                table64[i] = cut == UINT64_MAX ? (double)NAN : cuts[cut];
        }
    }
}

static void write_slot(struct writer *writer, uint16_t *slot_of, uint32_t feature) {
    const struct rw_plan *plan = writer->plan;
    const uint32_t n = n_cuts(plan, feature);
    const uint32_t levels = rw_slot_levels(n);
    struct rw_slot *slot = rw_builder_add(writer->builder, RW_SECTION_SLOTS, 1);
    if (slot)
        *slot = (struct rw_slot){.feature = feature,
                                 .n_cuts = n,
                                 .table = (uint32_t)writer->builder->parts[RW_SECTION_RANKS].count,
                                 .levels = levels};
    for (uint32_t level = 0, at = 0; slot && level < levels; level++) {
        slot->level[level] = at;
        at += (uint32_t)rw_slot_level_size(n, levels, level);
    }
    slot_of[feature] = (uint16_t)writer->n_slots++;
    write_table(writer, plan->cuts + plan->cut_begin[feature], n);
}

static void write_slots(struct writer *writer, struct rw_lanes *lanes) {
    const struct rw_plan *plan = writer->plan;
    const uint32_t n_features = plan->forest->n_features;
    uint16_t *slot_of = rw_builder_add(writer->builder, RW_SECTION_SLOT_OF, n_features);
    for (uint32_t f = 0; slot_of && f < n_features; f++)
        slot_of[f] = RW_NO_SLOT;
    for (uint32_t levels = 1; slot_of && levels <= RW_LANES_MAX_LEVELS; levels++) {
        const uint32_t before = writer->n_slots;
        for (uint32_t f = 0; f < n_features; f++)
            if (n_cuts(plan, f) && rw_slot_levels(n_cuts(plan, f)) == levels)
                write_slot(writer, slot_of, f);
        if (levels == 1)
            lanes->one_level = writer->n_slots - before;
        if (levels == 2)
            lanes->two_levels = writer->n_slots - before;
    }
}

void rw_build_slots(struct rw_builder *builder, const struct rw_plan *plan,
                    struct rw_lanes *lanes) {
    struct writer writer = {.builder = builder, .plan = plan};
    write_slots(&writer, lanes);
}

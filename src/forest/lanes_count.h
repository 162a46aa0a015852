/*
 * lanes_count.h - ranks by counting 16 separators at once, a level after the other.
 *
 * Included by one header a CPU, behind rw_count16 and rw_count16_f64.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/* Levels are known where slots are sorted by them; 0: as the slot says. */
static RW_INLINE uint32_t rw_rank(const float *table, const struct rw_slot *slot, uint32_t levels,
                                  float x) {
    uint32_t group = rw_count16(x, table);
    if (levels == 1)
        return group;
    if (levels == 2)
        return group * 16 + rw_count16(x, table + 16 + group * 16);
    for (uint32_t level = 1; level < slot->levels; level++)
        group = group * 16 + rw_count16(x, table + slot->level[level] + group * 16);
    return group;
}

static RW_INLINE uint32_t rw_rank_f64(const double *table, const struct rw_slot *slot,
                                      uint32_t levels, double x) {
    uint32_t group = rw_count16_f64(x, table);
    if (levels == 1)
        return group;
    if (levels == 2)
        return group * 16 + rw_count16_f64(x, table + 16 + group * 16);
    for (uint32_t level = 1; level < slot->levels; level++)
        group = group * 16 + rw_count16_f64(x, table + slot->level[level] + group * 16);
    return group;
}

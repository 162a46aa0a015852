/*
 * kernel_lanes.c - blocks of rows in the 16 byte lanes that every vector unit has (SSE2,
 * NEON), in GCC's vector types.  Single rows are walked.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "forest/forest.h"
#include "forest/image_private.h"
#include "forest/lanes.h"
#include "forest/lanes_add_any.h"

typedef uint8_t rw_vector __attribute__((vector_size(16)));
#define RW_VECTOR_BYTES 16u
#define RW_SWEEP_WIDTH  8u /* registers at once */

/* ---- ranks: by halving the last level of a slot's table, which holds its cuts -------- */

#define SEARCH(type, table, n_cuts, x)                                                             \
    const type *low = (table);                                                                     \
    uint32_t n = (n_cuts);                                                                         \
    while (n > 1) {                                                                                \
        const uint32_t half = n / 2;                                                               \
        low += half & (0u - (uint32_t)(low[half - 1] <= (x))); /* no branch */                     \
        n -= half;                                                                                 \
    }                                                                                              \
    return (uint32_t)(low - (table)) + (*low <= (x))

static uint32_t search(const float *cuts, uint32_t n_cuts, float x) {
    SEARCH(float, cuts, n_cuts, x);
}

static uint32_t search_f64(const double *cuts, uint32_t n_cuts, double x) {
    SEARCH(double, cuts, n_cuts, x);
}

static RW_INLINE uint32_t rw_rank(const float *table, const struct rw_slot *slot, uint32_t levels,
                                  float x) {
    (void)levels;
    return search(table + slot->level[slot->levels - 1], slot->n_cuts, x);
}

static RW_INLINE uint32_t rw_rank_f64(const double *table, const struct rw_slot *slot,
                                      uint32_t levels, double x) {
    (void)levels;
    return search_f64(table + slot->level[slot->levels - 1], slot->n_cuts, x);
}

static bool rw_any_nan(const float *x, size_t n) {
    uint32_t found = 0;
    for (size_t i = 0; i < n; i++)
        found |= x[i] != x[i];
    return found != 0;
}

static bool rw_any_nan_f64(const double *x, size_t n) {
    uint32_t found = 0;
    for (size_t i = 0; i < n; i++)
        found |= x[i] != x[i];
    return found != 0;
}

#define RW_BLOCKS_ONLY
#include "forest/lanes_ranks.h"

/* ---- sweeps ---------------------------------------------------------------------------- */

static RW_INLINE rw_vector rw_vector_splat(uint8_t value) {
    return value - (rw_vector){0};
}

static RW_INLINE rw_vector rw_vector_load(const uint8_t *from) {
    rw_vector value;
    memcpy(&value, from, sizeof value);
    return value;
}

static RW_INLINE void rw_vector_store(uint8_t *to, rw_vector value) {
    memcpy(to, &value, sizeof value);
}

static RW_INLINE rw_vector rw_vector_sweep(rw_vector at, rw_vector x, rw_vector cut, rw_vector low,
                                           rw_vector next) {
    const rw_vector goes = (rw_vector)(x >= cut) & (rw_vector)(at >= low);
    return (goes & next) | (at & ~goes);
}

/* No table of 32 bytes in a register of 16: splits by categories are walked. */
#define RW_HAS_SETS false

struct rw_bitmap {
    uint8_t unused;
};

static RW_INLINE struct rw_bitmap rw_bitmap_load(const uint8_t *bytes) {
    return (struct rw_bitmap){*bytes};
}

static RW_INLINE rw_vector rw_vector_sweep_set(rw_vector at, rw_vector byte, rw_vector bit,
                                               const struct rw_bitmap *bitmap, rw_vector low,
                                               rw_vector next) {
    (void)byte, (void)bit, (void)bitmap, (void)low, (void)next;
    return at;
}

static void rw_sweep_few(const struct rw_image *image, const struct rw_block *block, void *sums) {
    rw_score_portable(image, block, sums);
}

#include "forest/lanes_sweep.h"

/* Below so many levels a walk costs less than the ranks alone. */
#define FEW_LEVELS 400u

static bool fits(const struct rw_image *image) {
    return image->lanes && image->lanes->sweeps && image->n_set_features == 0 &&
           image->lanes->levels >= FEW_LEVELS;
}

const struct rw_kernel rw_kernel_lanes = {.name = "lanes", .fits = fits, .score = rw_sweep_score};

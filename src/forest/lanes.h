/*
 * lanes.h - what kernels of byte lanes share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LANES_H
#define RW_LANES_H

#include <math.h>

#include "forest/image.h"
#include "forest/kernel.h"

#define RW_INLINE inline __attribute__((always_inline))
/* Of its own, and not needed by every file that has it. */
#define RW_APART __attribute__((noinline, unused))

/* Of one block: RW_LANES_MAX_COLUMNS columns of RW_PLANE_LEAST rows fit. */
#define RW_PLANE_BYTES 65536u
#define RW_PLANE_LEAST 128u /* rows */
#define RW_PLANE_MOST  512u
_Static_assert(RW_PLANE_BYTES >= RW_LANES_MAX_COLUMNS * RW_PLANE_LEAST, "planes fit");

/* From so many rows on, a block costs less than its rows one by one. */
#define RW_FEW_ROWS 24u

/* Rows that planes of `n_columns` columns hold: a power of two. */
static inline size_t rw_plane_rows(uint32_t n_columns) {
    size_t rows = RW_PLANE_MOST;
    while (rows * n_columns > RW_PLANE_BYTES)
        rows /= 2;
    return rows;
}

/* Slots of one row that are missing, as bits. */
struct rw_row_missing {
    uint64_t nan, zero;
};

/* The kernel that takes what lanes do not: a few rows of many columns. */
static inline void rw_score_portable(const struct rw_image *image, const struct rw_block *block,
                                     void *sums) {
    rw_kernel_portable.score(image, block, sums);
}

/* Number of codes: a code of no set; one more: NaN. */
static inline uint32_t rw_set_code(const struct rw_set_feature *feature, double x) {
    if (x != x)
        return feature->n_codes + 1;
    if ((feature->truncate ? x <= -1.0 : x < 0.0) || x >= (double)feature->n_codes)
        return feature->n_codes;
    return (uint32_t)(int32_t)x;
}

static inline struct rw_block rw_rows_from(const struct rw_image *image,
                                           const struct rw_block *block, size_t first,
                                           size_t n_rows) {
    const size_t at = first * image->header->n_features;
    return (struct rw_block){.f32 = block->f32 ? block->f32 + at : NULL,
                             .f64 = block->f64 ? block->f64 + at : NULL,
                             .n_rows = n_rows};
}

static inline void *rw_sums_from(const struct rw_image *image, void *sums, size_t first) {
    const size_t at = first * image->header->n_groups;
    return image->sums64 ? (void *)((double *)sums + at) : (void *)((float *)sums + at);
}

#endif

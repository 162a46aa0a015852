/*
 * kernel.h - how a block of rows becomes sums.
 *
 * A kernel is one file that defines one struct rw_kernel, and one line in the
 * table of kernel.c.  All kernels give the same bits: sums in the order of the
 * trees, starting from the base score, in the precision of the arithmetic.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_KERNEL_H
#define RW_KERNEL_H

#include "forest/image.h"

#define RW_BLOCK_ROWS 2048u /* most rows a kernel gets at once */

/* Rows [n_rows][n_features], 1 <= n_rows <= RW_BLOCK_ROWS, either as float or as
 * double; the other pointer is NULL.  Models whose arithmetic compares in float
 * always get floats. */
struct rw_block {
    const float *f32;
    const double *f64;
    size_t n_rows;
};

struct rw_kernel {
    const char *name;
    bool (*fits)(const struct rw_image *image); /* this model, this CPU */
    /* Sums [n_rows][n_groups] hold the base scores on entry: double where
     * image->sums64, else float. */
    void (*score)(const struct rw_image *image, const struct rw_block *block, void *sums);
};

extern const struct rw_kernel rw_kernel_portable, rw_kernel_lanes;
#if defined(__x86_64__)
extern const struct rw_kernel rw_kernel_lanes_avx512, rw_kernel_lanes_avx2, rw_kernel_deep_avx512;
#endif

/* The fastest kernel that fits; the portable one always does. */
const struct rw_kernel *rw_kernel_choose(const struct rw_image *image);

/* Kernel `index` of the table, fastest first; NULL behind the last one. */
const struct rw_kernel *rw_kernel_at(size_t index);

#endif

/*
 * kernel.h - how a block of rows becomes margins.
 *
 * A kernel is one file that defines one struct rw_kernel, and one line in the
 * table of kernel.c.  All kernels give the same bits: float32 sums in the order of
 * the trees, starting from the base score.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_KERNEL_H
#define RW_KERNEL_H

#include "forest/image.h"

#define RW_BLOCK_ROWS   64u    /* most rows a kernel gets at once */
#define RW_BLOCK_VALUES 16384u /* most values of both forms of a block: 64 KiB of stack */

struct rw_kernel {
    const char *name;
    bool (*fits)(const struct rw_image *image); /* this model, this CPU */
    /* rows [n_rows][n_features], 1 <= n_rows <= RW_BLOCK_ROWS; margins
     * [n_rows][n_groups] hold the base scores on entry. */
    void (*score)(const struct rw_image *image, const float *rows, size_t n_rows, float *margins);
};

extern const struct rw_kernel rw_kernel_portable;

/* The fastest kernel that fits; the portable one always does. */
const struct rw_kernel *rw_kernel_choose(const struct rw_image *image);

#endif

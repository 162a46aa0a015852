/*
 * kernel.c - the table of kernels, fastest first.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/kernel.h"

static const struct rw_kernel *const kernels[] = {
#if defined(__x86_64__)
    &rw_kernel_lanes_avx512, &rw_kernel_lanes_avx2, &rw_kernel_deep_avx512,
#endif
    &rw_kernel_lanes,        &rw_kernel_portable,
};

const struct rw_kernel *rw_kernel_at(size_t index) {
    return index < sizeof kernels / sizeof *kernels ? kernels[index] : NULL;
}

const struct rw_kernel *rw_kernel_choose(const struct rw_image *image) {
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (kernels[i]->fits(image))
            return kernels[i];
    return &rw_kernel_portable;
}

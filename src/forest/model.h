/*
 * model.h - a rowan_model: an opened image and the kernel chosen for it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_MODEL_H
#define RW_MODEL_H

#include "forest/image.h"
#include "forest/kernel.h"

struct rowan_model {
    struct rw_image image;
    const struct rw_kernel *kernel;
    const struct rw_contribution_walker *walker;
    void *bytes; /* of the image: owned */
    size_t size;
    bool mapped; /* munmap, not free */
};

/* Takes ownership of `bytes` (malloc'ed), also when it fails. */
rowan_status rw_model_from_image(void *bytes, size_t size, rowan_model **model, rowan_error *error);

/* Most rows that rw_forest_margins takes at once. */
size_t rw_forest_block_rows(const struct rw_image_header *header);

/* Margins [n_rows][n_groups] of a block: what the links are applied to. */
void rw_forest_margins(const struct rw_image *image, const struct rw_kernel *kernel,
                       const struct rw_block *block, double *margins);

#endif

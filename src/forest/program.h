/*
 * program.h - a model whose rows go through a program before or after its trees.
 *
 * The forest room knows only this interface: an image with the section PROGRAM is
 * opened and scored by it.  src/graph/ implements it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_PROGRAM_H
#define RW_PROGRAM_H

#include "forest/image.h"

struct rw_program {
    const char *name;
    /* Proves image->program, as rw_image_open proves the rest. */
    rowan_status (*open)(const struct rw_image *image, rowan_error *error);
    /* rows [n_rows][n_features], float or double -> out [n_rows][n_groups]: responses. */
    void (*score)(const struct rw_image *image, const void *rows, bool rows64, size_t n_rows,
                  double *out);
};

extern const struct rw_program rw_program_graph;

#endif

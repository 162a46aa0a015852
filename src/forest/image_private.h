/*
 * image_private.h - what the writer and the checker of images share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_IMAGE_PRIVATE_H
#define RW_IMAGE_PRIVATE_H

#include "forest/image.h"

#define RW_IMAGE_MAGIC       "ROWANIMG"
#define RW_IMAGE_VERSION     2u
#define RW_SECTION_ALIGNMENT 64u

/* Kernels keep the columns of a block of rows on the stack. */
#define RW_COMPACT_MAX_COLUMNS 2048u
/* ranks are compared as floats, which are exact up to here */
#define RW_COMPACT_MAX_RANK (1u << 24)
/* left is 16 bits wide, and there is one padding node */
#define RW_COMPACT_MAX_NODES 65534u

extern const size_t rw_section_element[RW_SECTION_COUNT]; /* bytes of one element */

/* The byte lanes of an image whose pointers are set: nothing leads outside. */
bool rw_lanes_ok(const struct rw_image *image);

static inline uint32_t rw_sweep_bitmap(const struct rw_sweep_node *node) {
    return (uint32_t)(node->bitmap[0] | node->bitmap[1] << 8 | node->bitmap[2] << 16);
}

/* The deep trees of an image whose lanes passed. */
bool rw_deep_ok(const struct rw_image *image);

/* Elements of level `level` of a slot's table. */
uint64_t rw_slot_level_size(uint32_t n_cuts, uint32_t levels, uint32_t level);
/* Levels that `n_cuts` take. */
uint32_t rw_slot_levels(uint32_t n_cuts);
/* Index of the cut that separator i of a level stands for; UINT64_MAX: it is NaN. */
uint64_t rw_slot_separator(uint32_t n_cuts, uint32_t levels, uint32_t level, uint64_t i);

uint64_t rw_image_checksum(const void *bytes, size_t size);

#endif

/*
 * image_lanes.c - proves the byte lanes of an image.
 *
 * Kernels trust what stands here: table positions, columns and leaves are not looked
 * at again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/image.h"
#include "forest/image_private.h"

#define RADIX 16u

uint32_t rw_slot_levels(uint32_t n_cuts) {
    uint32_t levels = 1;
    for (uint64_t covered = RADIX; covered < n_cuts; covered *= RADIX)
        levels++;
    return levels;
}

static uint64_t step_of(uint32_t levels, uint32_t level) {
    uint64_t step = 1;
    for (uint32_t below = level + 1; below < levels; below++)
        step *= RADIX;
    return step;
}

uint64_t rw_slot_level_size(uint32_t n_cuts, uint32_t levels, uint32_t level) {
    const uint64_t step = step_of(levels, level);
    const uint64_t size = (n_cuts + step - 1) / step;
    return (size + RADIX - 1) / RADIX * RADIX;
}

uint64_t rw_slot_separator(uint32_t n_cuts, uint32_t levels, uint32_t level, uint64_t i) {
    const bool last = level + 1 == levels;
    const uint64_t cut = last ? i : (i + 1) * step_of(levels, level);
    if (cut >= n_cuts || (!last && i % RADIX == RADIX - 1))
        return UINT64_MAX;
    return cut;
}

/* A count never leads beyond a level: separators without a cut are NaN, and come last. */
static bool level_ok(const struct rw_image *image, const struct rw_slot *slot, uint32_t level,
                     uint64_t begin, uint64_t size) {
    for (uint64_t i = 0; i < size; i++) {
        bool none = rw_slot_separator(slot->n_cuts, slot->levels, level, i) == UINT64_MAX;
        if (isnan(image->ranks[begin + i]) != none)
            return false;
        if (image->rows64 && isnan(image->ranks64[begin + i]) != none)
            return false;
    }
    return true;
}

static bool slot_ok(const struct rw_image *image, const struct rw_slot *slot) {
    const uint64_t total = image->header->sections[RW_SECTION_RANKS].count;
    if (slot->feature >= image->header->n_features || slot->n_cuts == 0 ||
        slot->n_cuts > RW_LANES_MAX_CUTS || slot->levels != rw_slot_levels(slot->n_cuts) ||
        slot->first_column > image->n_byte_columns ||
        slot->n_columns > image->n_byte_columns - slot->first_column)
        return false;
    uint64_t begin = slot->table;
    for (uint32_t level = 0; level < slot->levels; level++) {
        const uint64_t size = rw_slot_level_size(slot->n_cuts, slot->levels, level);
        if (slot->level[level] != begin - slot->table || begin > total || size > total - begin ||
            !level_ok(image, slot, level, begin, size))
            return false;
        begin += size;
    }
    return true;
}

static bool order_ok(const struct rw_image *image) {
    const struct rw_lanes *lanes = image->lanes;
    if ((uint64_t)lanes->one_level + lanes->two_levels > image->n_slots)
        return false;
    for (uint32_t i = 0; i < image->n_slots; i++) {
        const uint32_t levels = image->slots[i].levels;
        if ((levels == 1) != (i < lanes->one_level) ||
            (levels == 2) != (i >= lanes->one_level && i < lanes->one_level + lanes->two_levels))
            return false;
    }
    return true;
}

static bool slot_of_ok(const struct rw_image *image) {
    for (uint32_t f = 0; f < image->header->n_features; f++)
        if (image->slot_of[f] >= image->n_slots && image->slot_of[f] != RW_NO_SLOT)
            return false;
    return true;
}

static bool columns_ok(const struct rw_image *image) {
    bool segments = false, zero = false;
    for (uint32_t i = 0; i < image->n_byte_columns; i++) {
        const struct rw_byte_column *column = &image->byte_columns[i];
        if (column->slot >= image->n_slots || column->zero > 1)
            return false;
        segments = segments || image->slots[column->slot].n_cuts > RW_SEGMENT;
        zero = zero || column->zero;
    }
    const uint32_t row_columns = image->n_set_features ? RW_SET_COLUMN : image->n_byte_columns;
    return image->lanes->has_segments == segments && image->lanes->has_zero == zero &&
           (image->lanes->row_columns == 0 ||
            (image->lanes->row_columns == row_columns && image->n_byte_columns <= row_columns &&
             row_columns <= RW_LANES_ROW_COLUMNS));
}

static bool node_ok(const struct rw_image *image, const struct rw_sweep_node *node) {
    if (node->cut != 0)
        return node->column < image->n_byte_columns;
    return node->column >= image->n_byte_columns && node->column + 1u < image->lanes->n_planes &&
           rw_sweep_bitmap(node) < image->header->sections[RW_SECTION_SET_BITMAPS].count;
}

static bool set_feature_ok(const struct rw_image *image, const struct rw_set_feature *feature) {
    const struct rw_lanes *lanes = image->lanes;
    const uint64_t n_rows = image->header->sections[RW_SECTION_SET_ROWS].count;
    const uint64_t taken = ((uint64_t)feature->n_codes + 2) * lanes->set_words;
    return feature->feature < image->header->n_features && feature->truncate <= 1 &&
           feature->n_codes <= RW_SET_MAX_CODES &&
           feature->n_segments * (uint64_t)RW_SET_SEGMENT >= feature->n_codes &&
           feature->n_segments >= 1 && feature->first_plane >= image->n_byte_columns &&
           feature->first_plane <= lanes->n_planes &&
           feature->n_segments <= (lanes->n_planes - feature->first_plane) / 2 &&
           feature->rows <= n_rows && taken <= n_rows - feature->rows;
}

static bool sets_ok(const struct rw_image *image) {
    const struct rw_lanes *lanes = image->lanes;
    if (lanes->n_planes < image->n_byte_columns || lanes->n_planes > RW_LANES_MAX_COLUMNS ||
        lanes->set_words > RW_SET_MAX_WORDS)
        return false;
    if (image->n_set_features && lanes->row_columns &&
        (lanes->set_words == 0 || lanes->row_columns > RW_SET_COLUMN ||
         image->n_slots > RW_SET_COLUMN || lanes->heap_depth))
        return false;
    for (uint32_t i = 0; i < image->n_set_features; i++)
        if (!set_feature_ok(image, &image->set_features[i]))
            return false;
    return true;
}

static bool tree_ok(const struct rw_image *image, const struct rw_sweep_tree *tree) {
    const uint64_t total = image->header->sections[RW_SECTION_SWEEP_NODES].count;
    if (tree->begin > total || tree->count > total - tree->begin ||
        tree->group >= image->header->n_groups || tree->n_leaves > image->lanes->leaf_stride ||
        tree->n_leaves == 0)
        return false;
    for (uint32_t i = tree->begin; i < tree->begin + tree->count; i++)
        if (!node_ok(image, &image->sweep_nodes[i]) || image->sweep_nodes[i].next >= tree->n_leaves)
            return false;
    return true;
}

/* Chunks follow each other and hold every tree. */
static bool chunks_ok(const struct rw_image *image) {
    const uint64_t total = image->header->sections[RW_SECTION_SWEEP_STEPS].count;
    uint64_t next_tree = 0;
    for (uint32_t i = 0; i < image->n_sweep_chunks; i++) {
        const struct rw_sweep_chunk *chunk = &image->sweep_chunks[i];
        const uint32_t width = chunk->width;
        if (width == 0 || width > RW_CHUNK_MAX_WIDTH || (width & (width - 1)) != 0 ||
            chunk->n_steps >= image->lanes->leaf_stride || chunk->first_tree != next_tree ||
            chunk->begin > total || chunk->begin % RW_SECTION_ALIGNMENT ||
            (uint64_t)width * chunk->n_steps * RW_SWEEP_STEP_BYTES > total - chunk->begin ||
            (image->lanes->set_words &&
             (uint64_t)chunk->first_word + width * chunk->n_steps > image->lanes->set_words))
            return false;
        next_tree += (uint64_t)width * RW_CHUNK_TREES;
    }
    return image->n_sweep_chunks == 0 || next_tree >= image->header->n_trees;
}

static bool heaps_ok(const struct rw_image *image) {
    const uint64_t total = image->header->sections[RW_SECTION_HEAP_COLUMNS].count;
    for (uint64_t i = 0; i < total; i++)
        if (image->heap_columns[i] >= image->n_byte_columns)
            return false;
    return true;
}

static bool slot_counts_ok(const struct rw_image *image) {
    const struct rw_section *sections = image->header->sections;
    return sections[RW_SECTION_LANES].count == 1 && image->n_slots <= RW_LANES_MAX_COLUMNS &&
           sections[RW_SECTION_SLOT_OF].count == image->header->n_features &&
           sections[RW_SECTION_RANKS64].count ==
               (image->rows64 ? sections[RW_SECTION_RANKS].count : 0) &&
           image->n_byte_columns <= RW_LANES_MAX_COLUMNS;
}

static bool heap_counts_ok(const struct rw_image *image) {
    const struct rw_section *sections = image->header->sections;
    const struct rw_lanes *lanes = image->lanes;
    const uint64_t n_trees = image->header->n_trees;
    if (lanes->heap_depth != 0 && lanes->heap_depth != RW_SHALLOW_HEAP &&
        lanes->heap_depth != RW_DEEP_HEAP)
        return false;
    if (lanes->direct &&
        (lanes->heap_depth != RW_SHALLOW_HEAP || image->rows64 || image->sums64 ||
         image->header->n_groups != 1 || image->header->n_features > RW_DIRECT_FEATURES))
        return false;
    const uint64_t n_heap = lanes->heap_depth ? n_trees << lanes->heap_depth : 0;
    const uint64_t n_direct = lanes->direct ? n_heap : 0;
    return sections[RW_SECTION_DIRECT_COLUMNS].count == n_direct &&
           sections[RW_SECTION_DIRECT_THRESHOLDS].count == n_direct &&
           sections[RW_SECTION_HEAP_COLUMNS].count == n_heap &&
           sections[RW_SECTION_HEAP_CUTS].count == n_heap &&
           sections[RW_SECTION_HEAP_LEAVES].count == (image->sums64 ? 0 : n_heap) &&
           sections[RW_SECTION_HEAP_LEAVES64].count == (image->sums64 ? n_heap : 0);
}

static bool sweep_counts_ok(const struct rw_image *image) {
    const struct rw_section *sections = image->header->sections;
    const uint32_t stride = image->lanes->leaf_stride;
    const uint64_t n_trees = image->header->n_trees, n_leaves = n_trees * stride;
    return stride >= RW_LANES_LEAST_STRIDE && stride <= RW_LANES_MAX_LEAVES + 1 &&
           (stride & (stride - 1)) == 0 && sections[RW_SECTION_SWEEP_TREES].count == n_trees &&
           sections[RW_SECTION_LANE_LEAVES].count == (image->sums64 ? 0 : n_leaves) &&
           sections[RW_SECTION_LANE_LEAVES64].count == (image->sums64 ? n_leaves : 0);
}

static bool sweeps_ok(const struct rw_image *image) {
    if (!sweep_counts_ok(image) || !heap_counts_ok(image) || !columns_ok(image) || !sets_ok(image))
        return false;
    for (uint32_t i = 0; i < image->header->n_trees; i++)
        if (!tree_ok(image, &image->sweep_trees[i]))
            return false;
    return chunks_ok(image) && heaps_ok(image);
}

bool rw_lanes_ok(const struct rw_image *image) {
    if (!slot_counts_ok(image))
        return false;
    for (uint32_t i = 0; i < image->n_slots; i++)
        if (!slot_ok(image, &image->slots[i]))
            return false;
    return order_ok(image) && slot_of_ok(image) && (!image->lanes->sweeps || sweeps_ok(image));
}

/*
 * image_deep.c - proves the deep trees of an image.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/image.h"
#include "forest/image_private.h"

static bool counts_ok(const struct rw_image *image) {
    const struct rw_section *sections = image->header->sections;
    const uint64_t n_trees = image->header->n_trees,
                   n_nodes = sections[RW_SECTION_DEEP_NODES].count;
    return image->lanes && sections[RW_SECTION_DEEP_TREES].count == n_trees &&
           image->n_word_columns > 0 && image->n_word_columns <= RW_DEEP_MAX_COLUMNS &&
           image->n_slots <= RW_DEEP_MAX_COLUMNS && n_nodes <= INT32_MAX &&
           sections[RW_SECTION_TOP_COLUMNS].count == n_trees * RW_TOP_NODES &&
           sections[RW_SECTION_TOP_CUTS].count == n_trees * RW_TOP_NODES &&
           sections[RW_SECTION_DEEP_CUTS].count == n_nodes &&
           sections[RW_SECTION_DEEP_CHILDREN].count == n_nodes &&
           sections[RW_SECTION_DEEP_COLUMNS].count == n_nodes &&
           sections[RW_SECTION_DEEP_LEAVES].count == (image->sums64 ? 0 : n_nodes) &&
           sections[RW_SECTION_DEEP_LEAVES64].count == (image->sums64 ? n_nodes : 0);
}

/* Wherever a row starts and whichever way it goes, it stays in the tree: left + 1 is
 * inside too, except from a leaf, whose cut no rank reaches. */
static bool node_ok(const struct rw_image *image, const struct rw_deep_tree *tree, uint32_t i) {
    const uint32_t at = tree->begin + i;
    const uint32_t packed = image->deep_nodes[at], child = packed & (RW_DEEP_MAX_NODES - 1);
    const uint32_t cut = packed >> RW_DEEP_CUT_SHIFT;
    const uint32_t column = packed >> RW_DEEP_COLUMN_SHIFT & (RW_DEEP_MAX_COLUMNS - 1);
    if (image->deep_cuts[at] != cut || image->deep_children[at] != child ||
        image->deep_columns[at] != column || column >= image->n_word_columns)
        return false;
    return child + (cut == RW_DEEP_LEAF_CUT ? 0 : 1) < tree->count;
}

static bool tree_ok(const struct rw_image *image, const struct rw_deep_tree *tree) {
    const uint64_t total = image->header->sections[RW_SECTION_DEEP_NODES].count;
    if (tree->begin > total || tree->count > total - tree->begin || tree->count < RW_TOP_NODES ||
        tree->count > RW_DEEP_MAX_NODES || tree->group >= image->header->n_groups ||
        tree->levels > ROWAN_MAX_TREE_DEPTH)
        return false;
    for (uint32_t i = 0; i < tree->count; i++)
        if (!node_ok(image, tree, i))
            return false;
    return true;
}

bool rw_deep_ok(const struct rw_image *image) {
    if (!counts_ok(image))
        return false;
    for (uint32_t s = 0; s < image->n_slots; s++)
        if (image->slots[s].n_cuts > RW_DEEP_MAX_CUTS)
            return false;
    for (uint32_t c = 0; c < image->n_word_columns; c++)
        if (image->word_columns[c].slot >= image->n_slots ||
            image->word_columns[c].missing > RW_DEEP_MAX_CUTS || image->word_columns[c].zero > 1)
            return false;
    for (uint32_t i = 0; i < image->header->n_trees; i++)
        if (!tree_ok(image, &image->deep_trees[i]))
            return false;
    return true;
}

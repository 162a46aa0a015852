/*
 * image.c - opens a compiled image, and proves it first.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/image.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "forest/image_private.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are little-endian");
_Static_assert(sizeof(struct rw_compact_node) == 8, "nodes are packed");
_Static_assert(sizeof(struct rw_wide_node) == 16, "nodes are packed");

const size_t rw_section_element[RW_SECTION_COUNT] = {
    [RW_SECTION_FEATURES] = sizeof(struct rw_image_feature),
    [RW_SECTION_STRINGS] = 1,
    [RW_SECTION_BASE] = sizeof(float),
    [RW_SECTION_TREES] = sizeof(struct rw_image_tree),
    [RW_SECTION_COMPACT] = sizeof(struct rw_compact_node),
    [RW_SECTION_LEAVES] = sizeof(float),
    [RW_SECTION_WIDE] = sizeof(struct rw_wide_node),
    [RW_SECTION_CATEGORIES] = sizeof(uint32_t),
    [RW_SECTION_ATTACHMENT] = 1,
};

/* Of the whole image, with the checksum field itself taken as zero. */
uint64_t rw_image_checksum(const void *bytes, size_t size) {
    static const uint64_t zero = 0;
    const size_t field = offsetof(struct rw_image_header, checksum);
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, bytes, field);
    XXH3_64bits_update(&state, &zero, sizeof zero);
    XXH3_64bits_update(&state, (const char *)bytes + field + sizeof zero,
                       size - field - sizeof zero);
    return XXH3_64bits_digest(&state);
}

static rowan_status bad(rowan_error *error, const char *what) {
    return rw_fail(error, ROWAN_MALFORMED, "compiled image", "compile the model again", "%s", what);
}

static rowan_status check_header(const struct rw_image_header *header, size_t size,
                                 rowan_error *error) {
    if (size < sizeof *header || memcmp(header->magic, RW_IMAGE_MAGIC, sizeof header->magic) != 0)
        return bad(error, "not an image of Rowan");
    if (header->version != RW_IMAGE_VERSION)
        return bad(error, "made by another version of Rowan");
    if (header->bytes != size)
        return bad(error, "truncated");
    if (header->checksum != rw_image_checksum(header, size))
        return bad(error, "checksum differs: the file is damaged");
    return ROWAN_OK;
}

static rowan_status check_sections(const struct rw_image_header *header, rowan_error *error) {
    for (size_t i = 0; i < RW_SECTION_COUNT; i++) {
        const struct rw_section *section = &header->sections[i];
        if (section->offset % RW_SECTION_ALIGNMENT || section->offset > header->bytes ||
            section->count > (header->bytes - section->offset) / rw_section_element[i])
            return bad(error, "a section lies outside of the file");
    }
    const struct rw_section *sections = header->sections;
    if (sections[RW_SECTION_FEATURES].count != header->n_features ||
        sections[RW_SECTION_BASE].count != header->n_groups ||
        sections[RW_SECTION_TREES].count != header->n_trees ||
        sections[RW_SECTION_COMPACT].count != sections[RW_SECTION_LEAVES].count)
        return bad(error, "counts disagree");
    if (header->n_features == 0 || header->n_features > ROWAN_MAX_FEATURES ||
        header->n_groups == 0 || header->n_groups > ROWAN_MAX_OUTPUTS ||
        header->link > ROWAN_LINK_EXP_WIDE)
        return bad(error, "a count is out of bounds");
    return ROWAN_OK;
}

static void set_pointers(const void *bytes, struct rw_image *image) {
    const char *start = bytes;
    const struct rw_section *sections = ((const struct rw_image_header *)bytes)->sections;
#define AT(id) ((const void *)(start + sections[id].offset))
    *image = (struct rw_image){
        .header = bytes,
        .features = AT(RW_SECTION_FEATURES),
        .strings = AT(RW_SECTION_STRINGS),
        .base = AT(RW_SECTION_BASE),
        .trees = AT(RW_SECTION_TREES),
        .compact = AT(RW_SECTION_COMPACT),
        .leaves = AT(RW_SECTION_LEAVES),
        .wide = AT(RW_SECTION_WIDE),
        .categories = AT(RW_SECTION_CATEGORIES),
        .attachment = AT(RW_SECTION_ATTACHMENT),
        .attachment_size = sections[RW_SECTION_ATTACHMENT].count,
    };
#undef AT
}

static bool strings_ok(const struct rw_image *image) {
    const struct rw_image_header *header = image->header;
    uint64_t size = header->sections[RW_SECTION_STRINGS].count;
    if (size == 0 || image->strings[size - 1] != '\0')
        return false;
    for (uint32_t i = 0; i < header->n_features; i++)
        if (image->features[i].name >= size || image->features[i].kind > ROWAN_CATEGORICAL)
            return false;
    return header->format_name < size && header->producer < size && header->objective < size &&
           header->booster < size;
}

/* Children come after their parent: no walk can run in a circle. */
static bool compact_ok(const struct rw_image *image, const struct rw_image_tree *tree) {
    uint64_t total = image->header->sections[RW_SECTION_COMPACT].count;
    if (image->header->n_features > RW_COMPACT_MAX_FEATURES || tree->n_nodes > total ||
        tree->root > total - tree->n_nodes || total - tree->n_nodes - tree->root < 1)
        return false;
    const struct rw_compact_node *nodes = image->compact + tree->root;
    for (uint32_t i = 1; i <= tree->n_nodes; i++) {
        bool leaf = isnan(nodes[i].threshold);
        if (nodes[i].feature >= 2 * image->header->n_features)
            return false;
        if (leaf ? nodes[i].left != i - 1
                 : nodes[i].left <= i || nodes[i].left + 1u > tree->n_nodes)
            return false;
    }
    return true;
}

static bool wide_node_ok(const struct rw_image *image, const struct rw_wide_node *node,
                         uint32_t index, uint32_t n_nodes) {
    if (node->flags & RW_WIDE_LEAF)
        return true;
    if (node->feature >= image->header->n_features || node->left <= index ||
        node->left >= n_nodes - 1)
        return false;
    uint64_t words = node->flags >> RW_WIDE_WORDS_SHIFT;
    uint64_t total = image->header->sections[RW_SECTION_CATEGORIES].count;
    return !(node->flags & RW_WIDE_CATEGORICAL) ||
           (words <= total && node->u.categories <= total - words);
}

static bool wide_ok(const struct rw_image *image, const struct rw_image_tree *tree) {
    uint64_t total = image->header->sections[RW_SECTION_WIDE].count;
    if (tree->n_nodes > total || tree->root > total - tree->n_nodes)
        return false;
    for (uint32_t i = 0; i < tree->n_nodes; i++)
        if (!wide_node_ok(image, &image->wide[tree->root + i], i, tree->n_nodes))
            return false;
    return true;
}

static bool tree_ok(const struct rw_image *image, const struct rw_image_tree *tree) {
    if (tree->group >= image->header->n_groups || tree->n_nodes == 0 ||
        tree->depth > ROWAN_MAX_TREE_DEPTH)
        return false;
    if (tree->encoding == RW_TREE_COMPACT)
        return compact_ok(image, tree);
    return tree->encoding == RW_TREE_WIDE && wide_ok(image, tree);
}

rowan_status rw_image_open(const void *bytes, size_t size, struct rw_image *image,
                           rowan_error *error) {
    rowan_status status = check_header(bytes, size, error);
    if (status == ROWAN_OK)
        status = check_sections(bytes, error);
    if (status != ROWAN_OK)
        return status;
    set_pointers(bytes, image);
    if (!strings_ok(image))
        return bad(error, "a name lies outside of the file");
    for (uint32_t i = 0; i < image->header->n_trees; i++)
        if (!tree_ok(image, &image->trees[i]))
            return bad(error, "a tree leads outside of the file");
    return ROWAN_OK;
}

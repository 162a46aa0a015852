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

#include "forest/forest.h"
#include "forest/image_private.h"
#include "forest/program.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are little-endian");
_Static_assert(sizeof(struct rw_compact_node) == 8, "nodes are packed");
_Static_assert(sizeof(struct rw_contribution_push) == 32, "nodes are packed");
_Static_assert(sizeof(struct rw_contribution_pop) == 64, "nodes are packed");
_Static_assert(sizeof(struct rw_wide_node) == 24, "nodes are packed");

const size_t rw_section_element[RW_SECTION_COUNT] = {
    [RW_SECTION_FEATURES] = sizeof(struct rw_image_feature),
    [RW_SECTION_STRINGS] = 1,
    [RW_SECTION_NAMES] = sizeof(uint32_t),
    [RW_SECTION_BASE] = sizeof(double),
    [RW_SECTION_OFFSET] = sizeof(double),
    [RW_SECTION_TREES] = sizeof(struct rw_image_tree),
    [RW_SECTION_COLUMNS] = sizeof(struct rw_column),
    [RW_SECTION_CUT_BEGIN] = sizeof(uint32_t),
    [RW_SECTION_CUTS] = sizeof(double),
    [RW_SECTION_COMPACT] = sizeof(struct rw_compact_node),
    [RW_SECTION_LEAVES] = sizeof(float),
    [RW_SECTION_LEAVES64] = sizeof(double),
    [RW_SECTION_WIDE] = sizeof(struct rw_wide_node),
    [RW_SECTION_CATEGORIES] = sizeof(uint32_t),
    [RW_SECTION_LINEAR] = sizeof(struct rw_image_linear),
    [RW_SECTION_COEFFICIENTS] = sizeof(struct rw_coefficient),
    [RW_SECTION_CONTRIBUTION_TREES] = sizeof(struct rw_contribution_tree),
    [RW_SECTION_CONTRIBUTION_RUNS] = sizeof(struct rw_contribution_run),
    [RW_SECTION_CONTRIBUTION_PUSHES] = sizeof(struct rw_contribution_push),
    [RW_SECTION_CONTRIBUTION_POPS] = sizeof(struct rw_contribution_pop),
    [RW_SECTION_CONTRIBUTION_SLOTS] = sizeof(struct rw_contribution_slot),
    [RW_SECTION_CONTRIBUTION_RULES] = sizeof(struct rw_contribution_rule),
    [RW_SECTION_CONTRIBUTION_BIAS] = sizeof(double),
    [RW_SECTION_LANES] = sizeof(struct rw_lanes),
    [RW_SECTION_SLOTS] = sizeof(struct rw_slot),
    [RW_SECTION_SLOT_OF] = sizeof(uint16_t),
    [RW_SECTION_RANKS] = sizeof(float),
    [RW_SECTION_RANKS64] = sizeof(double),
    [RW_SECTION_BYTE_COLUMNS] = sizeof(struct rw_byte_column),
    [RW_SECTION_SWEEP_TREES] = sizeof(struct rw_sweep_tree),
    [RW_SECTION_SWEEP_NODES] = sizeof(struct rw_sweep_node),
    [RW_SECTION_SWEEP_CHUNKS] = sizeof(struct rw_sweep_chunk),
    [RW_SECTION_SWEEP_STEPS] = 1,
    [RW_SECTION_LANE_LEAVES] = sizeof(float),
    [RW_SECTION_LANE_LEAVES64] = sizeof(double),
    [RW_SECTION_HEAP_COLUMNS] = 1,
    [RW_SECTION_HEAP_CUTS] = 1,
    [RW_SECTION_HEAP_LEAVES] = sizeof(float),
    [RW_SECTION_HEAP_LEAVES64] = sizeof(double),
    [RW_SECTION_DIRECT_COLUMNS] = 1,
    [RW_SECTION_DIRECT_THRESHOLDS] = sizeof(float),
    [RW_SECTION_SET_FEATURES] = sizeof(struct rw_set_feature),
    [RW_SECTION_SET_BITMAPS] = RW_SET_BYTES,
    [RW_SECTION_SET_ROWS] = sizeof(uint64_t),
    [RW_SECTION_WORD_COLUMNS] = sizeof(struct rw_word_column),
    [RW_SECTION_DEEP_TREES] = sizeof(struct rw_deep_tree),
    [RW_SECTION_TOP_COLUMNS] = sizeof(uint16_t),
    [RW_SECTION_TOP_CUTS] = sizeof(uint16_t),
    [RW_SECTION_DEEP_NODES] = sizeof(uint32_t),
    [RW_SECTION_DEEP_CUTS] = sizeof(uint16_t),
    [RW_SECTION_DEEP_CHILDREN] = sizeof(uint16_t),
    [RW_SECTION_DEEP_COLUMNS] = 1,
    [RW_SECTION_DEEP_LEAVES] = sizeof(float),
    [RW_SECTION_DEEP_LEAVES64] = sizeof(double),
    [RW_SECTION_PROGRAM] = 1,
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

/* A link of both classes has one margin, and formulas to make two of it. */
static bool link_ok(const struct rw_image_header *header) {
    return header->link < ROWAN_LINK_BOTH ||
           (header->n_groups == 1 && header->arithmetic != RW_ARITHMETIC_XGBOOST);
}

static rowan_status check_counts(const struct rw_image_header *header, rowan_error *error) {
    const struct rw_section *sections = header->sections;
    if (header->n_features == 0 || header->n_features > ROWAN_MAX_FEATURES ||
        header->n_groups == 0 || header->n_groups > ROWAN_MAX_OUTPUTS ||
        header->link > ROWAN_LINK_LOGISTIC_BOTH || header->arithmetic >= RW_ARITHMETIC_COUNT ||
        !link_ok(header))
        return bad(error, "a count is out of bounds");
    const bool sums64 = rw_arithmetic_sums64((enum rw_arithmetic)header->arithmetic);
    const bool rows64 = rw_arithmetic_rows64((enum rw_arithmetic)header->arithmetic);
    const uint64_t n_compact = sections[RW_SECTION_COMPACT].count;
    if (sections[RW_SECTION_FEATURES].count != header->n_features ||
        sections[RW_SECTION_BASE].count != header->n_groups ||
        (sections[RW_SECTION_OFFSET].count != 0 &&
         sections[RW_SECTION_OFFSET].count != header->n_groups) ||
        sections[RW_SECTION_TREES].count != header->n_trees ||
        sections[RW_SECTION_LEAVES].count != (sums64 ? 0 : n_compact) ||
        sections[RW_SECTION_LEAVES64].count != (sums64 ? n_compact : 0) ||
        sections[RW_SECTION_CONTRIBUTION_PUSHES].count !=
            sections[RW_SECTION_CONTRIBUTION_POPS].count ||
        sections[RW_SECTION_COLUMNS].count > RW_COMPACT_MAX_COLUMNS ||
        sections[RW_SECTION_CUT_BEGIN].count !=
            (rows64 && n_compact ? (uint64_t)header->n_features + 1 : 0))
        return bad(error, "counts disagree");
    return ROWAN_OK;
}

static rowan_status check_sections(const struct rw_image_header *header, rowan_error *error) {
    for (size_t i = 0; i < RW_SECTION_COUNT; i++) {
        const struct rw_section *section = &header->sections[i];
        if (section->offset % RW_SECTION_ALIGNMENT || section->offset > header->bytes ||
            section->count > (header->bytes - section->offset) / rw_section_element[i])
            return bad(error, "a section lies outside of the file");
    }
    return check_counts(header, error);
}

void rw_image_view(const void *bytes, struct rw_image *image) {
    const char *start = bytes;
    const struct rw_image_header *header = bytes;
    const struct rw_section *sections = header->sections;
#define AT(id) ((const void *)(start + sections[id].offset))
    *image = (struct rw_image){
        .header = header,
        .features = AT(RW_SECTION_FEATURES),
        .strings = AT(RW_SECTION_STRINGS),
        .names = AT(RW_SECTION_NAMES),
        .base = AT(RW_SECTION_BASE),
        .offset = sections[RW_SECTION_OFFSET].count ? AT(RW_SECTION_OFFSET) : NULL,
        .trees = AT(RW_SECTION_TREES),
        .columns = AT(RW_SECTION_COLUMNS),
        .n_columns = (uint32_t)sections[RW_SECTION_COLUMNS].count,
        .cut_begin = sections[RW_SECTION_CUT_BEGIN].count ? AT(RW_SECTION_CUT_BEGIN) : NULL,
        .cuts = AT(RW_SECTION_CUTS),
        .compact = AT(RW_SECTION_COMPACT),
        .leaves = AT(RW_SECTION_LEAVES),
        .leaves64 = AT(RW_SECTION_LEAVES64),
        .wide = AT(RW_SECTION_WIDE),
        .categories = AT(RW_SECTION_CATEGORIES),
        .linear = AT(RW_SECTION_LINEAR),
        .coefficients = AT(RW_SECTION_COEFFICIENTS),
        .lanes = sections[RW_SECTION_LANES].count ? AT(RW_SECTION_LANES) : NULL,
        .slots = AT(RW_SECTION_SLOTS),
        .n_slots = (uint32_t)sections[RW_SECTION_SLOTS].count,
        .slot_of = AT(RW_SECTION_SLOT_OF),
        .ranks = AT(RW_SECTION_RANKS),
        .ranks64 = AT(RW_SECTION_RANKS64),
        .byte_columns = AT(RW_SECTION_BYTE_COLUMNS),
        .n_byte_columns = (uint32_t)sections[RW_SECTION_BYTE_COLUMNS].count,
        .sweep_trees = AT(RW_SECTION_SWEEP_TREES),
        .sweep_nodes = AT(RW_SECTION_SWEEP_NODES),
        .sweep_chunks = AT(RW_SECTION_SWEEP_CHUNKS),
        .n_sweep_chunks = (uint32_t)sections[RW_SECTION_SWEEP_CHUNKS].count,
        .sweep_steps = AT(RW_SECTION_SWEEP_STEPS),
        .lane_leaves = AT(RW_SECTION_LANE_LEAVES),
        .lane_leaves64 = AT(RW_SECTION_LANE_LEAVES64),
        .heap_columns = AT(RW_SECTION_HEAP_COLUMNS),
        .heap_cuts = AT(RW_SECTION_HEAP_CUTS),
        .heap_leaves = AT(RW_SECTION_HEAP_LEAVES),
        .heap_leaves64 = AT(RW_SECTION_HEAP_LEAVES64),
        .set_features = AT(RW_SECTION_SET_FEATURES),
        .n_set_features = (uint32_t)sections[RW_SECTION_SET_FEATURES].count,
        .set_bitmaps = AT(RW_SECTION_SET_BITMAPS),
        .set_rows = AT(RW_SECTION_SET_ROWS),
        .word_columns = AT(RW_SECTION_WORD_COLUMNS),
        .n_word_columns = (uint32_t)sections[RW_SECTION_WORD_COLUMNS].count,
        .deep_trees = sections[RW_SECTION_DEEP_TREES].count ? AT(RW_SECTION_DEEP_TREES) : NULL,
        .top_columns = AT(RW_SECTION_TOP_COLUMNS),
        .top_cuts = AT(RW_SECTION_TOP_CUTS),
        .deep_nodes = AT(RW_SECTION_DEEP_NODES),
        .deep_cuts = AT(RW_SECTION_DEEP_CUTS),
        .deep_children = AT(RW_SECTION_DEEP_CHILDREN),
        .deep_columns = AT(RW_SECTION_DEEP_COLUMNS),
        .deep_leaves = AT(RW_SECTION_DEEP_LEAVES),
        .deep_leaves64 = AT(RW_SECTION_DEEP_LEAVES64),
        .direct_columns = AT(RW_SECTION_DIRECT_COLUMNS),
        .direct_thresholds = AT(RW_SECTION_DIRECT_THRESHOLDS),
        .program = sections[RW_SECTION_PROGRAM].count ? AT(RW_SECTION_PROGRAM) : NULL,
        .program_size = sections[RW_SECTION_PROGRAM].count,
        .attachment = AT(RW_SECTION_ATTACHMENT),
        .attachment_size = sections[RW_SECTION_ATTACHMENT].count,
        .rows64 = rw_arithmetic_rows64((enum rw_arithmetic)header->arithmetic),
        .sums64 = rw_arithmetic_sums64((enum rw_arithmetic)header->arithmetic),
    };
#undef AT
}

static void set_contributions(const void *bytes, struct rw_image *image) {
    const char *start = bytes;
    const struct rw_image_header *header = bytes;
    const struct rw_section *sections = header->sections;
#define AT(id)    ((const void *)(start + sections[RW_SECTION_CONTRIBUTION_##id].offset))
#define COUNT(id) (sections[RW_SECTION_CONTRIBUTION_##id].count)
    image->contributions = (struct rw_contributions){
        .trees = AT(TREES),
        .runs = AT(RUNS),
        .pushes = AT(PUSHES),
        .pops = AT(POPS),
        .slots = AT(SLOTS),
        .rules = AT(RULES),
        .bias = COUNT(BIAS) ? AT(BIAS) : NULL,
        .n_trees = COUNT(TREES),
        .n_runs = COUNT(RUNS),
        .n_splits = COUNT(PUSHES),
        .n_slots = COUNT(SLOTS),
        .n_rules = COUNT(RULES),
        .n_bias = COUNT(BIAS),
        .n_features = header->n_features,
        .n_groups = header->n_groups,
        .categories = image->categories,
        .n_category_words = sections[RW_SECTION_CATEGORIES].count,
    };
#undef COUNT
#undef AT
}

static bool strings_ok(const struct rw_image *image) {
    const struct rw_image_header *header = image->header;
    uint64_t size = header->sections[RW_SECTION_STRINGS].count;
    if (size == 0 || image->strings[size - 1] != '\0')
        return false;
    const uint64_t n_names = header->sections[RW_SECTION_NAMES].count;
    for (uint64_t i = 0; i < n_names; i++)
        if (image->names[i] >= size)
            return false;
    for (uint32_t i = 0; i < header->n_features; i++) {
        const struct rw_image_feature *feature = &image->features[i];
        if (feature->name >= size || feature->kind > ROWAN_CATEGORICAL ||
            feature->names_begin > n_names || feature->n_names > n_names - feature->names_begin)
            return false;
    }
    return header->format_name < size && header->producer < size && header->objective < size &&
           header->booster < size;
}

/* What columns read: rows, and the cuts of their features. */
static bool columns_ok(const struct rw_image *image) {
    const uint32_t n_features = image->header->n_features;
    for (uint32_t i = 0; i < image->n_columns; i++)
        if (image->columns[i].feature >= n_features)
            return false;
    if (!image->cut_begin)
        return true;
    for (uint32_t f = 0; f < n_features; f++)
        if (image->cut_begin[f] > image->cut_begin[f + 1])
            return false;
    return image->cut_begin[n_features] <= image->header->sections[RW_SECTION_CUTS].count;
}

/* Children come after their parent: no walk can run in a circle. */
static bool compact_ok(const struct rw_image *image, const struct rw_image_tree *tree) {
    uint64_t total = image->header->sections[RW_SECTION_COMPACT].count;
    if (tree->n_nodes > total || tree->root > total - tree->n_nodes ||
        total - tree->n_nodes - tree->root < 1)
        return false;
    const struct rw_compact_node *nodes = image->compact + tree->root;
    for (uint32_t i = 1; i <= tree->n_nodes; i++) {
        bool leaf = isnan(nodes[i].threshold);
        if (nodes[i].column >= image->n_columns && !(leaf && nodes[i].column == 0))
            return false;
        if (leaf ? nodes[i].left != i - 1
                 : nodes[i].left <= i || nodes[i].left + 1u > tree->n_nodes)
            return false;
    }
    return true;
}

static bool linear_ok(const struct rw_image *image, uint32_t index) {
    const uint64_t n_coefficients = image->header->sections[RW_SECTION_COEFFICIENTS].count;
    if (index >= image->header->sections[RW_SECTION_LINEAR].count)
        return false;
    const struct rw_image_linear *leaf = &image->linear[index];
    if (leaf->begin > n_coefficients || leaf->count > n_coefficients - leaf->begin)
        return false;
    for (uint32_t i = leaf->begin; i < leaf->begin + leaf->count; i++)
        if (image->coefficients[i].feature >= image->header->n_features)
            return false;
    return true;
}

static bool wide_node_ok(const struct rw_image *image, const struct rw_wide_node *node,
                         uint32_t index, uint32_t n_nodes) {
    if (node->flags & RW_WIDE_LEAF)
        return !(node->flags & RW_WIDE_LINEAR) || linear_ok(image, node->feature);
    if (node->feature >= image->header->n_features || node->left <= index ||
        node->left >= n_nodes - 1)
        return false;
    uint64_t total = image->header->sections[RW_SECTION_CATEGORIES].count;
    return !(node->flags & RW_NODE_CATEGORICAL) ||
           (node->words <= total && node->u.categories <= total - node->words);
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
    rw_image_view(bytes, image);
    set_contributions(bytes, image);
    if (!strings_ok(image))
        return bad(error, "a name lies outside of the file");
    if (!columns_ok(image))
        return bad(error, "a column lies outside of the file");
    for (uint32_t i = 0; i < image->header->n_trees; i++)
        if (!tree_ok(image, &image->trees[i]))
            return bad(error, "a tree leads outside of the file");
    if (!rw_contributions_check(&image->contributions))
        return bad(error, "contributions lead outside of the file");
    if (image->lanes && !rw_lanes_ok(image))
        return bad(error, "a lane leads outside of the file");
    if (image->deep_trees && !rw_deep_ok(image))
        return bad(error, "a deep tree leads outside of the file");
    return image->program ? rw_program_graph.open(image, error) : ROWAN_OK;
}

bool rw_image_has_program(const void *bytes, size_t size) {
    const struct rw_image_header *header = bytes;
    return size >= sizeof *header && header->sections[RW_SECTION_PROGRAM].count != 0;
}

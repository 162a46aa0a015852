/*
 * build_sets.c - splits by categories, for sweeps (image.h says how).
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "forest/build.h"
#include "forest/image_private.h"

#define MAX_BITMAPS (1u << 24) /* what a sweep node can number */

/* Goes through the splits by categories of all trees. */
struct cursor {
    const struct rw_plan *plan;
    const struct rw_plan_node *node;
    uint32_t tree;
    uint64_t next; /* node to look at */
};

static bool next_set(struct cursor *cursor) {
    const struct rw_plan *plan = cursor->plan;
    for (; cursor->next < plan->n_nodes; cursor->next++) {
        while (cursor->next >=
               plan->trees[cursor->tree].begin + plan->trees[cursor->tree].shape.n_nodes)
            cursor->tree++;
        cursor->node = &plan->nodes[cursor->next];
        if (cursor->node->kind == RW_PLAN_SET) {
            cursor->next++;
            return true;
        }
    }
    return false;
}

struct set {
    const uint32_t *words;
    uint32_t n_words;
    uint32_t feature;
    bool truncate, nan_right;
};

static struct set set_of_node(const struct rw_plan *plan, uint32_t tree,
                              const struct rw_plan_node *node) {
    const struct rw_tree *described = &plan->forest->trees[tree];
    const uint32_t flags = described->flags[node->origin];
    return (struct set){plan->forest->categories + described->category_begin[node->origin],
                        described->category_words[node->origin], described->feature[node->origin],
                        flags & RW_NODE_TRUNCATE, !(flags & RW_NODE_DEFAULT_LEFT)};
}

static bool has_code(const struct set *set, uint32_t code) {
    return code / 32 < set->n_words && (set->words[code / 32] >> (code % 32) & 1u);
}

/* Codes that the set can tell apart: one more than its largest. */
static uint32_t codes_of(const struct set *set) {
    uint32_t n = set->n_words;
    while (n > 0 && set->words[n - 1] == 0)
        n--;
    return n == 0 ? 0 : 32 * n - (uint32_t)__builtin_clz(set->words[n - 1]);
}

static uint32_t n_segments(uint32_t n_codes) {
    const uint32_t n = (n_codes + RW_SET_SEGMENT - 1) / RW_SET_SEGMENT;
    return n ? n : 1; /* NaN has its bit in the first */
}

/* n_codes[feature] becomes one more than the largest code of its sets, plus one where it
 * has sets at all.  One rule of truncation a model: it is the library's. */
static bool measure_sets(const struct rw_plan *plan, uint32_t *n_codes) {
    uint64_t n_bitmaps = 0;
    int truncate = -1; /* not known yet */
    struct cursor cursor = {.plan = plan};
    while (next_set(&cursor)) {
        const struct set set = set_of_node(plan, cursor.tree, cursor.node);
        const uint32_t codes = codes_of(&set);
        if (codes > RW_SET_MAX_CODES || (truncate >= 0 && truncate != set.truncate))
            return false;
        truncate = set.truncate;
        n_bitmaps += n_segments(codes);
        if (codes + 1 > n_codes[set.feature])
            n_codes[set.feature] = codes + 1;
    }
    return n_bitmaps < MAX_BITMAPS;
}

bool rw_suits_sets(const struct rw_plan *plan, uint64_t n_byte_columns) {
    const uint32_t n_features = plan->forest->n_features;
    uint32_t *n_codes = plan->sets ? calloc(n_features, sizeof *n_codes) : NULL;
    bool suits = n_codes && measure_sets(plan, n_codes);
    uint64_t n_planes = n_byte_columns;
    for (uint32_t f = 0; suits && f < n_features; f++)
        n_planes += n_codes[f] ? 2 * n_segments(n_codes[f] - 1) : 0;
    free(n_codes);
    return suits && n_planes <= RW_LANES_MAX_COLUMNS;
}

static void lay_out_planes(struct rw_builder *builder, struct rw_lanes *lanes) {
    const struct rw_part *part = &builder->parts[RW_SECTION_SET_FEATURES];
    struct rw_set_feature *features = part->data;
    for (uint64_t i = 0; i < part->count; i++) {
        features[i].n_segments = n_segments(features[i].n_codes);
        features[i].first_plane = lanes->n_planes;
        lanes->n_planes += 2 * features[i].n_segments;
    }
}

void rw_build_set_features(struct rw_builder *builder, const struct rw_plan *plan, uint32_t *set_of,
                           struct rw_lanes *lanes) {
    struct cursor cursor = {.plan = plan};
    while (next_set(&cursor)) {
        const struct set set = set_of_node(plan, cursor.tree, cursor.node);
        if (set_of[set.feature] == 0) {
            struct rw_set_feature *added = rw_builder_add(builder, RW_SECTION_SET_FEATURES, 1);
            if (!added)
                return;
            *added = (struct rw_set_feature){.feature = set.feature, .truncate = set.truncate};
            set_of[set.feature] = (uint32_t)builder->parts[RW_SECTION_SET_FEATURES].count;
        }
        struct rw_set_feature *features = builder->parts[RW_SECTION_SET_FEATURES].data;
        uint32_t *n_codes = &features[set_of[set.feature] - 1].n_codes;
        const uint32_t codes = codes_of(&set);
        *n_codes = codes > *n_codes ? codes : *n_codes;
    }
    lay_out_planes(builder, lanes);
}

/* The bits of one segment; false where there are none. */
static bool fill_bitmap(const struct set *set, uint32_t segment, uint8_t bitmap[RW_SET_BYTES]) {
    bool any = false;
    for (uint32_t i = 0; i < RW_SET_BYTES; i++)
        bitmap[i] = 0;
    for (uint32_t bit = 0; bit < RW_SET_SEGMENT; bit++)
        if (has_code(set, segment * RW_SET_SEGMENT + bit)) {
            bitmap[bit / 8] |= (uint8_t)(1u << bit % 8);
            any = true;
        }
    if (segment == 0 && set->nan_right) {
        bitmap[RW_SET_NAN / 8] |= (uint8_t)(1u << RW_SET_NAN % 8);
        any = true;
    }
    return any;
}

static void add_set_node(struct rw_builder *builder, const uint8_t *bitmap, uint32_t plane,
                         struct rw_sweep_node node) {
    const uint32_t number = (uint32_t)builder->parts[RW_SECTION_SET_BITMAPS].count;
    uint8_t *bytes = rw_builder_add(builder, RW_SECTION_SET_BITMAPS, 1);
    struct rw_sweep_node *written = rw_builder_add(builder, RW_SECTION_SWEEP_NODES, 1);
    if (!bytes || !written)
        return;
    for (uint32_t i = 0; i < RW_SET_BYTES; i++)
        bytes[i] = bitmap[i];
    node.cut = 0;
    node.column = (uint16_t)plane;
    node.bitmap[0] = (uint8_t)number;
    node.bitmap[1] = (uint8_t)(number >> 8);
    node.bitmap[2] = (uint8_t)(number >> 16);
    *written = node;
}

void rw_build_set_nodes(struct rw_builder *builder, const struct rw_plan *plan, uint32_t tree,
                        const struct rw_plan_node *planned, const uint32_t *set_of,
                        const struct rw_sweep_node *node) {
    const struct set set = set_of_node(plan, tree, planned);
    const struct rw_set_feature *features = builder->parts[RW_SECTION_SET_FEATURES].data;
    const struct rw_set_feature feature = features[set_of[set.feature] - 1];
    uint8_t bitmap[RW_SET_BYTES];
    for (uint32_t segment = 0; segment < feature.n_segments; segment++)
        if (fill_bitmap(&set, segment, bitmap))
            add_set_node(builder, bitmap, feature.first_plane + 2 * segment, *node);
}

/* ---- rows of bits, for one row -------------------------------------------------------- */

struct place {
    size_t word;
    uint64_t bit;
};

/* Word and bit of split `s` of tree `tree`. */
static struct place place_of(const struct rw_builder *builder, uint32_t tree, uint32_t s) {
    const struct rw_sweep_chunk *chunk = builder->parts[RW_SECTION_SWEEP_CHUNKS].data;
    while (tree >= chunk->first_tree + chunk->width * RW_CHUNK_TREES)
        chunk++;
    const uint32_t lane = tree - chunk->first_tree;
    return (struct place){chunk->first_word + (size_t)s * chunk->width + lane / RW_CHUNK_TREES,
                          (uint64_t)1 << lane % RW_CHUNK_TREES};
}

static void write_bits(const struct rw_builder *builder, const struct rw_set_feature *feature,
                       const struct set *set, uint32_t n_words, struct place place) {
    uint64_t *rows = (uint64_t *)builder->parts[RW_SECTION_SET_ROWS].data + feature->rows;
    for (uint32_t code = 0; code < feature->n_codes; code++)
        if (has_code(set, code))
            rows[code * (size_t)n_words + place.word] |= place.bit;
    if (set->nan_right)
        rows[(feature->n_codes + 1) * (size_t)n_words + place.word] |= place.bit;
}

static uint32_t find_set(const struct rw_builder *builder, uint32_t feature) {
    const struct rw_set_feature *features = builder->parts[RW_SECTION_SET_FEATURES].data;
    uint32_t i = 0;
    while (features[i].feature != feature)
        i++;
    return i;
}

/* In order, as a sweep visits them: number of leaves left of each split. */
static uint32_t number_splits(const struct rw_plan_node *nodes, uint32_t node, uint32_t n_leaves,
                              uint8_t *numbers) {
    if (nodes[node].column == RW_PLAN_LEAF)
        return n_leaves + 1;
    n_leaves = number_splits(nodes, nodes[node].left, n_leaves, numbers); /* < 255 deep */
    numbers[node] = (uint8_t)(n_leaves - 1);
    return number_splits(nodes, nodes[node].left + 1, n_leaves, numbers);
}

static void write_tree_bits(const struct rw_builder *builder, const struct rw_plan *plan,
                            uint32_t tree, uint32_t n_words) {
    const struct rw_plan_node *nodes = plan->nodes + plan->trees[tree].begin;
    const struct rw_set_feature *features = builder->parts[RW_SECTION_SET_FEATURES].data;
    uint8_t numbers[2 * RW_LANES_MAX_LEAVES] = {0};
    number_splits(nodes, 0, 0, numbers);
    for (uint32_t i = 0; i < plan->trees[tree].shape.n_nodes; i++) {
        if (nodes[i].kind != RW_PLAN_SET)
            continue;
        const struct set set = set_of_node(plan, tree, &nodes[i]);
        write_bits(builder, &features[find_set(builder, set.feature)], &set, n_words,
                   place_of(builder, tree, numbers[i]));
    }
}

bool rw_build_set_rows(struct rw_builder *builder, const struct rw_plan *plan, uint32_t n_words,
                       struct rw_lanes *lanes) {
    const struct rw_part *part = &builder->parts[RW_SECTION_SET_FEATURES];
    struct rw_set_feature *features = part->data;
    uint64_t total = 0;
    for (uint64_t i = 0; i < part->count; i++)
        total += ((uint64_t)features[i].n_codes + 2) * n_words;
    if (n_words > RW_SET_MAX_WORDS || total > RW_SET_MAX_ROWS)
        return false;
    total = 0;
    for (uint64_t i = 0; i < part->count; i++) {
        features[i].rows = (uint32_t)total;
        total += ((uint64_t)features[i].n_codes + 2) * n_words;
    }
    rw_builder_add(builder, RW_SECTION_SET_ROWS, total);
    lanes->set_words = n_words;
    for (uint32_t tree = 0; !builder->failed && tree < plan->forest->n_trees; tree++)
        write_tree_bits(builder, plan, tree, n_words);
    return !builder->failed;
}

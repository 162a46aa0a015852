/*
 * compile.c - a forest description becomes one flat image.
 *
 * Two passes over the trees: the first proves and measures, the second writes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forest/forest.h"
#include "forest/image.h"
#include "forest/image_private.h"

struct compiler {
    const struct rw_forest *forest;
    uint32_t *order, *depths; /* scratch of the largest tree */
    struct rw_tree_shape *shapes;
    uint64_t n_compact, n_wide, n_strings;
    struct rw_image_header header;
    unsigned char *bytes;
    rowan_error *error;
};

static bool is_compact(const struct compiler *compiler, const struct rw_tree_shape *shape) {
    return !shape->has_categories && !shape->has_minus_infinity &&
           compiler->forest->n_features <= RW_COMPACT_MAX_FEATURES &&
           shape->n_nodes <= RW_COMPACT_MAX_NODES;
}

static bool alloc_scratch(struct compiler *compiler) {
    const struct rw_forest *forest = compiler->forest;
    size_t largest = 1;
    for (uint32_t i = 0; i < forest->n_trees; i++)
        if (forest->trees[i].n_nodes > largest)
            largest = forest->trees[i].n_nodes;
    compiler->order = malloc(largest * sizeof *compiler->order);
    compiler->depths = malloc(largest * sizeof *compiler->depths);
    compiler->shapes = calloc(forest->n_trees ? forest->n_trees : 1, sizeof *compiler->shapes);
    return compiler->order && compiler->depths && compiler->shapes;
}

static void measure_tree(struct compiler *compiler, const struct rw_tree_shape *shape) {
    struct rw_image_header *header = &compiler->header;
    header->n_nodes += shape->n_nodes;
    header->n_leaves += shape->n_leaves;
    if (shape->depth > header->max_depth)
        header->max_depth = shape->depth;
    if (is_compact(compiler, shape))
        compiler->n_compact += (uint64_t)shape->n_nodes + 1; /* and the padding node */
    else
        compiler->n_wide += shape->n_nodes;
}

static rowan_status measure(struct compiler *compiler) {
    const struct rw_forest *forest = compiler->forest;
    for (uint32_t i = 0; i < forest->n_trees; i++) {
        rowan_status status = rw_tree_check(forest, i, compiler->order, compiler->depths,
                                            &compiler->shapes[i], compiler->error);
        if (status != ROWAN_OK)
            return status;
        measure_tree(compiler, &compiler->shapes[i]);
    }
    if (compiler->n_compact > UINT32_MAX || compiler->n_wide > UINT32_MAX)
        return rw_fail(compiler->error, ROWAN_LIMIT, NULL, NULL, "more than %u nodes", UINT32_MAX);
    const char *texts[] = {forest->format, forest->producer, forest->objective, forest->booster};
    for (size_t i = 0; i < 4; i++)
        compiler->n_strings += strlen(texts[i]) + 1;
    for (uint32_t i = 0; i < forest->n_features; i++)
        compiler->n_strings += strlen(forest->features[i].name) + 1;
    return ROWAN_OK;
}

static void lay_out(struct compiler *compiler, size_t attachment_size) {
    const struct rw_forest *forest = compiler->forest;
    const uint64_t counts[RW_SECTION_COUNT] = {
        [RW_SECTION_FEATURES] = forest->n_features,
        [RW_SECTION_STRINGS] = compiler->n_strings,
        [RW_SECTION_BASE] = forest->n_groups,
        [RW_SECTION_TREES] = forest->n_trees,
        [RW_SECTION_COMPACT] = compiler->n_compact,
        [RW_SECTION_LEAVES] = compiler->n_compact,
        [RW_SECTION_WIDE] = compiler->n_wide,
        [RW_SECTION_CATEGORIES] = forest->n_category_words,
        [RW_SECTION_ATTACHMENT] = attachment_size,
    };
    uint64_t offset = sizeof(struct rw_image_header);
    for (size_t i = 0; i < RW_SECTION_COUNT; i++) {
        offset = (offset + RW_SECTION_ALIGNMENT - 1) & ~(uint64_t)(RW_SECTION_ALIGNMENT - 1);
        compiler->header.sections[i] = (struct rw_section){offset, counts[i]};
        offset += counts[i] * rw_section_element[i];
    }
    compiler->header.bytes =
        (offset + RW_SECTION_ALIGNMENT - 1) & ~(uint64_t)(RW_SECTION_ALIGNMENT - 1);
}

static void *section(const struct compiler *compiler, enum rw_section_id id) {
    return compiler->bytes + compiler->header.sections[id].offset;
}

/* Copies `text` into STRINGS and returns its offset there. */
static uint32_t write_string(const struct compiler *compiler, const char *text, uint64_t *used) {
    size_t size = strlen(text) + 1;
    memcpy((char *)section(compiler, RW_SECTION_STRINGS) + *used, text, size);
    uint32_t offset = (uint32_t)*used;
    *used += size;
    return offset;
}

static void write_names(struct compiler *compiler) {
    const struct rw_forest *forest = compiler->forest;
    struct rw_image_feature *features = section(compiler, RW_SECTION_FEATURES);
    uint64_t used = 0;
    compiler->header.format_name = write_string(compiler, forest->format, &used);
    compiler->header.producer = write_string(compiler, forest->producer, &used);
    compiler->header.objective = write_string(compiler, forest->objective, &used);
    compiler->header.booster = write_string(compiler, forest->booster, &used);
    for (uint32_t i = 0; i < forest->n_features; i++) {
        features[i].name = write_string(compiler, forest->features[i].name, &used);
        features[i].kind = (uint32_t)forest->features[i].kind;
    }
}

/* Breadth first, the children of the i-th split node are the next two: no map of
 * ids is needed. */
static void write_compact(struct compiler *compiler, const struct rw_tree *tree,
                          const struct rw_tree_shape *shape, uint32_t root) {
    struct rw_compact_node *nodes = (struct rw_compact_node *)section(compiler, RW_SECTION_COMPACT);
    float *leaves = (float *)section(compiler, RW_SECTION_LEAVES);
    nodes += root;
    leaves += root;
    nodes[0] = (struct rw_compact_node){.threshold = NAN}; /* padding: never reached */
    uint32_t next_child = 2;
    for (uint32_t i = 0; i < shape->n_nodes; i++) {
        uint32_t node = compiler->order[i], at = i + 1;
        if (tree->left[node] == -1) {
            nodes[at] = (struct rw_compact_node){.threshold = NAN, .left = (uint16_t)(at - 1)};
            leaves[at] = tree->value[node] * tree->weight;
            continue;
        }
        bool default_left = tree->flags[node] & RW_NODE_DEFAULT_LEFT;
        uint32_t feature = tree->feature[node] + (default_left ? compiler->forest->n_features : 0);
        nodes[at] = (struct rw_compact_node){.threshold = tree->value[node],
                                             .feature = (uint16_t)feature,
                                             .left = (uint16_t)next_child};
        next_child += 2;
    }
}

static struct rw_wide_node wide_split(const struct rw_tree *tree, uint32_t node, uint32_t left) {
    struct rw_wide_node wide = {.feature = tree->feature[node], .left = left};
    if (tree->flags[node] & RW_NODE_DEFAULT_LEFT)
        wide.flags |= RW_WIDE_DEFAULT_LEFT;
    if (tree->flags[node] & RW_NODE_CATEGORICAL) {
        wide.u.categories = tree->category_begin[node];
        wide.flags |= RW_WIDE_CATEGORICAL | tree->category_words[node] << RW_WIDE_WORDS_SHIFT;
    } else {
        wide.u.threshold = tree->value[node];
    }
    return wide;
}

static void write_wide(struct compiler *compiler, const struct rw_tree *tree,
                       const struct rw_tree_shape *shape, uint32_t root) {
    struct rw_wide_node *nodes = (struct rw_wide_node *)section(compiler, RW_SECTION_WIDE) + root;
    uint32_t next_child = 1;
    for (uint32_t i = 0; i < shape->n_nodes; i++) {
        uint32_t node = compiler->order[i];
        if (tree->left[node] == -1) {
            nodes[i] = (struct rw_wide_node){.u.leaf = tree->value[node] * tree->weight,
                                             .flags = RW_WIDE_LEAF};
            continue;
        }
        nodes[i] = wide_split(tree, node, next_child);
        next_child += 2;
    }
}

static rowan_status write_trees(struct compiler *compiler) {
    const struct rw_forest *forest = compiler->forest;
    struct rw_image_tree *trees = section(compiler, RW_SECTION_TREES);
    uint32_t n_compact = 0, n_wide = 0;
    for (uint32_t i = 0; i < forest->n_trees; i++) {
        const struct rw_tree *tree = &forest->trees[i];
        struct rw_tree_shape shape; /* again, for the order of its nodes */
        rowan_status status =
            rw_tree_check(forest, i, compiler->order, compiler->depths, &shape, compiler->error);
        if (status != ROWAN_OK)
            return status;
        bool compact = is_compact(compiler, &shape);
        trees[i] = (struct rw_image_tree){.encoding = compact ? RW_TREE_COMPACT : RW_TREE_WIDE,
                                          .group = tree->group,
                                          .root = compact ? n_compact : n_wide,
                                          .n_nodes = shape.n_nodes,
                                          .depth = shape.depth};
        if (compact) {
            write_compact(compiler, tree, &shape, n_compact);
            n_compact += shape.n_nodes + 1;
        } else {
            write_wide(compiler, tree, &shape, n_wide);
            n_wide += shape.n_nodes;
        }
    }
    return ROWAN_OK;
}

static void write_header(struct compiler *compiler) {
    const struct rw_forest *forest = compiler->forest;
    struct rw_image_header *header = &compiler->header;
    memcpy(header->magic, RW_IMAGE_MAGIC, sizeof header->magic);
    header->version = RW_IMAGE_VERSION;
    header->link = (uint32_t)forest->link;
    header->n_features = forest->n_features;
    header->n_groups = forest->n_groups;
    header->n_trees = forest->n_trees;
    header->n_trees_in_file = forest->n_trees_in_file;
    header->best_iteration = forest->best_iteration;
    header->checksum = 0;
    memcpy(compiler->bytes, header, sizeof *header);
    header->checksum = rw_image_checksum(compiler->bytes, header->bytes);
    memcpy(compiler->bytes, header, sizeof *header);
}

/* memcpy wants valid pointers even for zero bytes */
static void copy_section(const struct compiler *compiler, enum rw_section_id id, const void *from,
                         size_t size) {
    if (size)
        memcpy(section(compiler, id), from, size);
}

static rowan_status compile(struct compiler *compiler, const void *attachment,
                            size_t attachment_size) {
    const struct rw_forest *forest = compiler->forest;
    if (!alloc_scratch(compiler))
        return rw_fail(compiler->error, ROWAN_NO_MEMORY, NULL, NULL, "no memory to compile");
    rowan_status status = measure(compiler);
    if (status != ROWAN_OK)
        return status;
    lay_out(compiler, attachment_size);
    compiler->bytes = calloc(1, compiler->header.bytes);
    if (!compiler->bytes)
        return rw_fail(compiler->error, ROWAN_NO_MEMORY, NULL, NULL,
                       "no memory for an image of %llu bytes",
                       (unsigned long long)compiler->header.bytes);
    write_names(compiler);
    copy_section(compiler, RW_SECTION_BASE, forest->base, forest->n_groups * sizeof(float));
    copy_section(compiler, RW_SECTION_CATEGORIES, forest->categories,
                 forest->n_category_words * sizeof(uint32_t));
    copy_section(compiler, RW_SECTION_ATTACHMENT, attachment, attachment_size);
    status = write_trees(compiler);
    if (status == ROWAN_OK)
        write_header(compiler);
    return status;
}

rowan_status rw_image_compile(const struct rw_forest *forest, const void *attachment,
                              size_t attachment_size, void **bytes, size_t *size,
                              rowan_error *error) {
    rowan_status status = rw_forest_check(forest, error);
    if (status != ROWAN_OK)
        return status;
    struct compiler compiler = {.forest = forest, .error = error};
    status = compile(&compiler, attachment, attachment_size);
    free(compiler.order);
    free(compiler.depths);
    free(compiler.shapes);
    if (status != ROWAN_OK) {
        free(compiler.bytes);
        return status;
    }
    *bytes = compiler.bytes;
    *size = compiler.header.bytes;
    return ROWAN_OK;
}

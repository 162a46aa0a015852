/*
 * compile.c - a forest description becomes one flat image.
 *
 * The forest is proven and brought into normal form (plan.h), each layout writes its
 * sections (build.h), and the sections are joined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "forest/build.h"
#include "forest/image_private.h"

static void (*const layouts[])(struct rw_builder *, const struct rw_plan *) = {
    rw_build_walk,
    rw_build_contributions,
    rw_build_lanes,
};

/* Copies `text` into STRINGS and returns its offset there. */
static uint32_t add_string(struct rw_builder *builder, const char *text) {
    const size_t size = strlen(text) + 1;
    const uint32_t offset = (uint32_t)builder->parts[RW_SECTION_STRINGS].count;
    char *string = rw_builder_add(builder, RW_SECTION_STRINGS, size);
    if (string)
        memcpy(string, text, size);
    return offset;
}

static void add_categories(struct rw_builder *builder, const struct rw_forest_feature *feature) {
    for (uint32_t i = 0; i < feature->n_categories; i++) {
        const uint32_t offset = add_string(builder, feature->categories[i]);
        uint32_t *name = rw_builder_add(builder, RW_SECTION_NAMES, 1);
        if (name)
            *name = offset;
    }
}

static void add_names(struct rw_builder *builder, const struct rw_forest *forest) {
    builder->header.format_name = add_string(builder, forest->format);
    builder->header.producer = add_string(builder, forest->producer);
    builder->header.objective = add_string(builder, forest->objective);
    builder->header.booster = add_string(builder, forest->booster);
    struct rw_image_feature *features =
        rw_builder_add(builder, RW_SECTION_FEATURES, forest->n_features);
    for (uint32_t i = 0; features && i < forest->n_features; i++) {
        features[i] = (struct rw_image_feature){
            .name = add_string(builder, forest->features[i].name),
            .kind = (uint32_t)forest->features[i].kind,
            .names_begin = (uint32_t)builder->parts[RW_SECTION_NAMES].count,
            .n_names = forest->features[i].n_categories};
        add_categories(builder, &forest->features[i]);
    }
}

static void add_copy(struct rw_builder *builder, enum rw_section_id id, const void *from,
                     uint64_t count) {
    void *to = count ? rw_builder_add(builder, id, count) : NULL;
    if (to)
        memcpy(to, from, count * rw_section_element[id]);
}

static void add_base(struct rw_builder *builder, const struct rw_forest *forest) {
    double *base = rw_builder_add(builder, RW_SECTION_BASE, forest->n_groups);
    for (uint32_t i = 0; base && forest->base && i < forest->n_groups; i++)
        base[i] = forest->base[i];
    if (forest->offset)
        add_copy(builder, RW_SECTION_OFFSET, forest->offset, forest->n_groups);
}

static void fill_header(struct rw_builder *builder, const struct rw_plan *plan) {
    const struct rw_forest *forest = plan->forest;
    struct rw_image_header *header = &builder->header;
    memcpy(header->magic, RW_IMAGE_MAGIC, sizeof header->magic);
    header->version = RW_IMAGE_VERSION;
    header->link = (uint32_t)forest->link;
    header->arithmetic = (uint32_t)forest->arithmetic;
    header->link_scale = forest->link_scale != 0.0 ? forest->link_scale : 1.0;
    header->divisor = forest->divisor != 0.0 ? forest->divisor : 1.0;
    header->n_features = forest->n_features;
    header->n_groups = forest->n_groups;
    header->n_trees = forest->n_trees;
    header->n_trees_in_file = forest->n_trees_in_file;
    header->n_nodes = plan->n_nodes;
    header->n_leaves = plan->n_leaves;
    header->max_depth = plan->max_depth;
    header->best_iteration = forest->best_iteration;
}

static void lay_out(struct rw_builder *builder) {
    const uint64_t mask = RW_SECTION_ALIGNMENT - 1;
    uint64_t offset = sizeof(struct rw_image_header);
    for (size_t i = 0; i < RW_SECTION_COUNT; i++) {
        offset = (offset + mask) & ~mask;
        builder->header.sections[i] = (struct rw_section){offset, builder->parts[i].count};
        offset += builder->parts[i].count * rw_section_element[i];
    }
    builder->header.bytes = (offset + mask) & ~mask;
}

/* memcpy wants valid pointers even for zero bytes */
static void join(const struct rw_builder *builder, unsigned char *bytes) {
    for (size_t i = 0; i < RW_SECTION_COUNT; i++)
        if (builder->parts[i].count)
            memcpy(bytes + builder->header.sections[i].offset, builder->parts[i].data,
                   builder->parts[i].count * rw_section_element[i]);
}

static rowan_status finish(struct rw_builder *builder, void **image, rowan_error *error) {
    if (builder->failed)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory to compile");
    lay_out(builder);
    struct rw_image_header *header = &builder->header;
    unsigned char *bytes = aligned_alloc(RW_SECTION_ALIGNMENT, header->bytes);
    if (!bytes)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for an image of %llu bytes",
                       (unsigned long long)header->bytes);
    memset(bytes, 0, header->bytes);
    join(builder, bytes);
    header->checksum = 0;
    memcpy(bytes, header, sizeof *header);
    header->checksum = rw_image_checksum(bytes, header->bytes);
    memcpy(bytes, header, sizeof *header);
    *image = bytes;
    return ROWAN_OK;
}

static void build(struct rw_builder *builder, const struct rw_plan *plan, const void *attachment,
                  size_t attachment_size) {
    const struct rw_forest *forest = plan->forest;
    fill_header(builder, plan);
    add_names(builder, forest);
    add_base(builder, forest);
    add_copy(builder, RW_SECTION_CATEGORIES, forest->categories, forest->n_category_words);
    add_copy(builder, RW_SECTION_PROGRAM, forest->program, forest->program_size);
    add_copy(builder, RW_SECTION_ATTACHMENT, attachment, attachment_size);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        layouts[i](builder, plan);
}

rowan_status rw_image_compile(const struct rw_forest *forest, const void *attachment,
                              size_t attachment_size, void **bytes, size_t *size,
                              rowan_error *error) {
    struct rw_plan plan;
    struct rw_builder builder = {0};
    rowan_status status = rw_plan_make(forest, &plan, error);
    if (status == ROWAN_OK) {
        build(&builder, &plan, attachment, attachment_size);
        status = finish(&builder, bytes, error);
        *size = builder.header.bytes;
    }
    for (size_t i = 0; i < RW_SECTION_COUNT; i++)
        free(builder.parts[i].data);
    rw_plan_free(&plan);
    return status;
}

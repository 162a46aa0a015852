/*
 * Fuzz target: the graph inside of a compiled image.
 *
 * An input is a list of patches, [offset: 2 bytes][value: 4 bytes], to the graph of a
 * small valid image that has every operation; the image is then signed again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz_model.h"

#include "forest/forest.h"
#include "forest/image.h"
#include "forest/image_private.h"
#include "forest/model.h"
#include "graph/build.h"

#define PATCH_BYTES 6u
#define WIDTH       2u

static uint32_t add(struct rw_graph_builder *builder, enum rw_graph_code code,
                    enum rw_graph_type type, uint32_t width, uint32_t detail,
                    const uint32_t *operands, uint32_t n_operands, uint32_t n_numbers) {
    static const union rw_graph_number numbers[8]; /* zeros are right for every operation */
    return rw_graph_add(builder, &(struct rw_graph_new){code, type, width, detail, n_operands,
                                                        n_numbers, operands, numbers});
}

/* x0 < 0.5 ? 1 : 2 on two floats */
static void add_stump(struct rw_graph_builder *builder) {
    static const int32_t left[] = {1, -1, -1}, right[] = {2, -1, -1};
    static const uint32_t feature[3];
    static const double value[] = {0.5, 1.0, 2.0};
    static const uint8_t flags[3];
    static const struct rw_forest_feature features[WIDTH] = {{.name = ""}, {.name = ""}};
    const struct rw_tree tree = {.n_nodes = 3,
                                 .weight = 1.0f,
                                 .left = left,
                                 .right = right,
                                 .feature = feature,
                                 .value = value,
                                 .flags = flags};
    const struct rw_forest forest = {.format = "",
                                     .producer = "",
                                     .objective = "",
                                     .booster = "",
                                     .arithmetic = RW_ARITHMETIC_ONNX,
                                     .n_features = WIDTH,
                                     .features = features,
                                     .n_groups = 1,
                                     .n_trees = 1,
                                     .trees = &tree,
                                     .best_iteration = -1};
    void *image;
    size_t size;
    fuzz_require(rw_image_compile(&forest, NULL, 0, &image, &size, NULL) == ROWAN_OK);
    rw_graph_add_forest(builder, image, size);
    free(image);
}

/* Element by element and row by row, on floats, doubles and integers. */
static uint32_t add_families(struct rw_graph_builder *builder, enum rw_graph_type type,
                             uint32_t *joined) {
    uint32_t x = add(builder, RW_GRAPH_INPUT, type, WIDTH, 0, NULL, 0, 0), n = 0;
    const uint32_t one = add(builder, RW_GRAPH_CONSTANT, type, 1, 0, NULL, 0, 1);
    const bool real = type != RW_GRAPH_I64;
    for (uint32_t code = RW_GRAPH_ADD; code <= (real ? RW_GRAPH_POW : RW_GRAPH_MAX); code++)
        x = add(builder, code, type, WIDTH, 0, (const uint32_t[]){x, one}, 2, 0);
    for (uint32_t code = real ? RW_GRAPH_NEG : RW_GRAPH_ABS;
         code <= (real ? RW_GRAPH_CEIL : RW_GRAPH_ABS); code++)
        x = add(builder, code, type, WIDTH, 0, &x, 1, 0);
    uint32_t truth =
        add(builder, RW_GRAPH_EQUAL, RW_GRAPH_I64, WIDTH, 0, (const uint32_t[]){x, one}, 2, 0);
    for (uint32_t code = RW_GRAPH_AND; code <= RW_GRAPH_XOR; code++)
        truth = add(builder, code, RW_GRAPH_I64, WIDTH, 0, (const uint32_t[]){truth, truth}, 2, 0);
    x = add(builder, RW_GRAPH_WHERE, type, WIDTH, 0, (const uint32_t[]){truth, x, one}, 3, 0);
    x = add(builder, RW_GRAPH_IMPUTE, type, WIDTH, 0, &x, 1, 1 + WIDTH);
    x = add(builder, RW_GRAPH_LOOKUP, type, WIDTH, 0, &x, 1, 5);
    for (uint32_t code = RW_GRAPH_SUM; code <= RW_GRAPH_SMALLEST; code++)
        joined[n++] = add(builder, code, type, 1, 0, &x, 1, 0);
    joined[n++] = add(builder, RW_GRAPH_SELECT, type, 1, 0, &x, 1, 1);
    if (real) {
        x = add(builder, RW_GRAPH_SOFTMAX, type, WIDTH, 0, &x, 1, 0);
        joined[n++] = add(builder, RW_GRAPH_LINEAR, type, 1, 0, &x, 1, WIDTH + 1);
    }
    x = add(builder, RW_GRAPH_CONCAT, type, n, 0, joined, n, 0);
    return add(builder, RW_GRAPH_CAST, RW_GRAPH_F32, n, 0, &x, 1, 0);
}

static uint32_t add_forest_ops(struct rw_graph_builder *builder, uint32_t x) {
    const uint32_t two = add(builder, RW_GRAPH_SELECT, RW_GRAPH_F32, WIDTH, 0, &x, 1, WIDTH);
    const uint32_t scaled = add(builder, RW_GRAPH_SCALE, RW_GRAPH_F32, WIDTH, 0, &two, 1, 4);
    const uint32_t norm = add(builder, RW_GRAPH_NORMALIZE, RW_GRAPH_F32, WIDTH, 2, &scaled, 1, 0);
    const uint32_t best = add(builder, RW_GRAPH_ARGMAX, RW_GRAPH_I64, 1, 0, &norm, 1, 0);
    const uint32_t hot = add(builder, RW_GRAPH_ONE_HOT, RW_GRAPH_F32, WIDTH, 0, &best, 1, WIDTH);
    const uint32_t margin = add(builder, RW_GRAPH_FOREST, RW_GRAPH_F64, 1, 0, &hot, 1, 0);
    return add(builder, RW_GRAPH_POST, RW_GRAPH_F32, WIDTH,
               RW_GRAPH_POST_OPPOSITE | RW_GRAPH_TRANSFORM_LOGISTIC, &margin, 1, 0);
}

static unsigned char *compile_seed(size_t *size, size_t *offset, size_t *graph_size) {
    static const struct rw_forest_feature features[WIDTH] = {{.name = "a"}, {.name = "b"}};
    uint32_t joined[16], parts[4];
    struct rw_forest forest = {.format = "seed",
                               .producer = "fuzz",
                               .objective = "none",
                               .booster = "graph",
                               .arithmetic = RW_ARITHMETIC_ONNX,
                               .link = ROWAN_LINK_PROBABILITIES,
                               .n_features = WIDTH,
                               .features = features,
                               .best_iteration = -1};
    rw_arena_init(&forest.arena, 1u << 20);
    struct rw_graph_builder builder = {.arena = &forest.arena, .n_features = WIDTH};
    add_stump(&builder);
    for (uint32_t type = 0; type < RW_GRAPH_TYPE_COUNT; type++)
        parts[type] = add_families(&builder, type, joined);
    parts[3] = add_forest_ops(&builder, parts[0]);
    for (uint32_t i = 0; i < 4; i++)
        forest.n_groups += rw_graph_built(&builder, parts[i])->width;
    const uint32_t all =
        add(&builder, RW_GRAPH_CONCAT, RW_GRAPH_F32, forest.n_groups, 0, parts, 4, 0);
    fuzz_require(rw_graph_finish(&builder, all, &forest.program, &forest.program_size, NULL) ==
                 ROWAN_OK);
    void *bytes;
    fuzz_require(rw_image_compile(&forest, NULL, 0, &bytes, size, NULL) == ROWAN_OK);
    rw_arena_free(&forest.arena);
    const struct rw_image_header *header = bytes;
    *offset = header->sections[RW_SECTION_PROGRAM].offset;
    *graph_size = header->sections[RW_SECTION_PROGRAM].count;
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t image_size, offset, graph_size;
    unsigned char *bytes = compile_seed(&image_size, &offset, &graph_size);
    const bool unchanged = size < PATCH_BYTES;
    for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
        const size_t at = ((size_t)data[0] << 8 | data[1]) % (graph_size - 3);
        memcpy(bytes + offset + at, data + 2, 4);
    }
    ((struct rw_image_header *)(void *)bytes)->checksum = rw_image_checksum(bytes, image_size);
    rowan_model *model = NULL;
    const bool opened = rw_model_from_image(bytes, image_size, &model, NULL) == ROWAN_OK;
    fuzz_require(opened || !unchanged);
    if (opened)
        fuzz_use(model);
    return 0;
}

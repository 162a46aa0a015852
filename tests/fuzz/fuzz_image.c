/*
 * Fuzz target: a compiled image.
 *
 * An input that starts as an image is opened as it is, and so meets the checksum.  Any
 * other input is a list of patches, [offset: 2 bytes][value: 4 bytes], to a small valid
 * image, which is then signed again: so the checks behind the checksum are reached.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz_model.h"

#include "forest/forest.h"
#include "forest/image.h"
#include "forest/image_private.h"
#include "forest/model.h"

#define PATCH_BYTES 6u
#define N_NODES     7

/* Both encodings of trees, a categorical split, covers, and an attachment. */
static void *compile_seed(size_t *size) {
    static const int32_t left[N_NODES] = {1, 3, -1, 5, -1, -1, -1};
    static const int32_t right[N_NODES] = {2, 4, -1, 6, -1, -1, -1};
    static const uint32_t feature[N_NODES] = {0, 1, 0, 0};
    static const double value[N_NODES] = {0.5, 1.5, 2.0, 0.25, 4.0, -1.0, 1.0};
    static const double cover[N_NODES] = {10.0, 6.0, 4.0, 5.0, 1.0, 2.0, 3.0};
    static const uint8_t numeric[N_NODES] = {RW_NODE_DEFAULT_LEFT};
    static const uint8_t categorical[N_NODES] = {RW_NODE_CATEGORICAL};
    static const uint32_t begin[N_NODES], words[N_NODES] = {2};
    static const uint32_t categories[2] = {5, 9};
    static const double base[2] = {0.5, -0.5};
    static const struct rw_forest_feature features[2] = {{"a", ROWAN_CATEGORICAL},
                                                         {"b", ROWAN_NUMERIC}};
    struct rw_tree trees[9];
    for (uint32_t i = 0; i < 9; i++)
        trees[i] = (struct rw_tree){.n_nodes = N_NODES,
                                    .group = i % 2,
                                    .weight = 1.0f,
                                    .left = left,
                                    .right = right,
                                    .feature = feature,
                                    .value = value,
                                    .cover = cover,
                                    .flags = i == 8 ? categorical : numeric,
                                    .category_begin = begin,
                                    .category_words = words};
    const struct rw_forest forest = {.format = "seed",
                                     .producer = "fuzz",
                                     .objective = "none",
                                     .booster = "gbtree",
                                     .link = ROWAN_LINK_SOFTMAX,
                                     .n_features = 2,
                                     .features = features,
                                     .n_groups = 2,
                                     .base = base,
                                     .n_trees = 9,
                                     .n_trees_in_file = 9,
                                     .trees = trees,
                                     .categories = categories,
                                     .n_category_words = 2,
                                     .best_iteration = -1};
    void *bytes;
    fuzz_require(rw_image_compile(&forest, "{}", 2, &bytes, size, NULL) == ROWAN_OK);
    return bytes;
}

static void open_and_use(void *bytes, size_t size) {
    rowan_model *model = NULL;
    if (rw_model_from_image(bytes, size, &model, NULL) == ROWAN_OK)
        fuzz_use(model);
}

static void open_as_it_is(const uint8_t *data, size_t size) {
    void *copy = malloc(size);
    fuzz_require(copy != NULL);
    memcpy(copy, data, size);
    open_and_use(copy, size);
}

static void open_patched(const uint8_t *data, size_t size) {
    size_t image_size;
    unsigned char *bytes = compile_seed(&image_size);
    for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
        size_t offset = ((size_t)data[0] << 8 | data[1]) % (image_size - 3);
        memcpy(bytes + offset, data + 2, 4);
    }
    ((struct rw_image_header *)(void *)bytes)->checksum = rw_image_checksum(bytes, image_size);
    open_and_use(bytes, image_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t magic = sizeof RW_IMAGE_MAGIC - 1;
    if (size >= magic && memcmp(data, RW_IMAGE_MAGIC, magic) == 0)
        open_as_it_is(data, size);
    else
        open_patched(data, size);
    return 0;
}

/*
 * A compiled image is proven before it is used: damage is refused by its checksum, and
 * an image with a good checksum but hostile indices is refused or stays inside of itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

#include <limits.h>

#define TEST_ROWS 70u /* enough for kernels that work on blocks */

/* Compact and wide trees, categories, names and an attachment: every section in use. */
static unsigned char *small_image(size_t *size) {
    const uint32_t words[2] = {5, 9};
    struct fixture_forest *fixture = fixture_forest_new(3, 2, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t child = fixture_split(fixture, i, 0, i, 0.5f);
        fixture_split(fixture, i, child, 0, -0.25f);
        fixture->trees[i].group = i % 2;
        for (uint32_t node = 2; node < 5; node++)
            fixture->nodes[i].value[node] = (float)(10 * i + node);
    }
    fixture_categorical(fixture, 1, 0, words, 2);
    void *bytes;
    assert_int_equal(rw_image_compile(&fixture->forest, "{}", 2, &bytes, size, NULL), ROWAN_OK);
    fixture_forest_free(fixture);
    return bytes;
}

/* Plain splits only: ranks, sweeps, heaps, thresholds without ranks. */
static unsigned char *lanes_image(enum rw_arithmetic arithmetic, size_t *size) {
    struct fixture_forest *fixture = fixture_forest_new(3, 1, 3);
    fixture->forest.arithmetic = arithmetic;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t child = fixture_split(fixture, i, 0, i, 0.5);
        fixture_split(fixture, i, child, 0, -0.25 * (double)i);
        fixture->nodes[i].flags[0] = i == 1 ? RW_NODE_DEFAULT_LEFT : 0;
    }
    void *bytes;
    assert_int_equal(rw_image_compile(&fixture->forest, "{}", 2, &bytes, size, NULL), ROWAN_OK);
    fixture_forest_free(fixture);
    return bytes;
}

/* With covers: a tree of one run with a feature that comes again, a categorical rule, and
 * a chain of more splits than a run has. */
static unsigned char *contributions_image(size_t *size) {
    enum { SPLITS = 70 };
    static double cover[3][FIXTURE_MAX_NODES];
    static const uint32_t words[2] = {5, 9};
    struct fixture_forest *fixture = fixture_forest_new(3, 2, 3);
    for (uint32_t i = 0, node = 0; i < 3; i++, node = 0)
        for (uint32_t d = 0; d < (i == 2 ? SPLITS : 4); d++)
            node = fixture_split(fixture, i, node, d % (i == 1 ? 2 : 3), 0.5) + (d + i) % 2;
    fixture_categorical(fixture, 0, 0, words, 2);
    for (uint32_t i = 0; i < 3; i++) {
        fixture->trees[i].group = i % 2;
        fixture->trees[i].cover = cover[i];
        for (uint32_t node = 0; node < fixture->trees[i].n_nodes; node++)
            cover[i][node] = FIXTURE_MAX_NODES - node;
    }
    void *bytes;
    assert_int_equal(rw_image_compile(&fixture->forest, NULL, 0, &bytes, size, NULL), ROWAN_OK);
    fixture_forest_free(fixture);
    return bytes;
}

/* A chain of 280 splits: too many leaves for bytes. */
static unsigned char *deep_image(size_t *size) {
    enum { SPLITS = 280, NODES = 2 * SPLITS + 1 };
    static int32_t left[NODES], right[NODES];
    static uint32_t feature[NODES];
    static double value[NODES];
    static uint8_t flags[NODES];
    for (int i = 0; i < NODES; i++) {
        bool split = i % 2 == 0 && i + 2 < NODES;
        left[i] = split ? i + 1 : -1;
        right[i] = split ? i + 2 : -1;
        feature[i] = (uint32_t)i % 3;
        value[i] = i;
    }
    const struct rw_tree tree = {.n_nodes = NODES,
                                 .weight = 1.0f,
                                 .left = left,
                                 .right = right,
                                 .feature = feature,
                                 .value = value,
                                 .flags = flags};
    struct fixture_forest *fixture = fixture_forest_new(3, 1, 1);
    fixture->trees[0] = tree;
    void *bytes;
    assert_int_equal(rw_image_compile(&fixture->forest, NULL, 0, &bytes, size, NULL), ROWAN_OK);
    fixture_forest_free(fixture);
    return bytes;
}

static struct rw_image_header *header_of(unsigned char *bytes) {
    return (struct rw_image_header *)bytes;
}

static void sign(unsigned char *bytes, size_t size) {
    header_of(bytes)->checksum = rw_image_checksum(bytes, size);
}

static void assert_not_opened(const void *bytes, size_t size, const char *why) {
    struct rw_image image;
    rowan_error error = {0};
    assert_int_equal(rw_image_open(bytes, size, &image, &error), ROWAN_MALFORMED);
    assert_says(&error, why);
}

static void an_image_opens(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = small_image(&size);
    struct rw_image image;
    rowan_error error;
    assert_int_equal(rw_image_open(bytes, size, &image, &error), ROWAN_OK);
    assert_int_equal(image.header->n_features, 3);
    assert_int_equal(image.header->n_nodes, 15);
    assert_int_equal(image.header->n_leaves, 9);
    assert_int_equal(image.header->max_depth, 2);
    assert_int_equal(image.trees[0].encoding, RW_TREE_COMPACT);
    assert_int_equal(image.trees[1].encoding, RW_TREE_WIDE);
    assert_int_equal(image.attachment_size, 2);
    assert_memory_equal(image.attachment, "{}", 2);
    free(bytes);
}

static void equal_forests_make_equal_images(void **state) {
    (void)state;
    size_t size, other_size;
    unsigned char *bytes = small_image(&size), *other = small_image(&other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(bytes, other, size);
    free(bytes);
    free(other);
}

static void every_flipped_bit_is_seen(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = small_image(&size);
    struct rw_image image;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (rw_image_open(bytes, size, &image, NULL) != ROWAN_MALFORMED)
            fail_msg("bit %zu of byte %zu was flipped unseen", bit % 8, bit / 8);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_int_equal(rw_image_open(bytes, size, &image, NULL), ROWAN_OK);
    free(bytes);
}

static void every_truncation_is_seen(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = small_image(&size);
    for (size_t length = 0; length < size; length++) {
        char *copy = exact_copy(bytes, length);
        assert_not_opened(copy, length, "compiled image");
        free(copy);
    }
    free(bytes);
}

static void errors_tell_what_is_wrong(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = small_image(&size);
    header_of(bytes)->version++;
    assert_not_opened(bytes, size, "made by another version of Rowan");
    header_of(bytes)->version--;
    bytes[0]++;
    assert_not_opened(bytes, size, "not an image of Rowan");
    bytes[0]--;
    assert_not_opened(bytes, size - 64, "truncated");
    bytes[size / 2]++;
    assert_not_opened(bytes, size, "checksum differs");
    free(bytes);
}

/* ---- a good checksum over hostile contents ----------------------------------------- */

/* Everything that a program does with an image that opened. */
static void use(void *bytes, size_t size) {
    rowan_model *model;
    if (rw_model_from_image(bytes, size, &model, NULL) != ROWAN_OK)
        return;
    rowan_model_info info;
    rowan_model_describe(model, &info);
    size_t text =
        strlen(info.format) + strlen(info.producer) + strlen(info.objective) + strlen(info.booster);
    for (uint32_t i = 0; i < info.n_features; i++)
        text += strlen(rowan_model_feature_name(model, i));
    assert_true(text < size);
    for (uint32_t i = 0; i < model->image.attachment_size; i++)
        assert_true(model->image.attachment[i] >= CHAR_MIN);
    uint64_t random = 5;
    float *rows = calloc((size_t)TEST_ROWS * info.n_features, sizeof *rows);
    double *out = calloc((size_t)TEST_ROWS * info.n_groups, sizeof *out);
    assert_non_null(rows);
    assert_non_null(out);
    for (size_t i = 0; i < (size_t)TEST_ROWS * info.n_features; i++)
        rows[i] = fixture_random_input(&random);
    for (size_t k = 0; rw_kernel_at(k); k++) {
        if (!rw_kernel_at(k)->fits(&model->image))
            continue;
        model->kernel = rw_kernel_at(k);
        for (size_t n_rows = 1; n_rows <= TEST_ROWS; n_rows += TEST_ROWS - 1)
            assert_int_equal(rowan_predict_f32(model, rows, n_rows, ROWAN_RESPONSE, out, NULL),
                             ROWAN_OK);
    }
    free(out);
    out = calloc(info.n_groups * ((size_t)info.n_features + 1), sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; rw_contribution_walker_at(i); i++) {
        model->walker = rw_contribution_walker_at(i);
        if (model->walker->fits())
            assert_int_equal(rowan_contributions_f32(model, rows, 1, out, NULL),
                             info.has_contributions ? ROWAN_OK : ROWAN_UNSUPPORTED);
    }
    free(rows);
    free(out);
    rowan_model_free(model);
}

static void use_signed(const unsigned char *bytes, size_t size) {
    char *copy = exact_copy(bytes, size);
    sign((unsigned char *)copy, size);
    use(copy, size);
}

static void try_hostile_words(unsigned char *bytes, size_t size, const uint32_t *hostile,
                              size_t n_hostile) {
    for (size_t at = 0; at + 4 <= size; at += 4)
        for (size_t i = 0; i < n_hostile; i++) {
            unsigned char kept[4];
            memcpy(kept, bytes + at, 4);
            memcpy(bytes + at, &hostile[i], 4);
            use_signed(bytes, size);
            memcpy(bytes + at, kept, 4);
        }
    free(bytes);
}

/* Every word of 32 bits, of the header and of each section, takes hostile values. */
static void hostile_words_stay_inside(void **state) {
    (void)state;
    const uint32_t hostile[] = {0,          1,          2,          3,          4,
                                5,          6,          7,          64,         255,
                                65535,      65536,      0x00010001, 0x7fffffff, 0x80000000,
                                0xffffffff, 0xfffffffe, 0x7fc00000, 0xff800000, 0x0000ffff,
                                0xffff0000, 0x00000fff, 0x00fffffa};
    size_t size;
    unsigned char *bytes = small_image(&size);
    try_hostile_words(bytes, size, hostile, ARRAY_LENGTH(hostile));
    const enum rw_arithmetic arithmetics[] = {RW_ARITHMETIC_XGBOOST, RW_ARITHMETIC_LIGHTGBM};
    for (size_t i = 0; i < ARRAY_LENGTH(arithmetics); i++) {
        bytes = lanes_image(arithmetics[i], &size);
        try_hostile_words(bytes, size, hostile, ARRAY_LENGTH(hostile));
    }
}

static void hostile_deep_trees_stay_inside(void **state) {
    (void)state;
    const uint32_t hostile[] = {0, 0x7fffffff, 0xffffffff, 0x0000ffff, 0x01010101};
    size_t size;
    unsigned char *bytes = deep_image(&size);
    struct rw_image image;
    assert_int_equal(rw_image_open(bytes, size, &image, NULL), ROWAN_OK);
    assert_non_null(image.deep_trees);
    try_hostile_words(bytes, size, hostile, ARRAY_LENGTH(hostile));
}

static void hostile_contributions_stay_inside(void **state) {
    (void)state;
    const uint32_t hostile[] = {0,          1,          3,          8,          0x7fffffff,
                                0xffffffff, 0x0000ffff, 0x01010101, 0x00ff00ff, 0x00040001};
    size_t size;
    unsigned char *bytes = contributions_image(&size);
    struct rw_image image;
    assert_int_equal(rw_image_open(bytes, size, &image, NULL), ROWAN_OK);
    assert_non_null(image.contributions.bias);
    assert_true(image.contributions.n_runs > image.contributions.n_trees);
    assert_true(image.contributions.n_rules > 0);
    try_hostile_words(bytes, size, hostile, ARRAY_LENGTH(hostile));
}

static void flipped_bits_with_a_good_checksum_stay_inside(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = small_image(&size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        use_signed(bytes, size);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    free(bytes);
}

/* ---- each index of the format, by name ----------------------------------------------- */

static void *section_of(unsigned char *bytes, enum rw_section_id id) {
    return bytes + header_of(bytes)->sections[id].offset;
}

/* Sets one field of a fresh image, signs it, and wants it refused. */
#define REFUSED(type, place, field, bad, why)                                                      \
    do {                                                                                           \
        size_t image_size;                                                                         \
        unsigned char *bytes = small_image(&image_size);                                           \
        ((type *)(place))->field = (bad);                                                          \
        sign(bytes, image_size);                                                                   \
        assert_not_opened(bytes, image_size, why);                                                 \
        free(bytes);                                                                               \
    } while (0)

static void counts_that_disagree_are_refused(void **state) {
    (void)state;
    REFUSED(struct rw_image_header, bytes, n_features, 4, "counts disagree");
    REFUSED(struct rw_image_header, bytes, n_groups, 1, "counts disagree");
    REFUSED(struct rw_image_header, bytes, n_trees, 4, "counts disagree");
    REFUSED(struct rw_image_header, bytes, sections[RW_SECTION_LEAVES].count, 3, "counts disagree");
    REFUSED(struct rw_image_header, bytes, sections[RW_SECTION_COLUMNS].count, 4096, "outside");
    REFUSED(struct rw_image_header, bytes, arithmetic, RW_ARITHMETIC_COUNT, "out of bounds");
    REFUSED(struct rw_image_header, bytes, link, ROWAN_LINK_LOGISTIC_BOTH + 1, "out of bounds");
    REFUSED(struct rw_image_header, bytes, bytes, 64, "truncated");
}

static void sections_outside_are_refused(void **state) {
    (void)state;
    for (size_t id = 0; id < RW_SECTION_COUNT; id++) {
        const char *outside = "a section lies outside of the file";
        REFUSED(struct rw_image_header, bytes, sections[id].offset, UINT64_MAX - 63, outside);
        REFUSED(struct rw_image_header, bytes, sections[id].offset, 8, outside);
        REFUSED(struct rw_image_header, bytes, sections[id].offset, header_of(bytes)->bytes + 64,
                outside);
        REFUSED(struct rw_image_header, bytes, sections[id].count, UINT64_MAX, outside);
        REFUSED(struct rw_image_header, bytes, sections[id].count, UINT64_MAX / 8 + 2, outside);
    }
}

static void names_outside_are_refused(void **state) {
    (void)state;
    const char *outside = "a name lies outside of the file";
    uint32_t size = 256;
    REFUSED(struct rw_image_header, bytes, format_name, size, outside);
    REFUSED(struct rw_image_header, bytes, producer, size, outside);
    REFUSED(struct rw_image_header, bytes, objective, size, outside);
    REFUSED(struct rw_image_header, bytes, booster, UINT32_MAX, outside);
    REFUSED(struct rw_image_header, bytes, sections[RW_SECTION_STRINGS].count, 0, outside);
    REFUSED(struct rw_image_header, bytes, sections[RW_SECTION_STRINGS].count, 3, outside);
    REFUSED(struct rw_image_feature, section_of(bytes, RW_SECTION_FEATURES), name, size, outside);
    REFUSED(struct rw_image_feature, section_of(bytes, RW_SECTION_FEATURES), kind, 2, outside);
}

#define TREES     section_of(bytes, RW_SECTION_TREES)
#define WIDE_TREE ((struct rw_image_tree *)TREES + 1)

static void trees_that_lead_outside_are_refused(void **state) {
    (void)state;
    const char *outside = "a tree leads outside of the file";
    REFUSED(struct rw_image_tree, TREES, encoding, 2, outside);
    REFUSED(struct rw_image_tree, TREES, group, 2, outside);
    REFUSED(struct rw_image_tree, TREES, root, UINT32_MAX, outside);
    REFUSED(struct rw_image_tree, TREES, root, 12, outside);
    REFUSED(struct rw_image_tree, TREES, n_nodes, 0, outside);
    REFUSED(struct rw_image_tree, TREES, n_nodes, UINT32_MAX, outside);
    REFUSED(struct rw_image_tree, TREES, depth, ROWAN_MAX_TREE_DEPTH + 1, outside);
    REFUSED(struct rw_image_tree, WIDE_TREE, root, 1, outside);
    REFUSED(struct rw_image_tree, WIDE_TREE, n_nodes, 6, outside);
}

#define COMPACT ((struct rw_compact_node *)section_of(bytes, RW_SECTION_COMPACT))
#define WIDE    ((struct rw_wide_node *)section_of(bytes, RW_SECTION_WIDE))

static void nodes_that_lead_outside_are_refused(void **state) {
    (void)state;
    const char *outside = "a tree leads outside of the file";
    REFUSED(struct rw_compact_node, COMPACT + 1, left, 1, outside); /* to itself */
    REFUSED(struct rw_compact_node, COMPACT + 1, left, 0, outside);
    REFUSED(struct rw_compact_node, COMPACT + 1, left, 5, outside); /* its sister is beyond */
    REFUSED(struct rw_compact_node, COMPACT + 1, left, UINT16_MAX, outside);
    REFUSED(struct rw_compact_node, COMPACT + 1, column, 6, outside);
    REFUSED(struct rw_compact_node, COMPACT + 3, left, 3, outside); /* a leaf that moves on */
    REFUSED(struct rw_compact_node, COMPACT + 3, column, 6, outside);
    REFUSED(struct rw_wide_node, WIDE, left, 0, outside);
    REFUSED(struct rw_wide_node, WIDE, left, 4, outside);
    REFUSED(struct rw_wide_node, WIDE, left, UINT32_MAX, outside);
    REFUSED(struct rw_wide_node, WIDE, feature, 3, outside);
    REFUSED(struct rw_wide_node, WIDE, u.categories, 1, outside);
    REFUSED(struct rw_wide_node, WIDE, u.categories, UINT32_MAX, outside);
    REFUSED(struct rw_wide_node, WIDE, words, 3, outside);
    REFUSED(struct rw_wide_node, WIDE, flags, RW_WIDE_LEAF | RW_WIDE_LINEAR, outside);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_opens),
        cmocka_unit_test(equal_forests_make_equal_images),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(every_truncation_is_seen),
        cmocka_unit_test(errors_tell_what_is_wrong),
        cmocka_unit_test(hostile_words_stay_inside),
        cmocka_unit_test(hostile_deep_trees_stay_inside),
        cmocka_unit_test(hostile_contributions_stay_inside),
        cmocka_unit_test(flipped_bits_with_a_good_checksum_stay_inside),
        cmocka_unit_test(counts_that_disagree_are_refused),
        cmocka_unit_test(sections_outside_are_refused),
        cmocka_unit_test(names_outside_are_refused),
        cmocka_unit_test(trees_that_lead_outside_are_refused),
        cmocka_unit_test(nodes_that_lead_outside_are_refused),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}

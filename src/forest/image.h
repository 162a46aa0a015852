/*
 * image.h - a compiled model: flat, position-independent, checksummed.
 *
 * One block of bytes that holds no pointer: compiled once, written to a file,
 * mapped read-only by every process that scores.  Sections lie one behind the
 * other, each aligned to 64 bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_IMAGE_H
#define RW_IMAGE_H

#include "base/base.h"

struct rw_forest;

enum rw_section_id {
    RW_SECTION_FEATURES,   /* struct rw_image_feature[n_features] */
    RW_SECTION_STRINGS,    /* zero-terminated names */
    RW_SECTION_BASE,       /* float[n_groups]: margin before the first tree */
    RW_SECTION_TREES,      /* struct rw_image_tree[n_trees] */
    RW_SECTION_COMPACT,    /* struct rw_compact_node[] */
    RW_SECTION_LEAVES,     /* float[]: value of the compact node of the same index */
    RW_SECTION_WIDE,       /* struct rw_wide_node[] */
    RW_SECTION_CATEGORIES, /* uint32_t[]: bit sets of categorical splits */
    RW_SECTION_ATTACHMENT, /* bytes that travel with the model: its contract.json */
    RW_SECTION_COUNT
};

struct rw_section {
    uint64_t offset; /* bytes from the start of the image */
    uint64_t count;  /* elements */
};

struct rw_image_header {
    char magic[8];
    uint32_t version;  /* of this layout */
    uint32_t link;     /* rowan_link */
    uint64_t bytes;    /* of the whole image */
    uint64_t checksum; /* XXH3 of the image with this field zero */
    uint32_t n_features;
    uint32_t n_groups;
    uint32_t n_trees;
    uint32_t n_trees_in_file;
    uint64_t n_nodes;
    uint64_t n_leaves;
    uint32_t max_depth;
    int32_t best_iteration;
    uint32_t format_name; /* offsets into STRINGS */
    uint32_t producer;
    uint32_t objective;
    uint32_t booster;
    struct rw_section sections[RW_SECTION_COUNT];
};

struct rw_image_feature {
    uint32_t name; /* offset into STRINGS */
    uint32_t kind; /* rowan_feature_kind */
};

enum rw_tree_encoding { RW_TREE_COMPACT, RW_TREE_WIDE };

struct rw_image_tree {
    uint32_t encoding;
    uint32_t group; /* which margin it adds to */
    uint32_t root;  /* index of its first node in COMPACT or WIDE */
    uint32_t n_nodes;
    uint32_t depth; /* splits from root to the deepest leaf */
    uint32_t reserved;
};

/*
 * A tree of numeric splits only.  The row comes twice: as it is, and with NaN
 * replaced by -infinity, so that one compare serves both default directions:
 * `feature` is f where missing goes right and n_features + f where it goes left.
 * The children are left and left + 1, counted from the root.  A leaf has a NaN
 * threshold and left = itself - 1, so that walking on stays there.
 */
struct rw_compact_node {
    float threshold; /* x < threshold goes left */
    uint16_t feature;
    uint16_t left;
};

/* Any tree: categorical splits, many features, many nodes. */
struct rw_wide_node {
    union {
        float threshold;     /* x < threshold goes left */
        float leaf;          /* its value */
        uint32_t categories; /* first word of the set that goes right */
    } u;
    uint32_t feature;
    uint32_t left;  /* children: left, left + 1, counted from the root */
    uint32_t flags; /* RW_WIDE_*, and the number of category words above them */
};

#define RW_WIDE_LEAF         1u
#define RW_WIDE_CATEGORICAL  2u
#define RW_WIDE_DEFAULT_LEFT 4u
#define RW_WIDE_WORDS_SHIFT  3 /* 16777216 / 32 = 524288 words fit in 29 bits */

/* Pointers into a checked image. */
struct rw_image {
    const struct rw_image_header *header;
    const struct rw_image_feature *features;
    const char *strings;
    const float *base;
    const struct rw_image_tree *trees;
    const struct rw_compact_node *compact;
    const float *leaves;
    const struct rw_wide_node *wide;
    const uint32_t *categories;
    const char *attachment;
    size_t attachment_size;
};

/* Compiles a checked forest; *bytes is malloc'ed.  `attachment` may be NULL. */
rowan_status rw_image_compile(const struct rw_forest *forest, const void *attachment,
                              size_t attachment_size, void **bytes, size_t *size,
                              rowan_error *error);

/* Checks every offset, index and the checksum of `bytes` (aligned to 8), and sets
 * *image to point into it.  An image that passes cannot make a kernel read outside
 * of it. */
rowan_status rw_image_open(const void *bytes, size_t size, struct rw_image *image,
                           rowan_error *error);

#endif

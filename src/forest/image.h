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
    RW_SECTION_FEATURES,     /* struct rw_image_feature[n_features] */
    RW_SECTION_STRINGS,      /* zero-terminated names */
    RW_SECTION_NAMES,        /* uint32_t[]: offsets into STRINGS of categories' names */
    RW_SECTION_BASE,         /* double[n_groups]: what the sum of the trees starts from */
    RW_SECTION_OFFSET,       /* double[n_groups] or none: added behind the last tree */
    RW_SECTION_TREES,        /* struct rw_image_tree[n_trees] */
    RW_SECTION_COLUMNS,      /* struct rw_column[] */
    RW_SECTION_CUT_BEGIN,    /* uint32_t[n_features + 1] or none: into CUTS */
    RW_SECTION_CUTS,         /* double[]: thresholds of each feature, ascending */
    RW_SECTION_COMPACT,      /* struct rw_compact_node[] */
    RW_SECTION_LEAVES,       /* float[]: value of the compact node of the same index */
    RW_SECTION_LEAVES64,     /* the same as double[], where sums are taken in double */
    RW_SECTION_WIDE,         /* struct rw_wide_node[] */
    RW_SECTION_CATEGORIES,   /* uint32_t[]: bit sets of categorical splits */
    RW_SECTION_LINEAR,       /* struct rw_image_linear[]: leaves of linear trees */
    RW_SECTION_COEFFICIENTS, /* struct rw_coefficient[] */
    RW_SECTION_PROGRAM,      /* bytes of a program that scores the rows (program.h), or none */
    RW_SECTION_ATTACHMENT,   /* bytes that travel with the model: its contract.json */
    RW_SECTION_COUNT
};

struct rw_section {
    uint64_t offset; /* bytes from the start of the image */
    uint64_t count;  /* elements */
};

struct rw_image_header {
    char magic[8];
    uint32_t version;    /* of this layout */
    uint32_t link;       /* rowan_link */
    uint32_t arithmetic; /* enum rw_arithmetic */
    uint32_t reserved;
    double link_scale; /* of the margin, in a logistic link */
    double divisor;    /* of the sum of the trees; 1: none */
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
    uint32_t name;                 /* offset into STRINGS */
    uint32_t kind;                 /* rowan_feature_kind */
    uint32_t names_begin, n_names; /* of its categories, in NAMES */
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
 * What compact nodes compare with: one feature under one rule for missing values, so
 * that a single compare serves every rule.  The value of a column is `missing` where
 * x is NaN or |x| <= zero.  Else it is x itself, a float; or, in models that compare
 * in double, the number of the feature's cuts that are <= x: with t one of the cuts
 * and rank(t) its place counted from 1, x < t if and only if that number < rank(t).
 */
struct rw_column {
    uint32_t feature;
    float missing; /* -infinity: goes left everywhere; NaN: right; else a value */
    float zero;    /* negative: only NaN is missing */
};

/*
 * A tree of numeric splits only.  The children are left and left + 1, counted from
 * the root.  A leaf has a NaN threshold and left = itself - 1, so that walking on
 * stays there.
 */
struct rw_compact_node {
    float threshold; /* column < threshold goes left */
    uint16_t column;
    uint16_t left;
};

/* Any tree: every rule of forest.h, on the row as it comes. */
struct rw_wide_node {
    union {
        double threshold;
        double leaf;         /* its value */
        uint64_t categories; /* first word of the set that goes right */
    } u;
    uint32_t feature; /* of a linear leaf: its index in LINEAR */
    uint32_t left;    /* children: left, left + 1, counted from the root */
    uint32_t flags;   /* RW_NODE_* and RW_WIDE_* */
    uint32_t words;   /* of the set */
};

#define RW_WIDE_LEAF   0x100u
#define RW_WIDE_LINEAR 0x200u /* with LEAF */

struct rw_image_linear {
    uint32_t begin, count; /* in COEFFICIENTS */
    double constant;
};

struct rw_coefficient {
    double value;
    uint32_t feature;
    uint32_t reserved;
};

/* Pointers into a checked image. */
struct rw_image {
    const struct rw_image_header *header;
    const struct rw_image_feature *features;
    const char *strings;
    const uint32_t *names;
    const double *base;
    const double *offset; /* NULL: none */
    const struct rw_image_tree *trees;
    const struct rw_column *columns;
    uint32_t n_columns;
    const uint32_t *cut_begin; /* NULL: columns are values, not ranks */
    const double *cuts;
    const struct rw_compact_node *compact;
    const float *leaves;
    const double *leaves64;
    const struct rw_wide_node *wide;
    const uint32_t *categories;
    const struct rw_image_linear *linear;
    const struct rw_coefficient *coefficients;
    bool rows64, sums64; /* of the arithmetic */
    const void *program; /* NULL: trees only */
    size_t program_size;
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

/* The same pointers into bytes that have passed: proves nothing. */
void rw_image_view(const void *bytes, struct rw_image *image);

/* Whether bytes that may be no image at all claim to hold a program. */
bool rw_image_has_program(const void *bytes, size_t size);

#endif

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

#include "forest/contributions.h"

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
    /* what contributions are made of: contributions.h */
    RW_SECTION_CONTRIBUTION_TREES,  /* struct rw_contribution_tree[] */
    RW_SECTION_CONTRIBUTION_RUNS,   /* struct rw_contribution_run[] */
    RW_SECTION_CONTRIBUTION_PUSHES, /* struct rw_contribution_push[] */
    RW_SECTION_CONTRIBUTION_POPS,   /* struct rw_contribution_pop[] */
    RW_SECTION_CONTRIBUTION_SLOTS,  /* struct rw_contribution_slot[] */
    RW_SECTION_CONTRIBUTION_RULES,  /* struct rw_contribution_rule[] */
    RW_SECTION_CONTRIBUTION_BIAS,   /* double[n_groups], or none: no contributions */
    RW_SECTION_LANES,               /* struct rw_lanes or none: what follows is there */
    RW_SECTION_SLOTS,               /* struct rw_slot[]: features that are ranked, by levels */
    RW_SECTION_SLOT_OF,             /* uint16_t[n_features]: slot of a feature, or RW_NO_SLOT */
    RW_SECTION_RANKS,               /* float[]: tables of slots */
    RW_SECTION_RANKS64,             /* double[]: the same, where rows may be double */
    RW_SECTION_BYTE_COLUMNS,        /* struct rw_byte_column[] */
    RW_SECTION_SWEEP_TREES,         /* struct rw_sweep_tree[n_trees] */
    RW_SECTION_SWEEP_NODES,         /* struct rw_sweep_node[] */
    RW_SECTION_SWEEP_CHUNKS,        /* struct rw_sweep_chunk[] */
    RW_SECTION_SWEEP_STEPS,         /* uint8_t[] */
    RW_SECTION_LANE_LEAVES,         /* float[n_trees][leaf_stride] */
    RW_SECTION_LANE_LEAVES64,       /* the same as double[], where sums are taken in double */
    RW_SECTION_HEAP_COLUMNS,        /* uint8_t[n_trees][heap_stride] */
    RW_SECTION_HEAP_CUTS,           /* uint8_t[n_trees][heap_stride] */
    RW_SECTION_HEAP_LEAVES,         /* float[n_trees][heap_stride] */
    RW_SECTION_HEAP_LEAVES64,
    RW_SECTION_DIRECT_COLUMNS,    /* uint8_t[n_trees][32] or none: 16 + f if NaN goes right */
    RW_SECTION_DIRECT_THRESHOLDS, /* float[n_trees][32] or none */
    RW_SECTION_SET_FEATURES,      /* struct rw_set_feature[] */
    RW_SECTION_SET_BITMAPS,       /* uint8_t[][RW_SET_BYTES] */
    RW_SECTION_SET_ROWS,          /* uint64_t[] */
    RW_SECTION_WORD_COLUMNS,      /* struct rw_word_column[] */
    RW_SECTION_DEEP_TREES,        /* struct rw_deep_tree[n_trees] or none */
    RW_SECTION_TOP_COLUMNS,       /* uint16_t[n_trees][64] */
    RW_SECTION_TOP_CUTS,          /* uint16_t[n_trees][64] */
    RW_SECTION_DEEP_NODES,        /* uint32_t[] */
    RW_SECTION_DEEP_CUTS,         /* uint16_t[]: the same as DEEP_NODES, unpacked */
    RW_SECTION_DEEP_CHILDREN,     /* uint16_t[] */
    RW_SECTION_DEEP_COLUMNS,      /* uint8_t[] */
    RW_SECTION_DEEP_LEAVES,       /* float[]: of the node of the same index */
    RW_SECTION_DEEP_LEAVES64,     /* the same as double[], where sums are taken in double */
    RW_SECTION_PROGRAM,           /* bytes of a program that scores the rows (program.h), or none */
    RW_SECTION_ATTACHMENT,        /* bytes that travel with the model: its contract.json */
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

/* ---- byte lanes: ranks of one byte, many trees or rows in one register ---------------
 *
 * rank(x) of a feature is the number of its cuts that are <= x; x < t is rank(x) <
 * rank(t).  A slot is a feature with cuts.  Its table finds the rank by counting in
 * groups of 16: the table of level q holds 16 separators a group, and the count in a
 * group is the number of the next level's group.  Separator i of a level with `step`
 * cuts below each of its separators is cut (i + 1) * step - except in the last level,
 * where it is cut i - and NaN where there is none, or where i is the last of its group.
 * NaN is never <= x, and is itself of rank 0.
 *
 * A byte column holds min(max(rank - offset, 0), 255): features with more than 255
 * cuts have several.  What is missing has the value `missing`.
 */

#define RW_LANES_MAX_COLUMNS  512u /* of bytes, whose planes lie on the stack */
#define RW_LANES_MAX_LEAVES   255u /* of a tree: 255 marks a node that takes no one */
#define RW_LANES_ROW_COLUMNS  64u  /* that one register holds: of a row alone */
#define RW_LANES_LEAST_STRIDE 32u  /* leaves */
#define RW_LANES_MAX_LEVELS   4u   /* of 16: 65536 cuts */
#define RW_LANES_MAX_CUTS     65535u
#define RW_SHALLOW_HEAP       5u /* levels */
#define RW_DEEP_HEAP          6u
#define RW_DIRECT_FEATURES    16u
#define RW_DIRECT_TREES       64u  /* beyond, ranks pay */
#define RW_SEGMENT            255u /* cuts that one byte column tells apart */
#define RW_CHUNK_TREES        64u  /* trees of one group */
#define RW_CHUNK_MAX_WIDTH    2u   /* groups side by side: more were no faster */

struct rw_lanes {
    uint32_t sweeps;       /* 1: sweeps and what follows from them are there */
    uint32_t leaf_stride;  /* of the trees' leaves: a power of two */
    uint32_t heap_depth;   /* 0: no heaps; else 5 or 6 */
    uint32_t one_level;    /* slots of one level come first, */
    uint32_t two_levels;   /* then those of two, then the rest */
    uint32_t row_columns;  /* number of columns where a single row suits, else 0 */
    uint32_t has_segments; /* some feature has several columns */
    uint32_t has_zero;     /* some column takes zero for missing */
    uint32_t identity;     /* column i is slot i as it is */
    uint32_t direct;       /* 1: single rows need no ranks */
    uint32_t levels;       /* of all trees together: what a walk costs */
    uint32_t n_planes;     /* byte columns, and those of categorical features */
    uint32_t set_words;    /* of a row of SET_ROWS; 0: single rows cannot have sets */
    uint32_t reserved;
    /* The first RW_LANES_ROW_COLUMNS columns, as registers take them. */
    uint64_t row_zero; /* bit c: rw_byte_column.zero of column c */
    uint8_t row_slots[RW_LANES_ROW_COLUMNS];
    uint8_t row_missing[RW_LANES_ROW_COLUMNS];
    uint16_t row_offsets[RW_LANES_ROW_COLUMNS];
};

struct rw_slot {
    uint32_t feature;
    uint32_t n_cuts;
    uint32_t table; /* first element in RANKS and RANKS64 */
    uint32_t levels;
    uint32_t first_column, n_columns;    /* byte columns of this slot */
    uint32_t level[RW_LANES_MAX_LEVELS]; /* where each begins in the table */
};

#define RW_NO_SLOT UINT16_MAX

struct rw_byte_column {
    uint16_t slot;
    uint16_t offset; /* rank below it */
    uint8_t missing; /* value of NaN */
    uint8_t zero;    /* 1: zero is missing too */
    uint16_t reserved;
};

/*
 * A sweep visits the splits of a tree in order, leaves counted from the left: `at` is
 * the leftmost leaf that the row may still reach.  Split i, which has leaf i just to
 * its left and leaf `low` at the left end of its subtree, takes rows that are in its
 * subtree (at >= low) and go right (column >= cut) to leaf i + 1.
 */
struct rw_sweep_node {
    uint16_t column;
    uint8_t cut;
    uint8_t low;
    uint8_t next;      /* i + 1 */
    uint8_t bitmap[3]; /* with cut 0: the number of its bitmap */
};

struct rw_sweep_tree {
    uint32_t begin, count; /* in SWEEP_NODES */
    uint32_t group;
    uint32_t n_leaves;
};

/* `width` groups of 64 trees, step by step: step s of group g is 64 columns, 64 cuts
 * and 64 lows at begin + (s * width + g) * 192. */
struct rw_sweep_chunk {
    uint64_t begin; /* in SWEEP_STEPS */
    uint32_t first_tree;
    uint32_t width;
    uint32_t n_steps;
    uint32_t first_word; /* of SET_ROWS' rows: step s of group g is word s * width + g */
};

#define RW_SWEEP_STEP_BYTES 192u

/*
 * Splits by categories, in sweeps.  Of a block, a categorical feature is two planes for
 * each 255 of its codes: code / 8, and the bit 1 << code % 8, or 0 where the code lies
 * elsewhere.  A split is a sweep node of cut 0 whose bitmap has a bit for each code that
 * goes right, and the last bit for NaN (in the first 255); column is the first plane.  A
 * set over several 255s is several nodes.
 *
 * Of one row, every code has a row of bits: bit t of a step's word says whether that
 * step's split of tree t sends the code to the right.  Two rows more are for codes of no
 * set and for NaN.  The lanes of such splits look into column RW_SET_COLUMN, which is 0.
 */
#define RW_SET_BYTES     32u
#define RW_SET_SEGMENT   255u /* codes */
#define RW_SET_NAN       255u /* bit of a bitmap */
#define RW_SET_MAX_CODES 4080u
#define RW_SET_MAX_WORDS 4096u      /* of a row: on the stack */
#define RW_SET_MAX_ROWS  (1u << 20) /* words of all of them: 8 MiB */
#define RW_SET_COLUMN    63u

struct rw_set_feature {
    uint32_t feature;
    uint32_t n_codes;
    uint32_t truncate;    /* 1: -1 < x < 0 is code 0 */
    uint32_t first_plane; /* two for each segment */
    uint32_t n_segments;
    uint32_t rows; /* first word in SET_ROWS of [n_codes + 2][set_words] */
};

/* ---- deep trees: six levels as a heap, the others as nodes of four bytes ----------------
 *
 * Ranks are words here.  The 64 positions below the heap are nodes 0 to 63 of the tree;
 * further down, a node packs cut << 17 | column << 13 | left child, and a row goes to
 * left + (column >= cut).  A leaf is its own child and has a cut that no rank reaches.
 * Children lie in the same line of the cache as their parents, where they can.
 */

#define RW_TOP_LEVELS        6u
#define RW_TOP_NODES         64u
#define RW_DEEP_MAX_COLUMNS  16u
#define RW_DEEP_MAX_NODES    8192u
#define RW_DEEP_LEAF_CUT     32767u
#define RW_DEEP_MAX_CUTS     32766u /* so that no rank reaches a leaf's cut */
#define RW_DEEP_CUT_SHIFT    17
#define RW_DEEP_COLUMN_SHIFT 13

struct rw_word_column {
    uint16_t slot;
    uint16_t missing; /* value of NaN */
    uint16_t zero;    /* 1: zero is missing too */
};

struct rw_deep_tree {
    uint32_t begin, count; /* in DEEP_NODES */
    uint32_t group;
    uint32_t levels; /* below the top */
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
    struct rw_contributions contributions;
    const struct rw_lanes *lanes; /* NULL: the forest does not suit them */
    const struct rw_slot *slots;
    uint32_t n_slots;
    const uint16_t *slot_of;
    const float *ranks;
    const double *ranks64;
    const struct rw_byte_column *byte_columns;
    uint32_t n_byte_columns;
    const struct rw_sweep_tree *sweep_trees;
    const struct rw_sweep_node *sweep_nodes;
    const struct rw_sweep_chunk *sweep_chunks;
    uint32_t n_sweep_chunks;
    const uint8_t *sweep_steps;
    const float *lane_leaves;
    const double *lane_leaves64;
    const uint8_t *heap_columns, *heap_cuts;
    const float *heap_leaves;
    const double *heap_leaves64;
    const struct rw_set_feature *set_features;
    uint32_t n_set_features;
    const uint8_t *set_bitmaps;
    const uint64_t *set_rows;
    const struct rw_word_column *word_columns;
    uint32_t n_word_columns;
    const struct rw_deep_tree *deep_trees; /* NULL: the forest does not suit them */
    const uint16_t *top_columns, *top_cuts;
    const uint32_t *deep_nodes;
    const uint16_t *deep_cuts, *deep_children;
    const uint8_t *deep_columns;
    const float *deep_leaves;
    const double *deep_leaves64;
    const uint8_t *direct_columns;
    const float *direct_thresholds;
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

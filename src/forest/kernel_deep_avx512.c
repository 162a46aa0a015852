/*
 * kernel_deep_avx512.c - deep trees, with AVX-512.
 *
 * The first six levels of a tree are decided by two permutes and compares.  Below, one
 * row walks sixteen trees a register with gathers; of blocks, eight rows walk one tree
 * at a time, whose nodes stay in the level 1 cache.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/lanes_avx512.h"

#include "forest/cpu.h"

#define TREES_AT_ONCE 128u
#define VECTORS       8u /* of 16 trees */
#define ROWS_AT_ONCE  8u

/* ---- columns ----------------------------------------------------------------------- */

/* The word columns of one row. */
static RW_INLINE void row_words(const struct rw_image *image, const struct rw_block *block,
                                size_t row, bool wide, uint16_t words[RW_DEEP_MAX_COLUMNS]) {
    uint16_t ranks[64];
    rw_rank_row_words(image, block, row, wide, ranks);
    for (uint32_t c = 0; c < image->n_word_columns; c++)
        words[c] = ranks[image->word_columns[c].slot];
    struct rw_row_missing missing = {0, 0};
    const size_t n = image->header->n_features;
    if (!(wide ? rw_any_nan_f64(block->f64 + row * n, n) : rw_any_nan(block->f32 + row * n, n)) &&
        !image->lanes->has_zero)
        return;
    rw_find_missing(image, block, row, &missing);
    for (uint32_t c = 0; c < image->n_word_columns; c++) {
        const uint64_t bit = (uint64_t)1 << image->word_columns[c].slot;
        if ((missing.nan & bit) || (image->word_columns[c].zero && (missing.zero & bit)))
            words[c] = image->word_columns[c].missing;
    }
}

static RW_APART void row_words_f32(const struct rw_image *image, const struct rw_block *block,
                                   size_t row, uint16_t *words) {
    row_words(image, block, row, false, words);
}

static RW_APART void row_words_f64(const struct rw_image *image, const struct rw_block *block,
                                   size_t row, uint16_t *words) {
    row_words(image, block, row, true, words);
}

static void prepare(const struct rw_image *image, const struct rw_block *block, size_t row,
                    uint16_t *words) {
    if (block->f64)
        row_words_f64(image, block, row, words);
    else
        row_words_f32(image, block, row, words);
}

/* ---- the top ----------------------------------------------------------------------- */

static RW_INLINE uint64_t decide(const uint16_t *columns, const uint16_t *cuts, __m512i words) {
    const __mmask32 low = _mm512_cmpge_epu16_mask(
        _mm512_permutexvar_epi16(_mm512_loadu_si512(columns), words), _mm512_loadu_si512(cuts));
    const __mmask32 high =
        _mm512_cmpge_epu16_mask(_mm512_permutexvar_epi16(_mm512_loadu_si512(columns + 32), words),
                                _mm512_loadu_si512(cuts + 32));
    return (uint64_t)high << 32 | low;
}

/* Eight heaps: position 1, then 2 * position + bit, six times; counted from 0. */
static RW_INLINE __m512i descend(__m512i masks) {
    const __m512i one = _mm512_set1_epi64(1);
    __m512i at = one;
#pragma GCC unroll 6
    for (uint32_t level = 0; level < RW_TOP_LEVELS; level++)
        at = _mm512_ternarylogic_epi64(_mm512_add_epi64(at, at), _mm512_srlv_epi64(masks, at), one,
                                       0xF8);
    return _mm512_sub_epi64(at, _mm512_set1_epi64(RW_TOP_NODES));
}

/* ---- one row ------------------------------------------------------------------------ */

static RW_INLINE __m512i step(const uint32_t *nodes, __m512i begin, __m512i at, __m512i row,
                              bool few) {
    const __m512i where = _mm512_add_epi32(begin, at);
    const __m512i node = few ? _mm512_castsi128_si512(_mm_i32gather_epi32(
                                   (const int *)nodes, _mm512_castsi512_si128(where), 4))
                             : _mm512_i32gather_epi32(where, nodes, 4);
    /* the permute looks at the lowest four bits, which are the column */
    const __m512i x = _mm512_permutexvar_epi32(_mm512_srli_epi32(node, RW_DEEP_COLUMN_SHIFT), row);
    const __mmask16 right = _mm512_cmpge_epu32_mask(x, _mm512_srli_epi32(node, RW_DEEP_CUT_SHIFT));
    const __m512i left = _mm512_and_si512(node, _mm512_set1_epi32(RW_DEEP_MAX_NODES - 1));
    return _mm512_mask_add_epi32(left, right, left, _mm512_set1_epi32(1));
}

static RW_INLINE void walk(const uint32_t *nodes, const uint32_t *begins, uint32_t *at,
                           uint32_t levels, uint32_t width, bool few, __m512i row) {
    __m512i begin[VECTORS], here[VECTORS];
#pragma GCC unroll 8
    for (uint32_t v = 0; v < width; v++) {
        begin[v] = _mm512_load_si512(begins + 16 * v);
        here[v] = _mm512_load_si512(at + 16 * v);
    }
    for (uint32_t level = 0; level < levels; level++)
#pragma GCC unroll 8
        for (uint32_t v = 0; v < width; v++)
            here[v] = step(nodes, begin[v], here[v], row, few && v + 1 == width);
#pragma GCC unroll 8
    for (uint32_t v = 0; v < width; v++)
        _mm512_store_si512(at + 16 * v, _mm512_add_epi32(begin[v], here[v]));
}

static void walk_all(const uint32_t *nodes, const uint32_t *begins, uint32_t *at, uint32_t levels,
                     uint32_t n_trees, __m512i row) {
    switch ((n_trees + 15) / 16) {
    case 8:
        walk(nodes, begins, at, levels, 8, false, row);
        break;
    case 7:
        if (n_trees <= 6 * 16 + 4) /* a hundred trees are common */
            walk(nodes, begins, at, levels, 7, true, row);
        else
            walk(nodes, begins, at, levels, 7, false, row);
        break;
    case 6:
    case 5:
        walk(nodes, begins, at, levels, 6, false, row);
        break;
    case 4:
    case 3:
        walk(nodes, begins, at, levels, 4, false, row);
        break;
    default:
        walk(nodes, begins, at, levels, 2, false, row);
    }
}

/* Leaves of up to TREES_AT_ONCE trees, as indices of DEEP_LEAVES. */
static void row_leaves(const struct rw_image *image, uint32_t first, uint32_t n_trees,
                       const uint16_t *words, uint32_t *leaves) {
    uint64_t masks[TREES_AT_ONCE] __attribute__((aligned(64)));
    uint32_t begins[TREES_AT_ONCE] __attribute__((aligned(64)));
    const __m256i narrow = _mm256_load_si256((const __m256i *)words);
    const uint16_t *columns = image->top_columns + (size_t)first * RW_TOP_NODES;
    const uint16_t *cuts = image->top_cuts + (size_t)first * RW_TOP_NODES;
    uint32_t levels = 0;
    for (uint32_t i = 0; i < n_trees; i++) {
        const struct rw_deep_tree *tree = &image->deep_trees[first + i];
        masks[i] = decide(columns + (size_t)i * RW_TOP_NODES, cuts + (size_t)i * RW_TOP_NODES,
                          _mm512_castsi256_si512(narrow));
        begins[i] = tree->begin;
        levels = tree->levels > levels ? tree->levels : levels;
    }
    for (uint32_t i = n_trees; i % 32 != 0; i++) { /* lanes without a tree stay in one */
        masks[i] = 0;
        begins[i] = begins[0];
    }
    for (uint32_t i = 0; i < (n_trees + 31) / 32 * 32; i += 8)
        _mm256_store_si256((__m256i *)(leaves + i),
                           _mm512_cvtepi64_epi32(descend(_mm512_load_si512(masks + i))));
    walk_all(image->deep_nodes, begins, leaves, levels, n_trees, _mm512_cvtepu16_epi32(narrow));
}

static void score_row(const struct rw_image *image, const struct rw_block *block, size_t row,
                      void *sums) {
    uint16_t words[RW_DEEP_MAX_COLUMNS] __attribute__((aligned(32))) = {0};
    uint32_t leaves[TREES_AT_ONCE] __attribute__((aligned(64)));
    const uint32_t n_trees = image->header->n_trees;
    prepare(image, block, row, words);
    for (uint32_t first = 0; first < n_trees; first += TREES_AT_ONCE) {
        const uint32_t left = n_trees - first, n = left < TREES_AT_ONCE ? left : TREES_AT_ONCE;
        row_leaves(image, first, n, words, leaves);
        if (image->sums64)
            for (uint32_t i = 0; i < n; i++)
                ((double *)sums)[image->deep_trees[first + i].group] +=
                    image->deep_leaves64[leaves[i]];
        else
            for (uint32_t i = 0; i < n; i++)
                ((float *)sums)[image->deep_trees[first + i].group] +=
                    image->deep_leaves[leaves[i]];
    }
}

/* ---- blocks ------------------------------------------------------------------------- */

struct tree {
    const uint16_t *cuts, *children;
    const uint8_t *columns;
    uint32_t levels;
};

static RW_INLINE uint64_t scalar_step(const struct tree *tree, uint64_t at, const uint16_t *words) {
    return tree->children[at] + (uint64_t)(words[tree->columns[at]] >= tree->cuts[at]);
}

/* at[i]: where row i starts, then its leaf. */
static void walk_rows(const struct tree *tree, const uint16_t *words, size_t n_rows, uint64_t *at) {
    for (size_t row = 0; row < n_rows; row += ROWS_AT_ONCE) {
        uint64_t here[ROWS_AT_ONCE];
        const uint16_t *eight = words + row * RW_DEEP_MAX_COLUMNS;
#pragma GCC unroll 8
        for (uint32_t i = 0; i < ROWS_AT_ONCE; i++)
            here[i] = at[row + i];
        for (uint32_t level = 0; level < tree->levels; level++)
#pragma GCC unroll 8
            for (uint32_t i = 0; i < ROWS_AT_ONCE; i++)
                here[i] = scalar_step(tree, here[i], eight + i * RW_DEEP_MAX_COLUMNS);
#pragma GCC unroll 8
        for (uint32_t i = 0; i < ROWS_AT_ONCE; i++)
            at[row + i] = here[i];
    }
}

static void start_rows(const struct rw_image *image, uint32_t tree, const uint16_t *words,
                       size_t n_rows, uint64_t *at) {
    const uint16_t *columns = image->top_columns + (size_t)tree * RW_TOP_NODES;
    const uint16_t *cuts = image->top_cuts + (size_t)tree * RW_TOP_NODES;
    for (size_t row = 0; row < n_rows; row++)
        at[row] = decide(columns, cuts,
                         _mm512_castsi256_si512(_mm256_load_si256(
                             (const __m256i *)(words + row * RW_DEEP_MAX_COLUMNS))));
    for (size_t row = 0; row < n_rows; row += 8)
        _mm512_store_si512(at + row, descend(_mm512_load_si512(at + row)));
}

static void add_leaves(const struct rw_image *image, const struct rw_deep_tree *tree,
                       const uint64_t *at, size_t n_rows, void *sums) {
    const size_t n_groups = image->header->n_groups;
    for (size_t row = 0; row < n_rows; row++)
        if (image->sums64)
            ((double *)sums)[row * n_groups + tree->group] +=
                image->deep_leaves64[tree->begin + at[row]];
        else
            ((float *)sums)[row * n_groups + tree->group] +=
                image->deep_leaves[tree->begin + at[row]];
}

static void score_block(const struct rw_image *image, const struct rw_block *block, void *sums) {
    uint16_t words[RW_BLOCK_ROWS * RW_DEEP_MAX_COLUMNS] __attribute__((aligned(64)));
    uint64_t at[RW_BLOCK_ROWS] __attribute__((aligned(64)));
    const size_t padded = (block->n_rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE * ROWS_AT_ONCE;
    for (size_t row = 0; row < block->n_rows; row++)
        prepare(image, block, row, words + row * RW_DEEP_MAX_COLUMNS);
    memset(words + block->n_rows * RW_DEEP_MAX_COLUMNS, 0,
           (padded - block->n_rows) * RW_DEEP_MAX_COLUMNS * sizeof *words);
    for (uint32_t i = 0; i < image->header->n_trees; i++) {
        const struct rw_deep_tree *deep = &image->deep_trees[i];
        const struct tree tree = {image->deep_cuts + deep->begin,
                                  image->deep_children + deep->begin,
                                  image->deep_columns + deep->begin, deep->levels};
        start_rows(image, i, words, padded, at);
        walk_rows(&tree, words, padded, at);
        add_leaves(image, deep, at, block->n_rows, sums);
    }
}

/* From so many rows on, a tree is loaded often enough to be worth its place. */
#define FEW_ROWS 64u

static void score(const struct rw_image *image, const struct rw_block *block, void *sums) {
    if (block->n_rows >= FEW_ROWS) {
        score_block(image, block, sums);
        return;
    }
    for (size_t row = 0; row < block->n_rows; row++)
        score_row(image, block, row, rw_sums_from(image, sums, row));
}

static bool fits(const struct rw_image *image) {
    return image->deep_trees && rw_cpu_has(RW_CPU_AVX512);
}

const struct rw_kernel rw_kernel_deep_avx512 = {
    .name = "deep-avx512", .fits = fits, .score = score};

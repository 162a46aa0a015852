/*
 * kernel_heap_avx512.c - complete trees of up to six levels.
 *
 * One row: a permute and a compare decide all splits of a tree (or of two small ones)
 * at once; the bits are then walked, eight or sixteen trees a register, without a
 * load.  Blocks: 64 rows a register, one split at a time; a split's answer is the sign
 * of a saturated difference, so that levels are joined by a bitwise select.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/lanes_avx512.h"

#include "forest/cpu.h"
#include "forest/lanes_add_avx512.h"

#define TREES_AT_ONCE 128u /* whose masks wait on the stack */
#define DEEP          6u
#define SHALLOW       5u

/* ---- one row ---------------------------------------------------------------------- */

/* Bit p: the row goes right at position p of the heap; of two shallow trees at once. */
static RW_INLINE __mmask64 decide(const uint8_t *columns, const uint8_t *cuts, __m512i row) {
    return _mm512_cmpge_epu8_mask(_mm512_permutexvar_epi8(_mm512_loadu_si512(columns), row),
                                  _mm512_loadu_si512(cuts));
}

/* Position 1, then 2 * position + bit, as often as there are levels: a | (b & one). */
static RW_INLINE __m512i walk64(__m512i masks) {
    const __m512i one = _mm512_set1_epi64(1);
    __m512i at = one;
#pragma GCC unroll 6
    for (uint32_t level = 0; level < DEEP; level++)
        at = _mm512_ternarylogic_epi64(_mm512_add_epi64(at, at), _mm512_srlv_epi64(masks, at), one,
                                       0xF8);
    return _mm512_sub_epi64(at, _mm512_set1_epi64(1 << DEEP));
}

static RW_INLINE __m512i walk32(__m512i masks) {
    const __m512i one = _mm512_set1_epi32(1);
    __m512i at = one;
#pragma GCC unroll 5
    for (uint32_t level = 0; level < SHALLOW; level++)
        at = _mm512_ternarylogic_epi32(_mm512_add_epi32(at, at), _mm512_srlv_epi32(masks, at), one,
                                       0xF8);
    return _mm512_sub_epi32(at, _mm512_set1_epi32(1 << SHALLOW));
}

/* Leaves of n_trees trees, n_trees <= TREES_AT_ONCE; room for whole registers. */
static RW_INLINE void row_leaves(const uint8_t *columns, const uint8_t *cuts, uint32_t n_trees,
                                 uint32_t depth, __m512i row, uint8_t *leaves) {
    uint64_t masks[TREES_AT_ONCE] __attribute__((aligned(64)));
    const uint32_t n_masks = depth == DEEP ? n_trees : (n_trees + 1) / 2;
    for (uint32_t i = 0; i < n_masks; i++)
        masks[i] = decide(columns + (size_t)i * 64, cuts + (size_t)i * 64, row);
    for (uint32_t i = 0; i < n_masks; i += 8) {
        const __m512i eight = _mm512_load_si512(masks + i);
        if (depth == DEEP)
            _mm_storel_epi64((__m128i *)(leaves + i), _mm512_cvtepi64_epi8(walk64(eight)));
        else
            _mm_storeu_si128((__m128i *)(leaves + 2 * i), _mm512_cvtepi32_epi8(walk32(eight)));
    }
}

static RW_INLINE void add_row_leaves(const struct rw_image *image, uint32_t first, uint32_t n,
                                     uint32_t depth, const uint8_t *leaves, void *sums) {
    const size_t begin = (size_t)first << depth;
    if (image->header->n_groups == 1 && !image->sums64) {
        const float *values = image->heap_leaves + begin;
        float sum = *(float *)sums;
        for (uint32_t i = 0; i < n; i++)
            sum += values[((size_t)i << depth) + leaves[i]];
        *(float *)sums = sum;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t group = image->sweep_trees[first + i].group;
        const size_t at = begin + ((size_t)i << depth) + leaves[i];
        if (image->sums64)
            ((double *)sums)[group] += image->heap_leaves64[at];
        else
            ((float *)sums)[group] += image->heap_leaves[at];
    }
}

static RW_INLINE void score_row_of(const struct rw_image *image, const struct rw_block *block,
                                   size_t row, uint32_t depth, void *sums) {
    uint8_t leaves[TREES_AT_ONCE + 16];
    const uint32_t n_trees = image->header->n_trees;
    const __m512i columns = rw_row_columns(image, block, row);
    for (uint32_t first = 0; first < n_trees; first += TREES_AT_ONCE) {
        const uint32_t left = n_trees - first, n = left < TREES_AT_ONCE ? left : TREES_AT_ONCE;
        const size_t begin = (size_t)first << depth;
        row_leaves(image->heap_columns + begin, image->heap_cuts + begin, n, depth, columns,
                   leaves);
        add_row_leaves(image, first, n, depth, leaves, sums);
    }
}

static void score_row(const struct rw_image *image, const struct rw_block *block, size_t row,
                      void *sums) {
    if (image->lanes->heap_depth == DEEP)
        score_row_of(image, block, row, DEEP, sums);
    else
        score_row_of(image, block, row, SHALLOW, sums);
}

/* ---- blocks ------------------------------------------------------------------------ */

/* 128 rows: the compiler keeps two chains going. */
struct pair {
    __m512i a, b;
};

struct heap {
    const uint8_t *columns, *cuts, *planes;
    size_t stride;
};

/* Sign bits: which rows go right at position `at`.  Ranks are unsigned; with their
 * highest bit flipped, cut - 1 - rank is negative just where rank >= cut. */
static RW_INLINE struct pair split(const struct heap *heap, uint32_t at) {
    const uint8_t *plane = heap->planes + heap->columns[at] * heap->stride;
    const __m512i cut = _mm512_set1_epi8((char)((heap->cuts[at] - 1) ^ 0x80));
    return (struct pair){_mm512_subs_epi8(cut, _mm512_loadu_si512(plane)),
                         _mm512_subs_epi8(cut, _mm512_loadu_si512(plane + 64))};
}

/* which ? right : left, bit by bit */
static RW_INLINE struct pair choose(const struct pair *which, struct pair right, struct pair left) {
    return (struct pair){_mm512_ternarylogic_epi64(which->a, right.a, left.a, 0xCA),
                         _mm512_ternarylogic_epi64(which->b, right.b, left.b, 0xCA)};
}

/* The answer of the split that each row meets k levels below position `at`, where
 * on[0 .. k) are the answers from `at` on. */
#define BELOW(k, less)                                                                             \
    static RW_INLINE struct pair below##k(const struct heap *heap, uint32_t at,                    \
                                          const struct pair *on) {                                 \
        const struct pair right = below##less(heap, 2 * at + 1, on + 1);                           \
        return choose(on, right, below##less(heap, 2 * at, on + 1));                               \
    }

static RW_INLINE struct pair below0(const struct heap *heap, uint32_t at, const struct pair *on) {
    (void)on;
    return split(heap, at);
}
BELOW(1, 0)
BELOW(2, 1)
BELOW(3, 2)
BELOW(4, 3)
BELOW(5, 4)

/* Sign bits of the levels, the first one highest, as one number. */
static RW_INLINE __m512i join(const __m512i *signs, uint32_t depth) {
    const __m512i high = _mm512_set1_epi8((char)0x80);
    __m512i number = _mm512_and_si512(signs[depth - 1], high);
#pragma GCC unroll 6
    for (uint32_t level = depth - 1; level-- > 0;)
        number = _mm512_ternarylogic_epi64(high, signs[level], _mm512_srli_epi16(number, 1), 0xCA);
    return _mm512_and_si512(_mm512_srli_epi16(number, (int)(8 - depth)),
                            _mm512_set1_epi8((char)((1u << depth) - 1)));
}

static RW_INLINE void tree_leaves(const struct heap *heap, uint32_t depth, uint8_t *leaves) {
    struct pair on[DEEP];
    on[0] = below0(heap, 1, on);
    on[1] = below1(heap, 1, on);
    on[2] = below2(heap, 1, on);
    on[3] = below3(heap, 1, on);
    on[4] = below4(heap, 1, on);
    if (depth == DEEP)
        on[5] = below5(heap, 1, on);
    __m512i a[DEEP], b[DEEP];
#pragma GCC unroll 6
    for (uint32_t level = 0; level < depth; level++) {
        a[level] = on[level].a;
        b[level] = on[level].b;
    }
    _mm512_storeu_si512(leaves, join(a, depth));
    _mm512_storeu_si512(leaves + 64, join(b, depth));
}

static RW_INLINE void add_block_leaves(const struct rw_image *image, struct rw_adder *adder,
                                       uint32_t tree, uint32_t depth, const uint8_t *leaves,
                                       size_t n_rows, void *sums) {
    const size_t begin = (size_t)tree << depth;
    const float *values = image->heap_leaves + begin;
    const double *values64 = image->heap_leaves64 + begin;
    if (rw_adder_add_from(adder, values, values64, 1u << depth, leaves, n_rows))
        return;
    const size_t n_groups = image->header->n_groups, group = image->sweep_trees[tree].group;
    for (size_t i = 0; i < n_rows; i++)
        if (image->sums64)
            ((double *)sums)[i * n_groups + group] += values64[leaves[i]];
        else
            ((float *)sums)[i * n_groups + group] += values[leaves[i]];
}

static RW_INLINE void score_block_of(const struct rw_image *image, const struct rw_block *block,
                                     size_t stride, uint32_t depth, void *sums) {
    uint8_t planes[RW_PLANE_BYTES] __attribute__((aligned(64)));
    uint8_t leaves[RW_BLOCK_ROWS] __attribute__((aligned(64)));
    rw_rank_block(image, block, stride, 0x80, planes);
    struct rw_adder adder;
    rw_adder_start(&adder, image, block->n_rows, sums);
    for (uint32_t tree = 0; tree < image->header->n_trees; tree++) {
        const size_t begin = (size_t)tree << depth;
        struct heap heap = {image->heap_columns + begin, image->heap_cuts + begin, planes, stride};
        for (size_t row = 0; row < block->n_rows; row += 128, heap.planes += 128)
            tree_leaves(&heap, depth, leaves + row);
        add_block_leaves(image, &adder, tree, depth, leaves, block->n_rows, sums);
    }
    rw_adder_finish(&adder, block->n_rows, sums);
}

static void score_block(const struct rw_image *image, const struct rw_block *block, size_t stride,
                        void *sums) {
    if (image->lanes->heap_depth == DEEP)
        score_block_of(image, block, stride, DEEP, sums);
    else
        score_block_of(image, block, stride, SHALLOW, sums);
}

/* ---- the kernel -------------------------------------------------------------------- */

static void score(const struct rw_image *image, const struct rw_block *block, void *sums) {
    const size_t most = rw_plane_rows(image->n_byte_columns);
    if (block->n_rows < RW_FEW_ROWS && image->lanes->row_columns) {
        for (size_t row = 0; row < block->n_rows; row++)
            score_row(image, block, row, rw_sums_from(image, sums, row));
        return;
    }
    if (block->n_rows < RW_FEW_ROWS) {
        rw_score_portable(image, block, sums);
        return;
    }
    for (size_t first = 0; first < block->n_rows; first += most) {
        const size_t left = block->n_rows - first;
        const struct rw_block part = rw_rows_from(image, block, first, left < most ? left : most);
        score_block(image, &part, most, rw_sums_from(image, sums, first));
    }
}

static bool fits(const struct rw_image *image) {
    return image->lanes && image->lanes->heap_depth && rw_cpu_has(RW_CPU_AVX512);
}

const struct rw_kernel rw_kernel_heap_avx512 = {
    .name = "heap-avx512", .fits = fits, .score = score};

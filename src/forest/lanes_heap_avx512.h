/*
 * lanes_heap_avx512.h - one row through complete trees of up to six levels.
 *
 * A permute and a compare decide all splits of a tree (or of two small ones) at once;
 * the bits are then walked, eight or sixteen trees a register, without a load.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LANES_HEAP_AVX512_H
#define RW_LANES_HEAP_AVX512_H

/* Bit p: the row goes right at position p of the heap; of two shallow trees at once. */
static RW_INLINE __mmask64 rw_decide(const uint8_t *columns, const uint8_t *cuts, __m512i row) {
    return _mm512_cmpge_epu8_mask(_mm512_permutexvar_epi8(_mm512_loadu_si512(columns), row),
                                  _mm512_loadu_si512(cuts));
}

/* Position 1, then 2 * position + bit, as often as there are levels: a | (b & one). */
static RW_INLINE __m512i rw_walk64(__m512i masks) {
    const __m512i one = _mm512_set1_epi64(1);
    __m512i at = one;
#pragma GCC unroll 6
    for (uint32_t level = 0; level < RW_DEEP_HEAP; level++)
        at = _mm512_ternarylogic_epi64(_mm512_add_epi64(at, at), _mm512_srlv_epi64(masks, at), one,
                                       0xF8);
    return _mm512_sub_epi64(at, _mm512_set1_epi64(1 << RW_DEEP_HEAP));
}

static RW_INLINE __m512i rw_walk32(__m512i masks) {
    const __m512i one = _mm512_set1_epi32(1);
    __m512i at = one;
#pragma GCC unroll 5
    for (uint32_t level = 0; level < RW_SHALLOW_HEAP; level++)
        at = _mm512_ternarylogic_epi32(_mm512_add_epi32(at, at), _mm512_srlv_epi32(masks, at), one,
                                       0xF8);
    return _mm512_sub_epi32(at, _mm512_set1_epi32(1 << RW_SHALLOW_HEAP));
}

/* Heaps of two shallow trees lie in one register, of eight deep ones in eight. */
static RW_INLINE uint32_t rw_heap_lot(uint32_t depth) {
    return depth == RW_DEEP_HEAP ? 8 : 16;
}

/* Leaves of one lot of trees.  The masks never pass through memory: a register that is
 * loaded from narrower stores waits until they have left the pipeline. */
static RW_INLINE void rw_heap_leaves(const uint8_t *columns, const uint8_t *cuts, uint32_t depth,
                                     __m512i row, uint8_t *leaves) {
    long long m[8];
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 8; i++)
        m[i] = (long long)rw_decide(columns + (size_t)i * 64, cuts + (size_t)i * 64, row);
    const __m512i masks = _mm512_set_epi64(m[7], m[6], m[5], m[4], m[3], m[2], m[1], m[0]);
    if (depth == RW_DEEP_HEAP)
        _mm_storel_epi64((__m128i *)leaves, _mm512_cvtepi64_epi8(rw_walk64(masks)));
    else
        _mm_storeu_si128((__m128i *)leaves, _mm512_cvtepi32_epi8(rw_walk32(masks)));
}

/* The same for the last trees, fewer than a lot: nothing is read behind them. */
static RW_INLINE void rw_heap_leaf_by_leaf(const uint8_t *columns, const uint8_t *cuts,
                                           uint32_t n_trees, uint32_t depth, __m512i row,
                                           uint8_t *leaves) {
    const size_t size = (size_t)1 << depth;
    for (uint32_t i = 0; i < n_trees; i++) {
        const __mmask64 all = depth == RW_DEEP_HEAP ? ~(__mmask64)0 : 0xFFFFFFFF;
        const __m512i at = _mm512_maskz_loadu_epi8(all, columns + i * size);
        const __mmask64 mask = _mm512_cmpge_epu8_mask(
            _mm512_permutexvar_epi8(at, row), _mm512_maskz_loadu_epi8(all, cuts + i * size));
        uint64_t p = 1;
        for (uint32_t level = 0; level < depth; level++)
            p = 2 * p + (mask >> p & 1);
        leaves[i] = (uint8_t)(p - size);
    }
}

static RW_INLINE void rw_add_heap_leaves(const struct rw_image *image, uint32_t first, uint32_t n,
                                         uint32_t depth, const uint8_t *leaves, void *sums) {
    const size_t begin = (size_t)first << depth;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t group = image->sweep_trees[first + i].group;
        const size_t at = begin + ((size_t)i << depth) + leaves[i];
        if (image->sums64)
            ((double *)sums)[group] += image->heap_leaves64[at];
        else
            ((float *)sums)[group] += image->heap_leaves[at];
    }
}

/* The sums of one lot run beside the decisions of the next. */
#define RW_HEAP_ROW(type, values)                                                                  \
    do {                                                                                           \
        const type *leaf_ = (values);                                                              \
        type sum_ = *(const type *)sums;                                                           \
        for (; first + lot <= n_trees; first += lot) {                                             \
            rw_heap_leaves(at, cuts, depth, columns, leaves);                                      \
            for (uint32_t i_ = 0; i_ < lot; i_++, leaf_ += (size_t)1 << depth)                     \
                sum_ += leaf_[leaves[i_]];                                                         \
            at += (size_t)lot << depth;                                                            \
            cuts += (size_t)lot << depth;                                                          \
        }                                                                                          \
        *(type *)sums = sum_;                                                                      \
    } while (0)

static RW_INLINE void rw_heap_row_of(const struct rw_image *image, __m512i columns, uint32_t depth,
                                     void *sums) {
    uint8_t leaves[16];
    const uint32_t n_trees = image->header->n_trees, lot = rw_heap_lot(depth);
    const uint8_t *at = image->heap_columns, *cuts = image->heap_cuts;
    uint32_t first = 0;
    if (image->header->n_groups == 1 && image->sums64)
        RW_HEAP_ROW(double, image->heap_leaves64);
    else if (image->header->n_groups == 1)
        RW_HEAP_ROW(float, image->heap_leaves);
    else
        for (; first + lot <= n_trees; first += lot) {
            rw_heap_leaves(at, cuts, depth, columns, leaves);
            rw_add_heap_leaves(image, first, lot, depth, leaves, sums);
            at += (size_t)lot << depth;
            cuts += (size_t)lot << depth;
        }
    rw_heap_leaf_by_leaf(at, cuts, n_trees - first, depth, columns, leaves);
    rw_add_heap_leaves(image, first, n_trees - first, depth, leaves, sums);
}

static void rw_heap_row(const struct rw_image *image, __m512i columns, void *sums) {
    if (image->lanes->heap_depth == RW_DEEP_HEAP)
        rw_heap_row_of(image, columns, RW_DEEP_HEAP, sums);
    else
        rw_heap_row_of(image, columns, RW_SHALLOW_HEAP, sums);
}

#endif

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

#define RW_HEAPS_AT_ONCE 128u /* whose masks wait on the stack */

/* All masks first: a register that is loaded from narrower stores waits until they have
 * left the pipeline, which they have by then.  Room for whole registers. */
static RW_INLINE void rw_decide_all(const uint8_t *columns, const uint8_t *cuts, uint32_t n_masks,
                                    __m512i row, uint64_t *masks) {
    for (uint32_t i = 0; i < n_masks; i++)
        masks[i] = rw_decide(columns + (size_t)i * 64, cuts + (size_t)i * 64, row);
}

/* Eight deep trees or sixteen shallow ones. */
static RW_INLINE void rw_heap_leaves(const uint64_t *masks, uint32_t depth, uint8_t *leaves) {
    const __m512i eight = _mm512_load_si512(masks);
    if (depth == RW_DEEP_HEAP)
        _mm_storel_epi64((__m128i *)leaves, _mm512_cvtepi64_epi8(rw_walk64(eight)));
    else
        _mm_storeu_si128((__m128i *)leaves, _mm512_cvtepi32_epi8(rw_walk32(eight)));
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

/* Leaves of the trees [first, first + n), and their sum: one register of trees after the
 * other, so that additions run beside the walks of the next. */
#define RW_ADD_HEAPS(type, values)                                                                 \
    do {                                                                                           \
        const type *leaf_ = (values) + ((size_t)first << depth);                                   \
        type sum_ = *(const type *)sums;                                                           \
        for (uint32_t i_ = 0; i_ < n; i_ += lot) {                                                 \
            const uint32_t here_ = n - i_ < lot ? n - i_ : lot;                                    \
            rw_heap_leaves(masks + i_ * 8 / lot, depth, leaves);                                   \
            for (uint32_t j_ = 0; j_ < here_; j_++, leaf_ += (size_t)1 << depth)                   \
                sum_ += leaf_[leaves[j_]];                                                         \
        }                                                                                          \
        *(type *)sums = sum_;                                                                      \
    } while (0)

static RW_INLINE void rw_add_heaps(const struct rw_image *image, const uint64_t *masks,
                                   uint32_t first, uint32_t n, uint32_t depth, void *sums) {
    uint8_t leaves[16];
    const uint32_t lot = depth == RW_DEEP_HEAP ? 8 : 16;
    if (image->header->n_groups == 1 && image->sums64)
        RW_ADD_HEAPS(double, image->heap_leaves64);
    else if (image->header->n_groups == 1)
        RW_ADD_HEAPS(float, image->heap_leaves);
    else
        for (uint32_t i = 0; i < n; i += lot) {
            rw_heap_leaves(masks + i * 8 / lot, depth, leaves);
            rw_add_heap_leaves(image, first + i, n - i < lot ? n - i : lot, depth, leaves, sums);
        }
}

/* Shallow trees are decided two at a time; the last one of an odd number has no second
 * behind it that could be read. */
static RW_INLINE uint32_t rw_mask_alone(const uint8_t *columns, const uint8_t *cuts, __m512i row) {
    const __m512i at = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)columns));
    const __m512i cut = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)cuts));
    return (uint32_t)_mm512_cmpge_epu8_mask(_mm512_permutexvar_epi8(at, row), cut);
}

static RW_INLINE void rw_heap_row_of(const struct rw_image *image, __m512i columns, uint32_t depth,
                                     void *sums) {
    uint64_t masks[RW_HEAPS_AT_ONCE] __attribute__((aligned(64)));
    const uint32_t n_trees = image->header->n_trees;
    for (uint32_t first = 0; first < n_trees; first += RW_HEAPS_AT_ONCE) {
        const uint32_t left = n_trees - first;
        const uint32_t n = left < RW_HEAPS_AT_ONCE ? left : RW_HEAPS_AT_ONCE;
        const uint32_t n_masks = depth == RW_DEEP_HEAP ? n : n / 2;
        const uint8_t *at = image->heap_columns + ((size_t)first << depth);
        const uint8_t *cuts = image->heap_cuts + ((size_t)first << depth);
        rw_decide_all(at, cuts, n_masks, columns, masks);
        if (depth == RW_SHALLOW_HEAP && n % 2)
            masks[n_masks] =
                rw_mask_alone(at + (size_t)n_masks * 64, cuts + (size_t)n_masks * 64, columns);
        rw_add_heaps(image, masks, first, n, depth, sums);
    }
}

static void rw_heap_row(const struct rw_image *image, __m512i columns, void *sums) {
    if (image->lanes->heap_depth == RW_DEEP_HEAP)
        rw_heap_row_of(image, columns, RW_DEEP_HEAP, sums);
    else
        rw_heap_row_of(image, columns, RW_SHALLOW_HEAP, sums);
}

#endif

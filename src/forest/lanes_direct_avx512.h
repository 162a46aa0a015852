/*
 * lanes_direct_avx512.h - one row of up to 16 floats through small trees of up to five
 * levels, without ranks: the row itself is the table that splits look into.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LANES_DIRECT_AVX512_H
#define RW_LANES_DIRECT_AVX512_H

/* Which 16 positions of a heap send the row right.  `left` has NaN, which compares
 * false, for what is missing; `right` has infinity. */
static RW_INLINE uint32_t rw_decide_direct(const uint8_t *columns, const float *thresholds,
                                           __m512 left, __m512 right) {
    const __m512i at = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)columns));
    return _mm512_cmp_ps_mask(_mm512_permutex2var_ps(left, at, right), _mm512_loadu_ps(thresholds),
                              _CMP_GE_OQ);
}

/* 2 * at + bit `at` of the mask: two instructions, where compilers take four. */
static RW_INLINE uint32_t rw_descend(uint32_t at, uint32_t mask) {
    __asm__("bt %0, %1\n\tadc %0, %0" : "+r"(at) : "r"(mask) : "cc");
    return at;
}

static RW_INLINE float rw_direct_leaf(const struct rw_image *image, uint32_t tree, __m512 left,
                                      __m512 right) {
    const size_t begin = (size_t)tree << RW_SHALLOW_HEAP;
    const uint8_t *columns = image->direct_columns + begin;
    const float *thresholds = image->direct_thresholds + begin;
    const uint32_t mask = rw_decide_direct(columns, thresholds, left, right) |
                          rw_decide_direct(columns + 16, thresholds + 16, left, right) << 16;
    uint32_t at = 1;
#pragma GCC unroll 5
    for (uint32_t level = 0; level < RW_SHALLOW_HEAP; level++)
        at = rw_descend(at, mask);
    return image->heap_leaves[begin + at - (1u << RW_SHALLOW_HEAP)];
}

static void rw_direct_row(const struct rw_image *image, const float *row, float *sums) {
    const uint32_t n_features = image->header->n_features, n_trees = image->header->n_trees;
    const __m512 left = _mm512_maskz_loadu_ps((__mmask16)((1u << n_features) - 1), row);
    const __m512 right = _mm512_mask_mov_ps(left, _mm512_cmp_ps_mask(left, left, _CMP_UNORD_Q),
                                            _mm512_set1_ps(INFINITY));
    float sum = *sums;
    uint32_t i = 0;
    for (; i + 2 <= n_trees; i += 2) {
        const float first = rw_direct_leaf(image, i, left, right);
        sum += first;
        sum += rw_direct_leaf(image, i + 1, left, right);
    }
    if (i < n_trees)
        sum += rw_direct_leaf(image, i, left, right);
    *sums = sum;
}

#endif

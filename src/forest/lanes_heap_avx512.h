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

#define TREES_AT_ONCE 128u /* whose masks wait on the stack */

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

/* Leaves of n_trees trees, n_trees <= TREES_AT_ONCE; room for whole registers. */
static RW_INLINE void rw_heap_leaves(const uint8_t *columns, const uint8_t *cuts, uint32_t n_trees,
                                     uint32_t depth, __m512i row, uint8_t *leaves) {
    uint64_t masks[TREES_AT_ONCE] __attribute__((aligned(64)));
    const uint32_t n_masks = depth == RW_DEEP_HEAP ? n_trees : (n_trees + 1) / 2;
    for (uint32_t i = 0; i < n_masks; i++)
        masks[i] = rw_decide(columns + (size_t)i * 64, cuts + (size_t)i * 64, row);
    for (uint32_t i = 0; i < n_masks; i += 8) {
        const __m512i eight = _mm512_load_si512(masks + i);
        if (depth == RW_DEEP_HEAP)
            _mm_storel_epi64((__m128i *)(leaves + i), _mm512_cvtepi64_epi8(rw_walk64(eight)));
        else
            _mm_storeu_si128((__m128i *)(leaves + 2 * i), _mm512_cvtepi32_epi8(rw_walk32(eight)));
    }
}

static RW_INLINE void rw_add_heap_leaves(const struct rw_image *image, uint32_t first, uint32_t n,
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

static RW_INLINE void rw_heap_row_of(const struct rw_image *image, __m512i columns, uint32_t depth,
                                     void *sums) {
    uint8_t leaves[TREES_AT_ONCE + 16];
    const uint32_t n_trees = image->header->n_trees;
    for (uint32_t first = 0; first < n_trees; first += TREES_AT_ONCE) {
        const uint32_t left = n_trees - first, n = left < TREES_AT_ONCE ? left : TREES_AT_ONCE;
        const size_t begin = (size_t)first << depth;
        rw_heap_leaves(image->heap_columns + begin, image->heap_cuts + begin, n, depth, columns,
                       leaves);
        rw_add_heap_leaves(image, first, n, depth, leaves, sums);
    }
}

static void rw_heap_row(const struct rw_image *image, __m512i columns, void *sums) {
    if (image->lanes->heap_depth == RW_DEEP_HEAP)
        rw_heap_row_of(image, columns, RW_DEEP_HEAP, sums);
    else
        rw_heap_row_of(image, columns, RW_SHALLOW_HEAP, sums);
}

#endif

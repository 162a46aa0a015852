/*
 * lanes_avx2.h - byte ranks with AVX2.
 *
 * Compiled only in files for this CPU; see image.h for the tables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LANES_AVX2_H
#define RW_LANES_AVX2_H

#include <immintrin.h>
#include <string.h>

#include "forest/forest.h"
#include "forest/lanes.h"

typedef __m256i rw_vector;
#define RW_VECTOR_BYTES 32u
#define RW_SWEEP_WIDTH  8u /* registers at once */

/* How many of 16 separators are <= x. */
static RW_INLINE uint32_t rw_count16(float x, const float *separators) {
    const __m256 v = _mm256_set1_ps(x);
    const __m256 low = _mm256_cmp_ps(v, _mm256_loadu_ps(separators), _CMP_GE_OQ);
    const __m256 high = _mm256_cmp_ps(v, _mm256_loadu_ps(separators + 8), _CMP_GE_OQ);
    return (uint32_t)_mm_popcnt_u32(
        (uint32_t)(_mm256_movemask_ps(low) | _mm256_movemask_ps(high) << 8));
}

static RW_INLINE uint32_t rw_count16_f64(double x, const double *separators) {
    const __m256d v = _mm256_set1_pd(x);
    int found = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        found |=
            _mm256_movemask_pd(_mm256_cmp_pd(v, _mm256_loadu_pd(separators + 4 * i), _CMP_GE_OQ))
            << 4 * i;
    return (uint32_t)_mm_popcnt_u32((uint32_t)found);
}

/* Whether any of n values is NaN; reads nothing beyond them. */
static RW_INLINE bool rw_any_nan(const float *x, size_t n) {
    __m256 found = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m256 v = _mm256_loadu_ps(x + i);
        found = _mm256_or_ps(found, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    }
    bool any = _mm256_movemask_ps(found) != 0;
    for (; i < n; i++)
        any |= x[i] != x[i];
    return any;
}

static RW_INLINE bool rw_any_nan_f64(const double *x, size_t n) {
    __m256d found = _mm256_setzero_pd();
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const __m256d v = _mm256_loadu_pd(x + i);
        found = _mm256_or_pd(found, _mm256_cmp_pd(v, v, _CMP_UNORD_Q));
    }
    bool any = _mm256_movemask_pd(found) != 0;
    for (; i < n; i++)
        any |= x[i] != x[i];
    return any;
}

#include "forest/lanes_count.h"
#include "forest/lanes_ranks.h"

/* The columns of one row: 16 a register, in both of its halves. */
struct rw_row_tables {
    __m256i of16[RW_LANES_ROW_COLUMNS / 16];
};

static RW_APART void rw_row_tables_f32(const struct rw_image *image, const struct rw_block *block,
                                       size_t row, struct rw_row_tables *tables) {
    uint8_t columns[RW_LANES_ROW_COLUMNS] __attribute__((aligned(64)));
    rw_row_bytes(image, block, row, false, columns);
    for (uint32_t i = 0; i < RW_LANES_ROW_COLUMNS / 16; i++)
        tables->of16[i] =
            _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(columns + 16 * i)));
}

static RW_APART void rw_row_tables_f64(const struct rw_image *image, const struct rw_block *block,
                                       size_t row, struct rw_row_tables *tables) {
    uint8_t columns[RW_LANES_ROW_COLUMNS] __attribute__((aligned(64)));
    rw_row_bytes(image, block, row, true, columns);
    for (uint32_t i = 0; i < RW_LANES_ROW_COLUMNS / 16; i++)
        tables->of16[i] =
            _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(columns + 16 * i)));
}

/* The value of the column that each byte names, of the first `n_tables` * 16. */
static RW_INLINE __m256i rw_look_up(const struct rw_row_tables *tables, uint32_t n_tables,
                                    __m256i at) {
    __m256i found = _mm256_shuffle_epi8(tables->of16[0], at);
    if (n_tables == 1)
        return found;
    /* bit 4 of the number, moved to where blends look, says which 16 it is in */
    const __m256i odd = _mm256_slli_epi16(at, 3);
    found = _mm256_blendv_epi8(found, _mm256_shuffle_epi8(tables->of16[1], at), odd);
    if (n_tables == 2)
        return found;
    const __m256i upper = _mm256_blendv_epi8(_mm256_shuffle_epi8(tables->of16[2], at),
                                             _mm256_shuffle_epi8(tables->of16[3], at), odd);
    return _mm256_blendv_epi8(found, upper, _mm256_slli_epi16(at, 2));
}

/* Unsigned bytes: a >= b. */
static RW_INLINE __m256i rw_at_least(__m256i a, __m256i b) {
    return _mm256_cmpeq_epi8(_mm256_max_epu8(a, b), a);
}

#endif

/*
 * lanes_avx512.h - byte ranks of rows with AVX-512: of one row into a register, of a
 * block into planes.
 *
 * Compiled only in files for this CPU; see image.h for the tables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LANES_AVX512_H
#define RW_LANES_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "forest/forest.h"
#include "forest/lanes.h"

typedef __m512i rw_vector;
#define RW_VECTOR_BYTES 64u
#define RW_SWEEP_WIDTH  8u /* registers at once */

/* How many of 16 separators are <= x. */
static RW_INLINE uint32_t rw_count16(float x, const float *separators) {
    return (uint32_t)_mm_popcnt_u32(
        _mm512_cmp_ps_mask(_mm512_set1_ps(x), _mm512_loadu_ps(separators), _CMP_GE_OQ));
}

static RW_INLINE uint32_t rw_count16_f64(double x, const double *separators) {
    const __m512d v = _mm512_set1_pd(x);
    const uint32_t low = _mm512_cmp_pd_mask(v, _mm512_loadu_pd(separators), _CMP_GE_OQ);
    const uint32_t high = _mm512_cmp_pd_mask(v, _mm512_loadu_pd(separators + 8), _CMP_GE_OQ);
    return (uint32_t)_mm_popcnt_u32(low | high << 8);
}

/* Whether any of n values is NaN; reads nothing beyond them. */
static RW_INLINE bool rw_any_nan(const float *x, size_t n) {
    __mmask16 found = 0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m512 v = _mm512_loadu_ps(x + i);
        found |= _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    }
    const __m512 v = _mm512_maskz_loadu_ps((__mmask16)((1u << (n - i)) - 1), x + i);
    return (found | _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q)) != 0;
}

static RW_INLINE bool rw_any_nan_f64(const double *x, size_t n) {
    __mmask8 found = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m512d v = _mm512_loadu_pd(x + i);
        found |= _mm512_cmp_pd_mask(v, v, _CMP_UNORD_Q);
    }
    const __m512d v = _mm512_maskz_loadu_pd((__mmask8)((1u << (n - i)) - 1), x + i);
    return (found | _mm512_cmp_pd_mask(v, v, _CMP_UNORD_Q)) != 0;
}

#include "forest/lanes_count.h"
#include "forest/lanes_ranks.h"

/* Column c of the row in byte c, before anything is missing. */
static RW_INLINE __m512i rw_ranked_columns(const struct rw_image *image,
                                           const struct rw_block *block, size_t row, bool wide) {
    const __m512i slots = _mm512_loadu_si512(image->lanes->row_slots);
    __m512i columns;
    if (image->n_slots <= 16) {
        uint64_t packed[2];
        rw_rank_row_packed(image, block, row, wide, packed);
        columns =
            _mm512_castsi128_si512(_mm_set_epi64x((long long)packed[1], (long long)packed[0]));
    } else {
        uint8_t bytes[64] __attribute__((aligned(64)));
        bytes[RW_SET_COLUMN] = 0;
        rw_rank_row_bytes(image, block, row, wide, bytes);
        columns = _mm512_load_si512(bytes);
    }
    return image->lanes->identity ? columns : _mm512_permutexvar_epi8(slots, columns);
}

static RW_INLINE __m512i rw_segment_columns(const struct rw_image *image,
                                            const struct rw_block *block, size_t row, bool wide) {
    const struct rw_lanes *lanes = image->lanes;
    const __m512i slots = _mm512_loadu_si512(lanes->row_slots);
    uint16_t words[64] __attribute__((aligned(64)));
    words[RW_SET_COLUMN] = 0;
    rw_rank_row_words(image, block, row, wide, words);
    const __m512i low = _mm512_load_si512(words), high = _mm512_load_si512(words + 32);
    const __m512i first =
        _mm512_permutex2var_epi16(low, _mm512_cvtepu8_epi16(_mm512_castsi512_si256(slots)), high);
    const __m512i second = _mm512_permutex2var_epi16(
        low, _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(slots, 1)), high);
    const __m256i a =
        _mm512_cvtusepi16_epi8(_mm512_subs_epu16(first, _mm512_loadu_si512(lanes->row_offsets)));
    const __m256i b = _mm512_cvtusepi16_epi8(
        _mm512_subs_epu16(second, _mm512_loadu_si512(lanes->row_offsets + 32)));
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

static RW_INLINE __m512i rw_row_columns(const struct rw_image *image, const struct rw_block *block,
                                        size_t row, bool wide) {
    const struct rw_lanes *lanes = image->lanes;
    const __m512i columns = lanes->has_segments ? rw_segment_columns(image, block, row, wide)
                                                : rw_ranked_columns(image, block, row, wide);
    struct rw_row_missing missing = {0, 0};
    if (!rw_row_has_missing(image, block, row, wide, &missing))
        return columns;
    const __m512i slots = _mm512_loadu_si512(lanes->row_slots);
    const __mmask64 nan =
        _mm512_movepi8_mask(_mm512_permutexvar_epi8(slots, _mm512_movm_epi8(missing.nan)));
    const __mmask64 zero =
        _mm512_movepi8_mask(_mm512_permutexvar_epi8(slots, _mm512_movm_epi8(missing.zero)));
    return _mm512_mask_mov_epi8(columns, nan | (zero & lanes->row_zero),
                                _mm512_loadu_si512(lanes->row_missing));
}

/* Two functions of their own: together they would run out of registers. */
static RW_APART __m512i rw_row_columns_f32(const struct rw_image *image,
                                           const struct rw_block *block, size_t row) {
    return rw_row_columns(image, block, row, false);
}

static RW_APART __m512i rw_row_columns_f64(const struct rw_image *image,
                                           const struct rw_block *block, size_t row) {
    return rw_row_columns(image, block, row, true);
}

#endif

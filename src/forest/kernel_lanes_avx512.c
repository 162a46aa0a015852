/*
 * kernel_lanes_avx512.c - trees of up to 255 leaves in 64 byte lanes.
 *
 * Blocks of rows are swept, a register of rows against one tree.  Of one row, 64 trees
 * are swept at a time; complete trees of up to six levels have their own ways.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/lanes_avx512.h"

#include "forest/cpu.h"
#include "forest/lanes_add_avx512.h"
#include "forest/lanes_direct_avx512.h"
#include "forest/lanes_heap_avx512.h"

/* ---- one row: 64 trees a register ------------------------------------------------ */

/* Lanes that are in the split's subtree (at >= low) and go right (column >= cut). */
static RW_INLINE __m512i row_step(__m512i at, __m512i columns, const uint8_t *step, __m512i next) {
    const __m512i x = _mm512_permutexvar_epi8(_mm512_loadu_si512(step), columns);
    const __mmask64 right = _mm512_cmpge_epu8_mask(x, _mm512_loadu_si512(step + 64));
    const __mmask64 goes = _mm512_mask_cmpge_epu8_mask(right, at, _mm512_loadu_si512(step + 128));
    return _mm512_mask_mov_epi8(at, goes, next);
}

static RW_INLINE void row_chunk(const struct rw_sweep_chunk *chunk, const uint8_t *steps,
                                __m512i columns, uint32_t width, uint8_t *leaves) {
    __m512i at[RW_CHUNK_MAX_WIDTH];
#pragma GCC unroll 8
    for (uint32_t g = 0; g < width; g++)
        at[g] = _mm512_setzero_si512();
    for (uint32_t s = 0; s < chunk->n_steps; s++) {
        const __m512i next = _mm512_set1_epi8((char)(s + 1));
#pragma GCC unroll 8
        for (uint32_t g = 0; g < width; g++)
            at[g] = row_step(at[g], columns, steps + (size_t)g * RW_SWEEP_STEP_BYTES, next);
        steps += (size_t)width * RW_SWEEP_STEP_BYTES;
    }
#pragma GCC unroll 8
    for (uint32_t g = 0; g < width; g++)
        _mm512_storeu_si512(leaves + g * RW_CHUNK_TREES, at[g]);
}

/* ---- blocks: 64 rows a register --------------------------------------------------- */

static RW_INLINE __m512i rw_vector_splat(uint8_t value) {
    return _mm512_set1_epi8((char)value);
}

static RW_INLINE __m512i rw_vector_load(const uint8_t *from) {
    return _mm512_loadu_si512(from);
}

static RW_INLINE void rw_vector_store(uint8_t *to, __m512i value) {
    _mm512_storeu_si512(to, value);
}

static RW_INLINE __m512i rw_vector_sweep(__m512i at, __m512i x, __m512i cut, __m512i low,
                                         __m512i next) {
    const __mmask64 right = _mm512_cmpge_epu8_mask(x, cut);
    return _mm512_mask_mov_epi8(at, _mm512_mask_cmpge_epu8_mask(right, at, low), next);
}

static void rw_sweep_few(const struct rw_image *image, const struct rw_block *block, void *sums);

#include "forest/lanes_sweep.h"

static void sweep_row(const struct rw_image *image, __m512i columns, void *sums) {
    uint8_t leaves[RW_CHUNK_TREES * RW_CHUNK_MAX_WIDTH];
    for (uint32_t i = 0; i < image->n_sweep_chunks; i++) {
        const struct rw_sweep_chunk *chunk = &image->sweep_chunks[i];
        const uint8_t *steps = image->sweep_steps + chunk->begin;
        switch (chunk->width) {
        case 8:
            row_chunk(chunk, steps, columns, 8, leaves);
            break;
        case 4:
            row_chunk(chunk, steps, columns, 4, leaves);
            break;
        case 2:
            row_chunk(chunk, steps, columns, 2, leaves);
            break;
        default:
            row_chunk(chunk, steps, columns, 1, leaves);
        }
        rw_add_row_leaves(image, chunk->first_tree, chunk->width * RW_CHUNK_TREES, leaves, sums);
    }
}

static void row_from_ranks(const struct rw_image *image, const struct rw_block *block, size_t row,
                           void *sums) {
    const __m512i columns =
        block->f64 ? rw_row_columns_f64(image, block, row) : rw_row_columns_f32(image, block, row);
    if (image->lanes->heap_depth)
        rw_heap_row(image, columns, sums);
    else
        sweep_row(image, columns, sums);
}

static void rw_sweep_few(const struct rw_image *image, const struct rw_block *block, void *sums) {
    if (image->lanes->direct) {
        for (size_t row = 0; row < block->n_rows; row++)
            rw_direct_row(image, block->f32 + row * image->header->n_features,
                          rw_sums_from(image, sums, row));
    } else if (image->lanes->row_columns) {
        for (size_t row = 0; row < block->n_rows; row++)
            row_from_ranks(image, block, row, rw_sums_from(image, sums, row));
    } else {
        rw_score_portable(image, block, sums);
    }
}

static bool fits(const struct rw_image *image) {
    return image->lanes && rw_cpu_has(RW_CPU_AVX512);
}

const struct rw_kernel rw_kernel_lanes_avx512 = {
    .name = "lanes-avx512", .fits = fits, .score = rw_sweep_score};

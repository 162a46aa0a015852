/*
 * kernel_lanes_avx2.c - trees of up to 255 leaves in 32 byte lanes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/lanes_avx2.h"

#include "forest/cpu.h"
#include "forest/lanes_add_any.h"

/* Levels of walks that cost less than ranks and a sweep. */
#define FEW_LEVELS 200u

#define HALVES 4u /* of groups of 64 trees, that run side by side */

/* ---- blocks: 32 rows a register ---------------------------------------------------- */

static RW_INLINE __m256i rw_vector_splat(uint8_t value) {
    return _mm256_set1_epi8((char)value);
}

static RW_INLINE __m256i rw_vector_load(const uint8_t *from) {
    return _mm256_loadu_si256((const __m256i *)from);
}

static RW_INLINE void rw_vector_store(uint8_t *to, __m256i value) {
    _mm256_storeu_si256((__m256i *)to, value);
}

/* Who goes ahead has at < next: the larger of the two is right for everyone. */
static RW_INLINE __m256i rw_vector_sweep(__m256i at, __m256i x, __m256i cut, __m256i low,
                                         __m256i next) {
    const __m256i goes = _mm256_and_si256(rw_at_least(x, cut), rw_at_least(at, low));
    return _mm256_max_epu8(at, _mm256_and_si256(goes, next));
}

static void rw_sweep_few(const struct rw_image *image, const struct rw_block *block, void *sums);

#include "forest/lanes_sweep.h"

/* ---- one row: 32 trees a register --------------------------------------------------- */

static RW_INLINE void sweep_halves(const struct rw_sweep_chunk *chunk, const uint8_t *steps,
                                   const struct rw_row_tables *tables, uint32_t n_tables,
                                   uint32_t n_halves, uint8_t *leaves) {
    __m256i at[HALVES];
#pragma GCC unroll 4
    for (uint32_t h = 0; h < n_halves; h++)
        at[h] = _mm256_setzero_si256();
    for (uint32_t s = 0; s < chunk->n_steps; s++) {
        const __m256i next = rw_vector_splat((uint8_t)(s + 1));
#pragma GCC unroll 4
        for (uint32_t h = 0; h < n_halves; h++) {
            const uint8_t *step = steps + (h / 2) * RW_SWEEP_STEP_BYTES + (h % 2) * 32;
            const __m256i x = rw_look_up(tables, n_tables, rw_vector_load(step));
            at[h] = rw_vector_sweep(at[h], x, rw_vector_load(step + 64), rw_vector_load(step + 128),
                                    next);
        }
        steps += (size_t)chunk->width * RW_SWEEP_STEP_BYTES;
    }
#pragma GCC unroll 4
    for (uint32_t h = 0; h < n_halves; h++)
        rw_vector_store(leaves + 32 * h, at[h]);
}

static RW_INLINE void sweep_chunk(const struct rw_sweep_chunk *chunk, const uint8_t *steps,
                                  const struct rw_row_tables *tables, uint32_t n_tables,
                                  uint8_t *leaves) {
    uint32_t group = 0;
    for (; group + 2 <= chunk->width; group += 2)
        sweep_halves(chunk, steps + (size_t)group * RW_SWEEP_STEP_BYTES, tables, n_tables, 4,
                     leaves + (size_t)group * RW_CHUNK_TREES);
    if (group < chunk->width)
        sweep_halves(chunk, steps + (size_t)group * RW_SWEEP_STEP_BYTES, tables, n_tables, 2,
                     leaves + (size_t)group * RW_CHUNK_TREES);
}

static void score_row(const struct rw_image *image, const struct rw_block *block, size_t row,
                      void *sums) {
    uint8_t leaves[RW_CHUNK_TREES * RW_CHUNK_MAX_WIDTH];
    struct rw_row_tables tables;
    if (block->f64)
        rw_row_tables_f64(image, block, row, &tables);
    else
        rw_row_tables_f32(image, block, row, &tables);
    for (uint32_t i = 0; i < image->n_sweep_chunks; i++) {
        const struct rw_sweep_chunk *chunk = &image->sweep_chunks[i];
        const uint8_t *steps = image->sweep_steps + chunk->begin;
        if (image->lanes->row_columns <= 16)
            sweep_chunk(chunk, steps, &tables, 1, leaves);
        else if (image->lanes->row_columns <= 32)
            sweep_chunk(chunk, steps, &tables, 2, leaves);
        else
            sweep_chunk(chunk, steps, &tables, 4, leaves);
        rw_add_row_leaves(image, chunk->first_tree, chunk->width * RW_CHUNK_TREES, leaves, sums);
    }
}

static void rw_sweep_few(const struct rw_image *image, const struct rw_block *block, void *sums) {
    if (image->lanes->row_columns == 0 || image->lanes->levels < FEW_LEVELS) {
        rw_score_portable(image, block, sums);
        return;
    }
    for (size_t row = 0; row < block->n_rows; row++)
        score_row(image, block, row, rw_sums_from(image, sums, row));
}

static bool fits(const struct rw_image *image) {
    return image->lanes && image->lanes->sweeps && rw_cpu_has(RW_CPU_AVX2);
}

const struct rw_kernel rw_kernel_lanes_avx2 = {
    .name = "lanes-avx2", .fits = fits, .score = rw_sweep_score};

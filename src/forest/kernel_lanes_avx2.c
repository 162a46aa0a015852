/*
 * kernel_lanes_avx2.c - trees of up to 255 leaves in 32 byte lanes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/lanes_avx2.h"

#include "forest/cpu.h"
#include "forest/image_private.h"
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

#define RW_HAS_SETS true

struct rw_bitmap {
    __m256i low, high; /* 16 bytes in both halves */
};

static RW_INLINE struct rw_bitmap rw_bitmap_load(const uint8_t *bytes) {
    return (struct rw_bitmap){
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)bytes)),
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(bytes + 16)))};
}

static RW_INLINE __m256i rw_vector_sweep_set(__m256i at, __m256i byte, __m256i bit,
                                             const struct rw_bitmap *bitmap, __m256i low,
                                             __m256i next) {
    const __m256i found =
        _mm256_blendv_epi8(_mm256_shuffle_epi8(bitmap->low, byte),
                           _mm256_shuffle_epi8(bitmap->high, byte), _mm256_slli_epi16(byte, 3));
    const __m256i stays = _mm256_cmpeq_epi8(_mm256_and_si256(found, bit), _mm256_setzero_si256());
    const __m256i goes = _mm256_andnot_si256(stays, rw_at_least(at, low));
    return _mm256_max_epu8(at, _mm256_and_si256(goes, next));
}

static void rw_sweep_few(const struct rw_image *image, const struct rw_block *block, void *sums);

#include "forest/lanes_sweep.h"

/* ---- one row: 32 trees a register --------------------------------------------------- */

/* Byte i is all ones where bit i is one. */
static RW_INLINE __m256i spread_bits(uint32_t bits) {
    const __m256i which = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                           2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), which);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
}

static RW_INLINE void sweep_halves(const struct rw_sweep_chunk *chunk, const uint8_t *steps,
                                   const uint64_t *sets, const struct rw_row_tables *tables,
                                   uint32_t n_tables, uint32_t n_halves, uint8_t *leaves) {
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
            __m256i right = rw_at_least(x, rw_vector_load(step + 64));
            if (sets) {
                const uint64_t word = sets[(size_t)s * chunk->width + h / 2];
                right = _mm256_or_si256(right, spread_bits((uint32_t)(word >> 32 * (h % 2))));
            }
            const __m256i goes =
                _mm256_and_si256(right, rw_at_least(at[h], rw_vector_load(step + 128)));
            at[h] = _mm256_max_epu8(at[h], _mm256_and_si256(goes, next));
        }
        steps += (size_t)chunk->width * RW_SWEEP_STEP_BYTES;
    }
#pragma GCC unroll 4
    for (uint32_t h = 0; h < n_halves; h++)
        rw_vector_store(leaves + 32 * h, at[h]);
}

static RW_INLINE void sweep_chunk(const struct rw_sweep_chunk *chunk, const uint8_t *steps,
                                  const uint64_t *sets, const struct rw_row_tables *tables,
                                  uint32_t n_tables, uint8_t *leaves) {
    uint32_t group = 0;
    for (; group + 2 <= chunk->width; group += 2)
        sweep_halves(chunk, steps + (size_t)group * RW_SWEEP_STEP_BYTES, sets ? sets + group : NULL,
                     tables, n_tables, 4, leaves + (size_t)group * RW_CHUNK_TREES);
    if (group < chunk->width)
        sweep_halves(chunk, steps + (size_t)group * RW_SWEEP_STEP_BYTES, sets ? sets + group : NULL,
                     tables, n_tables, 2, leaves + (size_t)group * RW_CHUNK_TREES);
}

static void score_row(const struct rw_image *image, const struct rw_block *block, size_t row,
                      void *sums) {
    uint8_t leaves[RW_CHUNK_TREES * RW_CHUNK_MAX_WIDTH];
    struct rw_row_tables tables;
    uint64_t words[RW_SET_MAX_WORDS];
    if (image->n_set_features)
        rw_row_sets(image, block, row, words);
    if (block->f64)
        rw_row_tables_f64(image, block, row, &tables);
    else
        rw_row_tables_f32(image, block, row, &tables);
    for (uint32_t i = 0; i < image->n_sweep_chunks; i++) {
        const struct rw_sweep_chunk *chunk = &image->sweep_chunks[i];
        const uint8_t *steps = image->sweep_steps + chunk->begin;
        if (image->n_set_features)
            sweep_chunk(chunk, steps, words + chunk->first_word, &tables, 4, leaves);
        else if (image->lanes->row_columns <= 16)
            sweep_chunk(chunk, steps, NULL, &tables, 1, leaves);
        else if (image->lanes->row_columns <= 32)
            sweep_chunk(chunk, steps, NULL, &tables, 2, leaves);
        else
            sweep_chunk(chunk, steps, NULL, &tables, 4, leaves);
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

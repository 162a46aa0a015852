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
#include "forest/image_private.h"
#include "forest/lanes_add_avx512.h"
#include "forest/lanes_direct_avx512.h"
#include "forest/lanes_heap_avx512.h"

/* ---- one row: 64 trees a register ------------------------------------------------ */

/* Lanes that are in the split's subtree (at >= low) and go right (column >= cut). */
static RW_INLINE __m512i row_step(__m512i at, __m512i columns, const uint8_t *step, uint64_t set,
                                  __m512i next) {
    const __m512i x = _mm512_permutexvar_epi8(_mm512_loadu_si512(step), columns);
    const __mmask64 right = _mm512_cmpge_epu8_mask(x, _mm512_loadu_si512(step + 64)) | set;
    const __mmask64 goes = _mm512_mask_cmpge_epu8_mask(right, at, _mm512_loadu_si512(step + 128));
    return _mm512_mask_mov_epi8(at, goes, next);
}

/* Leaves that wait to be added: sums are one long chain of additions, which costs as
 * much as the sweeps; so each chunk is swept while the chunk before it is added. */
struct waiting {
    uint8_t leaves[RW_CHUNK_TREES * RW_CHUNK_MAX_WIDTH];
    uint32_t n, stride;
    const float *f32; /* of the first tree that waits */
    const double *f64;
};

/* Leaves [from, to) of those that wait, added one after the other. */
static RW_INLINE float add_floats(const struct waiting *waiting, uint32_t from, uint32_t to,
                                  float sum) {
    const float *values = waiting->f32 + (size_t)from * waiting->stride;
    for (uint32_t i = from; i < to; i++, values += waiting->stride)
        sum += values[waiting->leaves[i]];
    return sum;
}

static RW_INLINE double add_doubles(const struct waiting *waiting, uint32_t from, uint32_t to,
                                    double sum) {
    const double *values = waiting->f64 + (size_t)from * waiting->stride;
    for (uint32_t i = from; i < to; i++, values += waiting->stride)
        sum += values[waiting->leaves[i]];
    return sum;
}

/* A sum in either precision; which of them is a constant where this is expanded. */
struct running {
    float f32;
    double f64;
};

static RW_INLINE void add_waiting(const struct waiting *waiting, uint32_t from, uint32_t to,
                                  bool sums64, struct running *sum) {
    if (sums64)
        sum->f64 = add_doubles(waiting, from, to, sum->f64);
    else
        sum->f32 = add_floats(waiting, from, to, sum->f32);
}

/* `sets` are the words of the chunk's steps, or NULL, which is known where this is
 * expanded. */
static RW_INLINE void row_chunk(const struct rw_sweep_chunk *chunk, const uint8_t *steps,
                                const uint64_t *sets, __m512i columns, uint32_t width, bool sums64,
                                struct waiting *waiting, struct running *sum) {
    __m512i at[RW_CHUNK_MAX_WIDTH];
    const uint32_t a_step = chunk->n_steps ? waiting->n / chunk->n_steps : 0;
#pragma GCC unroll 8
    for (uint32_t g = 0; g < width; g++)
        at[g] = _mm512_setzero_si512();
    for (uint32_t s = 0; s < chunk->n_steps; s++) {
        const __m512i next = _mm512_set1_epi8((char)(s + 1));
#pragma GCC unroll 8
        for (uint32_t g = 0; g < width; g++)
            at[g] = row_step(at[g], columns, steps + (size_t)g * RW_SWEEP_STEP_BYTES,
                             sets ? sets[(size_t)s * width + g] : 0, next);
        steps += (size_t)width * RW_SWEEP_STEP_BYTES;
        add_waiting(waiting, s * a_step, (s + 1) * a_step, sums64, sum);
    }
    add_waiting(waiting, chunk->n_steps * a_step, waiting->n, sums64, sum);
#pragma GCC unroll 8
    for (uint32_t g = 0; g < width; g++)
        _mm512_storeu_si512(waiting->leaves + g * RW_CHUNK_TREES, at[g]);
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

#define RW_HAS_SETS true

struct rw_bitmap {
    __m512i bytes;
};

static RW_INLINE struct rw_bitmap rw_bitmap_load(const uint8_t *bytes) {
    return (struct rw_bitmap){_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)bytes))};
}

static RW_INLINE __m512i rw_vector_sweep_set(__m512i at, __m512i byte, __m512i bit,
                                             const struct rw_bitmap *bitmap, __m512i low,
                                             __m512i next) {
    const __mmask64 right =
        _mm512_test_epi8_mask(_mm512_permutexvar_epi8(byte, bitmap->bytes), bit);
    return _mm512_mask_mov_epi8(at, _mm512_mask_cmpge_epu8_mask(right, at, low), next);
}

static void rw_sweep_few(const struct rw_image *image, const struct rw_block *block, void *sums);

#include "forest/lanes_sweep.h"

static RW_INLINE void wait_for(const struct rw_image *image, const struct rw_sweep_chunk *chunk,
                               struct waiting *waiting) {
    const uint32_t left = image->header->n_trees - chunk->first_tree;
    const uint32_t most = chunk->width * RW_CHUNK_TREES;
    const size_t begin = (size_t)chunk->first_tree * image->lanes->leaf_stride;
    waiting->n = left < most ? left : most;
    waiting->stride = image->lanes->leaf_stride;
    waiting->f32 = image->lane_leaves + begin;
    waiting->f64 = image->lane_leaves64 + begin;
}

static RW_INLINE void sweep_chunk(const struct rw_image *image, const struct rw_sweep_chunk *chunk,
                                  const uint64_t *sets, __m512i columns, bool sums64,
                                  struct waiting *waiting, struct running *sum) {
    const uint8_t *steps = image->sweep_steps + chunk->begin;
    sets = sets ? sets + chunk->first_word : NULL;
    if (chunk->width == 2)
        row_chunk(chunk, steps, sets, columns, 2, sums64, waiting, sum);
    else
        row_chunk(chunk, steps, sets, columns, 1, sums64, waiting, sum);
}

static RW_INLINE void sweep_row_of(const struct rw_image *image, const uint64_t *sets,
                                   __m512i columns, bool sums64, void *sums) {
    struct waiting waiting;
    struct running sum = {0};
    waiting.n = waiting.stride = 0;
    waiting.f32 = image->lane_leaves;
    waiting.f64 = image->lane_leaves64;
    if (sums64)
        sum.f64 = *(const double *)sums;
    else
        sum.f32 = *(const float *)sums;
    for (uint32_t i = 0; i < image->n_sweep_chunks; i++) {
        sweep_chunk(image, &image->sweep_chunks[i], sets, columns, sums64, &waiting, &sum);
        wait_for(image, &image->sweep_chunks[i], &waiting);
    }
    add_waiting(&waiting, 0, waiting.n, sums64, &sum);
    if (sums64)
        *(double *)sums = sum.f64;
    else
        *(float *)sums = sum.f32;
}

/* Several outputs: nothing to gain, the chains are several too. */
static RW_INLINE void sweep_row_of_groups(const struct rw_image *image, const uint64_t *sets,
                                          __m512i columns, void *sums) {
    struct waiting waiting;
    struct running nothing = {0};
    for (uint32_t i = 0; i < image->n_sweep_chunks; i++) {
        const struct rw_sweep_chunk *chunk = &image->sweep_chunks[i];
        waiting.n = waiting.stride = 0;
        waiting.f64 = image->lane_leaves64;
        sweep_chunk(image, chunk, sets, columns, true, &waiting, &nothing);
        rw_add_row_leaves(image, chunk->first_tree, chunk->width * RW_CHUNK_TREES, waiting.leaves,
                          sums);
    }
}

static RW_INLINE void sweep_row_with(const struct rw_image *image, const uint64_t *sets,
                                     __m512i columns, void *sums) {
    if (image->header->n_groups > 1)
        sweep_row_of_groups(image, sets, columns, sums);
    else if (image->sums64)
        sweep_row_of(image, sets, columns, true, sums);
    else
        sweep_row_of(image, sets, columns, false, sums);
}

static RW_APART void sweep_row(const struct rw_image *image, __m512i columns, void *sums) {
    sweep_row_with(image, NULL, columns, sums);
}

static RW_APART void sweep_row_sets(const struct rw_image *image, const struct rw_block *block,
                                    size_t row, __m512i columns, void *sums) {
    uint64_t sets[RW_SET_MAX_WORDS];
    rw_row_sets(image, block, row, sets);
    sweep_row_with(image, sets, columns, sums);
}

static void row_from_ranks(const struct rw_image *image, const struct rw_block *block, size_t row,
                           void *sums) {
    const __m512i columns =
        block->f64 ? rw_row_columns_f64(image, block, row) : rw_row_columns_f32(image, block, row);
    if (image->lanes->heap_depth)
        rw_heap_row(image, columns, sums);
    else if (image->n_set_features)
        sweep_row_sets(image, block, row, columns, sums);
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
    return image->lanes && image->lanes->sweeps && rw_cpu_has(RW_CPU_AVX512);
}

const struct rw_kernel rw_kernel_lanes_avx512 = {
    .name = "lanes-avx512", .fits = fits, .score = rw_sweep_score};

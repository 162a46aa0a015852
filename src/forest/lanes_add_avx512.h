/*
 * lanes_add_avx512.h - looks up the leaves of 8 or 16 rows at once, in registers where
 * a tree's leaves fit, and adds them.  For models of one output.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LANES_ADD_AVX512_H
#define RW_LANES_ADD_AVX512_H

struct rw_adder {
    bool one_group, sums64;
    float f32[RW_PLANE_MOST] __attribute__((aligned(64)));
    double f64[RW_PLANE_MOST] __attribute__((aligned(64)));
};

/* Sums are kept here, where there is room behind the last row. */
static void rw_adder_start(struct rw_adder *adder, const struct rw_image *image, size_t n_rows,
                           const void *sums) {
    adder->one_group = image->header->n_groups == 1;
    adder->sums64 = image->sums64;
    if (!adder->one_group)
        return;
    if (image->sums64)
        memcpy(adder->f64, sums, n_rows * sizeof(double));
    else
        memcpy(adder->f32, sums, n_rows * sizeof(float));
}

static void rw_adder_finish(const struct rw_adder *adder, size_t n_rows, void *sums) {
    if (!adder->one_group)
        return;
    if (adder->sums64)
        memcpy(sums, adder->f64, n_rows * sizeof(double));
    else
        memcpy(sums, adder->f32, n_rows * sizeof(float));
}

static RW_INLINE __m512 rw_pick16(const float *leaves, uint32_t n_leaves, __m512i at) {
    if (n_leaves <= 32)
        return _mm512_permutex2var_ps(_mm512_loadu_ps(leaves), at, _mm512_loadu_ps(leaves + 16));
    if (n_leaves <= 64)
        return _mm512_mask_mov_ps(
            _mm512_permutex2var_ps(_mm512_loadu_ps(leaves), at, _mm512_loadu_ps(leaves + 16)),
            _mm512_test_epi32_mask(at, _mm512_set1_epi32(32)),
            _mm512_permutex2var_ps(_mm512_loadu_ps(leaves + 32), at, _mm512_loadu_ps(leaves + 48)));
    return _mm512_i32gather_ps(at, leaves, 4);
}

static RW_INLINE void rw_add_f32(float *sums, const float *leaves, uint32_t n_leaves,
                                 const uint8_t *at, size_t n_rows) {
    for (size_t row = 0; row < n_rows; row += 16) {
        const __m512i i = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(at + row)));
        _mm512_store_ps(sums + row,
                        _mm512_add_ps(_mm512_load_ps(sums + row), rw_pick16(leaves, n_leaves, i)));
    }
}

static RW_INLINE __m512d rw_pick8(const double *leaves, uint32_t n_leaves, __m512i at) {
    if (n_leaves <= 16)
        return _mm512_permutex2var_pd(_mm512_loadu_pd(leaves), at, _mm512_loadu_pd(leaves + 8));
    if (n_leaves <= 32)
        return _mm512_mask_mov_pd(
            _mm512_permutex2var_pd(_mm512_loadu_pd(leaves), at, _mm512_loadu_pd(leaves + 8)),
            _mm512_test_epi64_mask(at, _mm512_set1_epi64(16)),
            _mm512_permutex2var_pd(_mm512_loadu_pd(leaves + 16), at, _mm512_loadu_pd(leaves + 24)));
    return _mm512_i64gather_pd(at, leaves, 8);
}

static RW_INLINE void rw_add_f64(double *sums, const double *leaves, uint32_t n_leaves,
                                 const uint8_t *at, size_t n_rows) {
    for (size_t row = 0; row < n_rows; row += 8) {
        const __m512i i = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(at + row)));
        _mm512_store_pd(sums + row,
                        _mm512_add_pd(_mm512_load_pd(sums + row), rw_pick8(leaves, n_leaves, i)));
    }
}

/* `stride` leaves may be read.  False for models of several outputs. */
static RW_INLINE bool rw_adder_add_from(struct rw_adder *adder, const float *leaves,
                                        const double *leaves64, uint32_t stride, const uint8_t *at,
                                        size_t n_rows) {
    if (!adder->one_group)
        return false;
    if (adder->sums64) {
        if (stride == 16)
            rw_add_f64(adder->f64, leaves64, 16, at, n_rows);
        else if (stride == 32)
            rw_add_f64(adder->f64, leaves64, 32, at, n_rows);
        else
            rw_add_f64(adder->f64, leaves64, 256, at, n_rows);
    } else if (stride == 32) {
        rw_add_f32(adder->f32, leaves, 32, at, n_rows);
    } else if (stride == 64) {
        rw_add_f32(adder->f32, leaves, 64, at, n_rows);
    } else {
        rw_add_f32(adder->f32, leaves, 256, at, n_rows);
    }
    return true;
}

static RW_INLINE bool rw_adder_add(struct rw_adder *adder, const struct rw_image *image,
                                   uint32_t tree, const uint8_t *at, size_t n_rows) {
    const uint32_t stride = image->lanes->leaf_stride;
    return rw_adder_add_from(adder, image->lane_leaves + (size_t)tree * stride,
                             image->lane_leaves64 + (size_t)tree * stride, stride, at, n_rows);
}

#endif

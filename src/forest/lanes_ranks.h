/*
 * lanes_ranks.h - ranks of values, with the counting steps of the CPU at hand.
 *
 * Included by one header a CPU, behind rw_count16, rw_count16_f64, rw_any_nan and
 * rw_any_nan_f64.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/* Levels are known where slots are sorted by them; 0: as the slot says. */
static RW_INLINE uint32_t rw_rank(const float *table, const struct rw_slot *slot, uint32_t levels,
                                  float x) {
    uint32_t group = rw_count16(x, table);
    if (levels == 1)
        return group;
    table += 16;
    if (levels == 2)
        return group * 16 + rw_count16(x, table + group * 16);
    table -= 16;
    group = 0;
    for (uint32_t level = 0; level < slot->levels; level++) {
        group = group * 16 + rw_count16(x, table + group * 16);
        table += rw_level_size(slot, level);
    }
    return group;
}

static RW_INLINE uint32_t rw_rank_f64(const double *table, const struct rw_slot *slot,
                                      uint32_t levels, double x) {
    uint32_t group = rw_count16_f64(x, table);
    if (levels == 1)
        return group;
    table += 16;
    if (levels == 2)
        return group * 16 + rw_count16_f64(x, table + group * 16);
    table -= 16;
    group = 0;
    for (uint32_t level = 0; level < slot->levels; level++) {
        group = group * 16 + rw_count16_f64(x, table + group * 16);
        table += rw_level_size(slot, level);
    }
    return group;
}

/* ---- one row ---------------------------------------------------------------------- */

#define RW_RANK_OF(image, block, row, slot, levels)                                                \
    ((block)->f64                                                                                  \
         ? rw_rank_f64((image)->ranks64 + (slot)->table, slot, levels,                             \
                       (block)->f64[(row) * (image)->header->n_features + (slot)->feature])        \
         : rw_rank((image)->ranks + (slot)->table, slot, levels,                                   \
                   (block)->f32[(row) * (image)->header->n_features + (slot)->feature]))

#define RW_RANK_ROW(type, image, block, row, out)                                                  \
    do {                                                                                           \
        const uint32_t one_ = (image)->lanes->one_level;                                           \
        const uint32_t two_ = one_ + (image)->lanes->two_levels;                                   \
        for (uint32_t i_ = 0; i_ < one_; i_++) {                                                   \
            const struct rw_slot *slot_ = &(image)->slots[(image)->slot_order[i_]];                \
            (out)[(image)->slot_order[i_]] = (type)RW_RANK_OF(image, block, row, slot_, 1);        \
        }                                                                                          \
        for (uint32_t i_ = one_; i_ < two_; i_++) {                                                \
            const struct rw_slot *slot_ = &(image)->slots[(image)->slot_order[i_]];                \
            (out)[(image)->slot_order[i_]] = (type)RW_RANK_OF(image, block, row, slot_, 2);        \
        }                                                                                          \
        for (uint32_t i_ = two_; i_ < (image)->n_slots; i_++) {                                    \
            const struct rw_slot *slot_ = &(image)->slots[(image)->slot_order[i_]];                \
            (out)[(image)->slot_order[i_]] = (type)RW_RANK_OF(image, block, row, slot_, 0);        \
        }                                                                                          \
    } while (0)

static RW_INLINE void rw_rank_row_bytes(const struct rw_image *image, const struct rw_block *block,
                                        size_t row, uint8_t *bytes) {
    RW_RANK_ROW(uint8_t, image, block, row, bytes);
}

static RW_INLINE void rw_rank_row_words(const struct rw_image *image, const struct rw_block *block,
                                        size_t row, uint16_t *words) {
    RW_RANK_ROW(uint16_t, image, block, row, words);
}

static void rw_find_missing(const struct rw_image *image, const struct rw_block *block, size_t row,
                            struct rw_row_missing *missing) {
    for (uint32_t s = 0; s < image->n_slots; s++) {
        const size_t at = row * image->header->n_features + image->slots[s].feature;
        const double x = block->f64 ? block->f64[at] : (double)block->f32[at];
        missing->nan |= (uint64_t)(x != x) << s;
        missing->zero |= (uint64_t)(fabs(x) <= RW_ZERO_THRESHOLD) << s;
    }
}

static RW_INLINE bool rw_row_has_missing(const struct rw_image *image, const struct rw_block *block,
                                         size_t row, struct rw_row_missing *missing) {
    const size_t n = image->header->n_features;
    const bool nan =
        block->f64 ? rw_any_nan_f64(block->f64 + row * n, n) : rw_any_nan(block->f32 + row * n, n);
    if (!nan && !image->lanes->has_zero)
        return false;
    rw_find_missing(image, block, row, missing);
    return true;
}

/* ---- a block: planes[column][stride] ------------------------------------------------ */

#define RW_RANK_PLANE(image, block, slot, levels, ranks)                                           \
    do {                                                                                           \
        const size_t n_ = (image)->header->n_features;                                             \
        if ((block)->f64) {                                                                        \
            const double *x_ = (block)->f64 + (slot)->feature;                                     \
            const double *table_ = (image)->ranks64 + (slot)->table;                               \
            for (size_t i_ = 0; i_ < (block)->n_rows; i_++)                                        \
                (ranks)[i_] = (uint16_t)rw_rank_f64(table_, slot, levels, x_[i_ * n_]);            \
        } else {                                                                                   \
            const float *x_ = (block)->f32 + (slot)->feature;                                      \
            const float *table_ = (image)->ranks + (slot)->table;                                  \
            for (size_t i_ = 0; i_ < (block)->n_rows; i_++)                                        \
                (ranks)[i_] = (uint16_t)rw_rank(table_, slot, levels, x_[i_ * n_]);                \
        }                                                                                          \
    } while (0)

static void rw_rank_slot(const struct rw_image *image, const struct rw_block *block,
                         const struct rw_slot *slot, uint16_t *ranks) {
    if (slot->levels == 1)
        RW_RANK_PLANE(image, block, slot, 1, ranks);
    else if (slot->levels == 2)
        RW_RANK_PLANE(image, block, slot, 2, ranks);
    else
        RW_RANK_PLANE(image, block, slot, 0, ranks);
}

static void rw_write_plane(const struct rw_byte_column *column, const uint16_t *ranks,
                           size_t n_rows, uint8_t flip, uint8_t *plane) {
    const uint16_t offset = column->offset;
    for (size_t i = 0; i < n_rows; i++) {
        const uint16_t above = ranks[i] > offset ? (uint16_t)(ranks[i] - offset) : 0;
        plane[i] = (uint8_t)((above < UINT8_MAX ? above : UINT8_MAX) ^ flip);
    }
}

static void rw_mark_missing(const struct rw_image *image, uint32_t feature, bool nan, size_t row,
                            size_t stride, uint8_t flip, uint8_t *planes) {
    if (image->slot_of[feature] == RW_NO_SLOT)
        return;
    const struct rw_slot *slot = &image->slots[image->slot_of[feature]];
    for (uint32_t c = slot->first_column; c < slot->first_column + slot->n_columns; c++)
        if (nan || image->byte_columns[c].zero)
            planes[c * stride + row] = image->byte_columns[c].missing ^ flip;
}

static void rw_mark_row(const struct rw_image *image, const struct rw_block *block, size_t row,
                        size_t stride, uint8_t flip, uint8_t *planes) {
    const uint32_t n = image->header->n_features;
    for (uint32_t f = 0; f < n; f++) {
        const double x = block->f64 ? block->f64[row * n + f] : (double)block->f32[row * n + f];
        if (x != x || (image->lanes->has_zero && fabs(x) <= RW_ZERO_THRESHOLD))
            rw_mark_missing(image, f, x != x, row, stride, flip, planes);
    }
}

/* Values are written xor `flip`.  Rows beyond the block's last get rank 0; their results
 * are dropped. */
static void rw_rank_block(const struct rw_image *image, const struct rw_block *block, size_t stride,
                          uint8_t flip, uint8_t *planes) {
    uint16_t ranks[RW_BLOCK_ROWS];
    for (uint32_t s = 0; s < image->n_slots; s++) {
        const struct rw_slot *slot = &image->slots[s];
        rw_rank_slot(image, block, slot, ranks);
        memset(ranks + block->n_rows, 0, (stride - block->n_rows) * sizeof *ranks);
        for (uint32_t c = slot->first_column; c < slot->first_column + slot->n_columns; c++)
            rw_write_plane(&image->byte_columns[c], ranks, stride, flip, planes + c * stride);
    }
    const size_t n = image->header->n_features;
    for (size_t row = 0; row < block->n_rows; row++)
        if (image->lanes->has_zero || (block->f64 ? rw_any_nan_f64(block->f64 + row * n, n)
                                                  : rw_any_nan(block->f32 + row * n, n)))
            rw_mark_row(image, block, row, stride, flip, planes);
}

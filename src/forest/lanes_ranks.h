/*
 * lanes_ranks.h - ranks of one row, and of blocks into planes.
 *
 * Included by one header a CPU, behind rw_rank, rw_rank_f64, rw_any_nan and
 * rw_any_nan_f64.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef RW_BLOCKS_ONLY

/* ---- one row ---------------------------------------------------------------------- */

/* `wide`: rows are doubles; a constant where this is expanded. */
#define RW_RANK_OF(image, block, row, slot, levels, wide)                                          \
    ((wide) ? rw_rank_f64((image)->ranks64 + (slot)->table, slot, levels,                          \
                          (block)->f64[(row) * (image)->header->n_features + (slot)->feature])     \
            : rw_rank((image)->ranks + (slot)->table, slot, levels,                                \
                      (block)->f32[(row) * (image)->header->n_features + (slot)->feature]))

#define RW_RANK_ROW(image, block, row, wide, put)                                                  \
    do {                                                                                           \
        const uint32_t one_ = (image)->lanes->one_level;                                           \
        const uint32_t two_ = one_ + (image)->lanes->two_levels;                                   \
        uint32_t i_ = 0;                                                                           \
        for (; i_ < one_; i_++)                                                                    \
            put(i_, RW_RANK_OF(image, block, row, &(image)->slots[i_], 1, wide));                  \
        for (; i_ < two_; i_++)                                                                    \
            put(i_, RW_RANK_OF(image, block, row, &(image)->slots[i_], 2, wide));                  \
        for (; i_ < (image)->n_slots; i_++)                                                        \
            put(i_, RW_RANK_OF(image, block, row, &(image)->slots[i_], 0, wide));                  \
    } while (0)

static RW_INLINE void rw_rank_row_bytes(const struct rw_image *image, const struct rw_block *block,
                                        size_t row, bool wide, uint8_t *bytes) {
#define PUT(slot, rank) bytes[slot] = (uint8_t)(rank)
    RW_RANK_ROW(image, block, row, wide, PUT);
#undef PUT
}

/* Up to 8 slots a word: in registers, for models of few features. */
static RW_INLINE void rw_rank_row_packed(const struct rw_image *image, const struct rw_block *block,
                                         size_t row, bool wide, uint64_t packed[2]) {
    uint64_t low = 0, high = 0;
#define PUT(slot, rank)                                                                            \
    do {                                                                                           \
        const uint64_t value_ = (uint64_t)(rank) << (8 * ((slot)&7));                              \
        low |= (slot) < 8 ? value_ : 0;                                                            \
        high |= (slot) < 8 ? 0 : value_;                                                           \
    } while (0)
    RW_RANK_ROW(image, block, row, wide, PUT);
#undef PUT
    packed[0] = low;
    packed[1] = high;
}

static RW_INLINE void rw_rank_row_words(const struct rw_image *image, const struct rw_block *block,
                                        size_t row, bool wide, uint16_t *words) {
#define PUT(slot, rank) words[slot] = (uint16_t)(rank)
    RW_RANK_ROW(image, block, row, wide, PUT);
#undef PUT
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
                                         size_t row, bool wide, struct rw_row_missing *missing) {
    const size_t n = image->header->n_features;
    const bool nan =
        wide ? rw_any_nan_f64(block->f64 + row * n, n) : rw_any_nan(block->f32 + row * n, n);
    if (!nan && !image->lanes->has_zero)
        return false;
    rw_find_missing(image, block, row, missing);
    return true;
}

/* Which splits by categories send the row to the right: bits of steps, see image.h. */
static RW_APART void rw_row_sets(const struct rw_image *image, const struct rw_block *block,
                                 size_t row, uint64_t *words) {
    const size_t n_words = image->lanes->set_words, n = image->header->n_features;
    for (uint32_t i = 0; i < image->n_set_features; i++) {
        const struct rw_set_feature *feature = &image->set_features[i];
        const size_t at = row * n + feature->feature;
        const uint32_t code =
            rw_set_code(feature, block->f64 ? block->f64[at] : (double)block->f32[at]);
        const uint64_t *bits = image->set_rows + feature->rows + code * n_words;
        for (size_t w = 0; w < n_words; w++)
            words[w] = i ? words[w] | bits[w] : bits[w];
    }
}

/* The byte columns of one row, for registers to be loaded from. */
static RW_INLINE void rw_row_bytes(const struct rw_image *image, const struct rw_block *block,
                                   size_t row, bool wide, uint8_t columns[RW_LANES_ROW_COLUMNS]) {
    const struct rw_lanes *lanes = image->lanes;
    uint16_t words[RW_LANES_ROW_COLUMNS];
    words[RW_SET_COLUMN] = 0;
    rw_rank_row_words(image, block, row, wide, words);
    columns[RW_SET_COLUMN] = 0;
    for (uint32_t c = 0; c < image->n_byte_columns; c++) {
        const uint16_t word = words[lanes->row_slots[c]], offset = lanes->row_offsets[c];
        const uint16_t above = word > offset ? (uint16_t)(word - offset) : 0;
        columns[c] = (uint8_t)(above < UINT8_MAX ? above : UINT8_MAX);
    }
    struct rw_row_missing missing = {0, 0};
    if (!rw_row_has_missing(image, block, row, wide, &missing))
        return;
    for (uint32_t c = 0; c < image->n_byte_columns; c++) {
        const uint64_t bit = (uint64_t)1 << lanes->row_slots[c];
        const bool zero = (missing.zero & bit) && (lanes->row_zero >> c & 1);
        if ((missing.nan & bit) || zero)
            columns[c] = lanes->row_missing[c];
    }
}

#endif

/* ---- a block: planes[column][stride] ------------------------------------------------ */

#define RW_RANK_PLANE(type, image, block, slot, levels, flip, result)                              \
    do {                                                                                           \
        const size_t n_ = (image)->header->n_features;                                             \
        if ((block)->f64) {                                                                        \
            const double *x_ = (block)->f64 + (slot)->feature;                                     \
            const double *table_ = (image)->ranks64 + (slot)->table;                               \
            for (size_t i_ = 0; i_ < (block)->n_rows; i_++)                                        \
                (result)[i_] = (type)(rw_rank_f64(table_, slot, levels, x_[i_ * n_]) ^ (flip));    \
        } else {                                                                                   \
            const float *x_ = (block)->f32 + (slot)->feature;                                      \
            const float *table_ = (image)->ranks + (slot)->table;                                  \
            for (size_t i_ = 0; i_ < (block)->n_rows; i_++)                                        \
                (result)[i_] = (type)(rw_rank(table_, slot, levels, x_[i_ * n_]) ^ (flip));        \
        }                                                                                          \
    } while (0)

#define RW_RANK_SLOT(type, image, block, slot, flip, result)                                       \
    do {                                                                                           \
        if ((slot)->levels == 1)                                                                   \
            RW_RANK_PLANE(type, image, block, slot, 1, flip, result);                              \
        else if ((slot)->levels == 2)                                                              \
            RW_RANK_PLANE(type, image, block, slot, 2, flip, result);                              \
        else                                                                                       \
            RW_RANK_PLANE(type, image, block, slot, 0, flip, result);                              \
    } while (0)

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

/* Slots of one byte, straight into their planes. */
static void rw_rank_bytes(const struct rw_image *image, const struct rw_block *block, size_t stride,
                          uint8_t flip, uint8_t *planes) {
    for (uint32_t s = 0; s < image->n_slots; s++) {
        const struct rw_slot *slot = &image->slots[s];
        uint8_t *plane = planes + slot->first_column * stride;
        RW_RANK_SLOT(uint8_t, image, block, slot, flip, plane);
        memset(plane + block->n_rows, flip, stride - block->n_rows);
        for (uint32_t c = 1; c < slot->n_columns; c++)
            memcpy(plane + c * stride, plane, stride);
    }
}

static void rw_rank_segments(const struct rw_image *image, const struct rw_block *block,
                             size_t stride, uint8_t flip, uint8_t *planes) {
    uint16_t ranks[RW_PLANE_MOST];
    for (uint32_t s = 0; s < image->n_slots; s++) {
        const struct rw_slot *slot = &image->slots[s];
        RW_RANK_SLOT(uint16_t, image, block, slot, 0, ranks);
        memset(ranks + block->n_rows, 0, (stride - block->n_rows) * sizeof *ranks);
        for (uint32_t c = slot->first_column; c < slot->first_column + slot->n_columns; c++)
            rw_write_plane(&image->byte_columns[c], ranks, stride, flip, planes + c * stride);
    }
}

/* Both planes of each segment of a categorical feature. */
static void rw_write_set(const struct rw_image *image, const struct rw_block *block,
                         const struct rw_set_feature *feature, size_t stride, uint8_t *planes) {
    const size_t n = image->header->n_features;
    uint8_t *first = planes + feature->first_plane * stride;
    memset(first, 0, 2 * feature->n_segments * stride);
    for (size_t row = 0; row < block->n_rows; row++) {
        const size_t at = row * n + feature->feature;
        const uint32_t code =
            rw_set_code(feature, block->f64 ? block->f64[at] : (double)block->f32[at]);
        if (code == feature->n_codes)
            continue; /* in no set */
        const bool nan = code > feature->n_codes;
        const uint32_t segment = nan ? 0 : code / RW_SET_SEGMENT;
        const uint32_t bit = nan ? RW_SET_NAN : code % RW_SET_SEGMENT;
        first[2 * segment * stride + row] = (uint8_t)(bit / 8);
        first[(2 * segment + 1) * stride + row] = (uint8_t)(1u << bit % 8);
    }
}

/* Values are written xor `flip`.  Rows beyond the block's last get rank 0; their results
 * are dropped. */
static RW_APART void rw_rank_block(const struct rw_image *image, const struct rw_block *block,
                                   size_t stride, uint8_t flip, uint8_t *planes) {
    if (image->lanes->has_segments)
        rw_rank_segments(image, block, stride, flip, planes);
    else
        rw_rank_bytes(image, block, stride, flip, planes);
    for (uint32_t i = 0; i < image->n_set_features; i++)
        rw_write_set(image, block, &image->set_features[i], stride, planes);
    const size_t n = image->header->n_features;
    if (!image->lanes->has_zero && !(block->f64 ? rw_any_nan_f64(block->f64, block->n_rows * n)
                                                : rw_any_nan(block->f32, block->n_rows * n)))
        return;
    for (size_t row = 0; row < block->n_rows; row++)
        if (image->lanes->has_zero || (block->f64 ? rw_any_nan_f64(block->f64 + row * n, n)
                                                  : rw_any_nan(block->f32 + row * n, n)))
            rw_mark_row(image, block, row, stride, flip, planes);
}

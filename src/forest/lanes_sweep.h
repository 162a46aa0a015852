/*
 * lanes_sweep.h - sweeps of one row and of blocks, with the registers of the CPU at
 * hand; and what is done with the leaves that they end in.
 *
 * Included by one file a CPU, behind rw_row_columns and row_chunk (where the CPU has
 * them), and the vector operations named below.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/* ---- leaves -------------------------------------------------------------------------- */

#ifndef RW_BLOCKS_ONLY

/* leaves[i] is that of tree first + i; sums are taken in the order of the trees. */
static RW_INLINE void rw_add_row_leaves(const struct rw_image *image, uint32_t first, uint32_t most,
                                        const uint8_t *leaves, void *sums) {
    const uint32_t left = image->header->n_trees - first, n = left < most ? left : most;
    const size_t stride = image->lanes->leaf_stride, begin = first * stride;
    if (image->header->n_groups == 1 && image->sums64) {
        const double *values = image->lane_leaves64 + begin;
        double sum = *(double *)sums;
        for (uint32_t i = 0; i < n; i++)
            sum += values[i * stride + leaves[i]];
        *(double *)sums = sum;
    } else if (image->header->n_groups == 1) {
        const float *values = image->lane_leaves + begin;
        float sum = *(float *)sums;
        for (uint32_t i = 0; i < n; i++)
            sum += values[i * stride + leaves[i]];
        *(float *)sums = sum;
    } else {
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t group = image->sweep_trees[first + i].group;
            if (image->sums64)
                ((double *)sums)[group] += image->lane_leaves64[begin + i * stride + leaves[i]];
            else
                ((float *)sums)[group] += image->lane_leaves[begin + i * stride + leaves[i]];
        }
    }
}

#endif

#define RW_ADD(type, sum, leaves, step)                                                            \
    for (size_t i_ = 0; i_ < n_rows; i_++)                                                         \
    ((type *)(sum))[i_ * (step)] += (leaves)[at[i_]]

/* Row i ended in leaf at[i] of the tree. */
static void rw_add_block_leaves(const struct rw_image *image, uint32_t tree, const uint8_t *at,
                                size_t n_rows, void *sums) {
    const size_t n_groups = image->header->n_groups, group = image->sweep_trees[tree].group;
    const size_t begin = (size_t)tree * image->lanes->leaf_stride;
    if (image->sums64 && n_groups == 1)
        RW_ADD(double, sums, image->lane_leaves64 + begin, 1);
    else if (image->sums64)
        RW_ADD(double, (double *)sums + group, image->lane_leaves64 + begin, n_groups);
    else if (n_groups == 1)
        RW_ADD(float, sums, image->lane_leaves + begin, 1);
    else
        RW_ADD(float, (float *)sums + group, image->lane_leaves + begin, n_groups);
}

/* ---- a block: rows in lanes, one tree at a time ---------------------------------------- */

static RW_INLINE void sweep_tree(const struct rw_image *image, const struct rw_sweep_node *node,
                                 uint32_t n_nodes, const uint8_t *planes, size_t stride,
                                 uint32_t width, bool sets, uint8_t *leaves) {
    rw_vector at[RW_SWEEP_WIDTH];
#pragma GCC unroll 8
    for (uint32_t v = 0; v < width; v++)
        at[v] = rw_vector_splat(0);
    for (const struct rw_sweep_node *end = node + n_nodes; node < end; node++) {
        const uint8_t *plane = planes + node->column * stride;
        const rw_vector low = rw_vector_splat(node->low), next = rw_vector_splat(node->next);
        if (sets && node->cut == 0) {
            const struct rw_bitmap bitmap =
                rw_bitmap_load(image->set_bitmaps + rw_sweep_bitmap(node) * (size_t)RW_SET_BYTES);
#pragma GCC unroll 8
            for (uint32_t v = 0; v < width; v++)
                at[v] = rw_vector_sweep_set(at[v], rw_vector_load(plane + v * RW_VECTOR_BYTES),
                                            rw_vector_load(plane + stride + v * RW_VECTOR_BYTES),
                                            &bitmap, low, next);
            continue;
        }
        const rw_vector cut = rw_vector_splat(node->cut);
#pragma GCC unroll 8
        for (uint32_t v = 0; v < width; v++)
            at[v] =
                rw_vector_sweep(at[v], rw_vector_load(plane + v * RW_VECTOR_BYTES), cut, low, next);
    }
#pragma GCC unroll 8
    for (uint32_t v = 0; v < width; v++)
        rw_vector_store(leaves + v * RW_VECTOR_BYTES, at[v]);
}

/* As many registers at once as there are for all of them; then fewer. */
static RW_INLINE void sweep_rows_of(const struct rw_image *image, const struct rw_sweep_tree *tree,
                                    const uint8_t *planes, size_t stride, size_t n_rows, bool sets,
                                    uint8_t *leaves) {
    const struct rw_sweep_node *nodes = image->sweep_nodes + tree->begin;
    const size_t most = RW_SWEEP_WIDTH * RW_VECTOR_BYTES;
    size_t row = 0;
    for (; row + most <= n_rows; row += most)
        sweep_tree(image, nodes, tree->count, planes + row, stride, RW_SWEEP_WIDTH, sets,
                   leaves + row);
    if (n_rows - row > 2 * RW_VECTOR_BYTES && row + most <= stride) {
        sweep_tree(image, nodes, tree->count, planes + row, stride, RW_SWEEP_WIDTH, sets,
                   leaves + row);
        return;
    }
    for (; row < n_rows; row += RW_VECTOR_BYTES)
        sweep_tree(image, nodes, tree->count, planes + row, stride, 1, sets, leaves + row);
}

/* Two functions: splits by categories take registers from those without. */
static RW_APART void sweep_rows(const struct rw_image *image, const struct rw_sweep_tree *tree,
                                const uint8_t *planes, size_t stride, size_t n_rows,
                                uint8_t *leaves) {
    sweep_rows_of(image, tree, planes, stride, n_rows, false, leaves);
}

static RW_APART void sweep_rows_sets(const struct rw_image *image, const struct rw_sweep_tree *tree,
                                     const uint8_t *planes, size_t stride, size_t n_rows,
                                     uint8_t *leaves) {
    sweep_rows_of(image, tree, planes, stride, n_rows, RW_HAS_SETS, leaves);
}

static void sweep_block(const struct rw_image *image, const struct rw_block *block, size_t stride,
                        void *sums) {
    uint8_t planes[RW_PLANE_BYTES] __attribute__((aligned(64)));
    uint8_t leaves[RW_PLANE_MOST] __attribute__((aligned(64)));
    rw_rank_block(image, block, stride, 0, planes);
    struct rw_adder adder;
    rw_adder_start(&adder, image, block->n_rows, sums);
    for (uint32_t i = 0; i < image->header->n_trees; i++) {
        const struct rw_sweep_tree *tree = &image->sweep_trees[i];
        if (image->n_set_features)
            sweep_rows_sets(image, tree, planes, stride, block->n_rows, leaves);
        else
            sweep_rows(image, tree, planes, stride, block->n_rows, leaves);
        if (!rw_adder_add(&adder, image, i, leaves, block->n_rows))
            rw_add_block_leaves(image, i, leaves, block->n_rows, sums);
    }
    rw_adder_finish(&adder, block->n_rows, sums);
}

/* ---- the kernel ------------------------------------------------------------------------ */

static void rw_sweep_score(const struct rw_image *image, const struct rw_block *block, void *sums) {
    if (block->n_rows < RW_FEW_ROWS) {
        rw_sweep_few(image, block, sums);
        return;
    }
    const size_t most = rw_plane_rows(image->lanes->n_planes);
    for (size_t first = 0; first < block->n_rows; first += most) {
        const size_t left = block->n_rows - first;
        const struct rw_block part = rw_rows_from(image, block, first, left < most ? left : most);
        sweep_block(image, &part, most, rw_sums_from(image, sums, first));
    }
}

/*
 * build.h - a graph grows operation by operation, and becomes one block of bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_GRAPH_BUILD_H
#define RW_GRAPH_BUILD_H

#include "graph/graph.h"

#define RW_GRAPH_NO_VALUE UINT32_MAX

struct rw_graph_array {
    void *data;
    uint32_t count, capacity;
};

/* All of it lives in the arena. */
struct rw_graph_builder {
    struct rw_arena *arena;
    struct rw_graph_array ops, numbers, operands;
    struct rw_graph_array forests; /* of struct rw_graph_built_forest */
    uint32_t n_features;
    bool rows64;
    bool failed; /* sticky: beyond the arena's bound or RW_GRAPH_MAX_OPS */
};

struct rw_graph_built_forest {
    const void *image;
    uint64_t size;
};

/* What an operation is, apart from where its parts lie. */
struct rw_graph_new {
    enum rw_graph_code code;
    enum rw_graph_type type;
    uint32_t width;
    uint32_t detail;
    uint32_t n_operands;
    uint32_t n_numbers;
    const uint32_t *operands;
    const union rw_graph_number *numbers; /* NULL with n_numbers: the caller fills them */
};

/* The new value's number; RW_GRAPH_NO_VALUE when the builder has failed. */
uint32_t rw_graph_add(struct rw_graph_builder *builder, const struct rw_graph_new *added);

/* Numbers of value `value`; valid until the next operation is added. */
union rw_graph_number *rw_graph_built_numbers(struct rw_graph_builder *builder, uint32_t value);

/* Copies an image; its number, for RW_GRAPH_FOREST. */
uint32_t rw_graph_add_forest(struct rw_graph_builder *builder, const void *image, size_t size);

static inline const struct rw_graph_op *rw_graph_built(const struct rw_graph_builder *builder,
                                                       uint32_t value) {
    return (const struct rw_graph_op *)builder->ops.data + value;
}

/* Drops what `result` does not need, gives every value its place, and joins it all;
 * *bytes lives in the arena. */
rowan_status rw_graph_finish(struct rw_graph_builder *builder, uint32_t result, const void **bytes,
                             size_t *size, rowan_error *error);

#endif

/*
 * build.c - a graph grows, and becomes one block of bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "graph/build.h"

#include <string.h>

#define FOREST_ALIGNMENT 64u
#define FIRST_CAPACITY   16u

/* ---- growth ---------------------------------------------------------------------- */

/* `count` more elements at the end, zeroed; NULL beyond the bounds. */
static void *grow(struct rw_graph_builder *builder, struct rw_graph_array *array, uint32_t count,
                  size_t element) {
    if (builder->failed || count > UINT32_MAX / 4 - array->count) {
        builder->failed = true;
        return NULL;
    }
    if (array->count + count > array->capacity) {
        uint32_t capacity = array->capacity ? 2 * array->capacity : FIRST_CAPACITY;
        if (capacity < array->count + count)
            capacity = array->count + count;
        void *data = rw_arena_alloc(builder->arena, capacity, element);
        if (!data) {
            builder->failed = true;
            return NULL;
        }
        if (array->count)
            memcpy(data, array->data, array->count * element);
        array->data = data;
        array->capacity = capacity;
    }
    if (count == 0)
        return array->data;
    void *added = (char *)array->data + array->count * element;
    array->count += count;
    return added;
}

uint32_t rw_graph_add(struct rw_graph_builder *builder, const struct rw_graph_new *added) {
    const uint32_t value = builder->ops.count;
    const uint32_t operands = builder->operands.count, numbers = builder->numbers.count;
    if (value >= RW_GRAPH_MAX_OPS)
        builder->failed = true;
    struct rw_graph_op *op = grow(builder, &builder->ops, 1, sizeof *op);
    uint32_t *to = grow(builder, &builder->operands, added->n_operands, sizeof *to);
    union rw_graph_number *number =
        grow(builder, &builder->numbers, added->n_numbers, sizeof *number);
    if (builder->failed)
        return RW_GRAPH_NO_VALUE;
    if (added->n_operands)
        memcpy(to, added->operands, added->n_operands * sizeof *to);
    if (added->numbers && added->n_numbers)
        memcpy(number, added->numbers, added->n_numbers * sizeof *number);
    *op = (struct rw_graph_op){.code = (uint16_t)added->code,
                               .type = (uint16_t)added->type,
                               .width = added->width,
                               .detail = added->detail,
                               .operands = operands,
                               .n_operands = added->n_operands,
                               .numbers = numbers,
                               .n_numbers = added->n_numbers};
    return value;
}

union rw_graph_number *rw_graph_built_numbers(struct rw_graph_builder *builder, uint32_t value) {
    return (union rw_graph_number *)builder->numbers.data + rw_graph_built(builder, value)->numbers;
}

uint32_t rw_graph_add_forest(struct rw_graph_builder *builder, const void *image, size_t size) {
    const uint32_t index = builder->forests.count;
    if (index >= RW_GRAPH_MAX_FORESTS)
        builder->failed = true;
    struct rw_graph_built_forest *forest = grow(builder, &builder->forests, 1, sizeof *forest);
    void *copy = builder->failed ? NULL : rw_arena_alloc(builder->arena, size, 1);
    if (!copy) {
        builder->failed = true;
        return RW_GRAPH_NO_VALUE;
    }
    memcpy(copy, image, size);
    *forest = (struct rw_graph_built_forest){copy, size};
    return index;
}

/* ---- places ------------------------------------------------------------------------ */

/* A graph in the making: old values by new number, and when each is read last. */
struct plan {
    const struct rw_graph_builder *builder;
    struct rw_graph_op *ops; /* that are needed, renumbered */
    uint32_t *operands;
    uint32_t *renumbered; /* [old] */
    uint32_t *last_use;   /* [new] */
    uint32_t *live;       /* new values that are alive, by place */
    uint32_t n_ops, n_operands, n_live;
    uint32_t row_bytes;
};

static void mark_needed(const struct plan *plan, uint32_t result, bool *needed) {
    const uint32_t *operands = plan->builder->operands.data;
    needed[result] = true;
    for (uint32_t i = result + 1; i-- > 0;) {
        const struct rw_graph_op *op = rw_graph_built(plan->builder, i);
        for (uint32_t k = 0; needed[i] && k < op->n_operands; k++)
            needed[operands[op->operands + k]] = true;
    }
}

static void copy_needed(struct plan *plan, uint32_t result, const bool *needed) {
    const uint32_t *operands = plan->builder->operands.data;
    for (uint32_t i = 0; i <= result; i++) {
        if (!needed[i])
            continue;
        struct rw_graph_op *op = &plan->ops[plan->n_ops];
        *op = *rw_graph_built(plan->builder, i);
        const uint32_t from = op->operands;
        op->operands = plan->n_operands;
        for (uint32_t k = 0; k < op->n_operands; k++) {
            const uint32_t value = plan->renumbered[operands[from + k]];
            plan->operands[plan->n_operands++] = value;
            plan->last_use[value] = plan->n_ops;
        }
        plan->last_use[plan->n_ops] = plan->n_ops;
        plan->renumbered[i] = plan->n_ops++;
    }
    plan->last_use[plan->n_ops - 1] = UINT32_MAX; /* the result */
}

static uint64_t end_of(const struct plan *plan, uint32_t value) {
    const struct rw_graph_op *op = &plan->ops[value];
    return op->place + rw_graph_value_bytes(op->type, op->width);
}

/* Values that nothing reads any more leave their place. */
static void retire(struct plan *plan, uint32_t now) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < plan->n_live; i++)
        if (plan->last_use[plan->live[i]] >= now)
            plan->live[kept++] = plan->live[i];
    plan->n_live = kept;
}

/* The first gap between values that are alive. */
static bool place(struct plan *plan, uint32_t value) {
    struct rw_graph_op *op = &plan->ops[value];
    const uint64_t bytes = rw_graph_value_bytes(op->type, op->width);
    uint64_t at = 0;
    uint32_t slot = 0;
    for (; slot < plan->n_live; slot++) {
        if (plan->ops[plan->live[slot]].place >= at + bytes)
            break;
        const uint64_t end = end_of(plan, plan->live[slot]);
        at = end > at ? end : at;
    }
    if (at + bytes > RW_GRAPH_SCRATCH_BYTES)
        return false;
    op->place = (uint32_t)at;
    memmove(plan->live + slot + 1, plan->live + slot, (plan->n_live - slot) * sizeof *plan->live);
    plan->live[slot] = value;
    plan->n_live++;
    if (at + bytes > plan->row_bytes)
        plan->row_bytes = (uint32_t)(at + bytes);
    return true;
}

static rowan_status no_memory(rowan_error *error) {
    return rw_fail(error, ROWAN_LIMIT, NULL, NULL,
                   "the graph has more operations or numbers than the size of its file allows");
}

static rowan_status make_plan(struct plan *plan, uint32_t result, rowan_error *error) {
    struct rw_arena *arena = plan->builder->arena;
    const uint32_t n = result + 1;
    bool *needed = rw_arena_alloc(arena, n, sizeof *needed);
    plan->ops = rw_arena_alloc(arena, n, sizeof *plan->ops);
    plan->operands = rw_arena_alloc(arena, plan->builder->operands.count, sizeof *plan->operands);
    plan->renumbered = rw_arena_alloc(arena, n, sizeof *plan->renumbered);
    plan->last_use = rw_arena_alloc(arena, n, sizeof *plan->last_use);
    plan->live = rw_arena_alloc(arena, n, sizeof *plan->live);
    if (!needed || !plan->ops || !plan->operands || !plan->renumbered || !plan->last_use ||
        !plan->live)
        return no_memory(error);
    mark_needed(plan, result, needed);
    copy_needed(plan, result, needed);
    for (uint32_t i = 0; i < plan->n_ops; i++) {
        retire(plan, i);
        if (!place(plan, i))
            return rw_fail(error, ROWAN_LIMIT, NULL, "serve a model with fewer columns",
                           "the values of one row take more than RW_GRAPH_SCRATCH_BYTES (%u)",
                           RW_GRAPH_SCRATCH_BYTES);
    }
    return ROWAN_OK;
}

/* ---- one block of bytes -------------------------------------------------------------- */

static uint64_t align(uint64_t offset) {
    return (offset + FOREST_ALIGNMENT - 1) & ~(uint64_t)(FOREST_ALIGNMENT - 1);
}

/* The same order as view() of program.c reads. */
static char *append(char *to, const void *from, uint64_t count, size_t element) {
    if (count)
        memcpy(to, from, count * element);
    return to + count * element;
}

static void join(const struct plan *plan, char *bytes, uint64_t arrays_bytes) {
    const struct rw_graph_builder *builder = plan->builder;
    const struct rw_graph_built_forest *built = builder->forests.data;
    const struct rw_graph_header header = {.n_ops = plan->n_ops,
                                           .n_operands = plan->n_operands,
                                           .n_numbers = builder->numbers.count,
                                           .n_forests = builder->forests.count,
                                           .n_features = builder->n_features,
                                           .result = plan->n_ops - 1,
                                           .row_bytes = plan->row_bytes,
                                           .rows64 = builder->rows64};
    char *at = append(bytes, &header, 1, sizeof header);
    at = append(at, plan->ops, plan->n_ops, sizeof *plan->ops);
    at = append(at, builder->numbers.data, header.n_numbers, sizeof(union rw_graph_number));
    uint64_t offset = align(arrays_bytes);
    for (uint32_t i = 0; i < header.n_forests; i++) {
        const struct rw_graph_forest forest = {offset, built[i].size};
        at = append(at, &forest, 1, sizeof forest);
        memcpy(bytes + offset, built[i].image, built[i].size);
        offset = align(offset + built[i].size);
    }
    append(at, plan->operands, plan->n_operands, sizeof *plan->operands);
}

rowan_status rw_graph_finish(struct rw_graph_builder *builder, uint32_t result, const void **bytes,
                             size_t *size, rowan_error *error) {
    if (builder->failed || result >= builder->ops.count)
        return no_memory(error);
    struct plan plan = {.builder = builder};
    rowan_status status = make_plan(&plan, result, error);
    if (status != ROWAN_OK)
        return status;
    const struct rw_graph_built_forest *built = builder->forests.data;
    const uint64_t arrays_bytes = sizeof(struct rw_graph_header) + plan.n_ops * sizeof *plan.ops +
                                  builder->numbers.count * sizeof(union rw_graph_number) +
                                  builder->forests.count * sizeof(struct rw_graph_forest) +
                                  plan.n_operands * sizeof *plan.operands;
    uint64_t total = align(arrays_bytes);
    for (uint32_t i = 0; i < builder->forests.count; i++)
        total = align(total + built[i].size);
    char *joined = rw_arena_alloc(builder->arena, total, 1);
    if (!joined)
        return no_memory(error);
    join(&plan, joined, arrays_bytes);
    *bytes = joined;
    *size = total;
    return ROWAN_OK;
}

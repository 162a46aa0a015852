/*
 * onnx_op_shape.c - operators that move values: no number changes, but by a cast.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "model/onnx.h"

rowan_status rw_onnx_lower_identity(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, value) : status;
}

/* ---- constants ---------------------------------------------------------------------------- */

static rowan_status scalars(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                            const Onnx__AttributeProto *attribute, struct rw_onnx_value *value) {
    const bool is_int = strncmp(attribute->name, "value_int", strlen("value_int")) == 0;
    const bool is_list = attribute->name[strlen(attribute->name) - 1] == 's';
    const size_t count = !is_list ? 1 : is_int ? attribute->n_ints : attribute->n_floats;
    union rw_graph_number *numbers = rw_arena_alloc(&onnx->forest->arena, count, sizeof *numbers);
    if (!numbers || count > RW_ONNX_MAX_WIDTH)
        return rw_onnx_no_memory(onnx);
    for (size_t i = 0; i < count; i++) {
        if (is_int)
            numbers[i].integer = is_list ? attribute->ints[i] : attribute->i;
        else
            numbers[i].real = (double)(is_list ? attribute->floats[i] : attribute->f);
    }
    *value = (struct rw_onnx_value){.constant = true,
                                    .type = is_int ? RW_ONNX_INT64 : RW_ONNX_FLOAT,
                                    .rank = is_list,
                                    .dims = {(int64_t)count},
                                    .width = (uint32_t)count,
                                    .numbers = numbers};
    return rw_onnx_output(onnx, node, 0, value);
}

rowan_status rw_onnx_lower_constant(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    static const char *const names[] = {"value_float", "value_floats", "value_int", "value_ints"};
    struct rw_onnx_value value;
    const Onnx__AttributeProto *attribute = rw_onnx_attribute(node, "value");
    if (attribute && attribute->t) {
        rowan_status status = rw_onnx_tensor(onnx, attribute->t, &value);
        return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &value) : status;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        attribute = rw_onnx_attribute(node, names[i]);
        if (attribute)
            return scalars(onnx, node, attribute, &value);
    }
    return rw_onnx_unsupported(onnx, node, "a constant that is neither a tensor nor a number");
}

/* ---- cast ------------------------------------------------------------------------------------ */

static union rw_graph_number convert(union rw_graph_number number, enum rw_graph_type from,
                                     int32_t to) {
    if (rw_onnx_graph_type(to) == RW_GRAPH_I64) {
        if (from != RW_GRAPH_I64)
            number.integer =
                number.real >= -0x1p63 && number.real < 0x1p63 ? (int64_t)number.real : INT64_MIN;
        if (to == RW_ONNX_BOOL)
            number.integer = number.integer != 0;
        return number;
    }
    if (from == RW_GRAPH_I64)
        number.real = (double)number.integer;
    if (to == RW_ONNX_FLOAT)
        number.real = (double)(float)number.real;
    return number;
}

static rowan_status cast_constant(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                  const struct rw_onnx_value *value, int32_t type) {
    struct rw_onnx_value cast = *value;
    union rw_graph_number *numbers =
        rw_arena_alloc(&onnx->forest->arena, value->width, sizeof *numbers);
    if (!numbers)
        return rw_onnx_no_memory(onnx);
    for (uint32_t i = 0; i < value->width; i++)
        numbers[i] = convert(value->numbers[i], rw_onnx_graph_type(value->type), type);
    cast.numbers = numbers;
    cast.type = type;
    return rw_onnx_output(onnx, node, 0, &cast);
}

static bool is_number(int32_t type) {
    return type == RW_ONNX_FLOAT || type == RW_ONNX_DOUBLE || type == RW_ONNX_INT32 ||
           type == RW_ONNX_INT64 || type == RW_ONNX_BOOL;
}

rowan_status rw_onnx_lower_cast(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status != ROWAN_OK)
        return status;
    const int64_t to = rw_onnx_int(node, "to", 0);
    if (to == value->type)
        return rw_onnx_output(onnx, node, 0, value);
    if (!is_number((int32_t)to) || to > RW_ONNX_DOUBLE || !is_number(value->type))
        return rw_onnx_unsupported(onnx, node, "a cast from type %d to type %lld", value->type,
                                   (long long)to);
    if (value->constant)
        return cast_constant(onnx, node, value, (int32_t)to);
    struct rw_onnx_value cast = *value;
    const struct rw_graph_new added = {.code = RW_GRAPH_CAST,
                                       .type = rw_onnx_graph_type((int32_t)to),
                                       .width = value->width,
                                       .detail = to == RW_ONNX_BOOL,
                                       .n_operands = 1,
                                       .operands = &cast.op};
    cast.type = (int32_t)to;
    if (to != RW_ONNX_BOOL && rw_onnx_graph_type(value->type) == added.type)
        return rw_onnx_output(onnx, node, 0, &cast); /* integers are of one type here */
    const uint32_t op = rw_graph_add(&onnx->builder, &added);
    if (op == RW_GRAPH_NO_VALUE)
        return rw_onnx_no_memory(onnx);
    cast.op = op;
    return rw_onnx_output(onnx, node, 0, &cast);
}

/* ---- shapes: the same elements under other dimensions ---------------------------------------- */

/* A constant's shape may become any shape of as many elements. */
static rowan_status reshape_constant(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                     const struct rw_onnx_value *value, const int64_t *dims,
                                     size_t n_dims) {
    struct rw_onnx_value reshaped = *value;
    int64_t known = 1;
    for (size_t i = 0; i < n_dims; i++)
        if (dims[i] > 0 && __builtin_mul_overflow(known, dims[i], &known))
            return rw_onnx_malformed(onnx, node, "its shape is too large");
    if (n_dims > RW_ONNX_MAX_RANK)
        return rw_onnx_unsupported(onnx, node, "a constant of %zu dimensions", n_dims);
    for (size_t i = 0; i < n_dims; i++)
        reshaped.dims[i] = dims[i] > 0 ? dims[i] : (int64_t)value->width / known;
    reshaped.rank = (uint32_t)n_dims;
    return rw_onnx_output(onnx, node, 0, &reshaped);
}

/* The first dimension must stay the batch: -1, or 0 for "as it was". */
static rowan_status reshape_rows(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                 const struct rw_onnx_value *value, const int64_t *dims,
                                 size_t n_dims) {
    int64_t row[RW_ONNX_MAX_RANK];
    struct rw_onnx_value reshaped = *value;
    if (n_dims == 0 || n_dims > RW_ONNX_MAX_RANK)
        return rw_onnx_unsupported(onnx, node, "a shape of %zu dimensions", n_dims);
    uint64_t known = 1;
    size_t open = 0;
    for (size_t i = 1; i < n_dims; i++) {
        row[i - 1] = dims[i] == 0 && i < value->rank ? value->dims[i] : dims[i];
        if (row[i - 1] == -1)
            open = i;
        else
            known *= row[i - 1] > 0 && row[i - 1] <= RW_ONNX_MAX_WIDTH ? (uint64_t)row[i - 1] : 0;
    }
    if (known == 0 || value->width % known)
        return rw_onnx_unsupported(onnx, node, "a shape that rows do not keep");
    if (open)
        row[open - 1] = (int64_t)(value->width / known);
    rowan_status status = rw_onnx_set_row(onnx, node, (uint32_t)n_dims - 1, row, &reshaped);
    if (status != ROWAN_OK)
        return status;
    if (reshaped.width != value->width || dims[0] > 0)
        return rw_onnx_unsupported(onnx, node, "a shape that mixes rows of the batch");
    return rw_onnx_output(onnx, node, 0, &reshaped);
}

rowan_status rw_onnx_lower_reshape(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value, *shape;
    int64_t dims[2 * RW_ONNX_MAX_RANK];
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status == ROWAN_OK)
        status = rw_onnx_need(onnx, node, 1, &shape);
    if (status != ROWAN_OK)
        return status;
    if (!shape->constant || shape->type != RW_ONNX_INT64 || shape->width > 2 * RW_ONNX_MAX_RANK)
        return rw_onnx_unsupported(onnx, node, "a shape that is computed");
    for (uint32_t i = 0; i < shape->width; i++)
        dims[i] = shape->numbers[i].integer;
    return value->constant ? reshape_constant(onnx, node, value, dims, shape->width)
                           : reshape_rows(onnx, node, value, dims, shape->width);
}

rowan_status rw_onnx_lower_flatten(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status != ROWAN_OK)
        return status;
    if (value->constant || rw_onnx_int(node, "axis", 1) != 1)
        return rw_onnx_unsupported(onnx, node, "anything but rows flattened one by one");
    return reshape_rows(onnx, node, value, (const int64_t[]){-1, value->width}, 2);
}

rowan_status rw_onnx_lower_squeeze(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    const int64_t *axes;
    size_t n_axes;
    bool dropped[RW_ONNX_MAX_RANK] = {false};
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status == ROWAN_OK)
        status = rw_onnx_axes(onnx, node, 1, "axes", &axes, &n_axes);
    if (status != ROWAN_OK)
        return status;
    for (uint32_t i = 0; i < value->rank; i++)
        dropped[i] = n_axes == 0 && value->dims[i] == 1;
    for (size_t i = 0; i < n_axes; i++) {
        uint32_t dim;
        if (!rw_onnx_axis(value, axes[i], &dim) || value->dims[dim] != 1)
            return rw_onnx_unsupported(onnx, node, "drops a dimension that is not 1");
        dropped[dim] = true;
    }
    struct rw_onnx_value squeezed = *value;
    squeezed.rank = 0;
    for (uint32_t i = 0; i < value->rank; i++)
        if (!dropped[i])
            squeezed.dims[squeezed.rank++] = value->dims[i];
    return rw_onnx_output(onnx, node, 0, &squeezed);
}

rowan_status rw_onnx_lower_unsqueeze(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    const int64_t *axes;
    size_t n_axes;
    bool added[RW_ONNX_MAX_RANK] = {false};
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status == ROWAN_OK)
        status = rw_onnx_axes(onnx, node, 1, "axes", &axes, &n_axes);
    if (status != ROWAN_OK)
        return status;
    if (n_axes > RW_ONNX_MAX_RANK || value->rank + n_axes > RW_ONNX_MAX_RANK)
        return rw_onnx_unsupported(onnx, node, "more than %u dimensions", RW_ONNX_MAX_RANK);
    struct rw_onnx_value wide = *value;
    wide.rank = value->rank + (uint32_t)n_axes;
    for (size_t i = 0; i < n_axes; i++) {
        uint32_t dim;
        if (!rw_onnx_axis(&wide, axes[i], &dim) || added[dim] || (!value->constant && dim == 0))
            return rw_onnx_unsupported(onnx, node, "a dimension in front of the batch");
        added[dim] = true;
    }
    for (uint32_t i = 0, from = 0; i < wide.rank; i++)
        wide.dims[i] = added[i] ? 1 : value->dims[from++];
    return rw_onnx_output(onnx, node, 0, &wide);
}

/* ---- selections ------------------------------------------------------------------------------ */

static rowan_status select_codes(struct rw_onnx *onnx, const struct rw_onnx_value *value,
                                 const union rw_graph_number *numbers,
                                 struct rw_onnx_value *selected) {
    struct rw_onnx_names **codes =
        rw_arena_alloc(&onnx->forest->arena, selected->width, sizeof *codes);
    if (!codes)
        return rw_onnx_no_memory(onnx);
    for (uint32_t i = 0; i < selected->width; i++)
        codes[i] = value->codes[numbers[i].integer];
    selected->codes = codes;
    return ROWAN_OK;
}

/* Elements numbers[width] of each row; dims of `selected` are the caller's. */
static rowan_status select_elements(struct rw_onnx *onnx, const struct rw_onnx_value *value,
                                    const union rw_graph_number *numbers,
                                    struct rw_onnx_value *selected) {
    const struct rw_graph_new added = {.code = RW_GRAPH_SELECT,
                                       .type = rw_onnx_graph_type(value->type),
                                       .width = selected->width,
                                       .n_operands = 1,
                                       .operands = &value->op,
                                       .n_numbers = selected->width,
                                       .numbers = numbers};
    if (value->codes) {
        rowan_status status = select_codes(onnx, value, numbers, selected);
        if (status != ROWAN_OK)
            return status;
    }
    selected->op = rw_graph_add(&onnx->builder, &added);
    return selected->op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx) : ROWAN_OK;
}

/* Columns of a table [N, width]: from `columns`, which may count from the end. */
static rowan_status select_columns(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                   const struct rw_onnx_value *value, const int64_t *columns,
                                   size_t n_columns, bool keep_dim) {
    if (value->constant || value->rank != 2 || n_columns == 0 || n_columns > RW_ONNX_MAX_WIDTH)
        return rw_onnx_unsupported(onnx, node, "anything but columns of a table");
    union rw_graph_number *numbers =
        rw_arena_alloc(&onnx->forest->arena, n_columns, sizeof *numbers);
    if (!numbers)
        return rw_onnx_no_memory(onnx);
    for (size_t i = 0; i < n_columns; i++) {
        numbers[i].integer = columns[i] < 0 ? columns[i] + (int64_t)value->width : columns[i];
        if (numbers[i].integer < 0 || numbers[i].integer >= (int64_t)value->width)
            return rw_onnx_malformed(onnx, node, "column %lld of %u", (long long)columns[i],
                                     value->width);
    }
    struct rw_onnx_value selected = *value;
    rowan_status status =
        rw_onnx_set_row(onnx, node, keep_dim, (const int64_t[]){(int64_t)n_columns}, &selected);
    if (status == ROWAN_OK)
        status = select_elements(onnx, value, numbers, &selected);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &selected) : status;
}

static rowan_status constant_indices(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                     const struct rw_onnx_value **value,
                                     const struct rw_onnx_value **indices) {
    rowan_status status = rw_onnx_need(onnx, node, 0, value);
    if (status == ROWAN_OK)
        status = rw_onnx_need(onnx, node, 1, indices);
    if (status == ROWAN_OK && (!(*indices)->constant || !(*indices)->numbers ||
                               rw_onnx_graph_type((*indices)->type) != RW_GRAPH_I64))
        return rw_onnx_unsupported(onnx, node, "indices that are computed");
    return status;
}

rowan_status rw_onnx_lower_gather(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value, *indices;
    uint32_t axis;
    rowan_status status = constant_indices(onnx, node, &value, &indices);
    if (status != ROWAN_OK)
        return status;
    if (!rw_onnx_axis(value, rw_onnx_int(node, "axis", 0), &axis) || axis != 1 || indices->rank > 1)
        return rw_onnx_unsupported(onnx, node, "anything but columns of a table");
    return select_columns(onnx, node, value, &indices->numbers->integer, indices->width,
                          indices->rank == 1);
}

rowan_status rw_onnx_lower_extract(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value, *indices;
    rowan_status status = constant_indices(onnx, node, &value, &indices);
    if (status != ROWAN_OK)
        return status;
    return select_columns(onnx, node, value, &indices->numbers->integer, indices->width, true);
}

/* One of start, end, axis, step: before opset 10 attributes, then inputs. */
static rowan_status slice_part(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                               size_t input, const char *attribute, int64_t otherwise,
                               int64_t *part) {
    const int64_t *ints;
    size_t n_ints;
    rowan_status status = rw_onnx_axes(onnx, node, input, attribute, &ints, &n_ints);
    if (status != ROWAN_OK)
        return status;
    if (n_ints > 1)
        return rw_onnx_unsupported(onnx, node, "slices of more than one axis");
    *part = n_ints ? ints[0] : otherwise;
    return ROWAN_OK;
}

rowan_status rw_onnx_lower_slice(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    int64_t start = 0, end = 0, axis = 0, step = 0;
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status == ROWAN_OK)
        status = slice_part(onnx, node, 1, "starts", 0, &start);
    if (status == ROWAN_OK)
        status = slice_part(onnx, node, 2, "ends", INT64_MAX, &end);
    if (status == ROWAN_OK)
        status = slice_part(onnx, node, 3, "axes", 0, &axis);
    if (status == ROWAN_OK)
        status = slice_part(onnx, node, 4, "steps", 1, &step);
    if (status != ROWAN_OK)
        return status;
    if ((axis != 1 && axis != -1) || step != 1 || value->rank != 2 || value->constant)
        return rw_onnx_unsupported(onnx, node, "anything but neighbouring columns of a table");
    const int64_t width = value->width;
    start = start < 0 ? start + width : start;
    end = end < 0 ? end + width : end > width ? width : end;
    if (start < 0 || start >= end)
        return rw_onnx_unsupported(onnx, node, "a slice without columns");
    int64_t *columns = rw_arena_alloc(&onnx->forest->arena, (size_t)(end - start), sizeof *columns);
    if (!columns)
        return rw_onnx_no_memory(onnx);
    for (int64_t i = start; i < end; i++)
        columns[i - start] = i;
    return select_columns(onnx, node, value, columns, (size_t)(end - start), true);
}

/* ---- concat ---------------------------------------------------------------------------------- */

struct concat {
    uint32_t *operands;
    struct rw_onnx_names **codes; /* of strings */
    struct rw_onnx_value joined;
};

/* Columns of the row that lie side by side stay one input. */
static bool extend_input(struct rw_onnx *onnx, uint32_t first, uint32_t second) {
    const struct rw_graph_op *a = rw_graph_built(&onnx->builder, first);
    const struct rw_graph_op *b = rw_graph_built(&onnx->builder, second);
    return a->code == RW_GRAPH_INPUT && b->code == RW_GRAPH_INPUT && a->type == b->type &&
           a->detail + a->width == b->detail;
}

static bool all_side_by_side(struct rw_onnx *onnx, const uint32_t *operands, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (!extend_input(onnx, operands[i - 1], operands[i]))
            return false;
    return n > 0 && rw_graph_built(&onnx->builder, operands[0])->code == RW_GRAPH_INPUT;
}

/* Rows of operands whose dimensions in front of the last are 1 lie one behind the other. */
static rowan_status take_operand(struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t index,
                                 int64_t axis, struct concat *concat) {
    const struct rw_onnx_value *value;
    struct rw_onnx_value *joined = &concat->joined;
    uint32_t dim;
    rowan_status status = rw_onnx_need(onnx, node, index, &value);
    if (status != ROWAN_OK)
        return status;
    if (value->constant || !rw_onnx_axis(value, axis, &dim) || dim == 0)
        return rw_onnx_unsupported(onnx, node, "anything but columns joined");
    for (uint32_t i = 1; i < dim; i++)
        if (value->dims[i] != 1)
            return rw_onnx_unsupported(onnx, node, "columns that do not end the row");
    if (index == 0)
        *joined = *value;
    else if (value->type != joined->type || value->rank != joined->rank)
        return rw_onnx_malformed(onnx, node, "joins values of two types or ranks");
    for (uint32_t i = 0; value->codes && i < value->width; i++)
        concat->codes[(index ? joined->width : 0) + i] = value->codes[i];
    for (uint32_t i = 1; i < value->rank; i++)
        if (i != dim && value->dims[i] != joined->dims[i])
            return rw_onnx_malformed(onnx, node, "joins values of two shapes");
    if (index)
        joined->dims[dim] += value->dims[dim];
    concat->operands[index] = value->op;
    return rw_onnx_set_row(onnx, node, joined->rank - 1, joined->dims + 1, joined);
}

/* Elements of all operands that are strings: each has its own codes. */
static size_t count_strings(const struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    size_t count = 0;
    for (size_t i = 0; i < node->n_input; i++) {
        const struct rw_onnx_value *value = rw_onnx_input(onnx, node, i);
        count += value && value->codes ? value->width : 0;
    }
    return count;
}

static rowan_status concat_inputs(struct rw_onnx *onnx, const Onnx__NodeProto *node, int64_t axis) {
    struct rw_arena *arena = &onnx->forest->arena;
    struct concat concat = {
        .operands = rw_arena_alloc(arena, node->n_input, sizeof *concat.operands),
        .codes = rw_arena_alloc(arena, count_strings(onnx, node), sizeof *concat.codes)};
    if (!concat.operands || !concat.codes)
        return rw_onnx_no_memory(onnx);
    rowan_status status =
        node->n_input ? ROWAN_OK : rw_onnx_malformed(onnx, node, "has nothing to join");
    for (size_t i = 0; i < node->n_input && status == ROWAN_OK; i++)
        status = take_operand(onnx, node, i, axis, &concat);
    if (status != ROWAN_OK)
        return status;
    struct rw_graph_new added = {.code = RW_GRAPH_CONCAT,
                                 .type = rw_onnx_graph_type(concat.joined.type),
                                 .width = concat.joined.width,
                                 .n_operands = (uint32_t)node->n_input,
                                 .operands = concat.operands};
    if (all_side_by_side(onnx, concat.operands, node->n_input)) {
        added.code = RW_GRAPH_INPUT;
        added.detail = rw_graph_built(&onnx->builder, concat.operands[0])->detail;
        added.n_operands = 0;
    }
    concat.joined.op = rw_graph_add(&onnx->builder, &added);
    concat.joined.codes = concat.joined.type == RW_ONNX_STRING ? concat.codes : NULL;
    return concat.joined.op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx)
                                                 : rw_onnx_output(onnx, node, 0, &concat.joined);
}

rowan_status rw_onnx_lower_concat(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    return concat_inputs(onnx, node, rw_onnx_int(node, "axis", 1));
}

/* Gives floats whatever comes in: only floats are read. */
rowan_status rw_onnx_lower_feature_vectorizer(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    for (size_t i = 0; i < node->n_input; i++) {
        const struct rw_onnx_value *value = rw_onnx_input(onnx, node, i);
        if (value && (value->type != RW_ONNX_FLOAT || value->rank != 2))
            return rw_onnx_unsupported(onnx, node, "anything but tables of floats");
    }
    return concat_inputs(onnx, node, 1);
}

/*
 * onnx_op_element.c - operators element by element, of one or several values.
 *
 * The batch is the first dimension of every value; what a constant adds in front of a
 * row must be 1.  Rows are brought to the same shape before they are computed with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "model/onnx.h"

/* ---- rows of one shape -------------------------------------------------------------------- */

struct row_shape {
    uint32_t n_dims;
    int64_t dims[RW_ONNX_MAX_RANK];
};

/* A constant's dimensions, without those in front of the row of a value of `rank`. */
static bool row_of(const struct rw_onnx_value *value, uint32_t rank, struct row_shape *shape) {
    uint32_t first = value->constant ? 0 : 1;
    if (value->constant && value->rank == rank) {
        if (value->dims[0] != 1)
            return false;
        first = 1;
    }
    if (value->rank > rank || (!value->constant && value->rank != rank))
        return false;
    shape->n_dims = value->rank - first;
    for (uint32_t i = 0; i < shape->n_dims; i++)
        shape->dims[i] = value->dims[first + i];
    return true;
}

/* numpy's rule, from the last dimension on. */
static bool widen(struct row_shape *common, const struct row_shape *row) {
    struct row_shape wide = {.n_dims = common->n_dims > row->n_dims ? common->n_dims : row->n_dims};
    for (uint32_t i = 1; i <= wide.n_dims; i++) {
        const int64_t a = i <= common->n_dims ? common->dims[common->n_dims - i] : 1;
        const int64_t b = i <= row->n_dims ? row->dims[row->n_dims - i] : 1;
        if (a != b && a != 1 && b != 1)
            return false;
        wide.dims[wide.n_dims - i] = a == 1 ? b : a;
    }
    *common = wide;
    return true;
}

/* The shape of what comes of values 0 to n - 1, one of which is no constant. */
static rowan_status common_shape(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                 const struct rw_onnx_value *const *values, size_t n,
                                 struct rw_onnx_value *result) {
    uint32_t rank = 0;
    for (size_t i = 0; i < n; i++)
        if (!values[i]->constant && values[i]->rank > rank)
            rank = values[i]->rank;
    if (rank == 0)
        return rw_onnx_unsupported(onnx, node, "computes with constants only");
    struct row_shape common = {0}, row;
    for (size_t i = 0; i < n; i++)
        if (!row_of(values[i], rank, &row) || !widen(&common, &row))
            return rw_onnx_unsupported(onnx, node, "shapes that do not fit row by row");
    return rw_onnx_set_row(onnx, node, common.n_dims, common.dims, result);
}

/* Element of the row `from` that element `index` of the row `to` is made of. */
static int64_t source_of(const struct row_shape *from, const struct rw_onnx_value *to,
                         uint32_t index) {
    int64_t source = 0, stride = 1, rest = index;
    for (uint32_t i = 1; i < to->rank; i++) {
        const int64_t dim = to->dims[to->rank - i], at = rest % dim;
        rest /= dim;
        if (i > from->n_dims)
            continue;
        const int64_t own = from->dims[from->n_dims - i];
        source += own == 1 ? 0 : at * stride;
        stride *= own;
    }
    return source;
}

/* The value as an operand of width 1 or of the result's width. */
static rowan_status operand_of(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                               const struct rw_onnx_value *value,
                               const struct rw_onnx_value *result, uint32_t *op) {
    rowan_status status = rw_onnx_row(onnx, node, value, op);
    if (status != ROWAN_OK || value->width == result->width || value->width == 1)
        return status;
    union rw_graph_number *numbers =
        rw_arena_alloc(&onnx->forest->arena, result->width, sizeof *numbers);
    if (!numbers)
        return rw_onnx_no_memory(onnx);
    struct row_shape from;
    if (!row_of(value, result->rank, &from))
        return rw_onnx_unsupported(onnx, node, "shapes that do not fit row by row");
    for (uint32_t i = 0; i < result->width; i++)
        numbers[i].integer = source_of(&from, result, i);
    const struct rw_graph_new added = {.code = RW_GRAPH_SELECT,
                                       .type = rw_onnx_graph_type(value->type),
                                       .width = result->width,
                                       .n_operands = 1,
                                       .operands = op,
                                       .n_numbers = result->width,
                                       .numbers = numbers};
    *op = rw_graph_add(&onnx->builder, &added);
    return *op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx) : ROWAN_OK;
}

/* result = code(values...) */
static rowan_status combine(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                            enum rw_graph_code code, int32_t type,
                            const struct rw_onnx_value *const *values, uint32_t n,
                            struct rw_onnx_value *result) {
    uint32_t operands[3] = {0};
    struct rw_onnx_value made = {.type = type};
    rowan_status status = common_shape(onnx, node, values, n, &made);
    for (uint32_t i = 0; i < n && status == ROWAN_OK; i++)
        status = operand_of(onnx, node, values[i], &made, &operands[i]);
    if (status != ROWAN_OK)
        return status;
    const struct rw_graph_new added = {.code = code,
                                       .type = rw_onnx_graph_type(type),
                                       .width = made.width,
                                       .n_operands = n,
                                       .operands = operands};
    made.op = rw_graph_add(&onnx->builder, &added);
    *result = made;
    return made.op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx) : ROWAN_OK;
}

/* ---- two values ------------------------------------------------------------------------------ */

/* A constant string becomes its code: what is compared with is known from now on. */
static rowan_status code_of(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                            const struct rw_onnx_value *strings, struct rw_onnx_value *constant) {
    if (!strings->codes || constant->width != 1 || strings->width != 1)
        return rw_onnx_unsupported(onnx, node, "strings compared with anything but one constant");
    union rw_graph_number *number = rw_arena_alloc(&onnx->forest->arena, 1, sizeof *number);
    const uint32_t code = rw_onnx_names_add(strings->codes[0], constant->strings[0]);
    if (!number || code == RW_ONNX_NO_NAME)
        return rw_onnx_no_memory(onnx);
    number->integer = code;
    constant->numbers = number;
    return ROWAN_OK;
}

static bool is_comparison(uint32_t code) {
    return code >= RW_GRAPH_EQUAL && code <= RW_GRAPH_XOR;
}

static rowan_status lower_pair(struct rw_onnx *onnx, const Onnx__NodeProto *node, uint32_t first,
                               uint32_t second) {
    const struct rw_onnx_value *a, *b;
    const uint32_t code = rw_onnx_operator_find(onnx, node)->detail;
    rowan_status status = rw_onnx_need(onnx, node, first, &a);
    if (status == ROWAN_OK)
        status = rw_onnx_need(onnx, node, second, &b);
    if (status != ROWAN_OK)
        return status;
    struct rw_onnx_value left = *a, right = *b, result;
    if (left.type != right.type)
        return rw_onnx_malformed(onnx, node, "computes with two types");
    if (left.type == RW_ONNX_STRING) {
        if (code != RW_GRAPH_EQUAL || left.constant == right.constant)
            return rw_onnx_unsupported(onnx, node, "strings compared with strings");
        status =
            left.constant ? code_of(onnx, node, &right, &left) : code_of(onnx, node, &left, &right);
        if (status != ROWAN_OK)
            return status;
    }
    status = combine(onnx, node, (enum rw_graph_code)code,
                     is_comparison(code) ? RW_ONNX_BOOL : left.type,
                     (const struct rw_onnx_value *[]){&left, &right}, 2, &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

rowan_status rw_onnx_lower_binary(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    return lower_pair(onnx, node, 0, 1);
}

rowan_status rw_onnx_lower_greater(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    return lower_pair(onnx, node, 1, 0);
}

/* From left to right, as ONNX Runtime does. */
rowan_status rw_onnx_lower_variadic(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    const uint32_t code = rw_onnx_operator_find(onnx, node)->detail;
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status != ROWAN_OK)
        return status;
    struct rw_onnx_value result = *value;
    for (size_t i = 1; i < node->n_input; i++) {
        status = rw_onnx_need(onnx, node, i, &value);
        if (status != ROWAN_OK)
            return status;
        if (value->type != result.type || value->type == RW_ONNX_STRING)
            return rw_onnx_malformed(onnx, node, "computes with two types");
        const struct rw_onnx_value left = result;
        status = combine(onnx, node, (enum rw_graph_code)code, left.type,
                         (const struct rw_onnx_value *[]){&left, value}, 2, &result);
        if (status != ROWAN_OK)
            return status;
    }
    return rw_onnx_output(onnx, node, 0, &result);
}

/* ---- one value ------------------------------------------------------------------------------- */

static bool takes_type(uint32_t code, int32_t type) {
    if (type == RW_ONNX_FLOAT || type == RW_ONNX_DOUBLE)
        return code != RW_GRAPH_NOT;
    return code == RW_GRAPH_NOT ? type == RW_ONNX_BOOL
                                : (code == RW_GRAPH_NEG || code == RW_GRAPH_ABS) &&
                                      (type == RW_ONNX_INT64 || type == RW_ONNX_INT32);
}

rowan_status rw_onnx_lower_unary(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    const uint32_t code = rw_onnx_operator_find(onnx, node)->detail;
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status != ROWAN_OK)
        return status;
    if (value->constant || !takes_type(code, value->type))
        return rw_onnx_unsupported(onnx, node, "a constant, or type %d", value->type);
    struct rw_onnx_value result = *value;
    if (code == RW_GRAPH_IS_NAN)
        result.type = RW_ONNX_BOOL;
    const struct rw_graph_new added = {.code = (enum rw_graph_code)code,
                                       .type = rw_onnx_graph_type(result.type),
                                       .width = value->width,
                                       .n_operands = 1,
                                       .operands = &value->op};
    result.op = rw_graph_add(&onnx->builder, &added);
    return result.op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx)
                                          : rw_onnx_output(onnx, node, 0, &result);
}

rowan_status rw_onnx_lower_where(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *values[3];
    struct rw_onnx_value result;
    for (uint32_t i = 0; i < 3; i++) {
        rowan_status status = rw_onnx_need(onnx, node, i, &values[i]);
        if (status != ROWAN_OK)
            return status;
    }
    if (values[0]->type != RW_ONNX_BOOL || values[1]->type != values[2]->type ||
        values[1]->type == RW_ONNX_STRING)
        return rw_onnx_unsupported(onnx, node, "a choice between two types, or of strings");
    rowan_status status = combine(onnx, node, RW_GRAPH_WHERE, values[1]->type, values, 3, &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

/* A number as a constant of the type of `like`. */
static rowan_status scalar(const struct rw_onnx *onnx, double real,
                           const struct rw_onnx_value *like, struct rw_onnx_value *value) {
    union rw_graph_number *number = rw_arena_alloc(&onnx->forest->arena, 1, sizeof *number);
    if (!number)
        return rw_onnx_no_memory(onnx);
    number->real = real;
    *value =
        (struct rw_onnx_value){.constant = true, .type = like->type, .width = 1, .numbers = number};
    return ROWAN_OK;
}

/* One bound of a clip: since opset 11 an input, before an attribute. */
static rowan_status clip_at(struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t input,
                            const char *attribute, enum rw_graph_code code,
                            struct rw_onnx_value *value) {
    const struct rw_onnx_value *given = rw_onnx_input(onnx, node, input);
    const struct rw_onnx_value before = *value;
    struct rw_onnx_value bound;
    if (!given) {
        const float number = rw_onnx_float(node, attribute, NAN);
        if (isnan(number))
            return ROWAN_OK;
        rowan_status status = scalar(onnx, (double)number, value, &bound);
        if (status != ROWAN_OK)
            return status;
        given = &bound;
    }
    if (given->type != value->type)
        return rw_onnx_malformed(onnx, node, "clips at another type");
    return combine(onnx, node, code, before.type, (const struct rw_onnx_value *[]){&before, given},
                   2, value);
}

rowan_status rw_onnx_lower_clip(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status != ROWAN_OK)
        return status;
    struct rw_onnx_value result = *value;
    if (value->constant || (value->type != RW_ONNX_FLOAT && value->type != RW_ONNX_DOUBLE))
        return rw_onnx_unsupported(onnx, node, "anything but floats");
    status = clip_at(onnx, node, 1, "min", RW_GRAPH_MAX, &result);
    if (status == ROWAN_OK)
        status = clip_at(onnx, node, 2, "max", RW_GRAPH_MIN, &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

/* 1 above the threshold, else 0: threshold < x, as a number. */
rowan_status rw_onnx_lower_binarizer(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    struct rw_onnx_value threshold, above;
    rowan_status status = rw_onnx_need(onnx, node, 0, &value);
    if (status != ROWAN_OK)
        return status;
    if (value->constant || value->type != RW_ONNX_FLOAT)
        return rw_onnx_unsupported(onnx, node, "anything but floats");
    status = scalar(onnx, (double)rw_onnx_float(node, "threshold", 0.0f), value, &threshold);
    if (status == ROWAN_OK)
        status = combine(onnx, node, RW_GRAPH_LESS, RW_ONNX_BOOL,
                         (const struct rw_onnx_value *[]){&threshold, value}, 2, &above);
    if (status != ROWAN_OK)
        return status;
    const struct rw_graph_new added = {.code = RW_GRAPH_CAST,
                                       .type = RW_GRAPH_F32,
                                       .width = above.width,
                                       .n_operands = 1,
                                       .operands = &above.op};
    struct rw_onnx_value result = above;
    result.type = RW_ONNX_FLOAT;
    result.op = rw_graph_add(&onnx->builder, &added);
    return result.op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx)
                                          : rw_onnx_output(onnx, node, 0, &result);
}

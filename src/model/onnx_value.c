/*
 * onnx_value.c - values of an ONNX graph: tables that have a row for each of the batch,
 * and constants.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "model/onnx.h"

/* ---- errors ---------------------------------------------------------------------------- */

/* Names come from the file, and may be cut: what is not plain text becomes '?'. */
static void make_printable(char *text) {
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static void node_place(const Onnx__NodeProto *node, char *where, size_t size) {
    const char *domain = rw_onnx_text(node->domain);
    snprintf(where, size, "node %.48s (%.48s of %.32s)", rw_onnx_text(node->name),
             rw_onnx_text(node->op_type), *domain ? domain : "ai.onnx");
    make_printable(where);
}

bool rw_onnx_name_error(const struct rw_onnx *onnx, rowan_status status, const char *name,
                        const char *remedy, const char *what) {
    char where[ROWAN_ERROR_WHERE];
    snprintf(where, sizeof where, "%.64s", rw_onnx_text(name));
    make_printable(where);
    return rw_error_set(onnx->error, status, where, remedy, "%s", what);
}

bool rw_onnx_node_error(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                        rowan_status status, const char *what, ...) {
    char where[ROWAN_ERROR_WHERE], text[ROWAN_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(text, sizeof text, what, arguments);
    va_end(arguments);
    make_printable(text);
    node_place(node, where, sizeof where);
    const char *remedy = status == ROWAN_UNSUPPORTED
                             ? "docs/formats.md lists what of ONNX is computed"
                             : "convert the model again";
    return rw_error_set(onnx->error, status, where, remedy, "%s", text);
}

/* ---- names to values --------------------------------------------------------------------- */

enum rw_graph_type rw_onnx_graph_type(int32_t type) {
    if (type == RW_ONNX_FLOAT)
        return RW_GRAPH_F32;
    return type == RW_ONNX_DOUBLE ? RW_GRAPH_F64 : RW_GRAPH_I64;
}

const struct rw_onnx_value *rw_onnx_input(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                          size_t index) {
    if (index >= node->n_input || !*rw_onnx_text(node->input[index]))
        return NULL;
    const uint32_t number = rw_onnx_names_find(&onnx->names, node->input[index]);
    return number < onnx->n_values && onnx->values[number].defined ? &onnx->values[number] : NULL;
}

rowan_status rw_onnx_need(const struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t index,
                          const struct rw_onnx_value **value) {
    *value = rw_onnx_input(onnx, node, index);
    if (*value)
        return ROWAN_OK;
    const char *name = index < node->n_input ? rw_onnx_text(node->input[index]) : "";
    return rw_onnx_malformed(onnx, node,
                             "its input %zu (%.64s) is not computed before it: missing, or a cycle",
                             index, name);
}

static bool reserve_values(struct rw_onnx *onnx, uint32_t count) {
    if (count <= onnx->n_values_capacity)
        return true;
    uint32_t capacity = onnx->n_values_capacity ? 2 * onnx->n_values_capacity : 64;
    struct rw_onnx_value *values = rw_arena_alloc(&onnx->forest->arena, capacity, sizeof *values);
    if (!values)
        return false;
    if (onnx->n_values)
        memcpy(values, onnx->values, onnx->n_values * sizeof *values);
    onnx->values = values;
    onnx->n_values_capacity = capacity;
    return true;
}

rowan_status rw_onnx_define(struct rw_onnx *onnx, const char *name,
                            const struct rw_onnx_value *value) {
    const struct rw_onnx_value copy = *value; /* growth moves the values */
    const uint32_t number = rw_onnx_names_add(&onnx->names, rw_onnx_text(name));
    if (number == RW_ONNX_NO_NAME || !reserve_values(onnx, number + 1))
        return rw_onnx_no_memory(onnx);
    if (number >= onnx->n_values)
        onnx->n_values = number + 1;
    if (onnx->values[number].defined)
        return rw_onnx_fail(onnx, ROWAN_MALFORMED, name, "convert the model again",
                            "a value is computed twice");
    onnx->values[number] = copy;
    onnx->values[number].defined = true;
    return ROWAN_OK;
}

rowan_status rw_onnx_output(struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t index,
                            const struct rw_onnx_value *value) {
    if (index >= node->n_output || !*rw_onnx_text(node->output[index]))
        return ROWAN_OK;
    return rw_onnx_define(onnx, node->output[index], value);
}

rowan_status rw_onnx_add(struct rw_onnx *onnx, const struct rw_graph_new *added, int32_t type,
                         struct rw_onnx_value *value) {
    *value = (struct rw_onnx_value){.type = type,
                                    .rank = 2,
                                    .dims = {-1, added->width},
                                    .width = added->width,
                                    .op = rw_graph_add(&onnx->builder, added)};
    return value->op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx) : ROWAN_OK;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

rowan_status rw_onnx_set_row(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                             uint32_t n_dims, const int64_t *dims, struct rw_onnx_value *value) {
    uint64_t width = 1;
    if (n_dims + 1 > RW_ONNX_MAX_RANK)
        return rw_onnx_unsupported(onnx, node, "has more than RW_ONNX_MAX_RANK (%u) dimensions",
                                   RW_ONNX_MAX_RANK);
    value->rank = n_dims + 1;
    value->dims[0] = -1;
    for (uint32_t i = 0; i < n_dims; i++) {
        if (dims[i] < 1 || dims[i] > RW_ONNX_MAX_WIDTH)
            return rw_onnx_unsupported(onnx, node, "has a dimension of %lld elements",
                                       (long long)dims[i]);
        value->dims[i + 1] = dims[i];
        width *= (uint64_t)dims[i];
        if (width > RW_ONNX_MAX_WIDTH)
            return rw_onnx_unsupported(onnx, node, "has more than RW_ONNX_MAX_WIDTH (%u) elements",
                                       RW_ONNX_MAX_WIDTH);
    }
    value->width = (uint32_t)width;
    return ROWAN_OK;
}

bool rw_onnx_axis(const struct rw_onnx_value *value, int64_t axis, uint32_t *dim) {
    if (axis < -(int64_t)value->rank || axis >= (int64_t)value->rank)
        return false;
    *dim = (uint32_t)(axis < 0 ? axis + value->rank : axis);
    return true;
}

rowan_status rw_onnx_axes(const struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t input,
                          const char *attribute, const int64_t **axes, size_t *n_axes) {
    *n_axes = rw_onnx_ints(node, attribute, axes);
    const struct rw_onnx_value *value = rw_onnx_input(onnx, node, input);
    if (!value)
        return ROWAN_OK;
    if (!value->constant || rw_onnx_graph_type(value->type) != RW_GRAPH_I64 || !value->numbers)
        return rw_onnx_unsupported(onnx, node, "its input %zu is not a constant", input);
    *axes = &value->numbers->integer; /* the union is as large as its integer */
    *n_axes = value->width;
    return ROWAN_OK;
}

/* ---- constants ------------------------------------------------------------------------------- */

rowan_status rw_onnx_row(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                         const struct rw_onnx_value *value, uint32_t *op) {
    if (!value->constant) {
        *op = value->op;
        return ROWAN_OK;
    }
    if (!value->numbers || value->width == 0 || value->width > RW_ONNX_MAX_WIDTH)
        return rw_onnx_unsupported(onnx, node, "takes a constant that no row can have");
    const struct rw_graph_new added = {.code = RW_GRAPH_CONSTANT,
                                       .type = rw_onnx_graph_type(value->type),
                                       .width = value->width,
                                       .n_numbers = value->width,
                                       .numbers = value->numbers};
    *op = rw_graph_add(&onnx->builder, &added);
    return *op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx) : ROWAN_OK;
}

static rowan_status bad_tensor(const struct rw_onnx *onnx, const Onnx__TensorProto *tensor,
                               rowan_status status, const char *what) {
    return rw_fail(onnx->error, status, rw_onnx_text(tensor->name), "convert the model again", "%s",
                   what);
}

/* What a tensor of numbers has, whichever of the fields holds it. */
struct source {
    const void *data;
    size_t count;
    size_t element;
};

static struct source raw(const Onnx__TensorProto *tensor, size_t element) {
    return (struct source){tensor->raw_data.data, tensor->raw_data.len / element, element};
}

static struct source find_numbers(const Onnx__TensorProto *tensor) {
    const bool is_raw = tensor->has_raw_data && tensor->raw_data.len > 0;
    switch (tensor->data_type) {
    case RW_ONNX_FLOAT:
        return is_raw ? raw(tensor, 4)
                      : (struct source){tensor->float_data, tensor->n_float_data, 4};
    case RW_ONNX_DOUBLE:
        return is_raw ? raw(tensor, 8)
                      : (struct source){tensor->double_data, tensor->n_double_data, 8};
    case RW_ONNX_INT64:
        return is_raw ? raw(tensor, 8)
                      : (struct source){tensor->int64_data, tensor->n_int64_data, 8};
    case RW_ONNX_INT32:
        return is_raw ? raw(tensor, 4)
                      : (struct source){tensor->int32_data, tensor->n_int32_data, 4};
    default: /* bool and uint8: a byte each where they are raw */
        return is_raw ? raw(tensor, 1)
                      : (struct source){tensor->int32_data, tensor->n_int32_data, 4};
    }
}

static union rw_graph_number number_of(const struct source *source, int32_t type, size_t i) {
    union rw_graph_number number = {.integer = 0};
    const char *at = (const char *)source->data + i * source->element;
    float single;
    int32_t integer;
    if (type == RW_ONNX_FLOAT) {
        memcpy(&single, at, sizeof single);
        number.real = (double)single;
    } else if (source->element == sizeof number) { /* double, int64 */
        memcpy(&number, at, sizeof number);
    } else if (source->element == sizeof integer) {
        memcpy(&integer, at, sizeof integer);
        number.integer = integer;
    } else {
        number.integer = *(const unsigned char *)at;
    }
    return number;
}

static rowan_status copy_strings(const struct rw_onnx *onnx, const Onnx__TensorProto *tensor,
                                 struct rw_onnx_value *value) {
    if (tensor->n_string_data != value->width)
        return bad_tensor(onnx, tensor, ROWAN_MALFORMED, "a tensor does not fill its shape");
    const char **strings = rw_arena_alloc(&onnx->forest->arena, value->width, sizeof *strings);
    for (uint32_t i = 0; strings && i < value->width; i++) {
        strings[i] = rw_onnx_copy(onnx, &tensor->string_data[i]);
        if (!strings[i])
            return bad_tensor(onnx, tensor, ROWAN_MALFORMED, "a string is not UTF-8, or too long");
    }
    value->strings = strings;
    return strings ? ROWAN_OK : rw_onnx_no_memory(onnx);
}

static rowan_status copy_numbers(const struct rw_onnx *onnx, const Onnx__TensorProto *tensor,
                                 struct rw_onnx_value *value) {
    const struct source source = find_numbers(tensor);
    if (source.count != value->width)
        return bad_tensor(onnx, tensor, ROWAN_MALFORMED, "a tensor does not fill its shape");
    union rw_graph_number *numbers =
        rw_arena_alloc(&onnx->forest->arena, value->width, sizeof *numbers);
    if (!numbers)
        return rw_onnx_no_memory(onnx);
    for (uint32_t i = 0; i < value->width; i++)
        numbers[i] = number_of(&source, tensor->data_type, i);
    value->numbers = numbers;
    return ROWAN_OK;
}

static rowan_status set_constant_dims(const struct rw_onnx *onnx, const Onnx__TensorProto *tensor,
                                      struct rw_onnx_value *value) {
    uint64_t width = 1;
    if (tensor->n_dims > RW_ONNX_MAX_RANK)
        return bad_tensor(onnx, tensor, ROWAN_UNSUPPORTED,
                          "a constant has more dimensions than RW_ONNX_MAX_RANK");
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] < 0 || tensor->dims[i] > UINT32_MAX ||
            (width *= (uint64_t)tensor->dims[i]) > UINT32_MAX / 2)
            return bad_tensor(onnx, tensor, ROWAN_LIMIT, "a constant has too many elements");
        value->dims[i] = tensor->dims[i];
    }
    value->rank = (uint32_t)tensor->n_dims;
    value->width = (uint32_t)width;
    return ROWAN_OK;
}

rowan_status rw_onnx_tensor(const struct rw_onnx *onnx, const Onnx__TensorProto *tensor,
                            struct rw_onnx_value *value) {
    *value = (struct rw_onnx_value){.constant = true, .type = tensor->data_type};
    if (tensor->n_external_data ||
        tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return bad_tensor(onnx, tensor, ROWAN_UNSUPPORTED, "data outside of the file");
    rowan_status status = set_constant_dims(onnx, tensor, value);
    if (status != ROWAN_OK)
        return status;
    switch (tensor->data_type) {
    case RW_ONNX_STRING:
        return copy_strings(onnx, tensor, value);
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        value->type = RW_ONNX_INT32;
        return copy_numbers(onnx, tensor, value);
    case RW_ONNX_FLOAT:
    case RW_ONNX_DOUBLE:
    case RW_ONNX_INT32:
    case RW_ONNX_INT64:
    case RW_ONNX_BOOL:
        return copy_numbers(onnx, tensor, value);
    default:
        return bad_tensor(onnx, tensor, ROWAN_UNSUPPORTED, "a constant of an unsupported type");
    }
}

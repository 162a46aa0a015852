/*
 * onnx_op_encode.c - operators of ai.onnx.ml that prepare columns.
 *
 * Strings: a string input is a number in the row, the code of a category; which
 * category has which code is decided here, in the order in which the graph names them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "model/onnx.h"

static rowan_status need_rows(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                              const struct rw_onnx_value **value) {
    rowan_status status = rw_onnx_need(onnx, node, 0, value);
    if (status == ROWAN_OK && (*value)->constant)
        return rw_onnx_unsupported(onnx, node, "a constant");
    return status;
}

static union rw_graph_number *new_numbers(const struct rw_onnx *onnx, uint64_t count) {
    return rw_arena_alloc(&onnx->forest->arena, count, sizeof(union rw_graph_number));
}

/* result = code(value; numbers), of the same shape */
static rowan_status same_shape(struct rw_onnx *onnx, const struct rw_onnx_value *value,
                               enum rw_graph_code code, int32_t type,
                               const union rw_graph_number *numbers, uint32_t n_numbers,
                               struct rw_onnx_value *result) {
    const struct rw_graph_new added = {.code = code,
                                       .type = rw_onnx_graph_type(type),
                                       .width = value->width,
                                       .n_operands = 1,
                                       .operands = &value->op,
                                       .n_numbers = n_numbers,
                                       .numbers = numbers};
    struct rw_onnx_value made = *value;
    made.type = type;
    made.codes = NULL;
    made.op = rw_graph_add(&onnx->builder, &added);
    *result = made;
    return made.op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx) : ROWAN_OK;
}

/* ---- scaler, imputer ------------------------------------------------------------------------ */

rowan_status rw_onnx_lower_scaler(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    const float *offset, *scale;
    const size_t n_offset = rw_onnx_floats(node, "offset", &offset);
    const size_t n_scale = rw_onnx_floats(node, "scale", &scale);
    rowan_status status = need_rows(onnx, node, &value);
    if (status != ROWAN_OK)
        return status;
    if (value->type == RW_ONNX_STRING || value->rank != 2 || n_offset == 0 || n_scale == 0 ||
        (n_offset != 1 && n_offset != value->width) || (n_scale != 1 && n_scale != value->width))
        return rw_onnx_unsupported(onnx, node, "%zu offsets and %zu scales for %u columns",
                                   n_offset, n_scale, value->width);
    union rw_graph_number *numbers = new_numbers(onnx, 2 * (uint64_t)value->width);
    if (!numbers)
        return rw_onnx_no_memory(onnx);
    for (uint32_t i = 0; i < value->width; i++) {
        numbers[i].real = (double)offset[n_offset == 1 ? 0 : i];
        numbers[value->width + i].real = (double)scale[n_scale == 1 ? 0 : i];
    }
    struct rw_onnx_value result;
    status =
        same_shape(onnx, value, RW_GRAPH_SCALE, RW_ONNX_FLOAT, numbers, 2 * value->width, &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

static rowan_status impute_numbers(const struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                   const struct rw_onnx_value *value,
                                   union rw_graph_number *numbers) {
    const bool integers = rw_onnx_graph_type(value->type) == RW_GRAPH_I64;
    const float *floats;
    const int64_t *ints;
    const size_t n_floats = rw_onnx_floats(node, "imputed_value_floats", &floats);
    const size_t n_ints = rw_onnx_ints(node, "imputed_value_int64s", &ints);
    const size_t n = integers ? n_ints : n_floats;
    if (n != 1 && n != value->width)
        return rw_onnx_unsupported(onnx, node, "%zu imputed values for %u columns", n,
                                   value->width);
    if (integers)
        numbers[0].integer = rw_onnx_int(node, "replaced_value_int64", 0);
    else
        numbers[0].real = (double)rw_onnx_float(node, "replaced_value_float", 0.0f);
    for (uint32_t i = 0; i < value->width; i++) {
        if (integers)
            numbers[1 + i].integer = ints[n == 1 ? 0 : i];
        else
            numbers[1 + i].real = (double)floats[n == 1 ? 0 : i];
    }
    return ROWAN_OK;
}

rowan_status rw_onnx_lower_imputer(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    struct rw_onnx_value result;
    rowan_status status = need_rows(onnx, node, &value);
    if (status != ROWAN_OK)
        return status;
    if (value->type == RW_ONNX_STRING || value->type == RW_ONNX_BOOL || value->rank != 2)
        return rw_onnx_unsupported(onnx, node, "anything but a table of numbers");
    union rw_graph_number *numbers = new_numbers(onnx, 1 + (uint64_t)value->width);
    if (!numbers)
        return rw_onnx_no_memory(onnx);
    status = impute_numbers(onnx, node, value, numbers);
    if (status == ROWAN_OK)
        status = same_shape(onnx, value, RW_GRAPH_IMPUTE, value->type, numbers, 1 + value->width,
                            &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

/* ---- one hot --------------------------------------------------------------------------------- */

/* Codes of `texts` in the one set of names that all elements of the value have. */
static rowan_status codes_of(const struct rw_onnx *onnx, struct rw_onnx_names *names,
                             const char *const *texts, size_t n, union rw_graph_number *numbers) {
    if (n && !texts)
        return rw_onnx_no_memory(onnx);
    for (size_t i = 0; i < n; i++) {
        const uint32_t code = rw_onnx_names_add(names, texts[i]);
        if (code == RW_ONNX_NO_NAME)
            return rw_onnx_no_memory(onnx);
        numbers[i].integer = code;
    }
    return ROWAN_OK;
}

static bool have_one_set(const struct rw_onnx_value *value) {
    for (uint32_t i = 1; i < value->width; i++)
        if (value->codes[i] != value->codes[0])
            return false;
    return true;
}

static rowan_status one_hot_categories(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                       const struct rw_onnx_value *value,
                                       union rw_graph_number **numbers, size_t *n) {
    const char *const *texts;
    const int64_t *ints;
    const bool strings = value->type == RW_ONNX_STRING;
    *n = strings ? rw_onnx_strings(onnx, node, "cats_strings", &texts)
                 : rw_onnx_ints(node, "cats_int64s", &ints);
    if (*n == 0 || *n > RW_ONNX_MAX_WIDTH)
        return rw_onnx_unsupported(onnx, node, "%zu categories of type %d", *n, value->type);
    *numbers = new_numbers(onnx, *n);
    if (!*numbers)
        return rw_onnx_no_memory(onnx);
    if (strings)
        return have_one_set(value)
                   ? codes_of(onnx, value->codes[0], texts, *n, *numbers)
                   : rw_onnx_unsupported(onnx, node, "several columns of strings at once");
    for (size_t i = 0; i < *n; i++)
        (*numbers)[i].integer = ints[i];
    return ROWAN_OK;
}

rowan_status rw_onnx_lower_one_hot(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_value *value;
    union rw_graph_number *numbers = NULL;
    size_t n_numbers = 0;
    rowan_status status = need_rows(onnx, node, &value);
    if (status == ROWAN_OK)
        status = one_hot_categories(onnx, node, value, &numbers, &n_numbers);
    if (status != ROWAN_OK)
        return status;
    int64_t dims[RW_ONNX_MAX_RANK];
    for (uint32_t i = 1; i < value->rank; i++)
        dims[i - 1] = value->dims[i];
    dims[value->rank - 1] = (int64_t)n_numbers;
    struct rw_onnx_value result = {.type = RW_ONNX_FLOAT};
    status = rw_onnx_set_row(onnx, node, value->rank, dims, &result);
    if (status != ROWAN_OK)
        return status;
    const struct rw_graph_new added = {.code = RW_GRAPH_ONE_HOT,
                                       .type = RW_GRAPH_F32,
                                       .width = result.width,
                                       .n_operands = 1,
                                       .operands = &value->op,
                                       .n_numbers = (uint32_t)n_numbers,
                                       .numbers = numbers};
    result.op = rw_graph_add(&onnx->builder, &added);
    return result.op == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx)
                                          : rw_onnx_output(onnx, node, 0, &result);
}

/* ---- label encoder: numbers of a lookup are default, keys, values ---------------------------- */

struct lookup {
    const struct rw_onnx_value *value;
    size_t n;                       /* keys */
    union rw_graph_number *numbers; /* [1 + 2 n] */
    int32_t type;                   /* of the result */
    struct rw_onnx_names *names;    /* of the result, where it is strings */
};

static rowan_status start_lookup(struct rw_onnx *onnx, const Onnx__NodeProto *node, size_t n,
                                 struct lookup *lookup) {
    lookup->n = n;
    if (n == 0 || n > RW_ONNX_MAX_WIDTH)
        return rw_onnx_unsupported(onnx, node, "%zu keys", n);
    lookup->numbers = new_numbers(onnx, 1 + 2 * (uint64_t)n);
    return lookup->numbers ? ROWAN_OK : rw_onnx_no_memory(onnx);
}

static rowan_status new_names(struct rw_onnx *onnx, struct lookup *lookup) {
    lookup->names = rw_arena_alloc(&onnx->forest->arena, 1, sizeof *lookup->names);
    if (!lookup->names)
        return rw_onnx_no_memory(onnx);
    lookup->names->arena = &onnx->forest->arena;
    return ROWAN_OK;
}

static rowan_status finish_lookup(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                  const struct lookup *lookup) {
    struct rw_onnx_value result;
    rowan_status status = same_shape(onnx, lookup->value, RW_GRAPH_LOOKUP, lookup->type,
                                     lookup->numbers, (uint32_t)(1 + 2 * lookup->n), &result);
    if (status != ROWAN_OK || !lookup->names)
        return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
    struct rw_onnx_names **codes =
        rw_arena_alloc(&onnx->forest->arena, result.width, sizeof *codes);
    if (!codes)
        return rw_onnx_no_memory(onnx);
    for (uint32_t i = 0; i < result.width; i++)
        codes[i] = lookup->names;
    result.codes = codes;
    return rw_onnx_output(onnx, node, 0, &result);
}

/* Keys or values of one kind: an attribute list, or (since opset 4) a tensor. */
static rowan_status read_list(struct rw_onnx *onnx, const Onnx__NodeProto *node, const char *prefix,
                              struct rw_onnx_value *list) {
    char name[32];
    const char *const *texts;
    const int64_t *ints;
    const float *floats;
    *list = (struct rw_onnx_value){.constant = true};
    snprintf(name, sizeof name, "%s_tensor", prefix);
    const Onnx__AttributeProto *tensor = rw_onnx_attribute(node, name);
    if (tensor && tensor->t)
        return rw_onnx_tensor(onnx, tensor->t, list);
    snprintf(name, sizeof name, "%s_strings", prefix);
    size_t n = rw_onnx_strings(onnx, node, name, &texts);
    list->type = RW_ONNX_STRING;
    list->strings = texts;
    if (n == 0) {
        snprintf(name, sizeof name, "%s_int64s", prefix);
        n = rw_onnx_ints(node, name, &ints);
        list->type = RW_ONNX_INT64;
    }
    if (n == 0) {
        snprintf(name, sizeof name, "%s_floats", prefix);
        n = rw_onnx_floats(node, name, &floats);
        list->type = RW_ONNX_FLOAT;
    }
    if (n > RW_ONNX_MAX_WIDTH)
        return rw_onnx_unsupported(onnx, node, "%zu %s", n, prefix);
    list->width = (uint32_t)n;
    union rw_graph_number *numbers = new_numbers(onnx, n);
    if (!numbers || (list->type == RW_ONNX_STRING && n && !texts))
        return rw_onnx_no_memory(onnx);
    for (size_t i = 0; i < n && list->type != RW_ONNX_STRING; i++) {
        if (list->type == RW_ONNX_INT64)
            numbers[i].integer = ints[i];
        else
            numbers[i].real = (double)floats[i];
    }
    list->numbers = numbers;
    return ROWAN_OK;
}

/* What an unknown key becomes. */
static rowan_status read_default(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                 struct lookup *lookup) {
    struct rw_onnx_value given;
    const Onnx__AttributeProto *tensor = rw_onnx_attribute(node, "default_tensor");
    if (tensor && tensor->t) {
        rowan_status status = rw_onnx_tensor(onnx, tensor->t, &given);
        if (status != ROWAN_OK)
            return status;
        if (given.width != 1 || given.type != lookup->type)
            return rw_onnx_malformed(onnx, node, "a default that is not one value");
        if (lookup->type == RW_ONNX_STRING)
            return codes_of(onnx, lookup->names, given.strings, 1, lookup->numbers);
        lookup->numbers[0] = given.numbers[0];
        return ROWAN_OK;
    }
    if (lookup->type == RW_ONNX_STRING) {
        const Onnx__AttributeProto *text = rw_onnx_attribute(node, "default_string");
        const char *copy = text && text->has_s ? rw_onnx_copy(onnx, &text->s) : "_Unused";
        return codes_of(onnx, lookup->names, copy ? &copy : NULL, 1, lookup->numbers);
    }
    if (lookup->type == RW_ONNX_INT64)
        lookup->numbers[0].integer = rw_onnx_int(node, "default_int64", -1);
    else
        lookup->numbers[0].real = (double)rw_onnx_float(node, "default_float", -0.0f);
    return ROWAN_OK;
}

/* Keys of strings become codes of the value's names, values codes of new names. */
static rowan_status fill_lookup(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                const struct rw_onnx_value *keys,
                                const struct rw_onnx_value *values, struct lookup *lookup) {
    const struct rw_onnx_value *value = lookup->value;
    union rw_graph_number *to = lookup->numbers + 1;
    rowan_status status = ROWAN_OK;
    lookup->type = values->type;
    if (value->type == RW_ONNX_STRING) {
        if (!have_one_set(value))
            return rw_onnx_unsupported(onnx, node, "several columns of strings at once");
        status = codes_of(onnx, value->codes[0], keys->strings, lookup->n, to);
    } else {
        memcpy(to, keys->numbers, lookup->n * sizeof *to);
    }
    if (status == ROWAN_OK && values->type == RW_ONNX_STRING) {
        status = new_names(onnx, lookup);
        if (status == ROWAN_OK)
            status = codes_of(onnx, lookup->names, values->strings, lookup->n, to + lookup->n);
    } else {
        if (status == ROWAN_OK)
            memcpy(to + lookup->n, values->numbers, lookup->n * sizeof *to);
    }
    return status == ROWAN_OK ? read_default(onnx, node, lookup) : status;
}

rowan_status rw_onnx_lower_label_encoder(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    struct lookup lookup = {0};
    struct rw_onnx_value keys, values;
    rowan_status status = need_rows(onnx, node, &lookup.value);
    if (status == ROWAN_OK)
        status = read_list(onnx, node, "keys", &keys);
    if (status == ROWAN_OK)
        status = read_list(onnx, node, "values", &values);
    if (status != ROWAN_OK)
        return status;
    if (keys.width != values.width || keys.type != lookup.value->type)
        return rw_onnx_malformed(onnx, node, "%u keys of type %d and %u values for type %d",
                                 keys.width, keys.type, values.width, lookup.value->type);
    status = start_lookup(onnx, node, keys.width, &lookup);
    if (status == ROWAN_OK)
        status = fill_lookup(onnx, node, &keys, &values, &lookup);
    return status == ROWAN_OK ? finish_lookup(onnx, node, &lookup) : status;
}

/* Version 1: strings to their place in a list. */
rowan_status rw_onnx_lower_label_encoder_1(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    struct lookup lookup = {.type = RW_ONNX_INT64};
    const char *const *texts;
    rowan_status status = need_rows(onnx, node, &lookup.value);
    if (status != ROWAN_OK)
        return status;
    if (lookup.value->type != RW_ONNX_STRING || !have_one_set(lookup.value))
        return rw_onnx_unsupported(onnx, node, "anything but one column of strings");
    status =
        start_lookup(onnx, node, rw_onnx_strings(onnx, node, "classes_strings", &texts), &lookup);
    if (status == ROWAN_OK)
        status = codes_of(onnx, lookup.value->codes[0], texts, lookup.n, lookup.numbers + 1);
    if (status != ROWAN_OK)
        return status;
    lookup.numbers[0].integer = rw_onnx_int(node, "default_int64", -1);
    for (size_t i = 0; i < lookup.n; i++)
        lookup.numbers[1 + lookup.n + i].integer = (int64_t)i;
    return finish_lookup(onnx, node, &lookup);
}

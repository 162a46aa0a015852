/*
 * op_encode.c - operations of ai.onnx.ml that prepare columns: scale, impute, one hot,
 * lookup.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "graph/op.h"

static double number(const void *in, uint32_t type, size_t i) {
    if (type == RW_GRAPH_F32)
        return (double)((const float *)in)[i];
    return type == RW_GRAPH_F64 ? ((const double *)in)[i] : (double)((const int64_t *)in)[i];
}

/* ---- scale: (x - offset) * scale in the precision of x, then rounded to float ---------- */

bool rw_graph_check_scale(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 1 && op->type == RW_GRAPH_F32 &&
           rw_graph_operand(graph, op, 0)->width == op->width &&
           op->n_numbers == 2 * (uint64_t)op->width;
}

void rw_graph_run_scale(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const union rw_graph_number *offset = rw_graph_numbers(block->graph, op);
    const union rw_graph_number *scale = offset + op->width;
    const uint32_t type = rw_graph_operand(block->graph, op, 0)->type;
    const void *in = rw_graph_in(block, op, 0);
    float *out = rw_graph_value(block, op);
    for (size_t at = 0; at < block->n_rows * op->width; at += op->width)
        for (size_t i = 0; i < op->width; i++) {
            if (type == RW_GRAPH_F64)
                out[at + i] =
                    (float)((((const double *)in)[at + i] - offset[i].real) * scale[i].real);
            else
                out[at + i] = ((float)number(in, type, at + i) - (float)offset[i].real) *
                              (float)scale[i].real;
        }
}

/* ---- impute --------------------------------------------------------------------------- */

bool rw_graph_check_impute(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 1 && rw_graph_operand(graph, op, 0)->width == op->width &&
           rw_graph_operand(graph, op, 0)->type == op->type &&
           op->n_numbers == 1 + (uint64_t)op->width;
}

static void impute_f32(const union rw_graph_number *numbers, const float *in, size_t n,
                       size_t width, float *out) {
    const float replaced = (float)numbers[0].real;
    for (size_t at = 0; at < n; at += width)
        for (size_t i = 0; i < width; i++) {
            const float x = in[at + i];
            const bool hit = isnan(replaced) ? isnan(x) : x == replaced;
            out[at + i] = hit ? (float)numbers[1 + i].real : x;
        }
}

static void impute_f64(const union rw_graph_number *numbers, const double *in, size_t n,
                       size_t width, double *out) {
    const double replaced = numbers[0].real;
    for (size_t at = 0; at < n; at += width)
        for (size_t i = 0; i < width; i++) {
            const double x = in[at + i];
            const bool hit = isnan(replaced) ? isnan(x) : x == replaced;
            out[at + i] = hit ? numbers[1 + i].real : x;
        }
}

static void impute_i64(const union rw_graph_number *numbers, const int64_t *in, size_t n,
                       size_t width, int64_t *out) {
    for (size_t at = 0; at < n; at += width)
        for (size_t i = 0; i < width; i++)
            out[at + i] = in[at + i] == numbers[0].integer ? numbers[1 + i].integer : in[at + i];
}

void rw_graph_run_impute(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const union rw_graph_number *numbers = rw_graph_numbers(block->graph, op);
    const void *in = rw_graph_in(block, op, 0);
    void *out = rw_graph_value(block, op);
    const size_t n = block->n_rows * op->width;
    if (op->type == RW_GRAPH_F32)
        impute_f32(numbers, in, n, op->width, out);
    else if (op->type == RW_GRAPH_F64)
        impute_f64(numbers, in, n, op->width, out);
    else
        impute_i64(numbers, in, n, op->width, out);
}

/* ---- one hot: numbers are truncated to integers first ----------------------------------- */

bool rw_graph_check_one_hot(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 1 && op->type == RW_GRAPH_F32 && op->n_numbers != 0 &&
           op->width == (uint64_t)op->n_numbers * rw_graph_operand(graph, op, 0)->width;
}

/* What no category can be becomes none. */
static bool to_code(const void *in, uint32_t type, size_t i, int64_t *code) {
    if (type == RW_GRAPH_I64) {
        *code = ((const int64_t *)in)[i];
        return true;
    }
    const double x = number(in, type, i);
    const bool fits = x >= -0x1p63 && x < 0x1p63;
    *code = fits ? (int64_t)x : 0;
    return fits;
}

void rw_graph_run_one_hot(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const union rw_graph_number *categories = rw_graph_numbers(block->graph, op);
    const struct rw_graph_op *operand = rw_graph_operand(block->graph, op, 0);
    const void *in = rw_graph_in(block, op, 0);
    float *out = rw_graph_value(block, op);
    for (size_t i = 0; i < block->n_rows * operand->width; i++) {
        int64_t code;
        const bool known = to_code(in, operand->type, i, &code);
        for (uint32_t k = 0; k < op->n_numbers; k++)
            *out++ = known && code == categories[k].integer ? 1.0f : 0.0f;
    }
}

/* ---- lookup ------------------------------------------------------------------------------ */

bool rw_graph_check_lookup(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 1 && rw_graph_operand(graph, op, 0)->width == op->width &&
           op->n_numbers % 2 == 1;
}

static bool is_key(const union rw_graph_number *key, const void *in, uint32_t type, size_t i) {
    if (type == RW_GRAPH_I64)
        return ((const int64_t *)in)[i] == key->integer;
    const double x = number(in, type, i);
    return x == key->real || (isnan(x) && isnan(key->real));
}

void rw_graph_run_lookup(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const union rw_graph_number *numbers = rw_graph_numbers(block->graph, op);
    const uint32_t type = rw_graph_operand(block->graph, op, 0)->type;
    const uint32_t n_keys = (op->n_numbers - 1) / 2;
    const void *in = rw_graph_in(block, op, 0);
    void *out = rw_graph_value(block, op);
    for (size_t i = 0; i < block->n_rows * op->width; i++) {
        uint32_t hit = 1;
        while (hit <= n_keys && !is_key(&numbers[hit], in, type, i))
            hit++;
        const union rw_graph_number *value = &numbers[hit <= n_keys ? hit + n_keys : 0];
        if (op->type == RW_GRAPH_F32)
            ((float *)out)[i] = (float)value->real;
        else
            ((union rw_graph_number *)out)[i] = *value;
    }
}

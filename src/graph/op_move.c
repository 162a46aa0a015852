/*
 * op_move.c - operations that move or convert values: input, constant, concat, select,
 * cast.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "graph/op.h"

/* As x86 converts: what is no number, or does not fit, becomes the smallest integer. */
static int64_t to_integer(double x) {
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
}

/* ---- input ------------------------------------------------------------------- */

bool rw_graph_check_input(const struct rw_graph *graph, const struct rw_graph_op *op) {
    const struct rw_graph_header *header = graph->header;
    return op->n_operands == 0 && op->detail < header->n_features &&
           op->width <= header->n_features - op->detail;
}

static double column(const struct rw_graph_block *block, size_t index) {
    return block->rows64 ? ((const double *)block->rows)[index]
                         : (double)((const float *)block->rows)[index];
}

static void input_f32(const struct rw_graph_block *block, const struct rw_graph_op *op,
                      float *out) {
    const size_t n_features = block->graph->header->n_features;
    for (size_t row = 0; row < block->n_rows; row++)
        for (size_t i = 0; i < op->width; i++)
            *out++ = (float)column(block, row * n_features + op->detail + i);
}

static void input_f64(const struct rw_graph_block *block, const struct rw_graph_op *op,
                      double *out) {
    const size_t n_features = block->graph->header->n_features;
    for (size_t row = 0; row < block->n_rows; row++)
        for (size_t i = 0; i < op->width; i++)
            *out++ = column(block, row * n_features + op->detail + i);
}

static void input_i64(const struct rw_graph_block *block, const struct rw_graph_op *op,
                      int64_t *out) {
    const size_t n_features = block->graph->header->n_features;
    for (size_t row = 0; row < block->n_rows; row++)
        for (size_t i = 0; i < op->width; i++)
            *out++ = to_integer(column(block, row * n_features + op->detail + i));
}

void rw_graph_run_input(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    void *out = rw_graph_value(block, op);
    if (op->type == RW_GRAPH_F32)
        input_f32(block, op, out);
    else if (op->type == RW_GRAPH_F64)
        input_f64(block, op, out);
    else
        input_i64(block, op, out);
}

/* ---- constant ---------------------------------------------------------------- */

bool rw_graph_check_constant(const struct rw_graph *graph, const struct rw_graph_op *op) {
    (void)graph;
    return op->n_operands == 0 && op->n_numbers == op->width;
}

void rw_graph_run_constant(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const union rw_graph_number *numbers = rw_graph_numbers(block->graph, op);
    void *out = rw_graph_value(block, op);
    if (op->type != RW_GRAPH_F32) { /* the numbers are stored as they are computed with */
        for (size_t row = 0; row < block->n_rows; row++)
            memcpy((char *)out + row * op->width * sizeof *numbers, numbers,
                   op->width * sizeof *numbers);
        return;
    }
    float *to = out;
    for (size_t row = 0; row < block->n_rows; row++)
        for (size_t i = 0; i < op->width; i++)
            *to++ = (float)numbers[i].real;
}

/* ---- concat ------------------------------------------------------------------ */

bool rw_graph_check_concat(const struct rw_graph *graph, const struct rw_graph_op *op) {
    uint64_t width = 0;
    for (uint32_t i = 0; i < op->n_operands; i++) {
        const struct rw_graph_op *operand = rw_graph_operand(graph, op, i);
        if (operand->type != op->type)
            return false;
        width += operand->width;
    }
    return width == op->width;
}

void rw_graph_run_concat(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const size_t element = rw_graph_type_bytes(op->type), stride = op->width * element;
    char *out = rw_graph_value(block, op);
    for (uint32_t i = 0; i < op->n_operands; i++) {
        const size_t bytes = rw_graph_operand(block->graph, op, i)->width * element;
        const char *in = rw_graph_in(block, op, i);
        for (size_t row = 0; row < block->n_rows; row++)
            memcpy(out + row * stride, in + row * bytes, bytes);
        out += bytes;
    }
}

/* ---- select ------------------------------------------------------------------ */

bool rw_graph_check_select(const struct rw_graph *graph, const struct rw_graph_op *op) {
    if (op->n_operands != 1 || op->n_numbers != op->width)
        return false;
    const struct rw_graph_op *operand = rw_graph_operand(graph, op, 0);
    const union rw_graph_number *numbers = rw_graph_numbers(graph, op);
    for (uint32_t i = 0; i < op->width; i++)
        if (numbers[i].integer < 0 || numbers[i].integer >= operand->width)
            return false;
    return operand->type == op->type;
}

void rw_graph_run_select(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const union rw_graph_number *numbers = rw_graph_numbers(block->graph, op);
    const size_t width = rw_graph_operand(block->graph, op, 0)->width;
    const void *from = rw_graph_in(block, op, 0);
    void *to = rw_graph_value(block, op);
    if (op->type == RW_GRAPH_F32) {
        const float *in = from;
        float *out = to;
        for (size_t row = 0; row < block->n_rows; row++, in += width)
            for (size_t i = 0; i < op->width; i++)
                *out++ = in[numbers[i].integer];
        return;
    }
    const uint64_t *in = from; /* doubles and integers alike */
    uint64_t *out = to;
    for (size_t row = 0; row < block->n_rows; row++, in += width)
        for (size_t i = 0; i < op->width; i++)
            *out++ = in[numbers[i].integer];
}

/* ---- cast -------------------------------------------------------------------- */

/* detail 1: to a truth value */
bool rw_graph_check_cast(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 1 && rw_graph_operand(graph, op, 0)->width == op->width &&
           op->detail <= 1 && (op->detail == 0 || op->type == RW_GRAPH_I64);
}

static double element(const void *in, uint32_t type, size_t i) {
    return type == RW_GRAPH_F32 ? (double)((const float *)in)[i] : ((const double *)in)[i];
}

static void cast_to_i64(const void *in, uint32_t type, bool truth, size_t n, int64_t *out) {
    for (size_t i = 0; i < n; i++) {
        if (type == RW_GRAPH_I64)
            out[i] = truth ? ((const int64_t *)in)[i] != 0 : ((const int64_t *)in)[i];
        else
            out[i] = truth ? element(in, type, i) != 0.0 : to_integer(element(in, type, i));
    }
}

void rw_graph_run_cast(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const uint32_t type = rw_graph_operand(block->graph, op, 0)->type;
    const void *in = rw_graph_in(block, op, 0);
    void *out = rw_graph_value(block, op);
    const size_t n = block->n_rows * op->width;
    if (op->type == RW_GRAPH_I64) {
        cast_to_i64(in, type, op->detail, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (op->type == RW_GRAPH_F32)
            ((float *)out)[i] = type == RW_GRAPH_I64 ? (float)((const int64_t *)in)[i]
                                                     : (float)element(in, type, i);
        else
            ((double *)out)[i] =
                type == RW_GRAPH_I64 ? (double)((const int64_t *)in)[i] : element(in, type, i);
    }
}

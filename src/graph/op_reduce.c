/*
 * op_reduce.c - operations on the whole row of one value: sums, extremes, argmax,
 * softmax, norms.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>

#include "forest/link.h"
#include "graph/op.h"

/* ---- sums -------------------------------------------------------------------------- */

bool rw_graph_check_sum(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 1 && op->width == 1 &&
           rw_graph_operand(graph, op, 0)->type == op->type;
}

/* types cannot be put in parentheses: NOLINTBEGIN(bugprone-macro-parentheses) */
#define SUM(type)                                                                                  \
    do {                                                                                           \
        const type *in = rw_graph_in(block, op, 0);                                                \
        type *out = rw_graph_value(block, op);                                                     \
        for (size_t row = 0; row < block->n_rows; row++, in += width) {                            \
            type sum = 0;                                                                          \
            for (size_t i = 0; i < width; i++)                                                     \
                sum += op->code == RW_GRAPH_SUM_SQUARE ? in[i] * in[i] : in[i];                    \
            out[row] = op->code == RW_GRAPH_MEAN ? sum / (type)width : sum;                        \
        }                                                                                          \
    } while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

/* Integers wrap around instead of overflowing. */
static void sum_integers(const struct rw_graph_block *block, const struct rw_graph_op *op,
                         size_t width) {
    const uint64_t *in = rw_graph_in(block, op, 0);
    int64_t *out = rw_graph_value(block, op);
    for (size_t row = 0; row < block->n_rows; row++, in += width) {
        uint64_t sum = 0;
        for (size_t i = 0; i < width; i++)
            sum += op->code == RW_GRAPH_SUM_SQUARE ? in[i] * in[i] : in[i];
        /* widths are proved: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
        out[row] = op->code == RW_GRAPH_MEAN ? (int64_t)sum / (int64_t)width : (int64_t)sum;
    }
}

void rw_graph_run_sum(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const size_t width = rw_graph_operand(block->graph, op, 0)->width;
    if (op->type == RW_GRAPH_F32)
        SUM(float);
    else if (op->type == RW_GRAPH_F64)
        SUM(double);
    else
        sum_integers(block, op, width);
}

/* ---- extremes ----------------------------------------------------------------------- */

bool rw_graph_check_extreme(const struct rw_graph *graph, const struct rw_graph_op *op) {
    if (op->n_operands != 1)
        return false;
    const struct rw_graph_op *operand = rw_graph_operand(graph, op, 0);
    return operand->type == op->type && operand->width % op->width == 0;
}

/* types cannot be put in parentheses: NOLINTBEGIN(bugprone-macro-parentheses) */
#define EXTREME(type)                                                                              \
    do {                                                                                           \
        const type *in = rw_graph_in(block, op, 0);                                                \
        type *out = rw_graph_value(block, op);                                                     \
        for (size_t row = 0; row < block->n_rows; row++, in += width)                              \
            for (size_t i = 0; i < op->width; i++) {                                               \
                type best = in[i];                                                                 \
                for (size_t j = i + op->width; j < width; j += op->width)                          \
                    if (op->code == RW_GRAPH_LARGEST ? in[j] > best : in[j] < best)                \
                        best = in[j];                                                              \
                *out++ = best;                                                                     \
            }                                                                                      \
    } while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

void rw_graph_run_extreme(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const size_t width = rw_graph_operand(block->graph, op, 0)->width;
    if (op->type == RW_GRAPH_F32)
        EXTREME(float);
    else if (op->type == RW_GRAPH_F64)
        EXTREME(double);
    else
        EXTREME(int64_t);
}

/* ---- argmax ------------------------------------------------------------------------- */

bool rw_graph_check_argmax(const struct rw_graph *graph, const struct rw_graph_op *op) {
    (void)graph;
    return op->n_operands == 1 && op->width == 1 && op->type == RW_GRAPH_I64;
}

#define ARGMAX(type)                                                                               \
    do {                                                                                           \
        const type *in = rw_graph_in(block, op, 0);                                                \
        for (size_t row = 0; row < block->n_rows; row++, in += width) {                            \
            size_t best = 0;                                                                       \
            for (size_t i = 1; i < width; i++)                                                     \
                if (in[i] > in[best])                                                              \
                    best = i;                                                                      \
            out[row] = (int64_t)best;                                                              \
        }                                                                                          \
    } while (0)

void rw_graph_run_argmax(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const struct rw_graph_op *operand = rw_graph_operand(block->graph, op, 0);
    const size_t width = operand->width;
    int64_t *out = rw_graph_value(block, op);
    if (operand->type == RW_GRAPH_F32)
        ARGMAX(float);
    else if (operand->type == RW_GRAPH_F64)
        ARGMAX(double);
    else
        ARGMAX(int64_t);
}

/* ---- softmax ------------------------------------------------------------------------ */

bool rw_graph_check_softmax(const struct rw_graph *graph, const struct rw_graph_op *op) {
    if (op->n_operands != 1)
        return false;
    const struct rw_graph_op *operand = rw_graph_operand(graph, op, 0);
    return operand->type == op->type && operand->width == op->width && op->type != RW_GRAPH_I64;
}

static void softmax_f64(const double *in, size_t width, double *out) {
    double largest = in[0], sum = 0.0;
    for (size_t i = 1; i < width; i++)
        largest = in[i] > largest ? in[i] : largest;
    for (size_t i = 0; i < width; i++)
        sum += out[i] = exp(in[i] - largest);
    for (size_t i = 0; i < width; i++)
        out[i] /= sum;
}

static void softmax_f32(const float *in, size_t width, float *out) {
    for (size_t i = 0; i < width; i++)
        out[i] = in[i];
    rw_onnx_softmax(out, width);
}

void rw_graph_run_softmax(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const void *in = rw_graph_in(block, op, 0);
    void *out = rw_graph_value(block, op);
    for (size_t at = 0; at < block->n_rows * op->width; at += op->width) {
        if (op->type == RW_GRAPH_F32)
            softmax_f32((const float *)in + at, op->width, (float *)out + at);
        else
            softmax_f64((const double *)in + at, op->width, (double *)out + at);
    }
}

/* ---- normalizer: float whatever comes in ---------------------------------------------- */

bool rw_graph_check_normalize(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 1 && rw_graph_operand(graph, op, 0)->width == op->width &&
           rw_graph_operand(graph, op, 0)->type != RW_GRAPH_I64 && op->type == RW_GRAPH_F32 &&
           op->detail <= RW_GRAPH_NORM_L2;
}

static double number(const void *in, uint32_t type, size_t i) {
    return type == RW_GRAPH_F32 ? (double)((const float *)in)[i] : ((const double *)in)[i];
}

static float square(const void *in, uint32_t type, size_t i) {
    if (type == RW_GRAPH_F32)
        return ((const float *)in)[i] * ((const float *)in)[i];
    return (float)(((const double *)in)[i] * ((const double *)in)[i]);
}

/* What the row is divided by: its largest element, the sum of sizes or of squares. */
static float norm(uint32_t kind, const void *in, uint32_t type, size_t at, size_t width) {
    float norm = kind == RW_GRAPH_NORM_MAX ? -FLT_MAX : 0.0f;
    for (size_t i = at; i < at + width; i++) {
        const float x = (float)number(in, type, i);
        if (kind == RW_GRAPH_NORM_MAX)
            norm = norm < x ? x : norm;
        else
            norm += kind == RW_GRAPH_NORM_L1 ? fabsf(x) : square(in, type, i);
    }
    return norm;
}

void rw_graph_run_normalize(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const uint32_t type = rw_graph_operand(block->graph, op, 0)->type;
    const void *in = rw_graph_in(block, op, 0);
    float *out = rw_graph_value(block, op);
    for (size_t at = 0; at < block->n_rows * op->width; at += op->width) {
        const float divisor = norm(op->detail, in, type, at, op->width);
        for (size_t i = at; i < at + op->width; i++) {
            const float x = (float)number(in, type, i);
            if (divisor == 0.0f)
                out[i] = x;
            else if (op->detail != RW_GRAPH_NORM_L2)
                out[i] = x / divisor;
            else
                out[i] = copysignf(sqrtf(square(in, type, i) / divisor), x < 0.0f ? -1.0f : 1.0f);
        }
    }
}

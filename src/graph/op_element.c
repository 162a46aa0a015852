/*
 * op_element.c - operations element by element: arithmetic, comparisons, logic,
 * functions of one number.
 *
 * NaN, where two numbers are compared: no comparison holds; min and max give NaN, as
 * ONNX Runtime does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "graph/op.h"

/* ---- two operands --------------------------------------------------------------- */

static bool pair_fits(const struct rw_graph *graph, const struct rw_graph_op *op, uint32_t first) {
    const struct rw_graph_op *a = rw_graph_operand(graph, op, first);
    const struct rw_graph_op *b = rw_graph_operand(graph, op, first + 1);
    return a->type == b->type && (a->width == op->width || a->width == 1) &&
           (b->width == op->width || b->width == 1);
}

bool rw_graph_check_arithmetic(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 2 && pair_fits(graph, op, 0) &&
           rw_graph_operand(graph, op, 0)->type == op->type &&
           !(op->code == RW_GRAPH_POW && op->type == RW_GRAPH_I64);
}

bool rw_graph_check_compare(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 2 && op->type == RW_GRAPH_I64 && pair_fits(graph, op, 0);
}

bool rw_graph_check_logic(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return rw_graph_check_compare(graph, op) &&
           rw_graph_operand(graph, op, 0)->type == RW_GRAPH_I64;
}

/* out = f(a, b) for each element; an operand of width 1 has one element a row. */
/* types cannot be put in parentheses: NOLINTBEGIN(bugprone-macro-parentheses) */
#define EACH_PAIR(in_type, out_type, expression)                                                   \
    do {                                                                                           \
        const in_type *a_row = rw_graph_in(block, op, 0), *b_row = rw_graph_in(block, op, 1);      \
        const size_t a_width = rw_graph_operand(block->graph, op, 0)->width;                       \
        const size_t b_width = rw_graph_operand(block->graph, op, 1)->width;                       \
        const size_t a_step = a_width == op->width, b_step = b_width == op->width;                 \
        out_type *out = rw_graph_value(block, op);                                                 \
        for (size_t row = 0; row < block->n_rows; row++, a_row += a_width, b_row += b_width)       \
            for (size_t i = 0; i < op->width; i++) {                                               \
                const in_type a = a_row[i * a_step], b = b_row[i * b_step];                        \
                *out++ = (expression);                                                             \
            }                                                                                      \
    } while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

static void arithmetic_f32(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    switch (op->code) {
    case RW_GRAPH_ADD:
        EACH_PAIR(float, float, a + b);
        return;
    case RW_GRAPH_SUB:
        EACH_PAIR(float, float, a - b);
        return;
    case RW_GRAPH_MUL:
        EACH_PAIR(float, float, a *b);
        return;
    case RW_GRAPH_DIV:
        EACH_PAIR(float, float, a / b);
        return;
    case RW_GRAPH_MIN:
        EACH_PAIR(float, float, isnan(a) || a < b ? a : b);
        return;
    case RW_GRAPH_MAX:
        EACH_PAIR(float, float, isnan(a) || a > b ? a : b);
        return;
    default:
        EACH_PAIR(float, float, powf(a, b));
    }
}

static void arithmetic_f64(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    switch (op->code) {
    case RW_GRAPH_ADD:
        EACH_PAIR(double, double, a + b);
        return;
    case RW_GRAPH_SUB:
        EACH_PAIR(double, double, a - b);
        return;
    case RW_GRAPH_MUL:
        EACH_PAIR(double, double, a *b);
        return;
    case RW_GRAPH_DIV:
        EACH_PAIR(double, double, a / b);
        return;
    case RW_GRAPH_MIN:
        EACH_PAIR(double, double, isnan(a) || a < b ? a : b);
        return;
    case RW_GRAPH_MAX:
        EACH_PAIR(double, double, isnan(a) || a > b ? a : b);
        return;
    default:
        EACH_PAIR(double, double, pow(a, b));
    }
}

/* Wraps around, and gives 0 for what has no quotient: never a trap. */
static int64_t quotient(int64_t a, int64_t b) {
    return b == 0 || (a == INT64_MIN && b == -1) ? 0 : a / b;
}

static void arithmetic_i64(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    switch (op->code) {
    case RW_GRAPH_ADD:
        EACH_PAIR(int64_t, int64_t, (int64_t)((uint64_t)a + (uint64_t)b));
        return;
    case RW_GRAPH_SUB:
        EACH_PAIR(int64_t, int64_t, (int64_t)((uint64_t)a - (uint64_t)b));
        return;
    case RW_GRAPH_MUL:
        EACH_PAIR(int64_t, int64_t, (int64_t)((uint64_t)a * (uint64_t)b));
        return;
    case RW_GRAPH_DIV:
        EACH_PAIR(int64_t, int64_t, quotient(a, b));
        return;
    case RW_GRAPH_MIN:
        EACH_PAIR(int64_t, int64_t, a < b ? a : b);
        return;
    default:
        EACH_PAIR(int64_t, int64_t, a > b ? a : b);
    }
}

void rw_graph_run_arithmetic(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    if (op->type == RW_GRAPH_F32)
        arithmetic_f32(block, op);
    else if (op->type == RW_GRAPH_F64)
        arithmetic_f64(block, op);
    else
        arithmetic_i64(block, op);
}

#define COMPARE(type)                                                                              \
    do {                                                                                           \
        if (op->code == RW_GRAPH_EQUAL)                                                            \
            EACH_PAIR(type, int64_t, a == b);                                                      \
        else if (op->code == RW_GRAPH_LESS)                                                        \
            EACH_PAIR(type, int64_t, a < b);                                                       \
        else                                                                                       \
            EACH_PAIR(type, int64_t, a <= b);                                                      \
    } while (0)

void rw_graph_run_compare(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    switch (rw_graph_operand(block->graph, op, 0)->type) {
    case RW_GRAPH_F32:
        COMPARE(float);
        return;
    case RW_GRAPH_F64:
        COMPARE(double);
        return;
    default:
        COMPARE(int64_t);
    }
}

void rw_graph_run_logic(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    if (op->code == RW_GRAPH_AND)
        EACH_PAIR(int64_t, int64_t, a && b);
    else if (op->code == RW_GRAPH_OR)
        EACH_PAIR(int64_t, int64_t, a || b);
    else
        EACH_PAIR(int64_t, int64_t, !a != !b);
}

/* ---- one operand ------------------------------------------------------------------ */

bool rw_graph_check_unary(const struct rw_graph *graph, const struct rw_graph_op *op) {
    if (op->n_operands != 1)
        return false;
    const struct rw_graph_op *operand = rw_graph_operand(graph, op, 0);
    bool integers =
        op->code == RW_GRAPH_NOT || op->code == RW_GRAPH_NEG || op->code == RW_GRAPH_ABS;
    return operand->width == op->width && operand->type == op->type &&
           (op->type == RW_GRAPH_I64 ? integers : op->code != RW_GRAPH_NOT);
}

bool rw_graph_check_is_nan(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return op->n_operands == 1 && op->type == RW_GRAPH_I64 &&
           rw_graph_operand(graph, op, 0)->width == op->width;
}

/* The quotient of two polynomials in x^2 that ONNX Runtime evaluates (and Eigen), with one
 * rounding for each multiplication and addition; off by up to 1e-7 from the sigmoid. */
static float sigmoid(float x) {
    static const float p[] = {4.37031012579801e-11f, 1.15627324459942e-07f, 6.08574864600143e-05f,
                              8.51377133304701e-03f, 2.48287947061529e-01f};
    static const float q[] = {6.10247389755681e-13f, 5.76102136993427e-09f, 6.29106785017040e-06f,
                              1.70198817374094e-03f, 1.16817656904453e-01f, 9.93151921023180e-01f};
    x = x < -18.0f ? -18.0f : x > 18.0f ? 18.0f : x;
    const float square = x * x;
    float above = p[0], below = q[0];
    for (size_t i = 1; i < sizeof p / sizeof *p; i++)
        above = fmaf(above, square, p[i]);
    for (size_t i = 1; i < sizeof q / sizeof *q; i++)
        below = fmaf(below, square, q[i]);
    const float y = x * above / below + 0.5f;
    return y < 0.0f ? 0.0f : y;
}

/* As ONNX Runtime: small probabilities are what is left of 1. */
static double sigmoid_wide(double x) {
    const double p = 1.0 / (1.0 + exp(-fabs(x)));
    return x < 0.0 ? 1.0 - p : p;
}

static float unary_f32(uint32_t code, float x) {
    switch (code) {
    case RW_GRAPH_NEG:
        return -x;
    case RW_GRAPH_ABS:
        return fabsf(x);
    case RW_GRAPH_SQRT:
        return sqrtf(x);
    case RW_GRAPH_RECIPROCAL:
        return 1.0f / x;
    case RW_GRAPH_EXP:
        return expf(x);
    case RW_GRAPH_LOG:
        return logf(x);
    case RW_GRAPH_TANH:
        return tanhf(x);
    case RW_GRAPH_FLOOR:
        return floorf(x);
    case RW_GRAPH_CEIL:
        return ceilf(x);
    default:
        return sigmoid(x);
    }
}

static double unary_f64(uint32_t code, double x) {
    switch (code) {
    case RW_GRAPH_NEG:
        return -x;
    case RW_GRAPH_ABS:
        return fabs(x);
    case RW_GRAPH_SQRT:
        return sqrt(x);
    case RW_GRAPH_RECIPROCAL:
        return 1.0 / x;
    case RW_GRAPH_EXP:
        return exp(x);
    case RW_GRAPH_LOG:
        return log(x);
    case RW_GRAPH_TANH:
        return tanh(x);
    case RW_GRAPH_FLOOR:
        return floor(x);
    case RW_GRAPH_CEIL:
        return ceil(x);
    default:
        return sigmoid_wide(x);
    }
}

static int64_t unary_i64(uint32_t code, int64_t x) {
    if (code == RW_GRAPH_NOT)
        return !x;
    return code == RW_GRAPH_NEG || x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
}

void rw_graph_run_unary(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const void *in = rw_graph_in(block, op, 0);
    void *out = rw_graph_value(block, op);
    const size_t n = block->n_rows * op->width;
    for (size_t i = 0; i < n; i++) {
        if (op->type == RW_GRAPH_F32)
            ((float *)out)[i] = unary_f32(op->code, ((const float *)in)[i]);
        else if (op->type == RW_GRAPH_F64)
            ((double *)out)[i] = unary_f64(op->code, ((const double *)in)[i]);
        else
            ((int64_t *)out)[i] = unary_i64(op->code, ((const int64_t *)in)[i]);
    }
}

void rw_graph_run_is_nan(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const uint32_t type = rw_graph_operand(block->graph, op, 0)->type;
    const void *in = rw_graph_in(block, op, 0);
    int64_t *out = rw_graph_value(block, op);
    for (size_t i = 0; i < block->n_rows * op->width; i++)
        out[i] = (type == RW_GRAPH_F32 && isnan(((const float *)in)[i])) ||
                 (type == RW_GRAPH_F64 && isnan(((const double *)in)[i]));
}

/* ---- where ------------------------------------------------------------------------ */

bool rw_graph_check_where(const struct rw_graph *graph, const struct rw_graph_op *op) {
    if (op->n_operands != 3)
        return false;
    const struct rw_graph_op *truth = rw_graph_operand(graph, op, 0);
    return truth->type == RW_GRAPH_I64 && (truth->width == op->width || truth->width == 1) &&
           pair_fits(graph, op, 1) && rw_graph_operand(graph, op, 1)->type == op->type;
}

/* types cannot be put in parentheses: NOLINTBEGIN(bugprone-macro-parentheses) */
#define CHOOSE(element)                                                                            \
    do {                                                                                           \
        const element *a = rw_graph_in(block, op, 1), *b = rw_graph_in(block, op, 2);              \
        element *out = rw_graph_value(block, op);                                                  \
        for (size_t row = 0; row < block->n_rows; row++)                                           \
            for (size_t i = 0; i < op->width; i++)                                                 \
                *out++ = truth[row * widths[0] + (widths[0] == op->width ? i : 0)]                 \
                             ? a[row * widths[1] + (widths[1] == op->width ? i : 0)]               \
                             : b[row * widths[2] + (widths[2] == op->width ? i : 0)];              \
    } while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

void rw_graph_run_where(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const int64_t *truth = rw_graph_in(block, op, 0);
    size_t widths[3];
    for (uint32_t i = 0; i < 3; i++)
        widths[i] = rw_graph_operand(block->graph, op, i)->width;
    if (op->type == RW_GRAPH_F32)
        CHOOSE(float);
    else
        CHOOSE(uint64_t); /* doubles and integers alike */
}

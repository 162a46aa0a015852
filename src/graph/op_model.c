/*
 * op_model.c - operations that are models: linear, forest, and what ONNX does with
 * their scores.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/link.h"
#include "forest/model.h"
#include "graph/op.h"

/* ---- linear ------------------------------------------------------------------------------ */

bool rw_graph_check_linear(const struct rw_graph *graph, const struct rw_graph_op *op) {
    if (op->n_operands != 1)
        return false;
    const struct rw_graph_op *operand = rw_graph_operand(graph, op, 0);
    return operand->type == op->type && op->type != RW_GRAPH_I64 &&
           op->n_numbers == (uint64_t)op->width * ((uint64_t)operand->width + 1);
}

/* The products are summed in their order with one rounding each, the intercept comes
 * last: so do the matrix kernels of ONNX Runtime on CPUs that multiply and add at once. */
static void linear_f32(const union rw_graph_number *numbers, const float *in, size_t n_in,
                       size_t n_out, float *out) {
    for (size_t j = 0; j < n_out; j++) {
        float sum = 0.0f;
        for (size_t i = 0; i < n_in; i++)
            sum = fmaf(in[i], (float)numbers[j * n_in + i].real, sum);
        out[j] = sum + (float)numbers[n_out * n_in + j].real;
    }
}

static void linear_f64(const union rw_graph_number *numbers, const double *in, size_t n_in,
                       size_t n_out, double *out) {
    for (size_t j = 0; j < n_out; j++) {
        double sum = 0.0;
        for (size_t i = 0; i < n_in; i++)
            sum = fma(in[i], numbers[j * n_in + i].real, sum);
        out[j] = sum + numbers[n_out * n_in + j].real;
    }
}

void rw_graph_run_linear(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const union rw_graph_number *numbers = rw_graph_numbers(block->graph, op);
    const size_t n_in = rw_graph_operand(block->graph, op, 0)->width;
    const void *in = rw_graph_in(block, op, 0);
    void *out = rw_graph_value(block, op);
    for (size_t row = 0; row < block->n_rows; row++) {
        if (op->type == RW_GRAPH_F32)
            linear_f32(numbers, (const float *)in + row * n_in, n_in, op->width,
                       (float *)out + row * op->width);
        else
            linear_f64(numbers, (const double *)in + row * n_in, n_in, op->width,
                       (double *)out + row * op->width);
    }
}

/* ---- forest: the value is always double; sums in float are floats exactly ------------------ */

static const void *forest_bytes(const struct rw_graph *graph, const struct rw_graph_op *op) {
    return (const char *)graph->header + graph->forests[op->detail].offset;
}

/* The images themselves were proved before (open.c). */
bool rw_graph_check_forest(const struct rw_graph *graph, const struct rw_graph_op *op) {
    if (op->n_operands != 1 || op->detail >= graph->header->n_forests)
        return false;
    const struct rw_graph_op *operand = rw_graph_operand(graph, op, 0);
    struct rw_image image;
    rw_image_view(forest_bytes(graph, op), &image);
    return op->type == RW_GRAPH_F64 && op->width == image.header->n_groups &&
           operand->width == image.header->n_features &&
           operand->type == (image.rows64 ? RW_GRAPH_F64 : RW_GRAPH_F32);
}

void rw_graph_run_forest(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    struct rw_image image;
    rw_image_view(forest_bytes(block->graph, op), &image);
    const struct rw_kernel *kernel = rw_kernel_choose(&image);
    const void *rows = rw_graph_in(block, op, 0);
    const size_t most = rw_forest_block_rows(image.header), width = op->width;
    double *out = rw_graph_value(block, op);
    for (size_t row = 0; row < block->n_rows; row += most) {
        struct rw_block part = {.n_rows = block->n_rows - row};
        if (part.n_rows > most)
            part.n_rows = most;
        if (image.rows64)
            part.f64 = (const double *)rows + row * image.header->n_features;
        else
            part.f32 = (const float *)rows + row * image.header->n_features;
        rw_forest_margins(&image, kernel, &part, out + row * width);
    }
}

/* ---- post transforms ----------------------------------------------------------------------- */

bool rw_graph_check_post(const struct rw_graph *graph, const struct rw_graph_op *op) {
    if (op->n_operands != 1 || op->type != RW_GRAPH_F32)
        return false;
    const struct rw_graph_op *operand = rw_graph_operand(graph, op, 0);
    const uint32_t two = op->detail & (RW_GRAPH_POST_COMPLEMENT | RW_GRAPH_POST_OPPOSITE);
    if (operand->type == RW_GRAPH_I64 ||
        (op->detail & RW_GRAPH_POST_TRANSFORM) >= RW_GRAPH_TRANSFORM_COUNT)
        return false;
    return two ? operand->width == 1 && op->width == 2 : operand->width == op->width;
}

static float error_function_inverse(float x) {
    const float log = logf((1.0f - x) * (1.0f + x));
    const float v = 2.0f / (3.14159f * 0.147f) + 0.5f * log;
    const float root = sqrtf(-v + sqrtf(v * v - 1.0f / 0.147f * log));
    return x < 0.0f ? -root : root;
}

static float probit(float x) {
    return 1.41421356f * error_function_inverse(2.0f * x - 1.0f);
}

/* Scores that are zero stay so: exp(0) would not be. */
static void softmax_zero(float *scores, size_t n) {
    float largest = scores[0], sum = 0.0f;
    for (size_t i = 1; i < n; i++)
        largest = scores[i] > largest ? scores[i] : largest;
    const float factor = expf(-largest);
    for (size_t i = 0; i < n; i++) {
        if (scores[i] > 0.0000001f || scores[i] < -0.0000001f)
            sum += scores[i] = expf(scores[i] - largest);
        else
            scores[i] *= factor;
    }
    for (size_t i = 0; i < n; i++)
        scores[i] /= sum;
}

static void transform(uint32_t kind, float *scores, size_t n) {
    switch (kind) {
    case RW_GRAPH_TRANSFORM_SOFTMAX:
        rw_onnx_softmax(scores, n);
        return;
    case RW_GRAPH_TRANSFORM_SOFTMAX_ZERO:
        softmax_zero(scores, n);
        return;
    case RW_GRAPH_TRANSFORM_LOGISTIC:
        for (size_t i = 0; i < n; i++)
            scores[i] = rw_onnx_logistic(scores[i]);
        return;
    case RW_GRAPH_TRANSFORM_PROBIT:
        for (size_t i = 0; i < n; i++)
            scores[i] = probit(scores[i]);
        return;
    default:
        return;
    }
}

void rw_graph_run_post(const struct rw_graph_block *block, const struct rw_graph_op *op) {
    const struct rw_graph_op *operand = rw_graph_operand(block->graph, op, 0);
    const void *in = rw_graph_in(block, op, 0);
    float *out = rw_graph_value(block, op);
    const size_t n_in = operand->width;
    for (size_t row = 0; row < block->n_rows; row++, out += op->width) {
        for (size_t i = 0; i < n_in; i++)
            out[i] = operand->type == RW_GRAPH_F32 ? ((const float *)in)[row * n_in + i]
                                                   : (float)((const double *)in)[row * n_in + i];
        if (op->detail & RW_GRAPH_POST_COMPLEMENT) {
            const double score =
                operand->type == RW_GRAPH_F32 ? (double)out[0] : ((const double *)in)[row];
            out[1] = out[0];
            out[0] = (float)(1.0 - score);
        } else if (op->detail & RW_GRAPH_POST_OPPOSITE) {
            out[1] = out[0];
            out[0] = -out[0];
        }
        transform(op->detail & RW_GRAPH_POST_TRANSFORM, out, op->width);
    }
}

/*
 * onnx_op_linear.c - operators that multiply by a constant matrix.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "model/onnx.h"

/* coefficient(j, i) of result j and column i is coefficients[j * by_result + i * by_column]. */
struct matrix {
    const struct rw_onnx_value *input;
    uint32_t n_results;
    const union rw_graph_number *coefficients;
    size_t by_result, by_column;
    double scale; /* of the coefficients */
    union rw_graph_number *numbers;
};

static rowan_status multiply(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                             struct matrix *matrix, struct rw_onnx_value *result) {
    const uint64_t n_in = matrix->input->width, n_out = matrix->n_results;
    if (n_out == 0 || n_out > RW_ONNX_MAX_WIDTH)
        return rw_onnx_unsupported(onnx, node, "%llu results", (unsigned long long)n_out);
    matrix->numbers =
        rw_arena_alloc(&onnx->forest->arena, n_out * (n_in + 1), sizeof *matrix->numbers);
    if (!matrix->numbers)
        return rw_onnx_no_memory(onnx);
    for (uint64_t j = 0; j < n_out; j++)
        for (uint64_t i = 0; i < n_in; i++)
            matrix->numbers[j * n_in + i].real =
                matrix->coefficients[j * matrix->by_result + i * matrix->by_column].real *
                matrix->scale;
    const struct rw_graph_new added = {.code = RW_GRAPH_LINEAR,
                                       .type = rw_onnx_graph_type(matrix->input->type),
                                       .width = (uint32_t)n_out,
                                       .n_operands = 1,
                                       .operands = &matrix->input->op,
                                       .n_numbers = (uint32_t)(n_out * (n_in + 1)),
                                       .numbers = matrix->numbers};
    return rw_onnx_add(onnx, &added, matrix->input->type, result);
}

static rowan_status need_matrix(struct rw_onnx *onnx, const Onnx__NodeProto *node, bool transposed,
                                struct matrix *matrix) {
    const struct rw_onnx_value *factor;
    rowan_status status = rw_onnx_need(onnx, node, 0, &matrix->input);
    if (status == ROWAN_OK)
        status = rw_onnx_need(onnx, node, 1, &factor);
    if (status != ROWAN_OK)
        return status;
    const struct rw_onnx_value *input = matrix->input;
    if (input->constant || input->rank != 2 || !factor->constant || factor->rank != 2 ||
        factor->type != input->type ||
        (input->type != RW_ONNX_FLOAT && input->type != RW_ONNX_DOUBLE) ||
        factor->dims[transposed] != input->width || factor->dims[!transposed] > RW_ONNX_MAX_WIDTH)
        return rw_onnx_unsupported(onnx, node, "anything but a table times a constant matrix");
    matrix->n_results = (uint32_t)factor->dims[!transposed];
    matrix->coefficients = factor->numbers;
    matrix->by_result = transposed ? input->width : 1;
    matrix->by_column = transposed ? 1 : matrix->n_results;
    matrix->scale = 1.0;
    return ROWAN_OK;
}

rowan_status rw_onnx_lower_matmul(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    struct matrix matrix;
    struct rw_onnx_value result;
    rowan_status status = need_matrix(onnx, node, false, &matrix);
    if (status == ROWAN_OK)
        status = multiply(onnx, node, &matrix, &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

/* The intercepts of result `value`, whose numbers the builder holds. */
static void set_intercepts(struct rw_onnx *onnx, const struct rw_onnx_value *value, uint32_t n_in,
                           const union rw_graph_number *intercepts, size_t n, double scale) {
    union rw_graph_number *numbers = rw_graph_built_numbers(&onnx->builder, value->op);
    for (uint32_t j = 0; j < value->width && n > 0; j++)
        numbers[(uint64_t)value->width * n_in + j].real = intercepts[n == 1 ? 0 : j].real * scale;
}

rowan_status rw_onnx_lower_gemm(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    struct matrix matrix;
    struct rw_onnx_value result;
    const struct rw_onnx_value *added = rw_onnx_input(onnx, node, 2);
    if (rw_onnx_int(node, "transA", 0) != 0 || (added && !added->constant))
        return rw_onnx_unsupported(onnx, node, "anything but a table times a constant matrix");
    rowan_status status = need_matrix(onnx, node, rw_onnx_int(node, "transB", 0) != 0, &matrix);
    if (status != ROWAN_OK)
        return status;
    if (added && (added->type != matrix.input->type ||
                  (added->width != 1 && (added->width != matrix.n_results ||
                                         added->dims[added->rank - 1] != matrix.n_results))))
        return rw_onnx_unsupported(onnx, node, "what is added is not one row");
    const uint32_t n_in = matrix.input->width;
    matrix.scale = (double)rw_onnx_float(node, "alpha", 1.0f);
    status = multiply(onnx, node, &matrix, &result);
    if (status == ROWAN_OK && added)
        set_intercepts(onnx, &result, n_in, added->numbers, added->width,
                       (double)rw_onnx_float(node, "beta", 1.0f));
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, 0, &result) : status;
}

/* ---- linear models of ai.onnx.ml: always in float ------------------------------------------- */

static rowan_status as_floats(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                              struct rw_onnx_value *value) {
    const struct rw_onnx_value *input;
    rowan_status status = rw_onnx_need(onnx, node, 0, &input);
    if (status != ROWAN_OK)
        return status;
    *value = *input;
    if (input->constant || input->rank != 2 || input->type == RW_ONNX_STRING ||
        input->type == RW_ONNX_BOOL)
        return rw_onnx_unsupported(onnx, node, "anything but a table of numbers");
    if (input->type == RW_ONNX_FLOAT)
        return ROWAN_OK;
    const struct rw_graph_new added = {.code = RW_GRAPH_CAST,
                                       .type = RW_GRAPH_F32,
                                       .width = input->width,
                                       .n_operands = 1,
                                       .operands = &input->op};
    return rw_onnx_add(onnx, &added, RW_ONNX_FLOAT, value);
}

static union rw_graph_number *widen(struct rw_onnx *onnx, const float *floats, size_t n) {
    union rw_graph_number *numbers = rw_arena_alloc(&onnx->forest->arena, n, sizeof *numbers);
    for (size_t i = 0; numbers && i < n; i++)
        numbers[i].real = (double)floats[i];
    return numbers;
}

static rowan_status linear_scores(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                                  size_t n_results, struct rw_onnx_value *scores) {
    const float *coefficients, *intercepts;
    const size_t n_coefficients = rw_onnx_floats(node, "coefficients", &coefficients);
    const size_t n_intercepts = rw_onnx_floats(node, "intercepts", &intercepts);
    struct rw_onnx_value input;
    rowan_status status = as_floats(onnx, node, &input);
    if (status != ROWAN_OK)
        return status;
    if (n_results == 0 || n_results > RW_ONNX_MAX_WIDTH ||
        n_coefficients != n_results * (uint64_t)input.width ||
        (n_intercepts != 0 && n_intercepts != n_results))
        return rw_onnx_malformed(
            onnx, node, "%zu coefficients and %zu intercepts for %zu results of %u columns",
            n_coefficients, n_intercepts, n_results, input.width);
    struct matrix matrix = {.input = &input,
                            .n_results = (uint32_t)n_results,
                            .coefficients = widen(onnx, coefficients, n_coefficients),
                            .by_result = input.width,
                            .by_column = 1,
                            .scale = 1.0};
    const union rw_graph_number *added = widen(onnx, intercepts, n_intercepts);
    if (!matrix.coefficients || !added)
        return rw_onnx_no_memory(onnx);
    status = multiply(onnx, node, &matrix, scores);
    if (status == ROWAN_OK)
        set_intercepts(onnx, scores, input.width, added, n_intercepts, 1.0);
    return status;
}

/* The post transform of a node, by name. */
static uint32_t transform_of(const Onnx__NodeProto *node) {
    static const char *const names[RW_GRAPH_TRANSFORM_COUNT] = {"NONE", "LOGISTIC", "SOFTMAX",
                                                                "SOFTMAX_ZERO", "PROBIT"};
    for (uint32_t i = 0; i < RW_GRAPH_TRANSFORM_COUNT; i++)
        if (rw_onnx_is_text(node, "post_transform", names[i], "NONE"))
            return i;
    return RW_GRAPH_TRANSFORM_COUNT;
}

/* LOGISTIC of a linear model is the operator Sigmoid's approximation, not the trees'. */
static rowan_status sigmoid(struct rw_onnx *onnx, const Onnx__NodeProto *node,
                            const struct rw_onnx_value *scores, size_t output) {
    struct rw_onnx_value result;
    const struct rw_graph_new added = {.code = RW_GRAPH_SIGMOID,
                                       .type = RW_GRAPH_F32,
                                       .width = scores->width,
                                       .n_operands = 1,
                                       .operands = &scores->op};
    rowan_status status = rw_onnx_add(onnx, &added, RW_ONNX_FLOAT, &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, output, &result) : status;
}

static rowan_status post(struct rw_onnx *onnx, const Onnx__NodeProto *node, uint32_t detail,
                         uint32_t width, const struct rw_onnx_value *scores, size_t output) {
    struct rw_onnx_value result;
    if (detail == RW_GRAPH_TRANSFORM_LOGISTIC)
        return sigmoid(onnx, node, scores, output);
    const struct rw_graph_new added = {.code = RW_GRAPH_POST,
                                       .type = RW_GRAPH_F32,
                                       .width = width,
                                       .detail = detail,
                                       .n_operands = 1,
                                       .operands = &scores->op};
    rowan_status status = rw_onnx_add(onnx, &added, RW_ONNX_FLOAT, &result);
    return status == ROWAN_OK ? rw_onnx_output(onnx, node, output, &result) : status;
}

/* Of one score ONNX Runtime transforms nothing but PROBIT; two classes become 1 - s, s. */
rowan_status rw_onnx_lower_linear_classifier(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const int64_t *ints;
    const float *intercepts;
    struct rw_onnx_value scores;
    const Onnx__AttributeProto *texts = rw_onnx_attribute(node, "classlabels_strings");
    const size_t n_texts = texts ? texts->n_strings : 0;
    const size_t n_labels = n_texts ? n_texts : rw_onnx_ints(node, "classlabels_ints", &ints);
    const size_t n_scores = rw_onnx_floats(node, "intercepts", &intercepts);
    uint32_t detail = transform_of(node);
    if (detail == RW_GRAPH_TRANSFORM_COUNT)
        return rw_onnx_malformed(onnx, node, "an unknown post_transform");
    rowan_status status = linear_scores(onnx, node, n_scores, &scores);
    if (status != ROWAN_OK)
        return status;
    if (n_scores > 1)
        return post(onnx, node, detail, scores.width, &scores, 1);
    if (n_labels != 2 || detail == RW_GRAPH_TRANSFORM_PROBIT)
        return rw_onnx_unsupported(onnx, node, "one score for %zu classes", n_labels);
    return post(onnx, node, RW_GRAPH_POST_COMPLEMENT, 2, &scores, 1);
}

rowan_status rw_onnx_lower_linear_regressor(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    struct rw_onnx_value scores;
    const int64_t n_targets = rw_onnx_int(node, "targets", 1);
    uint32_t detail = transform_of(node);
    if (detail == RW_GRAPH_TRANSFORM_COUNT || n_targets < 1)
        return rw_onnx_malformed(onnx, node, "an unknown post_transform, or no targets");
    rowan_status status = linear_scores(onnx, node, (size_t)n_targets, &scores);
    if (status != ROWAN_OK)
        return status;
    if (n_targets == 1 && detail != RW_GRAPH_TRANSFORM_PROBIT)
        detail = RW_GRAPH_TRANSFORM_NONE;
    return post(onnx, node, detail, scores.width, &scores, 0);
}

/*
 * link_onnx.c - ONNX Runtime's post transforms, in float whatever the sums are in.
 *
 * Sources of the formulas: ONNX Runtime's core/providers/cpu/ml/ml_common.h
 * (ComputeLogistic, ComputeSoftmax, write_scores).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>

#include "forest/link.h"

float rw_onnx_logistic(float score) {
    const float p = 1.0f / (1.0f + expf(-fabsf(score)));
    return score < 0.0f ? 1.0f - p : p;
}

void rw_onnx_softmax(float *scores, size_t n) {
    float largest = -FLT_MAX, sum = 0.0f;
    for (size_t i = 0; i < n; i++)
        largest = scores[i] > largest ? scores[i] : largest;
    for (size_t i = 0; i < n; i++)
        sum += scores[i] = expf(scores[i] - largest);
    for (size_t i = 0; i < n; i++)
        scores[i] /= sum;
}

/* The same, reading margins: a model may have more of them than a stack has room for. */
static void softmax(const double *margins, uint32_t n, double *out) {
    float largest = -FLT_MAX, sum = 0.0f;
    for (uint32_t i = 0; i < n; i++)
        largest = (float)margins[i] > largest ? (float)margins[i] : largest;
    for (uint32_t i = 0; i < n; i++) {
        const float power = expf((float)margins[i] - largest);
        sum += power;
        out[i] = (double)power;
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] = (double)((float)out[i] / sum);
}

void rw_link_onnx(const struct rw_link_input *input, double *out) {
    const double *margins = input->margins;
    const size_t n_groups = input->n_groups, n = input->n_rows * n_groups;
    switch (input->link) {
    case ROWAN_LINK_SOFTMAX:
        for (size_t i = 0; i < n; i += n_groups)
            softmax(margins + i, input->n_groups, out + i);
        return;
    case ROWAN_LINK_LOGISTIC:
        for (size_t i = 0; i < n; i++)
            out[i] = (double)rw_onnx_logistic((float)margins[i]);
        return;
    case ROWAN_LINK_LOGISTIC_BOTH:
        for (size_t i = 0; i < input->n_rows; i++) {
            out[2 * i] = (double)rw_onnx_logistic((float)-margins[i]);
            out[2 * i + 1] = (double)rw_onnx_logistic((float)margins[i]);
        }
        return;
    case ROWAN_LINK_BOTH:
        for (size_t i = 0; i < input->n_rows; i++) {
            out[2 * i] = (double)(1.0f - (float)margins[i]);
            out[2 * i + 1] = margins[i];
        }
        return;
    default: /* ONNX has no other */
        rw_link_lightgbm(input, out);
        return;
    }
}

/* What changes nothing but the sign stays in double; rounded to float it is what ONNX
 * Runtime gives. */
void rw_link_onnx64(const struct rw_link_input *input, double *out) {
    if (input->link != ROWAN_LINK_BOTH) {
        rw_link_onnx(input, out);
        return;
    }
    for (size_t i = 0; i < input->n_rows; i++) {
        out[2 * i] = 1.0 - input->margins[i];
        out[2 * i + 1] = input->margins[i];
    }
}

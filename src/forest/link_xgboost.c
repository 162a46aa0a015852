/*
 * link_xgboost.c - XGBoost's link functions, in float32 as it computes them.
 *
 * Sources of the formulas: XGBoost's src/common/math.h (Sigmoid, Softmax,
 * FindMaxIndex) and the PredTransform of each objective.  The order of operations
 * matters for the last bit; this file is compiled without contraction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/link.h"

/* expf overflows above 88.72; XGBoost stops just below */
#define LARGEST_EXPONENT 88.7f

static float logistic(float margin) {
    float x = -margin < LARGEST_EXPONENT ? -margin : LARGEST_EXPONENT;
    return 1.0f / (expf(x) + 1.0f + 1e-16f);
}

static void softmax(const double *margins, uint32_t n, double *out) {
    float largest = (float)margins[0];
    for (uint32_t i = 1; i < n; i++)
        largest = fmaxf((float)margins[i], largest);
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (double)expf((float)margins[i] - largest);
        sum += out[i];
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] = (double)((float)out[i] / (float)sum);
}

static uint32_t argmax(const double *margins, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (margins[i] > margins[best])
            best = i;
    return best;
}

static double one(rowan_link link, float margin) {
    switch (link) {
    case ROWAN_LINK_LOGISTIC:
        return (double)logistic(margin);
    case ROWAN_LINK_EXP:
        return (double)expf(margin);
    case ROWAN_LINK_EXP_WIDE:
        return (double)(float)exp((double)margin);
    case ROWAN_LINK_STEP:
        return margin > 0.0f ? 1.0 : 0.0;
    default:
        return (double)margin;
    }
}

void rw_link_xgboost(const struct rw_link_input *input, double *out) {
    const uint32_t n_groups = input->n_groups;
    const size_t n = input->n_rows * n_groups;
    if (input->link == ROWAN_LINK_SOFTMAX) {
        for (size_t i = 0; i < n; i += n_groups)
            softmax(input->margins + i, n_groups, out + i);
        return;
    }
    if (input->link == ROWAN_LINK_ARGMAX) {
        for (size_t row = 0; row < input->n_rows; row++)
            out[row] = (double)argmax(input->margins + row * n_groups, n_groups);
        return;
    }
    if (input->link == ROWAN_LINK_LOGISTIC) { /* the one that most rows go through */
        for (size_t i = 0; i < n; i++)
            out[i] = (double)logistic((float)input->margins[i]);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = one(input->link, (float)input->margins[i]);
}

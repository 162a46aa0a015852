/*
 * link.c - the objectives' link functions, in float32 as XGBoost computes them.
 *
 * Sources of the formulas: XGBoost's src/common/math.h (Sigmoid, Softmax,
 * FindMaxIndex) and the PredTransform of each objective.  The order of operations
 * matters for the last bit; this file is compiled without contraction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/link.h"

#include <math.h>

/* expf overflows above 88.72; XGBoost stops just below */
#define LARGEST_EXPONENT 88.7f

static float logistic(float margin) {
    float x = -margin < LARGEST_EXPONENT ? -margin : LARGEST_EXPONENT;
    return 1.0f / (expf(x) + 1.0f + 1e-16f);
}

static void softmax(float *margins, uint32_t n, double *out) {
    float largest = margins[0];
    for (uint32_t i = 1; i < n; i++)
        largest = fmaxf(margins[i], largest);
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        margins[i] = expf(margins[i] - largest);
        sum += (double)margins[i];
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] = (double)(margins[i] / (float)sum);
}

static uint32_t argmax(const float *margins, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (margins[i] > margins[best])
            best = i;
    return best;
}

uint32_t rw_link_outputs(rowan_link link, uint32_t n_groups) {
    return link == ROWAN_LINK_ARGMAX ? 1 : n_groups;
}

void rw_link_apply(rowan_link link, float *margins, uint32_t n_groups, double *out) {
    switch (link) {
    case ROWAN_LINK_SOFTMAX:
        softmax(margins, n_groups, out);
        return;
    case ROWAN_LINK_ARGMAX:
        out[0] = (double)argmax(margins, n_groups);
        return;
    case ROWAN_LINK_LOGISTIC:
        for (uint32_t i = 0; i < n_groups; i++)
            out[i] = (double)logistic(margins[i]);
        return;
    case ROWAN_LINK_EXP:
        for (uint32_t i = 0; i < n_groups; i++)
            out[i] = (double)expf(margins[i]);
        return;
    case ROWAN_LINK_EXP_WIDE:
        for (uint32_t i = 0; i < n_groups; i++)
            out[i] = (double)(float)exp((double)margins[i]);
        return;
    case ROWAN_LINK_STEP:
        for (uint32_t i = 0; i < n_groups; i++)
            out[i] = margins[i] > 0.0f ? 1.0 : 0.0;
        return;
    case ROWAN_LINK_IDENTITY:
        break;
    }
    for (uint32_t i = 0; i < n_groups; i++)
        out[i] = (double)margins[i];
}

const char *rw_link_name(rowan_link link) {
    static const char *const names[] = {
        [ROWAN_LINK_IDENTITY] = "identity", [ROWAN_LINK_LOGISTIC] = "logistic",
        [ROWAN_LINK_EXP] = "exp",           [ROWAN_LINK_STEP] = "step",
        [ROWAN_LINK_SOFTMAX] = "softmax",   [ROWAN_LINK_ARGMAX] = "argmax",
        [ROWAN_LINK_EXP_WIDE] = "exp"};
    return names[link];
}

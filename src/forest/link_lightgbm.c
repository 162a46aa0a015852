/*
 * link_lightgbm.c - LightGBM's link functions, in double as it computes them.
 *
 * Sources of the formulas: ConvertOutput of each objective in LightGBM's
 * src/objective/, and Common::Softmax.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/link.h"

static void softmax(const double *margins, uint32_t n, double *out) {
    double largest = margins[0];
    for (uint32_t i = 1; i < n; i++)
        largest = fmax(margins[i], largest);
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = exp(margins[i] - largest);
        sum += out[i];
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] /= sum;
}

static double one(rowan_link link, double scale, double margin) {
    switch (link) {
    case ROWAN_LINK_LOGISTIC:
        return 1.0 / (1.0 + exp(-scale * margin));
    case ROWAN_LINK_EXP:
    case ROWAN_LINK_EXP_WIDE:
        return exp(margin);
    case ROWAN_LINK_SQUARE:
        return (double)((margin > 0.0) - (margin < 0.0)) * margin * margin;
    case ROWAN_LINK_LOG1P_EXP:
        return log1p(exp(margin));
    case ROWAN_LINK_STEP:
        return margin > 0.0 ? 1.0 : 0.0;
    default:
        return margin;
    }
}

static uint32_t argmax(const double *margins, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (margins[i] > margins[best])
            best = i;
    return best;
}

/* Of one margin, the probabilities of both classes. */
static void both(const struct rw_link_input *input, double margin, double *out) {
    const bool logistic = input->link == ROWAN_LINK_LOGISTIC_BOTH;
    out[0] = logistic ? one(ROWAN_LINK_LOGISTIC, input->scale, -margin) : 1.0 - margin;
    out[1] = logistic ? one(ROWAN_LINK_LOGISTIC, input->scale, margin) : margin;
}

void rw_link_lightgbm(const struct rw_link_input *input, double *out) {
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
    if (input->link == ROWAN_LINK_BOTH || input->link == ROWAN_LINK_LOGISTIC_BOTH) {
        for (size_t row = 0; row < input->n_rows; row++)
            both(input, input->margins[row], out + 2 * row);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = one(input->link, input->scale, input->margins[i]);
}

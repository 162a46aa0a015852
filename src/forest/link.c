/*
 * link.c - the table of arithmetics' links, and what all of them share.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/link.h"

#include <string.h>

/* What has no formulas of its own computes in double, as LightGBM does. */
static void (*const links[RW_ARITHMETIC_COUNT])(const struct rw_link_input *, double *) = {
    [RW_ARITHMETIC_XGBOOST] = rw_link_xgboost,  [RW_ARITHMETIC_LIGHTGBM] = rw_link_lightgbm,
    [RW_ARITHMETIC_ONNX] = rw_link_onnx,        [RW_ARITHMETIC_ONNX64] = rw_link_onnx64,
    [RW_ARITHMETIC_SKLEARN] = rw_link_lightgbm,
};

uint32_t rw_link_outputs(rowan_link link, uint32_t n_groups) {
    if (link == ROWAN_LINK_BOTH || link == ROWAN_LINK_LOGISTIC_BOTH)
        return 2;
    return link == ROWAN_LINK_ARGMAX ? 1 : n_groups;
}

void rw_link_apply(enum rw_arithmetic arithmetic, const struct rw_link_input *input, double *out) {
    if (input->link != ROWAN_LINK_IDENTITY && input->link != ROWAN_LINK_PROBABILITIES)
        links[arithmetic](input, out);
    else if (out != input->margins)
        memcpy(out, input->margins, input->n_rows * input->n_groups * sizeof *out);
}

const char *rw_link_name(rowan_link link) {
    static const char *const names[] = {[ROWAN_LINK_IDENTITY] = "identity",
                                        [ROWAN_LINK_LOGISTIC] = "logistic",
                                        [ROWAN_LINK_EXP] = "exp",
                                        [ROWAN_LINK_STEP] = "step",
                                        [ROWAN_LINK_SOFTMAX] = "softmax",
                                        [ROWAN_LINK_ARGMAX] = "argmax",
                                        [ROWAN_LINK_EXP_WIDE] = "exp",
                                        [ROWAN_LINK_SQUARE] = "square",
                                        [ROWAN_LINK_LOG1P_EXP] = "log1p_exp",
                                        [ROWAN_LINK_PROBABILITIES] = "probabilities",
                                        [ROWAN_LINK_BOTH] = "both",
                                        [ROWAN_LINK_LOGISTIC_BOTH] = "logistic_both"};
    return names[link];
}

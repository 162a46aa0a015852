/*
 * link.h - from margins to responses.
 *
 * Every arithmetic has its own formulas, because the last bit depends on them: one
 * file an arithmetic, one line in the table of link.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LINK_H
#define RW_LINK_H

#include "forest/forest.h"

/* What a link gets. */
struct rw_link_input {
    rowan_link link;
    double scale;          /* of the margin, in a logistic link */
    const double *margins; /* [n_rows][n_groups], rounded to float where sums are floats */
    size_t n_rows;
    uint32_t n_groups;
};

uint32_t rw_link_outputs(rowan_link link, uint32_t n_groups);

/* margins -> out [n_rows][rw_link_outputs]; both may be the same where the widths are. */
void rw_link_apply(enum rw_arithmetic arithmetic, const struct rw_link_input *input, double *out);

const char *rw_link_name(rowan_link link);

/* The formulas of one arithmetic, for the links that change anything. */
void rw_link_xgboost(const struct rw_link_input *input, double *out);
void rw_link_lightgbm(const struct rw_link_input *input, double *out);
void rw_link_onnx(const struct rw_link_input *input, double *out);
void rw_link_onnx64(const struct rw_link_input *input, double *out);

/* ONNX Runtime's, for graphs too; in place. */
float rw_onnx_logistic(float score);
void rw_onnx_softmax(float *scores, size_t n);

#endif

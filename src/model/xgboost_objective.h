/*
 * xgboost_objective.h - what an XGBoost objective does to base scores and margins.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_XGBOOST_OBJECTIVE_H
#define RW_XGBOOST_OBJECTIVE_H

#include <stdbool.h>

#include "rowan.h"

/* How base_score, stored in the space of responses, becomes a margin
 * (XGBoost's ProbToMargin). */
enum rw_base_transform { RW_BASE_AS_IS, RW_BASE_LOGIT, RW_BASE_LOG };

struct rw_xgboost_objective {
    const char *name;
    rowan_link link;
    enum rw_base_transform base;
};

/* NULL for an objective that Rowan does not know. `name` need not be terminated. */
const struct rw_xgboost_objective *rw_xgboost_objective_find(const char *name, size_t length);

/* `clamp`: since 3.2 a logistic base score is kept 1e-6 away from 0 and 1. */
float rw_xgboost_base_margin(enum rw_base_transform transform, float base_score, bool clamp);

#endif

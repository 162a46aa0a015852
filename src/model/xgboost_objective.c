/*
 * xgboost_objective.c - the table of XGBoost's objectives.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/xgboost_objective.h"

#include <math.h>
#include <string.h>

static const struct rw_xgboost_objective objectives[] = {
    {"binary:logistic", ROWAN_LINK_LOGISTIC, RW_BASE_LOGIT},
    {"reg:logistic", ROWAN_LINK_LOGISTIC, RW_BASE_LOGIT},
    {"binary:logitraw", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"binary:hinge", ROWAN_LINK_STEP, RW_BASE_AS_IS},
    {"multi:softprob", ROWAN_LINK_SOFTMAX, RW_BASE_AS_IS},
    {"multi:softmax", ROWAN_LINK_ARGMAX, RW_BASE_AS_IS},
    {"reg:squarederror", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"reg:linear", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"reg:squaredlogerror", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"reg:pseudohubererror", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"reg:absoluteerror", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"reg:quantileerror", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"reg:expectileerror", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"reg:gamma", ROWAN_LINK_EXP, RW_BASE_LOG},
    {"reg:tweedie", ROWAN_LINK_EXP, RW_BASE_LOG},
    {"count:poisson", ROWAN_LINK_EXP, RW_BASE_LOG},
    {"survival:cox", ROWAN_LINK_EXP, RW_BASE_LOG},
    {"survival:aft", ROWAN_LINK_EXP_WIDE, RW_BASE_LOG},
    {"rank:pairwise", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"rank:ndcg", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
    {"rank:map", ROWAN_LINK_IDENTITY, RW_BASE_AS_IS},
};

const struct rw_xgboost_objective *rw_xgboost_objective_find(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++)
        if (strlen(objectives[i].name) == length && memcmp(objectives[i].name, name, length) == 0)
            return &objectives[i];
    return NULL;
}

static float logit(float probability) {
    return -logf(1.0f / probability - 1.0f);
}

float rw_xgboost_base_margin(enum rw_base_transform transform, float base_score, bool clamp) {
    const float epsilon = 1e-6f;
    switch (transform) {
    case RW_BASE_LOGIT:
        if (clamp)
            base_score = fminf(fmaxf(base_score, epsilon), 1.0f - epsilon);
        return logit(base_score);
    case RW_BASE_LOG:
        return logf(base_score);
    case RW_BASE_AS_IS:
        break;
    }
    return base_score;
}

/*
 * bind.c - does this contract feed this model, and does the model answer its question?
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "contract/request.h"

/* ---- inputs ---------------------------------------------------------------------- */

static bool is_numbered(const rowan_model *model, uint32_t n_features, const char *prefix) {
    for (uint32_t i = 0; i < n_features; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s%u", prefix, i);
        if (strcmp(rowan_model_feature_name(model, i), name) != 0)
            return false;
    }
    return true;
}

/* What the libraries call the features of a model that was trained without names. */
static bool has_default_names(const rowan_model *model, uint32_t n_features) {
    return is_numbered(model, n_features, "f") || is_numbered(model, n_features, "Column_");
}

static rowan_status check_features(const struct rw_contract *contract, const rowan_model *model,
                                   uint32_t n_features, rowan_error *error) {
    if (contract->n_features != n_features)
        return rw_fail(error, ROWAN_MISMATCH, "#/x-rowan/features",
                       "list exactly the inputs that the model was trained with, in their order",
                       "the contract has %u features, the model has %u", contract->n_features,
                       n_features);
    if (has_default_names(model, n_features))
        return ROWAN_OK;
    for (uint32_t i = 0; i < n_features; i++) {
        const char *name = rowan_model_feature_name(model, i);
        if (strcmp(contract->features[i].name, name) == 0)
            continue;
        char where[64];
        snprintf(where, sizeof where, "#/x-rowan/features/%u/name", i);
        return rw_fail(error, ROWAN_MISMATCH, where,
                       "list the features in the order of the model's training columns",
                       "the contract says %.80s, the model says %.80s", contract->features[i].name,
                       name);
    }
    return ROWAN_OK;
}

static rowan_status bind_categories(struct rw_contract *contract, const rowan_model *model,
                                    rowan_error *error) {
    for (uint32_t i = 0; i < contract->n_features; i++) {
        struct rw_feature *feature = &contract->features[i];
        if (!feature->by_name)
            continue;
        enum rw_kind kind = (enum rw_kind)contract->properties[feature->property].kind;
        rowan_status status =
            rw_categories_make(&contract->arena, model, i, kind, &feature->categories, error);
        if (status == ROWAN_OK)
            continue;
        char where[64];
        snprintf(where, sizeof where, "#/x-rowan/features/%u/%s", i, feature->source);
        rw_error_prefix(error, where);
        return status;
    }
    return ROWAN_OK;
}

/* ---- outputs ------------------------------------------------------------------------ */

static rowan_status check_logistic(struct rw_contract *contract, const rowan_model_info *info,
                                   rowan_error *error) {
    if (info->n_outputs != 1)
        return rw_fail(error, ROWAN_UNSUPPORTED, NULL, "serve a model with one target",
                       "the model gives %u independent probabilities", info->n_outputs);
    if (contract->settings.positive_class != 1)
        return rw_fail(error, ROWAN_MISMATCH, "#/x-rowan/positive_class",
                       "write 1, or train with the labels exchanged",
                       "%s gives the probability of class 1, not of class %u", info->objective,
                       contract->settings.positive_class);
    contract->is_probability = true;
    contract->column = 0;
    return ROWAN_OK;
}

static rowan_status check_softmax(struct rw_contract *contract, const rowan_model_info *info,
                                  rowan_error *error) {
    if (contract->settings.positive_class >= info->n_outputs)
        return rw_fail(error, ROWAN_MISMATCH, "#/x-rowan/positive_class",
                       "name the class that means fraud, counted from 0",
                       "the model has %u classes, and none has the number %u", info->n_outputs,
                       contract->settings.positive_class);
    contract->is_probability = true;
    contract->column = contract->settings.positive_class;
    contract->margin = contract->column;
    return ROWAN_OK;
}

/* Two probabilities of one margin, which is class 1's. */
static rowan_status check_both(struct rw_contract *contract, const rowan_model_info *info,
                               rowan_error *error) {
    rowan_status status = check_softmax(contract, info, error);
    contract->margin = 0;
    contract->is_opposite = contract->column == 0;
    return status;
}

static rowan_status check_score(struct rw_contract *contract, const rowan_model_info *info,
                                rowan_error *error) {
    if (info->n_outputs != 1)
        return rw_fail(error, ROWAN_UNSUPPORTED, NULL, "serve a model with one target",
                       "the model gives %u scores a row", info->n_outputs);
    contract->is_probability = false;
    contract->column = 0;
    return ROWAN_OK;
}

static rowan_status check_outputs(struct rw_contract *contract, const rowan_model_info *info,
                                  rowan_error *error) {
    contract->margin = 0;
    contract->is_opposite = false;
    switch (info->link) {
    case ROWAN_LINK_LOGISTIC:
        return check_logistic(contract, info, error);
    case ROWAN_LINK_SOFTMAX:
    case ROWAN_LINK_PROBABILITIES:
        return check_softmax(contract, info, error);
    case ROWAN_LINK_BOTH:
    case ROWAN_LINK_LOGISTIC_BOTH:
        return check_both(contract, info, error);
    case ROWAN_LINK_ARGMAX:
        return rw_fail(error, ROWAN_MISMATCH, NULL,
                       "train with multi:softprob: the same trees, with probabilities",
                       "%s gives a class, not a probability", info->objective);
    case ROWAN_LINK_STEP:
        return rw_fail(error, ROWAN_MISMATCH, NULL,
                       "train with binary:logistic, which gives a probability",
                       "%s gives 0 or 1, not a probability", info->objective);
    default:
        return check_score(contract, info, error);
    }
}

/* ---- precision ------------------------------------------------------------------------ */

/* A threshold is rounded as the scores are, so that a
 * score that prints as 0.7 is at the threshold 0.7 and not just below it. */
static double in_precision(const struct rw_contract *contract, double value) {
    if (!contract->is_float32)
        return value;
    /* volatile: the vectorizer of GCC 12.2 drops (double)(float)value of two neighbours */
    volatile float rounded = (float)value;
    return (double)rounded;
}

static void set_precision(struct rw_contract *contract, const rowan_model_info *info) {
    contract->is_float32 = info->results == ROWAN_FLOAT32;
    contract->medium = in_precision(contract, contract->settings.medium);
    contract->high = in_precision(contract, contract->settings.high);
    contract->decision = in_precision(contract, contract->settings.decision);
}

rowan_status rw_contract_bind(struct rw_contract *contract, const rowan_model *model,
                              rowan_error *error) {
    rowan_model_info info;
    rowan_model_describe(model, &info);
    contract->bound = false;
    rowan_status status = check_features(contract, model, info.n_features, error);
    if (status == ROWAN_OK)
        status = check_outputs(contract, &info, error);
    if (status == ROWAN_OK)
        status = bind_categories(contract, model, error);
    if (status != ROWAN_OK)
        return status;
    contract->n_outputs = info.n_outputs;
    set_precision(contract, &info);
    if (!rw_reply_render(contract))
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the text of replies");
    contract->bound = true;
    return ROWAN_OK;
}

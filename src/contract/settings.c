/*
 * settings.c - x-rowan: the model's name, its inputs in order, thresholds.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "contract/schema.h"

/* ---- texts and numbers ---------------------------------------------------------- */

static rowan_status parse_text(const struct rw_place *place, yyjson_val *settings, const char *key,
                               const char **text) {
    yyjson_val *value = yyjson_obj_get(settings, key);
    if (!value)
        return rw_place_fail(place, key, ROWAN_MALFORMED, "add it", "x-rowan must have a %s", key);
    return rw_place_text(place, key, value, RW_SETTING_TEXT_MAX, text);
}

/* A contract travels with its model: it must not reach out of the directory. */
static rowan_status check_model_file(const struct rw_place *place) {
    const char *name = place->contract->settings.model_file;
    if (name[0] != '.' && !strchr(name, '/'))
        return ROWAN_OK;
    return rw_place_fail(place, "model_file", ROWAN_MALFORMED,
                         "name a file beside contract.json, such as model.ubj",
                         "a model file must be inside the model directory, and not hidden");
}

static rowan_status parse_iterations(const struct rw_place *place, yyjson_val *value) {
    int32_t *iterations = &place->contract->settings.iterations;
    *iterations = ROWAN_ITERATIONS_ALL;
    if (!value || yyjson_equals_str(value, "all"))
        return ROWAN_OK;
    if (yyjson_equals_str(value, "best")) {
        *iterations = ROWAN_ITERATIONS_BEST;
        return ROWAN_OK;
    }
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) == 0 || yyjson_get_uint(value) > INT32_MAX)
        return rw_place_fail(place, "iterations", ROWAN_MALFORMED,
                             "write \"all\", \"best\" or a number of boosting rounds",
                             "this is no choice of boosting rounds");
    *iterations = (int32_t)yyjson_get_uint(value);
    return ROWAN_OK;
}

static rowan_status parse_positive_class(const struct rw_place *place, yyjson_val *value) {
    place->contract->settings.positive_class = 1;
    if (!value)
        return ROWAN_OK;
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) >= ROWAN_MAX_OUTPUTS)
        return rw_place_fail(place, "positive_class", ROWAN_MALFORMED,
                             "write the number of the class that means fraud, counted from 0",
                             "a class is an integer below %u", ROWAN_MAX_OUTPUTS);
    place->contract->settings.positive_class = (uint32_t)yyjson_get_uint(value);
    return ROWAN_OK;
}

/* For libraries that add in another order than their own file says. */
static rowan_status parse_golden_ulps(const struct rw_place *place, yyjson_val *value) {
    place->contract->settings.golden_ulps = 0;
    if (!value)
        return ROWAN_OK;
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > RW_GOLDEN_ULPS_MAX)
        return rw_place_fail(place, "golden_ulps", ROWAN_MALFORMED,
                             "write how many units in the last place a golden row may be off",
                             "a tolerance is an integer of 0 to %u", RW_GOLDEN_ULPS_MAX);
    place->contract->settings.golden_ulps = (uint32_t)yyjson_get_uint(value);
    return ROWAN_OK;
}

/* ---- thresholds -------------------------------------------------------------------- */

static rowan_status parse_threshold(const struct rw_place *place, const char *key,
                                    yyjson_val *value) {
    struct rw_contract_settings *settings = &place->contract->settings;
    double *to = strcmp(key, "medium") == 0     ? &settings->medium
                 : strcmp(key, "high") == 0     ? &settings->high
                 : strcmp(key, "decision") == 0 ? &settings->decision
                                                : NULL;
    if (!to)
        return rw_place_fail(place, key, ROWAN_UNSUPPORTED, "use medium, high and decision",
                             "Rowan does not know this threshold");
    if (!yyjson_is_num(value))
        return rw_place_fail(place, key, ROWAN_MALFORMED, "write a number",
                             "a threshold must be a number");
    *to = yyjson_get_num(value);
    return ROWAN_OK;
}

static rowan_status parse_thresholds(const struct rw_place *place, yyjson_val *thresholds) {
    struct rw_contract_settings *settings = &place->contract->settings;
    settings->medium = 0.3;
    settings->high = 0.7;
    settings->decision = 0.5;
    if (!thresholds)
        return ROWAN_OK;
    struct rw_place inside = {place->contract, "#/x-rowan/thresholds", place->error};
    if (!yyjson_is_obj(thresholds))
        return rw_place_fail(&inside, NULL, ROWAN_MALFORMED, "write an object",
                             "thresholds must be an object of numbers");
    rowan_status status = rw_place_unique(&inside, thresholds);
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(thresholds, i, max, key, value) {
        if (status != ROWAN_OK)
            return status;
        status = parse_threshold(&inside, yyjson_get_str(key), value);
    }
    if (status == ROWAN_OK && settings->medium > settings->high)
        return rw_place_fail(&inside, NULL, ROWAN_MALFORMED, "exchange them",
                             "medium (%g) is above high (%g)", settings->medium, settings->high);
    return status;
}

/* ---- features ------------------------------------------------------------------------ */

/* What the training data calls the answer.  A model that is fed with it looks
 * perfect in every test and is worthless in production, where nobody knows it. */
static bool is_label(const char *name) {
    return strcasecmp(name, "tx_fraud_scenario") == 0 || strcasecmp(name, "tx_fraud") == 0;
}

static rowan_status check_source(const struct rw_place *place, const char *key,
                                 const struct rw_transform *transform, uint32_t source) {
    const struct rw_property *property = &place->contract->properties[source];
    if (is_label(property->name))
        return rw_place_fail(place, key, ROWAN_MISMATCH,
                             "train without it, and remove it from the features",
                             "%s is the label and must never be a feature", property->name);
    if (!(transform->kinds & 1u << property->kind))
        return rw_place_fail(place, key, ROWAN_MISMATCH, "feed it from another property",
                             "%s needs %s", transform->key, transform->sources);
    if (property->kind == RW_KIND_STRING && property->n_choices == 0 && !transform->by_name)
        return rw_place_fail(place, key, ROWAN_MISMATCH,
                             "give the property an enum: the index of a value is its category "
                             "code; or use \"category\", if the model has names of categories",
                             "the string %s is not a number", property->name);
    return ROWAN_OK;
}

static rowan_status parse_source(const struct rw_place *place, yyjson_val *key, yyjson_val *value,
                                 struct rw_feature *feature) {
    const char *name = yyjson_get_str(key);
    const struct rw_transform *transform = rw_transform_find(name);
    if (!transform) {
        char names[ROWAN_ERROR_TEXT];
        int used = snprintf(names, sizeof names, "use one of: ");
        rw_transform_names(names + used, sizeof names - (size_t)used);
        return rw_place_fail(place, name, ROWAN_UNSUPPORTED, names,
                             "Rowan does not know this transform");
    }
    if (feature->property != RW_NO_PROPERTY)
        return rw_place_fail(place, name, ROWAN_MALFORMED, "keep one of them",
                             "a feature has one source");
    if (yyjson_is_str(value))
        feature->property =
            rw_lookup_find(place->contract, yyjson_get_str(value), yyjson_get_len(value));
    if (feature->property == RW_NO_PROPERTY)
        return rw_place_fail(place, name, ROWAN_MISMATCH, "name one of the properties",
                             "there is no property of that name");
    feature->transform = transform->apply;
    feature->by_name = transform->by_name;
    place->contract->needs_names |= transform->by_name;
    feature->source = transform->key;
    return check_source(place, name, transform, feature->property);
}

static rowan_status parse_feature(const struct rw_place *place, yyjson_val *entry,
                                  struct rw_feature *feature) {
    if (!yyjson_is_obj(entry))
        return rw_place_fail(place, NULL, ROWAN_MALFORMED,
                             "write {\"name\": \"TX_AMOUNT\", \"from\": \"tx_amount\"}",
                             "a feature must be an object");
    rowan_status status = rw_place_unique(place, entry);
    feature->property = RW_NO_PROPERTY;
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(entry, i, max, key, value) {
        if (status != ROWAN_OK)
            return status;
        if (yyjson_equals_str(key, "name"))
            status = rw_place_text(place, "name", value, RW_PROPERTY_NAME_MAX, &feature->name);
        else
            status = parse_source(place, key, value, feature);
    }
    if (status == ROWAN_OK && (!feature->name || feature->property == RW_NO_PROPERTY))
        return rw_place_fail(place, NULL, ROWAN_MALFORMED,
                             "write {\"name\": \"TX_AMOUNT\", \"from\": \"tx_amount\"}",
                             "a feature must have a name and a source");
    return status;
}

static rowan_status parse_features(const struct rw_place *place, yyjson_val *features) {
    struct rw_contract *contract = place->contract;
    size_t n = yyjson_arr_size(features), i, max;
    if (!yyjson_is_arr(features) || n == 0 || n > ROWAN_MAX_FEATURES)
        return rw_place_fail(place, "features", ROWAN_MALFORMED, "list the model's inputs in order",
                             "features must be an array of 1 to %u inputs", ROWAN_MAX_FEATURES);
    contract->features = rw_arena_alloc(&contract->arena, n, sizeof *contract->features);
    if (!contract->features)
        return rw_place_fail(place, "features", ROWAN_NO_MEMORY, NULL, "no memory");
    yyjson_val *entry;
    yyjson_arr_foreach(features, i, max, entry) {
        char pointer[RW_POINTER_MAX];
        snprintf(pointer, sizeof pointer, "%s/features/%zu", place->pointer, i);
        struct rw_place inside = {contract, pointer, place->error};
        rowan_status status = parse_feature(&inside, entry, &contract->features[i]);
        if (status != ROWAN_OK)
            return status;
    }
    contract->n_features = (uint32_t)n;
    return ROWAN_OK;
}

/* ---- all of it ------------------------------------------------------------------------ */

static rowan_status parse_id(const struct rw_place *place, yyjson_val *id) {
    struct rw_contract *contract = place->contract;
    if (!id)
        return ROWAN_OK;
    if (yyjson_is_str(id))
        contract->id = rw_lookup_find(contract, yyjson_get_str(id), yyjson_get_len(id));
    if (contract->id == RW_NO_PROPERTY || contract->properties[contract->id].kind != RW_KIND_STRING)
        return rw_place_fail(place, "id", ROWAN_MISMATCH,
                             "name a string property that replies repeat, or remove it",
                             "this is not the name of a string property");
    return ROWAN_OK;
}

static rowan_status check_settings(const struct rw_place *place, yyjson_val *settings) {
    static const char *const known[] = {"model",      "version",    "type",     "model_file",
                                        "iterations", "id",         "features", "positive_class",
                                        "thresholds", "golden_ulps"};
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(settings, i, max, key, value) {
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known && !found; k++)
            found = yyjson_equals_str(key, known[k]);
        if (!found)
            return rw_place_fail(place, yyjson_get_str(key), ROWAN_UNSUPPORTED,
                                 "remove it, or correct its spelling",
                                 "Rowan does not know this setting");
    }
    return ROWAN_OK;
}

rowan_status rw_settings_parse(const struct rw_place *place, yyjson_val *settings) {
    struct rw_contract_settings *to = &place->contract->settings;
    if (!yyjson_is_obj(settings))
        return rw_place_fail(place, NULL, ROWAN_MALFORMED,
                             "add it: docs/contract.md lists its members",
                             "a contract must have an object x-rowan");
    rowan_status status = rw_place_unique(place, settings);
    if (status == ROWAN_OK)
        status = check_settings(place, settings);
    if (status == ROWAN_OK)
        status = parse_text(place, settings, "model", &to->model);
    if (status == ROWAN_OK)
        status = parse_text(place, settings, "version", &to->version);
    if (status == ROWAN_OK)
        status = parse_text(place, settings, "type", &to->type);
    if (status == ROWAN_OK)
        status = parse_text(place, settings, "model_file", &to->model_file);
    if (status == ROWAN_OK)
        status = check_model_file(place);
    if (status == ROWAN_OK)
        status = parse_iterations(place, yyjson_obj_get(settings, "iterations"));
    if (status == ROWAN_OK)
        status = parse_positive_class(place, yyjson_obj_get(settings, "positive_class"));
    if (status == ROWAN_OK)
        status = parse_golden_ulps(place, yyjson_obj_get(settings, "golden_ulps"));
    if (status == ROWAN_OK)
        status = parse_thresholds(place, yyjson_obj_get(settings, "thresholds"));
    if (status == ROWAN_OK)
        status = parse_id(place, yyjson_obj_get(settings, "id"));
    if (status == ROWAN_OK)
        status = parse_features(place, yyjson_obj_get(settings, "features"));
    return status;
}

/*
 * decode.c - one transaction: JSON values to the model's inputs, checked.
 *
 * First every key finds its property (the last of two equal keys wins, as in
 * Python), then every property is checked in the contract's order, then the
 * features are gathered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "contract/request.h"

bool rw_decoder_init(struct rw_decoder *decoder, const struct rw_contract *contract,
                     struct rw_scratch *scratch, struct rw_violations *violations) {
    decoder->contract = contract;
    decoder->violations = violations;
    decoder->envelope = NULL;
    decoder->found = rw_scratch_alloc(scratch, contract->n_properties, sizeof *decoder->found);
    decoder->values = rw_scratch_alloc(scratch, contract->n_properties, sizeof *decoder->values);
    return decoder->found && decoder->values;
}

static void violate(struct rw_decoder *decoder, enum rw_violation_type type,
                    const struct rw_property *property) {
    struct rw_violation violation = {.type = type, .property = property};
    rw_violations_add(decoder->violations, &violation);
}

/* ---- numbers ------------------------------------------------------------------ */

/* A number that yyjson left as text: an integer beyond 64 bits, or beyond double. */
static double raw_number(yyjson_val *value) {
    yyjson_val number;
    if (!yyjson_read_number(yyjson_get_raw(value), &number, YYJSON_READ_ALLOW_INF_AND_NAN, NULL,
                            NULL))
        return INFINITY;
    return yyjson_get_num(&number);
}

static double number_of(yyjson_val *value) {
    switch (yyjson_get_tag(value)) {
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL:
        return unsafe_yyjson_get_real(value);
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
        return (double)unsafe_yyjson_get_uint(value);
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT: /* never positive; 0 was written -0 */
        return unsafe_yyjson_get_sint(value) ? (double)unsafe_yyjson_get_sint(value) : -0.0;
    default:
        return raw_number(value);
    }
}

static bool is_number(yyjson_val *value) {
    return yyjson_is_num(value) || yyjson_is_raw(value);
}

static bool is_choice(const struct rw_property *property, double number) {
    for (uint32_t i = 0; i < property->n_choices; i++)
        if (!(property->choices[i].number < number || property->choices[i].number > number))
            return true;
    return property->n_choices == 0;
}

/* Of several broken rules one is named, in pydantic's order. */
static void check_number(struct rw_decoder *decoder, const struct rw_property *property,
                         double number) {
    if (!isfinite(number))
        violate(decoder, RW_FINITE_NUMBER, property);
    else if (property->kind == RW_KIND_INTEGER && floor(number) < number)
        violate(decoder, RW_INT_FROM_FLOAT, property);
    else if (!is_choice(property, number))
        violate(decoder, RW_NOT_IN_ENUM, property);
    else if (number > property->maximum)
        violate(decoder, property->below_maximum ? RW_LESS_THAN : RW_LESS_THAN_EQUAL, property);
    else if (property->below_maximum && number >= property->maximum)
        violate(decoder, RW_LESS_THAN, property);
    else if (number < property->minimum)
        violate(decoder, property->above_minimum ? RW_GREATER_THAN : RW_GREATER_THAN_EQUAL,
                property);
    else if (property->above_minimum && number <= property->minimum)
        violate(decoder, RW_GREATER_THAN, property);
}

/* ---- strings --------------------------------------------------------------------- */

/* Code points of valid UTF-8: all bytes but the continuations. */
static size_t count_code_points(const char *text, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static double category_code(const struct rw_property *property, const char *text, size_t length) {
    for (uint32_t i = 0; i < property->n_choices; i++)
        if (property->choices[i].length == length &&
            memcmp(property->choices[i].text, text, length) == 0)
            return i;
    return -1;
}

static double check_string(struct rw_decoder *decoder, const struct rw_property *property,
                           yyjson_val *value) {
    const char *text = unsafe_yyjson_get_str(value);
    size_t length = unsafe_yyjson_get_len(value);
    double code = NAN; /* a string without enum feeds no feature */
    if (property->n_choices) {
        code = category_code(property, text, length);
        if (code < 0)
            violate(decoder, RW_NOT_IN_ENUM, property);
    }
    if (property->min_length == 0 && property->max_length == SIZE_MAX)
        return code;
    size_t count = count_code_points(text, length);
    if (count < property->min_length)
        violate(decoder, RW_STRING_TOO_SHORT, property);
    else if (count > property->max_length)
        violate(decoder, RW_STRING_TOO_LONG, property);
    return code;
}

/* ---- properties --------------------------------------------------------------------- */

/* The value as a number; NaN where it is missing or not a number. */
static double check_value(struct rw_decoder *decoder, const struct rw_property *property,
                          yyjson_val *value) {
    static const enum rw_violation_type wrong_type[] = {[RW_KIND_STRING] = RW_STRING_TYPE,
                                                        [RW_KIND_INTEGER] = RW_INT_TYPE,
                                                        [RW_KIND_NUMBER] = RW_FLOAT_TYPE,
                                                        [RW_KIND_BOOLEAN] = RW_BOOL_TYPE,
                                                        [RW_KIND_NULL] = RW_NULL_TYPE};
    if (yyjson_is_null(value) && property->nullable)
        return NAN;
    switch (property->kind) {
    case RW_KIND_INTEGER:
    case RW_KIND_NUMBER:
        if (is_number(value)) {
            double number = number_of(value);
            check_number(decoder, property, number);
            return number;
        }
        break;
    case RW_KIND_STRING:
        if (yyjson_is_str(value))
            return check_string(decoder, property, value);
        break;
    case RW_KIND_BOOLEAN:
        if (yyjson_is_bool(value))
            return yyjson_get_bool(value) ? 1.0 : 0.0;
        break;
    default:
        break;
    }
    violate(decoder, wrong_type[property->kind], property);
    return NAN;
}

static void check_properties(struct rw_decoder *decoder) {
    const struct rw_contract *contract = decoder->contract;
    for (uint32_t i = 0; i < contract->n_properties; i++) {
        const struct rw_property *property = &contract->properties[i];
        yyjson_val *value = decoder->found[i];
        if (value) {
            decoder->values[i] = check_value(decoder, property, value);
        } else {
            decoder->values[i] = NAN;
            if (property->required)
                violate(decoder, RW_MISSING, property);
        }
    }
}

/* ---- keys ------------------------------------------------------------------------------ */

static bool is_named(const struct rw_property *property, yyjson_val *key) {
    return property->length == unsafe_yyjson_get_len(key) &&
           memcmp(property->name, unsafe_yyjson_get_str(key), property->length) == 0;
}

/* Most clients write the fields in the contract's order: look there first.
 * Returns the number of unknown keys. */
static size_t find_values(struct rw_decoder *decoder, yyjson_val *transaction) {
    const struct rw_contract *contract = decoder->contract;
    memset(decoder->found, 0, contract->n_properties * sizeof *decoder->found);
    size_t i, max, n_unknown = 0;
    uint32_t next = 0;
    yyjson_val *key, *value;
    yyjson_obj_foreach(transaction, i, max, key, value) {
        uint32_t index = next;
        if (index >= contract->n_properties || !is_named(&contract->properties[index], key))
            index =
                rw_lookup_find(contract, unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key));
        if (index == RW_NO_PROPERTY) {
            n_unknown++;
            continue;
        }
        decoder->found[index] = value;
        next = index + 1;
    }
    return n_unknown;
}

yyjson_val *rw_last_member(yyjson_val *object, const char *name, size_t length) {
    size_t i, max;
    yyjson_val *key, *value, *last = NULL;
    yyjson_obj_foreach(object, i, max, key, value) {
        if (yyjson_equals_strn(key, name, length))
            last = value;
    }
    return last;
}

static void find_id_in_envelope(struct rw_decoder *decoder) {
    const struct rw_contract *contract = decoder->contract;
    if (!decoder->envelope || contract->id == RW_NO_PROPERTY || decoder->found[contract->id])
        return;
    const struct rw_property *id = &contract->properties[contract->id];
    decoder->found[contract->id] = rw_last_member(decoder->envelope, id->name, id->length);
}

static void refuse_unknown(struct rw_decoder *decoder, yyjson_val *transaction) {
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(transaction, i, max, key, value) {
        struct rw_text name = {yyjson_get_str(key), yyjson_get_len(key)};
        if (rw_lookup_find(decoder->contract, name.data, name.length) != RW_NO_PROPERTY)
            continue;
        if (rw_violations_full(decoder->violations))
            return;
        struct rw_violation violation = {.type = RW_EXTRA_FORBIDDEN, .extra = name};
        rw_violations_add(decoder->violations, &violation);
    }
}

/* ---- features -------------------------------------------------------------------------- */

static double feature_value(const struct rw_decoder *decoder, const struct rw_feature *feature) {
    double value = decoder->values[feature->property];
    if (feature->by_name)
        return rw_categories_code(feature->categories, decoder->found[feature->property], value);
    return feature->transform && !isnan(value) ? feature->transform(value) : value;
}

static void gather(const struct rw_decoder *decoder, double *features) {
    const struct rw_contract *contract = decoder->contract;
    for (uint32_t i = 0; i < contract->n_features; i++)
        features[i] = feature_value(decoder, &contract->features[i]);
}

void rw_decoder_row(struct rw_decoder *decoder, yyjson_val *transaction, double *features,
                    yyjson_val **id) {
    const struct rw_contract *contract = decoder->contract;
    if (id)
        *id = NULL;
    if (!yyjson_is_obj(transaction)) {
        violate(decoder, RW_NOT_OBJECT, NULL);
        return;
    }
    size_t n_unknown = find_values(decoder, transaction);
    find_id_in_envelope(decoder);
    check_properties(decoder);
    if (n_unknown && contract->refuses_unknown)
        refuse_unknown(decoder, transaction);
    if (decoder->violations->count)
        return;
    gather(decoder, features);
    if (id && contract->id != RW_NO_PROPERTY && yyjson_is_str(decoder->found[contract->id]))
        *id = decoder->found[contract->id];
}

rowan_status rw_contract_decode(const struct rw_contract *contract, const char *json, size_t size,
                                const struct rw_memory *memory, double *features,
                                rowan_error *error) {
    if (contract->needs_names && !contract->bound)
        return rw_fail(error, ROWAN_ARGUMENT, NULL, "call rw_contract_bind first",
                       "the contract is not bound to a model, which has the category names");
    struct rw_scratch scratch;
    rw_scratch_init(&scratch, memory);
    struct rw_violations violations = {.error = error};
    struct rw_decoder decoder;
    struct rw_body_error body_error;
    yyjson_val *root = rw_body_read(&scratch, json, size, &body_error);
    if (!root && !body_error.no_memory)
        return rw_fail(error, ROWAN_MALFORMED, NULL, "write one JSON object", "byte %zu: %s",
                       body_error.position, body_error.text);
    if (!root || !rw_decoder_init(&decoder, contract, &scratch, &violations))
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    rw_decoder_row(&decoder, root, features, NULL);
    return violations.count ? ROWAN_MISMATCH : ROWAN_OK;
}

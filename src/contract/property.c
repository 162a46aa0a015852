/*
 * property.c - the schema of one field.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "contract/schema.h"

#define KIND_BIT(kind) (1u << (kind))
#define NUMERIC        (KIND_BIT(RW_KIND_INTEGER) | KIND_BIT(RW_KIND_NUMBER))
#define TEXT           KIND_BIT(RW_KIND_STRING)

static const char *const kind_names[] = {[RW_KIND_STRING] = "string",
                                         [RW_KIND_INTEGER] = "integer",
                                         [RW_KIND_NUMBER] = "number",
                                         [RW_KIND_BOOLEAN] = "boolean",
                                         [RW_KIND_NULL] = "null"};

#define TYPE_REMEDY                                                                                \
    "use string, integer, number, boolean or null, or an array of one of them and null"

/* ---- type -------------------------------------------------------------------- */

static int kind_of(yyjson_val *name) {
    for (int kind = RW_KIND_STRING; kind <= RW_KIND_NULL; kind++)
        if (yyjson_equals_str(name, kind_names[kind]))
            return kind;
    return -1;
}

static rowan_status bad_type(const struct rw_place *place) {
    return rw_place_fail(place, "type", ROWAN_UNSUPPORTED, TYPE_REMEDY,
                         "this is not a type that Rowan checks");
}

static rowan_status parse_type_pair(const struct rw_place *place, yyjson_val *types,
                                    struct rw_property *property) {
    int first = kind_of(yyjson_arr_get(types, 0)), second = kind_of(yyjson_arr_get(types, 1));
    if (yyjson_arr_size(types) != 2 || first < 0 || second < 0 || first == second ||
        (first != RW_KIND_NULL && second != RW_KIND_NULL))
        return bad_type(place);
    property->kind = (uint8_t)(first == RW_KIND_NULL ? second : first);
    property->nullable = true;
    return ROWAN_OK;
}

static rowan_status parse_type(const struct rw_place *place, yyjson_val *type,
                               struct rw_property *property) {
    if (!type)
        return rw_place_fail(place, NULL, ROWAN_MALFORMED, TYPE_REMEDY,
                             "a property must have a type");
    if (yyjson_is_arr(type) && yyjson_arr_size(type) != 1)
        return parse_type_pair(place, type, property);
    int kind = kind_of(yyjson_is_arr(type) ? yyjson_arr_get_first(type) : type);
    if (kind < 0)
        return bad_type(place);
    property->kind = (uint8_t)kind;
    property->nullable = kind == RW_KIND_NULL;
    return ROWAN_OK;
}

/* ---- bounds -------------------------------------------------------------------- */

static rowan_status number_bound(const struct rw_place *place, const char *keyword,
                                 yyjson_val *value, double *bound) {
    if (!yyjson_is_num(value))
        return rw_place_fail(place, keyword, ROWAN_MALFORMED,
                             "write a number (a boolean here is an old draft of JSON Schema)",
                             "this bound must be a number");
    *bound = yyjson_get_num(value);
    return ROWAN_OK;
}

/* Of minimum and exclusiveMinimum, both given, the stronger counts. */
static rowan_status parse_lower(const struct rw_place *place, const char *keyword,
                                yyjson_val *value, struct rw_property *property) {
    double bound = 0;
    bool exclusive = keyword[0] == 'e';
    rowan_status status = number_bound(place, keyword, value, &bound);
    if (status == ROWAN_OK &&
        (bound > property->minimum || (bound >= property->minimum && exclusive))) {
        property->minimum = bound;
        property->above_minimum = exclusive;
    }
    return status;
}

static rowan_status parse_upper(const struct rw_place *place, const char *keyword,
                                yyjson_val *value, struct rw_property *property) {
    double bound = 0;
    bool exclusive = keyword[0] == 'e';
    rowan_status status = number_bound(place, keyword, value, &bound);
    if (status == ROWAN_OK &&
        (bound < property->maximum || (bound <= property->maximum && exclusive))) {
        property->maximum = bound;
        property->below_maximum = exclusive;
    }
    return status;
}

static rowan_status parse_length(const struct rw_place *place, const char *keyword,
                                 yyjson_val *value, struct rw_property *property) {
    if (!yyjson_is_uint(value))
        return rw_place_fail(place, keyword, ROWAN_MALFORMED, "write an integer of 0 or more",
                             "a length must be a non-negative integer");
    size_t length = (size_t)yyjson_get_uint(value);
    if (strcmp(keyword, "minLength") == 0)
        property->min_length = length;
    else
        property->max_length = length;
    return ROWAN_OK;
}

/* ---- enum ------------------------------------------------------------------------ */

static bool choice_fits(yyjson_val *value, enum rw_kind kind) {
    if (kind == RW_KIND_STRING)
        return yyjson_is_str(value);
    if (kind == RW_KIND_INTEGER)
        return yyjson_is_int(value);
    return kind == RW_KIND_NUMBER && yyjson_is_num(value);
}

static rowan_status add_choice(const struct rw_place *place, yyjson_val *value,
                               const struct rw_property *property, struct rw_choice *choice) {
    if (!choice_fits(value, (enum rw_kind)property->kind))
        return rw_place_fail(place, "enum", ROWAN_MALFORMED,
                             "list values of the property's own type, string, integer or number",
                             "a value of this enum can never match the type %s",
                             kind_names[property->kind]);
    if (property->kind != RW_KIND_STRING) {
        choice->number = yyjson_get_num(value);
        return ROWAN_OK;
    }
    choice->length = yyjson_get_len(value);
    choice->text = rw_arena_strndup(&place->contract->arena, yyjson_get_str(value), choice->length);
    if (!choice->text)
        return rw_place_fail(place, "enum", ROWAN_NO_MEMORY, NULL, "no memory");
    return ROWAN_OK;
}

/* JSON Schema refuses null where the enum lacks it, whatever the type says. */
static rowan_status check_null_choice(const struct rw_place *place, bool has_null,
                                      const struct rw_property *property) {
    if (has_null == property->nullable)
        return ROWAN_OK;
    return rw_place_fail(place, "enum", ROWAN_MALFORMED,
                         "put null into both the type and the enum, or into neither",
                         "the type and the enum disagree about null");
}

static rowan_status parse_enum(const struct rw_place *place, const char *keyword,
                               yyjson_val *values, struct rw_property *property) {
    size_t n = yyjson_arr_size(values), i, max;
    if (!yyjson_is_arr(values) || n == 0 || n > RW_ENUM_MAX)
        return rw_place_fail(place, keyword, ROWAN_MALFORMED, "list the values in an array",
                             "an enum must have 1 to %u values", RW_ENUM_MAX);
    struct rw_choice *choices = rw_arena_alloc(&place->contract->arena, n, sizeof *choices);
    if (!choices)
        return rw_place_fail(place, keyword, ROWAN_NO_MEMORY, NULL, "no memory");
    bool has_null = false;
    yyjson_val *value;
    yyjson_arr_foreach(values, i, max, value) {
        if (yyjson_is_null(value)) {
            has_null = true;
            continue;
        }
        rowan_status status = add_choice(place, value, property, &choices[property->n_choices]);
        if (status != ROWAN_OK)
            return status;
        property->n_choices++;
    }
    property->choices = choices;
    if (property->n_choices == 0)
        return rw_place_fail(place, keyword, ROWAN_MALFORMED, "use \"type\": \"null\" instead",
                             "this enum allows nothing but null");
    return check_null_choice(place, has_null, property);
}

/* ---- keywords ---------------------------------------------------------------------- */

static const struct keyword {
    const char *name;
    unsigned kinds; /* that it means something for */
    rowan_status (*parse)(const struct rw_place *, const char *, yyjson_val *,
                          struct rw_property *);
} keywords[] = {
    {"minimum", NUMERIC, parse_lower},    {"exclusiveMinimum", NUMERIC, parse_lower},
    {"maximum", NUMERIC, parse_upper},    {"exclusiveMaximum", NUMERIC, parse_upper},
    {"minLength", TEXT, parse_length},    {"maxLength", TEXT, parse_length},
    {"enum", NUMERIC | TEXT, parse_enum},
};

static rowan_status parse_keyword(const struct rw_place *place, const char *name, yyjson_val *value,
                                  struct rw_property *property) {
    if (strcmp(name, "type") == 0 || rw_is_annotation(name))
        return ROWAN_OK;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (strcmp(name, keywords[i].name) != 0)
            continue;
        if (!(keywords[i].kinds & KIND_BIT(property->kind)))
            return rw_place_fail(place, name, ROWAN_MALFORMED, "remove it, or correct the type",
                                 "this keyword does nothing for the type %s",
                                 kind_names[property->kind]);
        return keywords[i].parse(place, name, value, property);
    }
    return rw_place_fail(place, name, ROWAN_UNSUPPORTED,
                         "remove it: Rowan enforces type, enum, minimum, maximum, "
                         "exclusiveMinimum, exclusiveMaximum, minLength and maxLength",
                         "Rowan does not enforce this keyword");
}

rowan_status rw_property_parse(const struct rw_place *place, yyjson_val *schema,
                               struct rw_property *property) {
    if (!yyjson_is_obj(schema))
        return rw_place_fail(place, NULL, ROWAN_MALFORMED, "write {\"type\": ...}",
                             "the schema of a property must be an object");
    property->minimum = -INFINITY;
    property->maximum = INFINITY;
    property->max_length = SIZE_MAX;
    rowan_status status = rw_place_unique(place, schema);
    if (status == ROWAN_OK)
        status = parse_type(place, yyjson_obj_get(schema, "type"), property);
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(schema, i, max, key, value) {
        if (status != ROWAN_OK)
            return status;
        status = parse_keyword(place, yyjson_get_str(key), value, property);
    }
    return status;
}

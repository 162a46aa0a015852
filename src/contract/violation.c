/*
 * violation.c - what a request broke, in the words of FastAPI and pydantic 2.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "contract/request.h"

static const struct {
    const char *type, *message; /* a message that ends with a blank goes on with a value */
} texts[RW_VIOLATION_TYPES] = {
    [RW_MISSING] = {"missing", "Field required"},
    [RW_EXTRA_FORBIDDEN] = {"extra_forbidden", "Extra inputs are not permitted"},
    [RW_NOT_OBJECT] = {"model_attributes_type",
                       "Input should be a valid dictionary or object to extract fields from"},
    [RW_TOO_LONG] = {"too_long", "List should have at most "},
    [RW_STRING_TYPE] = {"string_type", "Input should be a valid string"},
    [RW_INT_TYPE] = {"int_type", "Input should be a valid integer"},
    [RW_INT_FROM_FLOAT] = {"int_from_float", "Input should be a valid integer, got a number with "
                                             "a fractional part"},
    [RW_FLOAT_TYPE] = {"float_type", "Input should be a valid number"},
    [RW_BOOL_TYPE] = {"bool_type", "Input should be a valid boolean"},
    [RW_NULL_TYPE] = {"none_required", "Input should be None"},
    [RW_FINITE_NUMBER] = {"finite_number", "Input should be a finite number"},
    [RW_GREATER_THAN] = {"greater_than", "Input should be greater than "},
    [RW_GREATER_THAN_EQUAL] = {"greater_than_equal", "Input should be greater than or equal to "},
    [RW_LESS_THAN] = {"less_than", "Input should be less than "},
    [RW_LESS_THAN_EQUAL] = {"less_than_equal", "Input should be less than or equal to "},
    [RW_STRING_TOO_SHORT] = {"string_too_short", "String should have at least "},
    [RW_STRING_TOO_LONG] = {"string_too_long", "String should have at most "},
    [RW_NOT_IN_ENUM] = {"literal_error", "Input should be "},
};

/* ---- messages -------------------------------------------------------------------- */

static void add_number(struct rw_buffer *text, double number) {
    if (fabs(number) < 1e15 && floor(number) >= number)
        rw_buffer_printf(text, "%.0f", number);
    else
        rw_buffer_printf(text, "%.17g", number);
}

static void add_length(struct rw_buffer *text, size_t length) {
    rw_buffer_printf(text, "%zu character%s", length, length == 1 ? "" : "s");
}

/* "'a', 'b' or 'c'"; of a long enum its beginning. */
static void add_choices(struct rw_buffer *text, const struct rw_property *property) {
    const uint32_t shown = property->n_choices > 20 ? 20 : property->n_choices;
    for (uint32_t i = 0; i < shown; i++) {
        const struct rw_choice *choice = &property->choices[i];
        if (i)
            rw_buffer_text(text, i + 1 == property->n_choices ? " or " : ", ");
        if (!choice->text) {
            add_number(text, choice->number);
            continue;
        }
        rw_buffer_text(text, "'");
        rw_buffer_json_escaped(text, choice->text, choice->length);
        rw_buffer_text(text, "'");
    }
    if (shown < property->n_choices)
        rw_buffer_printf(text, " or %u more", property->n_choices - shown);
}

/* The limit that the message ends with. */
static void add_limit(struct rw_buffer *text, enum rw_violation_type type,
                      const struct rw_property *property) {
    switch (type) {
    case RW_GREATER_THAN:
    case RW_GREATER_THAN_EQUAL:
        add_number(text, property->minimum);
        break;
    case RW_LESS_THAN:
    case RW_LESS_THAN_EQUAL:
        add_number(text, property->maximum);
        break;
    case RW_STRING_TOO_SHORT:
        add_length(text, property->min_length);
        break;
    case RW_STRING_TOO_LONG:
        add_length(text, property->max_length);
        break;
    case RW_NOT_IN_ENUM:
        add_choices(text, property);
        break;
    default:
        break;
    }
}

static void add_message(struct rw_buffer *text, const struct rw_violation *violation) {
    rw_buffer_text(text, texts[violation->type].message);
    if (violation->type == RW_TOO_LONG)
        rw_buffer_printf(text, "%zu items after validation, not %zu", violation->limit,
                         violation->seen);
    else if (violation->property)
        add_limit(text, violation->type, violation->property);
}

/* ---- entries of "detail" --------------------------------------------------------------- */

static void open_entry(const struct rw_violations *violations, const char *type) {
    rw_buffer_text(violations->reply, violations->count ? "," : "{\"detail\":[");
    rw_buffer_printf(violations->reply, "{\"type\":\"%s\",\"loc\":[\"body\"", type);
}

static void add_entry(const struct rw_violations *violations,
                      const struct rw_violation *violation) {
    struct rw_buffer *reply = violations->reply;
    open_entry(violations, texts[violation->type].type);
    if (violations->in_batch)
        rw_buffer_printf(reply, ",%zu", violations->row);
    struct rw_text name = violation->extra;
    if (violation->property)
        name = (struct rw_text){violation->property->name, violation->property->length};
    if (name.data) {
        rw_buffer_text(reply, ",\"");
        rw_buffer_json_escaped(reply, name.data, name.length);
        rw_buffer_text(reply, "\"");
    }
    rw_buffer_text(reply, "],\"msg\":\"");
    add_message(reply, violation);
    rw_buffer_text(reply, "\"}");
}

static void set_error(const struct rw_violations *violations,
                      const struct rw_violation *violation) {
    char bytes[ROWAN_ERROR_TEXT];
    struct rw_buffer text = {.data = bytes, .capacity = sizeof bytes};
    add_message(&text, violation); /* a message that does not fit ends early */
    const char *name = violation->property     ? violation->property->name
                       : violation->extra.data ? violation->extra.data
                                               : NULL;
    rw_fail(violations->error, ROWAN_MISMATCH, name, "correct the value, or the contract", "%.*s",
            (int)text.length, bytes);
}

/* Says in the place of the first violation beyond the bound that there are more. */
static void add_too_many(const struct rw_violations *violations) {
    open_entry(violations, "too_many_errors");
    rw_buffer_printf(violations->reply,
                     "],\"msg\":\"More than %u errors: the rest is not listed\"}",
                     RW_VIOLATIONS_MAX);
}

void rw_violations_add(struct rw_violations *violations, const struct rw_violation *violation) {
    if (rw_violations_full(violations))
        return;
    if (violations->reply && violations->count == RW_VIOLATIONS_MAX)
        add_too_many(violations);
    else if (violations->reply)
        add_entry(violations, violation);
    else if (violations->count == 0)
        set_error(violations, violation);
    violations->count++;
}

bool rw_violations_full(const struct rw_violations *violations) {
    return violations->count > RW_VIOLATIONS_MAX;
}

void rw_violations_end(struct rw_violations *violations) {
    rw_buffer_text(violations->reply, "]}");
}

/*
 * schema.h - a parsed contract, as the files of this room see it.
 *
 * Everything that a request needs is worked out here once: which property a key
 * names (lookup), what its value must be (property), which input of the model it
 * becomes (feature), and the constant text of a reply (rendered).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CONTRACT_SCHEMA_H
#define RW_CONTRACT_SCHEMA_H

#include <yyjson.h>

#include "contract/contract.h"

/* Bounds of a contract; each refused with an error that names it. */
#define RW_CONTRACT_MAX_MEMORY ((size_t)64 << 20) /* of one parsed contract */
#define RW_PROPERTY_NAME_MAX   256u               /* bytes */
#define RW_SETTING_TEXT_MAX    256u               /* bytes of a model's name, version, type */
#define RW_ENUM_MAX            4096u              /* values of one property */
#define RW_POINTER_MAX         ROWAN_ERROR_WHERE  /* bytes of a JSON pointer in an error */

#define RW_NO_PROPERTY UINT32_MAX

enum rw_kind { RW_KIND_STRING, RW_KIND_INTEGER, RW_KIND_NUMBER, RW_KIND_BOOLEAN, RW_KIND_NULL };

/* One value of an enum: text for strings, a number for the other kinds. */
struct rw_choice {
    const char *text;
    size_t length;
    double number;
};

struct rw_property {
    const char *name;
    uint32_t length; /* of name */
    uint8_t kind;    /* enum rw_kind */
    bool nullable;
    bool required;
    bool above_minimum;            /* the minimum itself is refused (exclusiveMinimum) */
    bool below_maximum;            /* the same for the maximum */
    double minimum, maximum;       /* -inf, +inf: none */
    size_t min_length, max_length; /* in code points; 0, SIZE_MAX: none */
    const struct rw_choice *choices;
    uint32_t n_choices; /* 0: any value */
};

typedef double (*rw_transform_fn)(double value);

struct rw_feature {
    rw_transform_fn transform; /* NULL: the value as it is */
    uint32_t property;
    const char *name;
    const char *source;                     /* the transform's key */
    bool by_name;                           /* the value is the name of a category */
    const struct rw_categories *categories; /* then, set by rw_contract_bind */
};

/* Names to numbers: open addressing over a power of two of at least twice the
 * names, so that a probe ends soon.  The table is the contract's, never the
 * client's: keys that collide on purpose cost no more than a run of it. */
struct rw_lookup {
    uint32_t *slots; /* property index + 1; 0: empty */
    uint32_t mask;
};

struct rw_text {
    const char *data;
    size_t length;
};

/* The constant text of a row's reply, in order:
 *   opening [id] before_score [score] risk[level] now [time] before_confidence [c] closing
 * and for a model whose output is no probability:
 *   opening [id] before_score [score] after_score [time] closing */
struct rw_rendered {
    struct rw_text opening, before_score, risk[3], after_score, before_confidence, closing;
    size_t constant_bytes; /* no row has more constant text than this */
};

struct rw_contract {
    struct rw_arena arena;
    struct rw_contract_settings settings;
    yyjson_doc *document; /* contract.json, for the OpenAPI document */
    struct rw_property *properties;
    uint32_t n_properties;
    struct rw_lookup lookup;
    struct rw_feature *features;
    uint32_t n_features;
    uint32_t id;          /* property that a reply repeats first; RW_NO_PROPERTY: none */
    bool refuses_unknown; /* additionalProperties: false */
    bool needs_names;     /* of categories, which rw_contract_bind takes from the model */

    /* set by rw_contract_bind */
    bool bound;
    bool is_probability; /* else a reply has "score" alone */
    bool is_float32;     /* precision of the model's arithmetic, and of its text */
    uint32_t n_outputs;
    uint32_t column;               /* of the positive class in a row of outputs */
    uint32_t margin;               /* that this output comes from */
    bool is_opposite;              /* it falls as the margin rises: class 0 of two */
    double medium, high, decision; /* settings, rounded to that precision */
    struct rw_rendered rendered;
};

/* ---- parsing (parse.c, property.c, settings.c) ----------------------------- */

/* What the parser of one place knows: where it is, and where errors go. */
struct rw_place {
    struct rw_contract *contract;
    const char *pointer; /* "#/properties/tx_amount" */
    rowan_error *error;
};

/* Fails at the member `key` of `place` (NULL: at the place itself). */
rowan_status rw_place_fail(const struct rw_place *place, const char *key, rowan_status status,
                           const char *remedy, const char *what, ...)
    __attribute__((format(printf, 5, 6)));
/* Writes "pointer/key" with the key escaped as RFC 6901 says; long text is cut. */
void rw_pointer_join(char out[RW_POINTER_MAX], const char *pointer, const char *key);
/* Checks that `value` is a string without a zero byte of 1 to `max` bytes, and copies it. */
rowan_status rw_place_text(const struct rw_place *place, const char *key, yyjson_val *value,
                           size_t max, const char **text);
/* Fails if `object` has one key twice. */
rowan_status rw_place_unique(const struct rw_place *place, yyjson_val *object);
bool rw_is_annotation(const char *keyword);

rowan_status rw_property_parse(const struct rw_place *place, yyjson_val *schema,
                               struct rw_property *property);
rowan_status rw_settings_parse(const struct rw_place *place, yyjson_val *settings);

/* ---- lookup (lookup.c) ------------------------------------------------------ */

bool rw_lookup_init(struct rw_contract *contract);
/* RW_NO_PROPERTY if there is none of that name. */
uint32_t rw_lookup_find(const struct rw_contract *contract, const char *name, size_t length);
uint64_t rw_hash_bytes(const char *bytes, size_t length);

/* ---- names of categories (category.c) ----------------------------------------- */

/* Makes the table of the names that the model has for `feature`, for values of a
 * property of `kind`; it lives in the arena, and does not need the model. */
rowan_status rw_categories_make(struct rw_arena *arena, const rowan_model *model, uint32_t feature,
                                enum rw_kind kind, const struct rw_categories **out,
                                rowan_error *error);
/* The code of a value (of a number or boolean: `number`); NaN where it is missing, or
 * no category of the model. */
double rw_categories_code(const struct rw_categories *table, yyjson_val *value, double number);

/* ---- transforms (transform.c) ------------------------------------------------ */

struct rw_transform {
    const char *key;       /* in x-rowan.features: {"name": ..., "<key>": "<property>"} */
    rw_transform_fn apply; /* NULL: the value as it is.  Never called with NaN. */
    bool by_name;          /* the value is looked up among the model's category names */
    unsigned kinds;        /* bits 1 << enum rw_kind of the sources that make sense */
    const char *sources;   /* the same in words, for errors */
};

const struct rw_transform *rw_transform_find(const char *key);
/* Writes "from, category, weekend, night" for errors. */
void rw_transform_names(char *text, size_t size);

#endif

/*
 * category.c - names of categories to the codes that the model was trained with.
 *
 * The model brings the names (rowan_model_category_name); the table is made once, when
 * the contract is bound.  A name is compared as the property's own kind: a number as a
 * number, so that 5 and 5.0 are one category.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "contract/request.h"

struct entry {
    const char *text; /* of a string */
    size_t length;
    double number; /* of a number or a boolean */
    double code;
};

/* Open addressing, at most half full: see struct rw_lookup. */
struct rw_categories {
    bool of_strings;
    size_t longest; /* name: longer ones need no look */
    struct entry *entries;
    uint32_t n_entries;
    uint32_t *slots; /* entry + 1; 0: empty */
    uint32_t mask;
};

/* ---- lookup -------------------------------------------------------------------------- */

static uint64_t hash_number(double number) {
    number += 0.0; /* -0 is 0 */
    char bytes[sizeof number];
    memcpy(bytes, &number, sizeof bytes);
    return rw_hash_bytes(bytes, sizeof bytes);
}

static bool is_same(const struct rw_categories *table, const struct entry *a,
                    const struct entry *b) {
    if (table->of_strings)
        return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
    return !(a->number < b->number || a->number > b->number);
}

/* The slot of an equal entry, or the empty one where it belongs. */
static uint32_t *find_slot(const struct rw_categories *table, const struct entry *wanted) {
    uint64_t hash = table->of_strings ? rw_hash_bytes(wanted->text, wanted->length)
                                      : hash_number(wanted->number);
    for (uint32_t slot = (uint32_t)hash;; slot++) {
        uint32_t *at = &table->slots[slot & table->mask];
        if (*at == 0 || is_same(table, &table->entries[*at - 1], wanted))
            return at;
    }
}

double rw_categories_code(const struct rw_categories *table, yyjson_val *value, double number) {
    struct entry wanted = {.number = number};
    if (table->of_strings && yyjson_is_str(value)) {
        wanted.text = unsafe_yyjson_get_str(value);
        wanted.length = unsafe_yyjson_get_len(value);
        if (wanted.length > table->longest)
            return NAN;
    } else if (table->of_strings || isnan(number)) {
        return NAN; /* absent or null */
    }
    uint32_t found = *find_slot(table, &wanted);
    return found ? table->entries[found - 1].code : NAN;
}

/* ---- making the table ------------------------------------------------------------------ */

static bool parse_number(const char *name, double *number) {
    yyjson_val value;
    const char *end = yyjson_read_number(name, &value, 0, NULL, NULL);
    if (!end || *end != '\0')
        return false;
    *number = yyjson_get_num(&value);
    return true;
}

static bool parse_boolean(const char *name, double *number) {
    *number = strcmp(name, "true") == 0;
    return *number > 0 || strcmp(name, "false") == 0;
}

/* False for a name that no value of this kind can have: nothing will ask for it. */
static bool make_entry(enum rw_kind kind, const char *name, struct entry *entry) {
    if (kind == RW_KIND_BOOLEAN)
        return parse_boolean(name, &entry->number);
    if (kind != RW_KIND_STRING)
        return parse_number(name, &entry->number);
    entry->length = strlen(name);
    return true;
}

static rowan_status no_memory(rowan_error *error) {
    return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the names of categories");
}

static rowan_status add_entry(struct rw_arena *arena, struct rw_categories *table, const char *name,
                              struct entry *entry, rowan_error *error) {
    entry->text = name;
    uint32_t *slot = find_slot(table, entry);
    if (*slot)
        return rw_fail(error, ROWAN_MISMATCH, NULL, "give each category a name of its own",
                       "the model has two categories called %.80s", name);
    if (table->of_strings) /* the model may go, and its image be mapped elsewhere */
        entry->text = rw_arena_strndup(arena, name, entry->length);
    if (!entry->text)
        return no_memory(error);
    if (entry->length > table->longest)
        table->longest = entry->length;
    table->entries[table->n_entries++] = *entry;
    *slot = table->n_entries;
    return ROWAN_OK;
}

static struct rw_categories *new_table(struct rw_arena *arena, uint32_t count, enum rw_kind kind) {
    uint64_t size = 4;
    while (size < 2 * (uint64_t)count)
        size *= 2;
    struct rw_categories *table = rw_arena_alloc(arena, 1, sizeof *table);
    if (!table || size > UINT32_MAX)
        return NULL;
    table->of_strings = kind == RW_KIND_STRING;
    table->mask = (uint32_t)size - 1;
    table->slots = rw_arena_alloc(arena, size, sizeof *table->slots);
    table->entries = rw_arena_alloc(arena, count, sizeof *table->entries);
    return table->slots && table->entries ? table : NULL;
}

rowan_status rw_categories_make(struct rw_arena *arena, const rowan_model *model, uint32_t feature,
                                enum rw_kind kind, const struct rw_categories **out,
                                rowan_error *error) {
    const uint32_t count = rowan_model_category_count(model, feature);
    if (count == 0)
        return rw_fail(error, ROWAN_MISMATCH, NULL,
                       "use \"from\" with the category's code, or train on a pandas frame with a "
                       "category column and save the model from Python",
                       "the model has no names of categories for its feature %.80s",
                       rowan_model_feature_name(model, feature));
    struct rw_categories *table = new_table(arena, count, kind);
    if (!table)
        return no_memory(error);
    for (uint32_t code = 0; code < count; code++) {
        const char *name = rowan_model_category_name(model, feature, code);
        struct entry entry = {.code = code};
        if (!make_entry(kind, name, &entry))
            continue;
        rowan_status status = add_entry(arena, table, name, &entry, error);
        if (status != ROWAN_OK)
            return status;
    }
    if (table->n_entries == 0)
        return rw_fail(error, ROWAN_MISMATCH, NULL,
                       "give the property the type of the names: string, number or boolean",
                       "no category of %.80s is of this property's type: the first is %.80s",
                       rowan_model_feature_name(model, feature),
                       rowan_model_category_name(model, feature, 0));
    *out = table;
    return ROWAN_OK;
}

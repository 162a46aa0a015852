/*
 * parse.c - contract.json to a contract: its top level.
 *
 * A contract must not promise what is not checked: a keyword that Rowan does not
 * enforce is refused by name, with its JSON pointer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/schema.h"

#define NO_MEMORY_REMEDY "use a smaller contract or give the process more memory"

/* ---- places and errors ----------------------------------------------------- */

void rw_pointer_join(char out[RW_POINTER_MAX], const char *pointer, const char *key) {
    size_t used = (size_t)snprintf(out, RW_POINTER_MAX, "%s/", pointer);
    for (; *key && used + 2 < RW_POINTER_MAX; key++) {
        if (*key == '~' || *key == '/') {
            out[used++] = '~';
            out[used++] = *key == '~' ? '0' : '1';
        } else {
            out[used++] = *key;
        }
    }
    out[used < RW_POINTER_MAX ? used : RW_POINTER_MAX - 1] = '\0';
}

rowan_status rw_place_fail(const struct rw_place *place, const char *key, rowan_status status,
                           const char *remedy, const char *what, ...) {
    char pointer[RW_POINTER_MAX], text[ROWAN_ERROR_TEXT];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    if (key)
        rw_pointer_join(pointer, place->pointer, key);
    return rw_fail(place->error, status, key ? pointer : place->pointer, remedy, "%s", text);
}

rowan_status rw_place_text(const struct rw_place *place, const char *key, yyjson_val *value,
                           size_t max, const char **text) {
    if (!yyjson_is_str(value))
        return rw_place_fail(place, key, ROWAN_MALFORMED, "write it in quotes",
                             "this must be a string");
    size_t length = yyjson_get_len(value);
    const char *bytes = yyjson_get_str(value);
    if (length == 0 || length > max || memchr(bytes, '\0', length))
        return rw_place_fail(place, key, ROWAN_LIMIT, "shorten or rename it",
                             "a name must have 1 to %zu bytes and no zero byte", max);
    *text = rw_arena_strndup(&place->contract->arena, bytes, length);
    if (!*text)
        return rw_place_fail(place, key, ROWAN_NO_MEMORY, NO_MEMORY_REMEDY, "no memory");
    return ROWAN_OK;
}

/* For objects of a few keys: `properties` has its own, faster check. */
rowan_status rw_place_unique(const struct rw_place *place, yyjson_val *object) {
    const size_t few = 64;
    if (yyjson_obj_size(object) > few)
        return rw_place_fail(place, NULL, ROWAN_LIMIT, "remove what is not needed",
                             "more than %zu keys", few);
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, max, key, value) {
        if (yyjson_obj_getn(object, yyjson_get_str(key), yyjson_get_len(key)) != value)
            return rw_place_fail(place, yyjson_get_str(key), ROWAN_MALFORMED,
                                 "remove one of the two", "this key stands here twice");
        if (strlen(yyjson_get_str(key)) != yyjson_get_len(key))
            return rw_place_fail(place, NULL, ROWAN_MALFORMED, "rename it",
                                 "a key holds a zero byte");
    }
    return ROWAN_OK;
}

bool rw_is_annotation(const char *keyword) {
    static const char *const annotations[] = {"$schema",     "$id",      "$comment",
                                              "title",       "format",   "default",
                                              "description", "examples", "deprecated"};
    for (size_t i = 0; i < sizeof annotations / sizeof *annotations; i++)
        if (strcmp(keyword, annotations[i]) == 0)
            return true;
    return false;
}

/* ---- properties -------------------------------------------------------------- */

static rowan_status parse_properties(const struct rw_place *place, yyjson_val *properties) {
    struct rw_contract *contract = place->contract;
    if (!yyjson_is_obj(properties) || yyjson_obj_size(properties) == 0)
        return rw_place_fail(place, NULL, ROWAN_MALFORMED,
                             "list the fields of a transaction with their schemas",
                             "properties must be an object with at least one member");
    if (yyjson_obj_size(properties) > RW_CONTRACT_MAX_PROPERTIES)
        return rw_place_fail(place, NULL, ROWAN_LIMIT, "remove fields that feed no feature",
                             "%zu properties are more than %u", yyjson_obj_size(properties),
                             RW_CONTRACT_MAX_PROPERTIES);
    contract->properties =
        rw_arena_alloc(&contract->arena, yyjson_obj_size(properties), sizeof *contract->properties);
    if (!contract->properties)
        return rw_place_fail(place, NULL, ROWAN_NO_MEMORY, NO_MEMORY_REMEDY, "no memory");

    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(properties, i, max, key, value) {
        struct rw_property *property = &contract->properties[contract->n_properties];
        rowan_status status =
            rw_place_text(place, yyjson_get_str(key), key, RW_PROPERTY_NAME_MAX, &property->name);
        if (status != ROWAN_OK)
            return status;
        property->length = (uint32_t)yyjson_get_len(key);
        char pointer[RW_POINTER_MAX];
        rw_pointer_join(pointer, place->pointer, property->name);
        struct rw_place inside = {contract, pointer, place->error};
        status = rw_property_parse(&inside, value, property);
        if (status != ROWAN_OK)
            return status;
        contract->n_properties++;
    }
    if (!rw_lookup_init(contract))
        return rw_place_fail(place, NULL, ROWAN_NO_MEMORY, NO_MEMORY_REMEDY, "no memory");
    for (uint32_t p = 0; p < contract->n_properties; p++)
        if (rw_lookup_find(contract, contract->properties[p].name,
                           contract->properties[p].length) != p)
            return rw_place_fail(place, contract->properties[p].name, ROWAN_MALFORMED,
                                 "remove one of the two", "this property stands here twice");
    return ROWAN_OK;
}

static rowan_status parse_required(const struct rw_place *place, yyjson_val *required) {
    struct rw_contract *contract = place->contract;
    if (!required)
        return ROWAN_OK;
    if (!yyjson_is_arr(required))
        return rw_place_fail(place, NULL, ROWAN_MALFORMED, "list names of properties",
                             "required must be an array");
    size_t i, max;
    yyjson_val *name;
    yyjson_arr_foreach(required, i, max, name) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        uint32_t index = yyjson_is_str(name)
                             ? rw_lookup_find(contract, yyjson_get_str(name), yyjson_get_len(name))
                             : RW_NO_PROPERTY;
        if (index == RW_NO_PROPERTY)
            return rw_place_fail(place, key, ROWAN_MALFORMED, "add it to properties, or remove it",
                                 "this is not the name of a property");
        contract->properties[index].required = true;
    }
    return ROWAN_OK;
}

/* ---- top level ---------------------------------------------------------------- */

static rowan_status check_type(const struct rw_place *place, yyjson_val *type) {
    if (yyjson_equals_str(type, "object"))
        return ROWAN_OK;
    return rw_place_fail(place, "type", ROWAN_MALFORMED, "write \"type\": \"object\"",
                         "a transaction must be an object");
}

static rowan_status parse_additional(const struct rw_place *place, yyjson_val *additional) {
    if (additional && !yyjson_is_bool(additional))
        return rw_place_fail(place, "additionalProperties", ROWAN_UNSUPPORTED, "use true or false",
                             "only true and false are supported here");
    place->contract->refuses_unknown = yyjson_is_false(additional);
    return ROWAN_OK;
}

static rowan_status check_keywords(const struct rw_place *place, yyjson_val *root) {
    static const char *const enforced[] = {"type", "properties", "required", "additionalProperties",
                                           "x-rowan"};
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(root, i, max, key, value) {
        bool known = rw_is_annotation(yyjson_get_str(key));
        for (size_t k = 0; k < sizeof enforced / sizeof *enforced && !known; k++)
            known = yyjson_equals_str(key, enforced[k]);
        if (!known)
            return rw_place_fail(place, yyjson_get_str(key), ROWAN_UNSUPPORTED,
                                 "remove it, or check it before the request reaches Rowan",
                                 "Rowan does not enforce this keyword of an object");
    }
    return ROWAN_OK;
}

static rowan_status parse_root(const struct rw_place *place, yyjson_val *root) {
    if (!yyjson_is_obj(root))
        return rw_place_fail(place, NULL, ROWAN_MALFORMED, "write a JSON Schema",
                             "a contract must be a JSON object");
    rowan_status status = rw_place_unique(place, root);
    if (status == ROWAN_OK)
        status = check_keywords(place, root);
    if (status == ROWAN_OK)
        status = check_type(place, yyjson_obj_get(root, "type"));
    if (status == ROWAN_OK)
        status = parse_additional(place, yyjson_obj_get(root, "additionalProperties"));

    struct rw_place inside = *place;
    inside.pointer = "#/properties";
    if (status == ROWAN_OK)
        status = parse_properties(&inside, yyjson_obj_get(root, "properties"));
    inside.pointer = "#/required";
    if (status == ROWAN_OK)
        status = parse_required(&inside, yyjson_obj_get(root, "required"));
    inside.pointer = "#/x-rowan";
    if (status == ROWAN_OK)
        status = rw_settings_parse(&inside, yyjson_obj_get(root, "x-rowan"));
    return status;
}

static rowan_status parse_document(struct rw_contract *contract, const char *json, size_t size,
                                   rowan_error *error) {
    if (size > RW_CONTRACT_MAX_BYTES)
        return rw_fail(error, ROWAN_LIMIT, NULL, "remove fields that feed no feature",
                       "a contract of %zu bytes is larger than %u", size, RW_CONTRACT_MAX_BYTES);
    yyjson_read_err at = {0};
    /* the cast is yyjson's: without INSITU the bytes are only read */
    contract->document = yyjson_read_opts((char *)(uintptr_t)json, size, 0, NULL, &at);
    if (contract->document)
        return ROWAN_OK;
    char where[48];
    snprintf(where, sizeof where, "byte %zu", at.pos);
    return rw_fail(
        error, at.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? ROWAN_NO_MEMORY : ROWAN_MALFORMED,
        where, "write valid JSON", "this is not JSON: %s", at.msg);
}

rowan_status rw_contract_parse(const char *json, size_t size, struct rw_contract **contract,
                               rowan_error *error) {
    *contract = NULL;
    struct rw_contract *made = calloc(1, sizeof *made);
    if (!made)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NO_MEMORY_REMEDY, "no memory");
    rw_arena_init(&made->arena, RW_CONTRACT_MAX_MEMORY);
    made->id = RW_NO_PROPERTY;
    rowan_status status = parse_document(made, json, size, error);
    struct rw_place root = {made, "#", error};
    if (status == ROWAN_OK)
        status = parse_root(&root, yyjson_doc_get_root(made->document));
    if (status != ROWAN_OK) {
        rw_contract_free(made);
        return status;
    }
    *contract = made;
    return ROWAN_OK;
}

void rw_contract_free(struct rw_contract *contract) {
    if (!contract)
        return;
    yyjson_doc_free(contract->document);
    rw_arena_free(&contract->arena);
    free(contract);
}

/* ---- what callers may know ----------------------------------------------------- */

const struct rw_contract_settings *rw_contract_settings(const struct rw_contract *contract) {
    return &contract->settings;
}

uint32_t rw_contract_n_features(const struct rw_contract *contract) {
    return contract->n_features;
}

uint32_t rw_contract_n_properties(const struct rw_contract *contract) {
    return contract->n_properties;
}

const char *rw_contract_property(const struct rw_contract *contract, uint32_t index,
                                 bool *is_string, bool *is_required) {
    const struct rw_property *property = &contract->properties[index];
    if (is_string)
        *is_string = property->kind == RW_KIND_STRING;
    if (is_required)
        *is_required = property->required;
    return property->name;
}

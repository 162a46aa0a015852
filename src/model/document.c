/*
 * document.c - looking things up in a document.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/document.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INTEGER_DIGITS_MAX 20

static const struct rw_value *find(const struct rw_value *object, const char *key, size_t length) {
    if (!object || object->type != RW_OBJECT)
        return NULL;
    for (const struct rw_value *member = object->child; member; member = member->next)
        if (member->key_length == length && memcmp(member->key, key, length) == 0)
            return member;
    return NULL;
}

const struct rw_value *rw_value_get(const struct rw_value *object, const char *key) {
    return find(object, key, strlen(key));
}

const struct rw_value *rw_value_at(const struct rw_value *object, const char *path) {
    for (;;) {
        size_t length = strcspn(path, "/");
        object = find(object, path, length);
        if (path[length] == '\0')
            return object;
        path += length + 1;
    }
}

uint32_t rw_value_count(const struct rw_value *value) {
    return value && (value->type == RW_NUMBERS || value->type == RW_ARRAY) ? value->count : 0;
}

/* An empty array has no element to tell its kind. */
static bool is_array(const struct rw_value *value, uint32_t count) {
    if (!value || value->count != count)
        return false;
    return value->type == RW_NUMBERS || (value->type == RW_ARRAY && count == 0);
}

bool rw_value_f32s(const struct rw_value *value, uint32_t count, float *out) {
    return is_array(value, count) &&
           (count == 0 || value->numbers->to_f32(value->numbers, count, out));
}

bool rw_value_i64s(const struct rw_value *value, uint32_t count, int64_t *out) {
    return is_array(value, count) &&
           (count == 0 || value->numbers->to_i64(value->numbers, count, out));
}

static bool parse_i64(const char *text, size_t length, int64_t *out) {
    char digits[INTEGER_DIGITS_MAX + 1], *end;
    if (length == 0 || length > INTEGER_DIGITS_MAX)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (errno || end != digits + length)
        return false;
    *out = number;
    return true;
}

bool rw_value_i64(const struct rw_value *value, int64_t *out) {
    if (!value)
        return false;
    if (value->type == RW_STRING)
        return parse_i64(value->text, value->count, out);
    if (value->type != RW_NUMBER || value->number != trunc(value->number) ||
        fabs(value->number) > 9007199254740992.0)
        return false;
    *out = (int64_t)value->number;
    return true;
}

/*
 * document_json.c - JSON by yyjson.
 *
 * Numbers are kept as text: a float32 is parsed from its decimal digits at once,
 * because rounding to double first and to float32 then can miss the last bit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "model/document.h"

struct reader {
    struct rw_arena *arena;
    rowan_error *error;
};

/* strtof obeys the locale, and a library cannot choose its host's: a number is only
 * taken when all of it was read, so a decimal comma makes an error, never a wrong
 * number. */
static bool raw_f32(yyjson_val *value, float *out) {
    if (yyjson_is_bool(value)) {
        *out = yyjson_get_bool(value) ? 1.0f : 0.0f;
        return true;
    }
    const char *text = yyjson_get_raw(value);
    if (!text)
        return false;
    char *end;
    *out = strtof(text, &end);
    return end == text + yyjson_get_len(value);
}

static bool raw_i64(yyjson_val *value, int64_t *out) {
    if (yyjson_is_bool(value)) {
        *out = yyjson_get_bool(value);
        return true;
    }
    const char *text = yyjson_get_raw(value);
    if (!text)
        return false;
    char *end;
    *out = strtoll(text, &end, 10);
    return end == text + yyjson_get_len(value);
}

static bool to_f32(const struct rw_numbers *numbers, uint32_t count, float *out) {
    yyjson_arr_iter iterator = yyjson_arr_iter_with((yyjson_val *)(uintptr_t)numbers->data);
    for (uint32_t i = 0; i < count; i++)
        if (!raw_f32(yyjson_arr_iter_next(&iterator), &out[i]))
            return false;
    return true;
}

static bool to_i64(const struct rw_numbers *numbers, uint32_t count, int64_t *out) {
    yyjson_arr_iter iterator = yyjson_arr_iter_with((yyjson_val *)(uintptr_t)numbers->data);
    for (uint32_t i = 0; i < count; i++)
        if (!raw_i64(yyjson_arr_iter_next(&iterator), &out[i]))
            return false;
    return true;
}

static bool convert(struct reader *reader, yyjson_val *from, struct rw_value *to, uint32_t depth);

static struct rw_value *append(struct reader *reader, struct rw_value *parent,
                               struct rw_value *last) {
    struct rw_value *value = rw_arena_alloc(reader->arena, 1, sizeof *value);
    if (!value)
        return NULL;
    if (last)
        last->next = value;
    else
        parent->child = value;
    return value;
}

static bool convert_object(struct reader *reader, yyjson_val *from, struct rw_value *to,
                           uint32_t depth) {
    size_t i, n;
    yyjson_val *key, *member;
    struct rw_value *last = NULL;
    yyjson_obj_foreach(from, i, n, key, member) {
        last = append(reader, to, last);
        if (!last)
            return false;
        last->key = yyjson_get_str(key);
        last->key_length = (uint32_t)yyjson_get_len(key);
        if (!convert(reader, member, last, depth + 1))
            return false;
    }
    return true;
}

static bool is_numbers(yyjson_val *array) {
    yyjson_val *first = yyjson_arr_get_first(array);
    return first && (yyjson_is_raw(first) || yyjson_is_bool(first));
}

static bool convert_array(struct reader *reader, yyjson_val *from, struct rw_value *to,
                          uint32_t depth) {
    if (is_numbers(from)) {
        struct rw_numbers *numbers = rw_arena_alloc(reader->arena, 1, sizeof *numbers);
        if (!numbers)
            return false;
        *numbers = (struct rw_numbers){.data = from, .to_f32 = to_f32, .to_i64 = to_i64};
        to->type = RW_NUMBERS;
        to->numbers = numbers;
        return true;
    }
    size_t i, n;
    yyjson_val *element;
    struct rw_value *last = NULL;
    yyjson_arr_foreach(from, i, n, element) {
        last = append(reader, to, last);
        if (!last || !convert(reader, element, last, depth + 1))
            return false;
    }
    return true;
}

static bool convert_scalar(yyjson_val *from, struct rw_value *to) {
    if (yyjson_is_str(from)) {
        to->type = RW_STRING;
        to->text = yyjson_get_str(from);
    } else if (yyjson_is_raw(from)) {
        to->type = RW_NUMBER;
        to->number = strtod(yyjson_get_raw(from), NULL);
    } else if (yyjson_is_bool(from)) {
        to->type = RW_BOOL;
        to->number = yyjson_get_bool(from);
    }
    return true;
}

static bool convert(struct reader *reader, yyjson_val *from, struct rw_value *to, uint32_t depth) {
    if (depth > RW_DOCUMENT_MAX_DEPTH) {
        rw_fail(reader->error, ROWAN_LIMIT, NULL, NULL, "nested deeper than %u levels",
                RW_DOCUMENT_MAX_DEPTH);
        return false;
    }
    if (yyjson_is_ctn(from) || yyjson_is_str(from))
        to->count = (uint32_t)unsafe_yyjson_get_len(from); /* at most the file's 2^30 bytes */
    if (yyjson_is_obj(from)) {
        to->type = RW_OBJECT;
        return convert_object(reader, from, to, depth);
    }
    if (yyjson_is_arr(from)) {
        to->type = RW_ARRAY;
        return convert_array(reader, from, to, depth);
    }
    return convert_scalar(from, to);
}

static rowan_status fail_at(rowan_error *error, size_t position, const char *what) {
    char where[48];
    snprintf(where, sizeof where, "byte %zu", position);
    return rw_fail(error, ROWAN_MALFORMED, where, "the file is damaged; save the model again",
                   "not JSON: %s", what);
}

rowan_status rw_document_read_json(const char *bytes, size_t size, struct rw_arena *arena,
                                   struct rw_document *document, rowan_error *error) {
    /* XGBoost writes NaN and Infinity into statistics that do not matter here */
    const yyjson_read_flag flags = YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_ALLOW_INF_AND_NAN;
    yyjson_read_err failure;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)bytes, size, flags, NULL, &failure);
    if (!doc && failure.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory to parse %zu bytes", size);
    if (!doc)
        return fail_at(error, failure.pos, failure.msg);
    struct rw_value *root = rw_arena_alloc(arena, 1, sizeof *root);
    struct reader reader = {arena, error};
    rw_fail(error, ROWAN_LIMIT, NULL, NULL, "takes more memory than its size allows");
    if (!root || !convert(&reader, yyjson_doc_get_root(doc), root, 0)) {
        yyjson_doc_free(doc);
        return ROWAN_LIMIT;
    }
    *document = (struct rw_document){.root = root, .parser = doc};
    return ROWAN_OK;
}

void rw_document_free(struct rw_document *document) {
    if (document->parser)
        yyjson_doc_free(document->parser);
    document->parser = NULL;
}

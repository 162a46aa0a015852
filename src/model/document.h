/*
 * document.h - JSON and UBJSON files as one kind of tree of values.
 *
 * Long arrays of numbers stay where the parser has them and are converted when
 * asked for.  Everything lives in the arena and in the input bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_DOCUMENT_H
#define RW_DOCUMENT_H

#include "base/base.h"

#define RW_DOCUMENT_MAX_DEPTH 32u

enum rw_value_type { RW_NULL, RW_BOOL, RW_NUMBER, RW_STRING, RW_NUMBERS, RW_ARRAY, RW_OBJECT };

struct rw_value {
    enum rw_value_type type;
    const char *key; /* in an object; not terminated */
    uint32_t key_length;
    uint32_t count;               /* of elements, members, or bytes of a string */
    const struct rw_value *child; /* first element or member */
    const struct rw_value *next;  /* sibling */
    const char *text;             /* STRING */
    double number;                /* NUMBER, BOOL */
    /* NUMBERS: how to read element i */
    const struct rw_numbers *numbers;
};

/* Elements are handed out in order, starting with the first. */
struct rw_numbers {
    const void *data;
    /* Writes all `count` elements; false if one is not such a number. */
    bool (*to_f32)(const struct rw_numbers *numbers, uint32_t count, float *out);
    bool (*to_i64)(const struct rw_numbers *numbers, uint32_t count, int64_t *out);
    unsigned char element; /* UBJSON type marker */
};

/* Parsers; *root is owned by the arena.  JSON needs `bytes` to stay until
 * rw_document_free. */
struct rw_document {
    const struct rw_value *root;
    void *parser; /* yyjson_doc of a JSON document */
};

rowan_status rw_document_read_json(const char *bytes, size_t size, struct rw_arena *arena,
                                   struct rw_document *document, rowan_error *error);
rowan_status rw_document_read_ubjson(const char *bytes, size_t size, struct rw_arena *arena,
                                     struct rw_document *document, rowan_error *error);
void rw_document_free(struct rw_document *document);

/* Member of an object, NULL if it is absent or `object` is NULL or no object. */
const struct rw_value *rw_value_get(const struct rw_value *object, const char *key);
/* The same along a '/'-separated path: "learner/objective/name". */
const struct rw_value *rw_value_at(const struct rw_value *object, const char *path);

/* Whole arrays; false when `value` is not an array of `count` such numbers. */
bool rw_value_f32s(const struct rw_value *value, uint32_t count, float *out);
bool rw_value_i64s(const struct rw_value *value, uint32_t count, int64_t *out);
/* An integer written as a number or as a string. */
bool rw_value_i64(const struct rw_value *value, int64_t *out);
/* Elements of an array of any kind; 0 for anything else. */
uint32_t rw_value_count(const struct rw_value *value);

#endif

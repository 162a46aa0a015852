/*
 * document_ubjson.c - Universal Binary JSON (draft 12), as XGBoost writes it.
 *
 * Numbers are big-endian.  Containers may state a count ('#') and, with it, one
 * type for all elements ('$').
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/document.h"

struct reader {
    const unsigned char *bytes;
    size_t size, at;
    struct rw_arena *arena;
    rowan_error *error;
};

static bool fail(struct reader *reader, rowan_status status, const char *what) {
    char where[48];
    snprintf(where, sizeof where, "byte %zu", reader->at);
    rw_fail(reader->error, status, where, "the file is damaged; save the model again",
            "not UBJSON: %s", what);
    return false;
}

static bool out_of_memory(struct reader *reader) {
    return fail(reader, ROWAN_LIMIT, "takes more memory than its size allows");
}

/* ---- scalars --------------------------------------------------------------- */

static size_t element_size(unsigned char type) {
    switch (type) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

static uint64_t big_endian(const unsigned char *bytes, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static float as_f32(uint64_t bits) {
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

static double as_f64(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int64_t as_integer(uint64_t bits, unsigned char type) {
    switch (type) {
    case 'i':
        return (int8_t)bits;
    case 'I':
        return (int16_t)bits;
    case 'l':
        return (int32_t)bits;
    default: /* 'U', 'L' */
        return (int64_t)bits;
    }
}

static bool is_float(unsigned char type) {
    return type == 'd' || type == 'D';
}

static double as_number(uint64_t bits, unsigned char type) {
    if (type == 'd')
        return (double)as_f32(bits);
    return type == 'D' ? as_f64(bits) : (double)as_integer(bits, type);
}

/* ---- arrays of one type ------------------------------------------------------ */

static bool to_f32(const struct rw_numbers *numbers, uint32_t count, float *out) {
    const unsigned char *at = numbers->data;
    size_t size = element_size(numbers->element);
    for (uint32_t i = 0; i < count; i++, at += size) {
        uint64_t bits = big_endian(at, size);
        out[i] = numbers->element == 'd' ? as_f32(bits) : (float)as_number(bits, numbers->element);
    }
    return true;
}

static bool to_i64(const struct rw_numbers *numbers, uint32_t count, int64_t *out) {
    const unsigned char *at = numbers->data;
    size_t size = element_size(numbers->element);
    if (is_float(numbers->element))
        return false;
    for (uint32_t i = 0; i < count; i++, at += size)
        out[i] = as_integer(big_endian(at, size), numbers->element);
    return true;
}

/* Arrays without a type, one marker an element. */
static bool mixed_f32(const struct rw_numbers *numbers, uint32_t count, float *out) {
    const struct rw_value *value = numbers->data;
    for (uint32_t i = 0; i < count; i++, value = value->next) {
        if (value->type != RW_NUMBER && value->type != RW_BOOL)
            return false;
        out[i] = (float)value->number;
    }
    return true;
}

static bool mixed_i64(const struct rw_numbers *numbers, uint32_t count, int64_t *out) {
    const struct rw_value *value = numbers->data;
    for (uint32_t i = 0; i < count; i++, value = value->next) {
        if ((value->type != RW_NUMBER && value->type != RW_BOOL) ||
            value->number != trunc(value->number) || fabs(value->number) > 0x1p53)
            return false;
        out[i] = (int64_t)value->number;
    }
    return true;
}

static bool set_numbers(struct reader *reader, struct rw_value *value, const void *data,
                        unsigned char element) {
    struct rw_numbers *numbers = rw_arena_alloc(reader->arena, 1, sizeof *numbers);
    if (!numbers)
        return out_of_memory(reader);
    *numbers = (struct rw_numbers){.data = data,
                                   .element = element,
                                   .to_f32 = element ? to_f32 : mixed_f32,
                                   .to_i64 = element ? to_i64 : mixed_i64};
    value->type = RW_NUMBERS;
    value->numbers = numbers;
    return true;
}

/* ---- the grammar ------------------------------------------------------------- */

static bool have(struct reader *reader, uint64_t size) {
    return size <= reader->size - reader->at || fail(reader, ROWAN_MALFORMED, "truncated");
}

static bool read_marker(struct reader *reader, unsigned char *marker) {
    do {
        if (!have(reader, 1))
            return false;
        *marker = reader->bytes[reader->at++];
    } while (*marker == 'N'); /* no-op */
    return true;
}

static bool peek_is(struct reader *reader, unsigned char marker) {
    return reader->at < reader->size && reader->bytes[reader->at] == marker;
}

static bool read_scalar_bits(struct reader *reader, unsigned char type, uint64_t *bits) {
    size_t size = element_size(type);
    if (!have(reader, size))
        return false;
    *bits = big_endian(reader->bytes + reader->at, size);
    reader->at += size;
    return true;
}

/* A length or count: any integer type, not negative, not beyond what a file can hold. */
static bool read_count(struct reader *reader, uint32_t *count) {
    unsigned char type;
    uint64_t bits;
    if (!read_marker(reader, &type))
        return false;
    if (element_size(type) == 0 || is_float(type))
        return fail(reader, ROWAN_MALFORMED, "a length is not an integer");
    if (!read_scalar_bits(reader, type, &bits))
        return false;
    int64_t value = as_integer(bits, type);
    if (value < 0 || value > (int64_t)ROWAN_MAX_MODEL_BYTES)
        return fail(reader, ROWAN_MALFORMED, "a length is out of range");
    *count = (uint32_t)value;
    return true;
}

static bool read_text(struct reader *reader, const char **text, uint32_t *length) {
    if (!read_count(reader, length) || !have(reader, *length))
        return false;
    *text = (const char *)reader->bytes + reader->at;
    reader->at += *length;
    return true;
}

struct container {
    unsigned char type; /* of all elements; 0: each has its own marker */
    bool counted;
    uint32_t count;
};

static bool read_container_head(struct reader *reader, struct container *container) {
    *container = (struct container){0};
    if (peek_is(reader, '$')) {
        reader->at++;
        if (!read_marker(reader, &container->type))
            return false;
        if (!peek_is(reader, '#'))
            return fail(reader, ROWAN_MALFORMED, "a typed container without a count");
    }
    if (peek_is(reader, '#')) {
        reader->at++;
        container->counted = true;
        return read_count(reader, &container->count);
    }
    return true;
}

static bool read_value(struct reader *reader, unsigned char type, struct rw_value *value,
                       uint32_t depth);

static bool read_typed_array(struct reader *reader, const struct container *container,
                             struct rw_value *value) {
    size_t size = element_size(container->type);
    if (!have(reader, (uint64_t)size * container->count))
        return false;
    value->count = container->count;
    if (!set_numbers(reader, value, reader->bytes + reader->at, container->type))
        return false;
    reader->at += size * container->count;
    return true;
}

/* One more element or member, or the end. */
static bool at_end(struct reader *reader, const struct container *container, uint32_t n_read,
                   unsigned char end) {
    if (container->counted)
        return n_read == container->count;
    while (peek_is(reader, 'N'))
        reader->at++;
    if (!peek_is(reader, end))
        return false;
    reader->at++;
    return true;
}

static bool read_member(struct reader *reader, const struct container *container, bool is_object,
                        struct rw_value *value, uint32_t depth) {
    if (is_object && !read_text(reader, &value->key, &value->key_length))
        return false;
    unsigned char type = container->type;
    if (!type && !read_marker(reader, &type))
        return false;
    return read_value(reader, type, value, depth + 1);
}

static bool read_members(struct reader *reader, const struct container *container, bool is_object,
                         struct rw_value *parent, uint32_t depth) {
    struct rw_value *last = NULL;
    uint32_t n_read = 0;
    for (; !at_end(reader, container, n_read, is_object ? '}' : ']'); n_read++) {
        struct rw_value *value = rw_arena_alloc(reader->arena, 1, sizeof *value);
        if (!value)
            return out_of_memory(reader);
        if (!read_member(reader, container, is_object, value, depth))
            return false;
        if (last)
            last->next = value;
        else
            parent->child = value;
        last = value;
    }
    parent->count = n_read;
    return true;
}

static bool read_array(struct reader *reader, struct rw_value *value, uint32_t depth) {
    struct container container;
    if (!read_container_head(reader, &container))
        return false;
    if (element_size(container.type))
        return read_typed_array(reader, &container, value);
    value->type = RW_ARRAY;
    if (!read_members(reader, &container, false, value, depth))
        return false;
    bool scalars =
        value->child && (value->child->type == RW_NUMBER || value->child->type == RW_BOOL);
    return !scalars || set_numbers(reader, value, value->child, 0);
}

static bool read_object(struct reader *reader, struct rw_value *value, uint32_t depth) {
    struct container container;
    value->type = RW_OBJECT;
    return read_container_head(reader, &container) &&
           read_members(reader, &container, true, value, depth);
}

static bool read_number(struct reader *reader, unsigned char type, struct rw_value *value) {
    uint64_t bits;
    if (!read_scalar_bits(reader, type, &bits))
        return false;
    value->type = RW_NUMBER;
    value->number = as_number(bits, type);
    return true;
}

static bool read_value(struct reader *reader, unsigned char type, struct rw_value *value,
                       uint32_t depth) {
    if (depth > RW_DOCUMENT_MAX_DEPTH)
        return fail(reader, ROWAN_LIMIT, "nested too deeply (RW_DOCUMENT_MAX_DEPTH)");
    switch (type) {
    case '{':
        return read_object(reader, value, depth);
    case '[':
        return read_array(reader, value, depth);
    case 'S':
        value->type = RW_STRING;
        return read_text(reader, &value->text, &value->count);
    case 'T':
    case 'F':
        value->type = RW_BOOL;
        value->number = type == 'T';
        return true;
    case 'Z':
        value->type = RW_NULL;
        return true;
    default:
        if (element_size(type) == 0)
            return fail(reader, ROWAN_MALFORMED, "unknown type marker");
        return read_number(reader, type, value);
    }
}

rowan_status rw_document_read_ubjson(const char *bytes, size_t size, struct rw_arena *arena,
                                     struct rw_document *document, rowan_error *error) {
    rowan_error local; /* its status is needed even if the caller wants no error */
    struct reader reader = {.bytes = (const unsigned char *)bytes,
                            .size = size,
                            .arena = arena,
                            .error = error ? error : &local};
    unsigned char type;
    struct rw_value *root = rw_arena_alloc(arena, 1, sizeof *root);
    if (!root)
        out_of_memory(&reader);
    if (!root || !read_marker(&reader, &type) || !read_value(&reader, type, root, 0))
        return reader.error->status;
    *document = (struct rw_document){.root = root};
    return ROWAN_OK;
}

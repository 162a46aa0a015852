/*
 * body.c - the text of a request to JSON values.
 *
 * yyjson parses without recursion, so that nesting costs no stack, and takes its
 * memory from one block of yyjson_read_max_memory_usage() bytes.  Every valid text
 * fits into that block: it has at most one value in two bytes.  Only broken text
 * ("[[[[[[") can need more, and is refused for what it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "contract/request.h"

/* Integers beyond 64 bits and numbers beyond double come as text: decode.c decides. */
#define READ_FLAGS YYJSON_READ_BIGNUM_AS_RAW

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

static size_t mark_length(const char *body, size_t size) {
    size_t length = strlen(BYTE_ORDER_MARK);
    return size >= length && memcmp(body, BYTE_ORDER_MARK, length) == 0 ? length : 0;
}

static yyjson_val *fail(struct rw_body_error *error, size_t position, const char *text) {
    error->position = position;
    error->text = text;
    return NULL;
}

static yyjson_val *no_memory(struct rw_body_error *error) {
    error->no_memory = true;
    return fail(error, 0, "no memory");
}

yyjson_val *rw_body_read(struct rw_scratch *scratch, const char *body, size_t size,
                         struct rw_body_error *error) {
    size_t skip = mark_length(body, size);
    const char *text = body + skip;
    size_t length = size - skip;
    error->no_memory = false;
    if (length == 0)
        return fail(error, size, "the body is empty");

    if (length > SIZE_MAX / 32)
        return no_memory(error);
    size_t needed = yyjson_read_max_memory_usage(length, READ_FLAGS);
    void *block = rw_scratch_alloc(scratch, needed, 1);
    yyjson_alc pool;
    if (!block || !yyjson_alc_pool_init(&pool, block, needed))
        return no_memory(error);
    yyjson_read_err at;
    /* the cast is yyjson's: without INSITU the bytes are only read */
    yyjson_doc *document =
        yyjson_read_opts((char *)(uintptr_t)text, length, READ_FLAGS, &pool, &at);
    if (document)
        return yyjson_doc_get_root(document);
    if (at.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return fail(error, size, "unexpected end of data: brackets are never closed");
    return fail(error, skip + at.pos, at.msg);
}

void rw_body_error_reply(const struct rw_body_error *error, struct rw_buffer *reply) {
    rw_buffer_printf(reply,
                     "{\"detail\":[{\"type\":\"json_invalid\",\"loc\":[\"body\",%zu],"
                     "\"msg\":\"JSON decode error\",\"ctx\":{\"error\":\"",
                     error->position);
    rw_buffer_json_escaped(reply, error->text, strlen(error->text));
    rw_buffer_text(reply, "\"}}]}");
}

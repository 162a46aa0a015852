/*
 * buffer.c - text that grows in lent memory.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "base/base.h"

#define FIRST_CAPACITY ((size_t)512)

bool rw_buffer_reserve(struct rw_buffer *buffer, size_t more) {
    if (buffer->failed)
        return false;
    if (more <= buffer->capacity - buffer->length)
        return true;
    size_t needed;
    if (!buffer->memory || __builtin_add_overflow(buffer->length, more, &needed)) {
        buffer->failed = true;
        return false;
    }
    size_t capacity = buffer->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buffer->capacity;
    while (capacity < needed && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    if (capacity < needed)
        capacity = needed;
    char *data = buffer->memory->alloc(buffer->memory->context, capacity);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    if (buffer->length)
        memcpy(data, buffer->data, buffer->length);
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void rw_buffer_add(struct rw_buffer *buffer, const char *text, size_t length) {
    if (!rw_buffer_reserve(buffer, length) || length == 0)
        return;
    memcpy(buffer->data + buffer->length, text, length);
    buffer->length += length;
}

void rw_buffer_text(struct rw_buffer *buffer, const char *text) {
    rw_buffer_add(buffer, text, strlen(text));
}

void rw_buffer_printf(struct rw_buffer *buffer, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof text)
        buffer->failed = true; /* for short text only; longer text is added in parts */
    else
        rw_buffer_add(buffer, text, (size_t)length);
}

/* Bytes that JSON does not allow inside a string as they are. */
static bool needs_escape(unsigned char c) {
    return c < 0x20 || c == '"' || c == '\\';
}

static void add_escape(struct rw_buffer *buffer, unsigned char c) {
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *pair = short_forms; *pair; pair += 2)
        if ((unsigned char)pair[0] == c) {
            rw_buffer_add(buffer, (const char[2]){'\\', pair[1]}, 2);
            return;
        }
    rw_buffer_printf(buffer, "\\u%04x", c);
}

void rw_buffer_json_escaped(struct rw_buffer *buffer, const char *text, size_t length) {
    size_t plain = 0; /* start of the run that needs no escape */
    for (size_t i = 0; i < length; i++)
        if (needs_escape((unsigned char)text[i])) {
            rw_buffer_add(buffer, text + plain, i - plain);
            add_escape(buffer, (unsigned char)text[i]);
            plain = i + 1;
        }
    rw_buffer_add(buffer, text + plain, length - plain);
}

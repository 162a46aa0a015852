/*
 * onnx_message.c - bytes to an unpacked ModelProto, within bounds.
 *
 * protobuf-c recurses as deep as the file nests, and unpacks two bytes into a message
 * of hundreds: so the nesting is measured first, and memory is counted while unpacking.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "model/onnx.h"

#define SAVE_AGAIN "save the model again with the library that converted it"

/* ---- nesting ------------------------------------------------------------------------ */

enum wire { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2, WIRE_32BIT = 5 };

struct cursor {
    const unsigned char *at, *end;
};

static bool read_varint(struct cursor *cursor, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        const unsigned char byte = *cursor->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool skip(struct cursor *cursor, uint64_t bytes) {
    if (bytes > (uint64_t)(cursor->end - cursor->at))
        return false;
    cursor->at += bytes;
    return true;
}

static bool measure(struct cursor cursor, const ProtobufCMessageDescriptor *message, uint32_t depth,
                    bool *too_deep);

/* Names, and bytes that stand for strings in attributes and tensors. */
static bool is_text(const ProtobufCFieldDescriptor *field) {
    return field->type == PROTOBUF_C_TYPE_STRING ||
           (field->type == PROTOBUF_C_TYPE_BYTES && strcmp(field->name, "raw_data") != 0);
}

/* One field of bytes: walked into where it is a message. */
static bool measure_bytes(struct cursor *cursor, const ProtobufCMessageDescriptor *message,
                          uint64_t id, uint32_t depth, bool *too_deep) {
    uint64_t length;
    if (!read_varint(cursor, &length) || length > (uint64_t)(cursor->end - cursor->at))
        return false;
    const struct cursor inside = {cursor->at, cursor->at + length};
    cursor->at += length;
    const ProtobufCFieldDescriptor *field =
        id <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(message, (unsigned)id) : NULL;
    if (field && is_text(field))
        return rw_onnx_is_utf8(inside.at, length);
    if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    return measure(inside, field->descriptor, depth + 1, too_deep);
}

/* Whether every message of the file is whole and all names are text; stops where messages
 * nest too deep. */
static bool measure(struct cursor cursor, const ProtobufCMessageDescriptor *message, uint32_t depth,
                    bool *too_deep) {
    if (depth > RW_ONNX_MAX_DEPTH) {
        *too_deep = true;
        return false;
    }
    while (cursor.at < cursor.end) {
        uint64_t tag, ignored;
        bool whole = read_varint(&cursor, &tag);
        if (!whole)
            return false;
        switch (tag & 7) {
        case WIRE_VARINT:
            whole = read_varint(&cursor, &ignored);
            break;
        case WIRE_64BIT:
            whole = skip(&cursor, 8);
            break;
        case WIRE_32BIT:
            whole = skip(&cursor, 4);
            break;
        case WIRE_BYTES:
            whole = measure_bytes(&cursor, message, tag >> 3, depth, too_deep);
            break;
        default:
            return false;
        }
        if (!whole)
            return false;
    }
    return true;
}

/* ---- memory -------------------------------------------------------------------------- */

struct counted {
    size_t used, limit;
};

/* In front of every block: how large it is. */
#define HEADER_BYTES 16u

static void *counted_alloc(void *data, size_t size) {
    struct counted *counted = data;
    if (size > counted->limit - counted->used || counted->limit - counted->used < HEADER_BYTES ||
        size > counted->limit - counted->used - HEADER_BYTES)
        return NULL;
    size_t *block = malloc(size + HEADER_BYTES);
    if (!block)
        return NULL;
    *block = size + HEADER_BYTES;
    counted->used += *block;
    return (char *)block + HEADER_BYTES;
}

static void counted_free(void *data, void *pointer) {
    struct counted *counted = data;
    if (!pointer)
        return;
    size_t *block = (size_t *)(void *)((char *)pointer - HEADER_BYTES);
    counted->used -= *block;
    free(block);
}

rowan_status rw_onnx_message_unpack(const char *bytes, size_t size, Onnx__ModelProto **model,
                                    rowan_error *error) {
    const unsigned char *start = (const unsigned char *)bytes;
    bool too_deep = false;
    if (!measure((struct cursor){start, start + size}, &onnx__model_proto__descriptor, 0,
                 &too_deep)) {
        if (too_deep)
            return rw_fail(error, ROWAN_LIMIT, NULL, SAVE_AGAIN,
                           "messages nest deeper than RW_ONNX_MAX_DEPTH (%u)", RW_ONNX_MAX_DEPTH);
        return rw_fail(error, ROWAN_MALFORMED, NULL, SAVE_AGAIN,
                       "is not a whole message of ONNX with texts in UTF-8: truncated or damaged");
    }
    struct counted counted = {0, size * RW_ONNX_BYTES_A_BYTE + RW_ONNX_BYTES_ALWAYS};
    ProtobufCAllocator allocator = {counted_alloc, counted_free, &counted};
    *model = onnx__model_proto__unpack(&allocator, size, start);
    if (!*model)
        return rw_fail(error, ROWAN_MALFORMED, NULL, SAVE_AGAIN,
                       "is not a message of ONNX, or takes more memory than its size allows");
    return ROWAN_OK;
}

void rw_onnx_message_free(Onnx__ModelProto *model) {
    struct counted counted = {SIZE_MAX / 2, SIZE_MAX / 2};
    ProtobufCAllocator allocator = {counted_alloc, counted_free, &counted};
    if (model)
        onnx__model_proto__free_unpacked(model, &allocator);
}

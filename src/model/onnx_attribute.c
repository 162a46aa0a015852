/*
 * onnx_attribute.c - attributes of a node.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "model/onnx.h"

const char *rw_onnx_text(const char *text) {
    return text ? text : "";
}

/* Without a zero: names are C strings here. */
bool rw_onnx_is_utf8(const unsigned char *text, size_t length) {
    return length == 0 || (!memchr(text, 0, length) && rw_is_utf8(text, length));
}

const char *rw_onnx_copy(const struct rw_onnx *onnx, const ProtobufCBinaryData *text) {
    if (!rw_onnx_is_utf8(text->data, text->len))
        return NULL;
    const char *from = text->len ? (const char *)text->data : ""; /* NULL where it is empty */
    return rw_arena_strndup(&onnx->forest->arena, from, text->len);
}

const Onnx__AttributeProto *rw_onnx_attribute(const Onnx__NodeProto *node, const char *name) {
    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(rw_onnx_text(node->attribute[i]->name), name) == 0)
            return node->attribute[i];
    return NULL;
}

int64_t rw_onnx_int(const Onnx__NodeProto *node, const char *name, int64_t otherwise) {
    const Onnx__AttributeProto *attribute = rw_onnx_attribute(node, name);
    return attribute && attribute->has_i ? attribute->i : otherwise;
}

float rw_onnx_float(const Onnx__NodeProto *node, const char *name, float otherwise) {
    const Onnx__AttributeProto *attribute = rw_onnx_attribute(node, name);
    return attribute && attribute->has_f ? attribute->f : otherwise;
}

bool rw_onnx_is_text(const Onnx__NodeProto *node, const char *name, const char *text,
                     const char *otherwise) {
    const Onnx__AttributeProto *attribute = rw_onnx_attribute(node, name);
    if (!attribute || !attribute->has_s)
        return strcmp(text, otherwise) == 0;
    return attribute->s.len == strlen(text) &&
           memcmp(attribute->s.data, text, attribute->s.len) == 0;
}

size_t rw_onnx_ints(const Onnx__NodeProto *node, const char *name, const int64_t **ints) {
    const Onnx__AttributeProto *attribute = rw_onnx_attribute(node, name);
    *ints = attribute ? attribute->ints : NULL;
    return attribute ? attribute->n_ints : 0;
}

size_t rw_onnx_floats(const Onnx__NodeProto *node, const char *name, const float **floats) {
    const Onnx__AttributeProto *attribute = rw_onnx_attribute(node, name);
    *floats = attribute ? attribute->floats : NULL;
    return attribute ? attribute->n_floats : 0;
}

size_t rw_onnx_strings(const struct rw_onnx *onnx, const Onnx__NodeProto *node, const char *name,
                       const char *const **strings) {
    const Onnx__AttributeProto *attribute = rw_onnx_attribute(node, name);
    *strings = NULL;
    if (!attribute || attribute->n_strings == 0)
        return 0;
    struct rw_arena *arena = &onnx->forest->arena;
    const char **copies = rw_arena_alloc(arena, attribute->n_strings, sizeof *copies);
    for (size_t i = 0; copies && i < attribute->n_strings; i++) {
        copies[i] = rw_onnx_copy(onnx, &attribute->strings[i]);
        if (!copies[i])
            return attribute->n_strings;
    }
    *strings = copies;
    return attribute->n_strings;
}

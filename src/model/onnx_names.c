/*
 * onnx_names.c - an ordered set of strings, by hash.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "model/onnx.h"

#define FIRST_SLOTS 16u

static uint32_t hash(const char *name) {
    uint32_t value = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        value = (value ^ (unsigned char)*name) * 16777619u;
    return value;
}

/* The slot of `name`, or the empty one where it belongs. */
static uint32_t find_slot(const struct rw_onnx_names *names, const char *name) {
    uint32_t slot = hash(name) & (names->n_slots - 1);
    while (names->slots[slot] && strcmp(names->names[names->slots[slot] - 1], name) != 0)
        slot = (slot + 1) & (names->n_slots - 1);
    return slot;
}

uint32_t rw_onnx_names_find(const struct rw_onnx_names *names, const char *name) {
    const uint32_t number = names->n_slots ? names->slots[find_slot(names, name)] : 0;
    return number ? number - 1 : RW_ONNX_NO_NAME;
}

/* At most half of the slots are taken. */
static bool grow(struct rw_onnx_names *names) {
    const uint32_t n_slots = names->n_slots ? 2 * names->n_slots : FIRST_SLOTS;
    uint32_t *slots = rw_arena_alloc(names->arena, n_slots, sizeof *slots);
    const char **copies = rw_arena_alloc(names->arena, n_slots / 2, sizeof *copies);
    if (!slots || !copies)
        return false;
    if (names->count)
        memcpy(copies, names->names, names->count * sizeof *copies);
    names->names = copies;
    names->slots = slots;
    names->n_slots = n_slots;
    for (uint32_t i = 0; i < names->count; i++)
        slots[find_slot(names, copies[i])] = i + 1;
    return true;
}

uint32_t rw_onnx_names_add(struct rw_onnx_names *names, const char *name) {
    const uint32_t known = rw_onnx_names_find(names, name);
    if (known != RW_ONNX_NO_NAME)
        return known;
    if (names->count >= names->n_slots / 2 && !grow(names))
        return RW_ONNX_NO_NAME;
    const char *copy = rw_arena_strndup(names->arena, name, strlen(name));
    if (!copy)
        return RW_ONNX_NO_NAME;
    names->names[names->count] = copy;
    names->slots[find_slot(names, name)] = names->count + 1;
    return names->count++;
}

/*
 * build.c - sections that grow.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/build.h"

#include <stdlib.h>
#include <string.h>

#include "forest/image_private.h"

#define FIRST_ELEMENTS 64u

void *rw_builder_add(struct rw_builder *builder, enum rw_section_id id, uint64_t count) {
    struct rw_part *part = &builder->parts[id];
    const size_t element = rw_section_element[id];
    if (builder->failed)
        return NULL;
    if (part->count + count > part->capacity) {
        uint64_t capacity = part->capacity + part->capacity / 2 + count;
        if (part->capacity && capacity < FIRST_ELEMENTS)
            capacity = FIRST_ELEMENTS;
        void *data = realloc(part->data, capacity * element);
        if (!data) {
            builder->failed = true;
            return NULL;
        }
        part->data = data;
        part->capacity = capacity;
    }
    if (!part->data)
        return NULL; /* nothing was asked for yet */
    char *added = (char *)part->data + part->count * element;
    memset(added, 0, count * element);
    part->count += count;
    return added;
}

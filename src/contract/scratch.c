/*
 * scratch.c - the memory of one request: its stack first, then what is lent.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "contract/request.h"

#define ALIGNMENT ((size_t)16)

void rw_scratch_init(struct rw_scratch *scratch, const struct rw_memory *memory) {
    scratch->memory = memory;
    scratch->used = 0;
}

void *rw_scratch_alloc(struct rw_scratch *scratch, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (bytes > sizeof scratch->stack - scratch->used)
        return scratch->memory->alloc(scratch->memory->context, bytes);
    void *block = scratch->stack + scratch->used;
    scratch->used += bytes;
    return block;
}

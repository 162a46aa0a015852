/*
 * arena.c - many small blocks under one bound, freed at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define ALIGNMENT   ((size_t)16)

/* no block is larger than half of the address space: no sum below can overflow */
#define LARGEST_BLOCK (SIZE_MAX / 2)

struct rw_arena_chunk {
    struct rw_arena_chunk *next;
    size_t size, used;
    _Alignas(16) unsigned char data[];
};

void rw_arena_init(struct rw_arena *arena, size_t limit) {
    *arena = (struct rw_arena){.limit = limit};
}

void rw_arena_free(struct rw_arena *arena) {
    struct rw_arena_chunk *chunk = arena->chunks;
    while (chunk) {
        struct rw_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    arena->chunks = NULL;
    arena->used = 0;
}

/* calloc, so that the pages of large blocks stay untouched until they are used */
static struct rw_arena_chunk *add_chunk(struct rw_arena *arena, size_t bytes) {
    size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    struct rw_arena_chunk *chunk = calloc(1, sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *rw_arena_alloc(struct rw_arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > LARGEST_BLOCK)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (bytes > arena->limit - arena->used)
        return NULL;
    struct rw_arena_chunk *chunk = arena->chunks;
    if (!chunk || bytes > chunk->size - chunk->used)
        chunk = add_chunk(arena, bytes);
    if (!chunk)
        return NULL;
    void *block = chunk->data + chunk->used;
    chunk->used += bytes;
    arena->used += bytes;
    return block;
}

char *rw_arena_strndup(struct rw_arena *arena, const char *text, size_t length) {
    char *copy = rw_arena_alloc(arena, length + 1, 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

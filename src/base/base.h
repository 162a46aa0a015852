/*
 * base.h - what every room needs: errors, an arena, buffers, files.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_BASE_H
#define RW_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rowan.h"

/* ---- errors -------------------------------------------------------------- */

/* Fills *error (may be NULL); `where` and `remedy` may be NULL; `what` is a printf
 * format. */
bool rw_error_set(rowan_error *error, rowan_status status, const char *where, const char *remedy,
                  const char *what, ...) __attribute__((format(printf, 5, 6)));

static inline rowan_status rw_failed(rowan_status status, bool is_set) {
    (void)is_set;
    return status;
}

/* The same, and gives `status` back: visibly, so that static analysis knows that a
 * function which returns it has failed. */
#define rw_fail(error, status, ...)                                                                \
    rw_failed((status), rw_error_set((error), (status), __VA_ARGS__))

/* Puts "prefix: " in front of error->where, for a caller that knows the file. */
void rw_error_prefix(rowan_error *error, const char *prefix);

/* ---- arena: many small blocks, one bound, one free ----------------------- */

struct rw_arena {
    struct rw_arena_chunk *chunks;
    size_t used;  /* bytes handed out */
    size_t limit; /* of `used` */
};

void rw_arena_init(struct rw_arena *arena, size_t limit);
void rw_arena_free(struct rw_arena *arena);
/* Zeroed, aligned to 16 bytes; NULL beyond the limit, or without memory, or if
 * count * size overflows. */
void *rw_arena_alloc(struct rw_arena *arena, size_t count, size_t size);
char *rw_arena_strndup(struct rw_arena *arena, const char *text, size_t length);

/* ---- memory that the caller lends (a request pool) ------------------------ */

struct rw_memory {
    void *(*alloc)(void *context, size_t size); /* NULL when exhausted */
    void *context;
};

/* ---- text buffer over lent memory: grows, never truncates silently -------- */

struct rw_buffer {
    char *data;
    size_t length;
    size_t capacity;
    const struct rw_memory *memory; /* NULL: fixed capacity */
    bool failed;                    /* sticky: memory ran out */
};

bool rw_buffer_reserve(struct rw_buffer *buffer, size_t more);
void rw_buffer_add(struct rw_buffer *buffer, const char *text, size_t length);
void rw_buffer_text(struct rw_buffer *buffer, const char *text);
void rw_buffer_printf(struct rw_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds `text` as the inside of a JSON string (escaped; UTF-8 passes through). */
void rw_buffer_json_escaped(struct rw_buffer *buffer, const char *text, size_t length);

/* ---- UTF-8 -------------------------------------------------------------------- */

/* Bytes of the character at `text`, of which `left` bytes are there; 0: no character. */
size_t rw_utf8_character(const void *text, size_t left);
bool rw_is_utf8(const void *text, size_t length);

/* ---- files ---------------------------------------------------------------- */

/* Reads a whole regular file, at most `limit` bytes; `dir_fd` may be AT_FDCWD.
 * *bytes is malloc'ed, with one extra zero byte behind *size. */
rowan_status rw_file_read(int dir_fd, const char *path, size_t limit, char **bytes, size_t *size,
                          rowan_error *error);
/* Writes through a temporary file in the same directory, then renames. */
rowan_status rw_file_replace(const char *path, const void *bytes, size_t size, rowan_error *error);

#endif

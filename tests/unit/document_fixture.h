/*
 * document_fixture.h - a document parsed from memory, and what it needs until it is
 * released. JSON and UBJSON share it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DOCUMENT_FIXTURE_H
#define DOCUMENT_FIXTURE_H

#include "unit.h"

#include "model/document.h"

#define ARENA_LIMIT ((size_t)1 << 20)

typedef rowan_status document_reader(const char *bytes, size_t size, struct rw_arena *arena,
                                     struct rw_document *document, rowan_error *error);

struct parsed {
    struct rw_arena arena;
    struct rw_document document;
    char *bytes;
    rowan_status status;
    rowan_error error;
};

static inline struct parsed parse_with(document_reader *read, const char *bytes, size_t size,
                                       size_t limit) {
    struct parsed parsed = {.bytes = exact_copy(bytes, size)};
    rw_arena_init(&parsed.arena, limit);
    parsed.status = read(parsed.bytes, size, &parsed.arena, &parsed.document, &parsed.error);
    return parsed;
}

static inline void release(struct parsed *parsed) {
    rw_document_free(&parsed->document);
    rw_arena_free(&parsed->arena);
    free(parsed->bytes);
}

#endif

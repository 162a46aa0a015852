/*
 * fuzz_rows.c - any lines as messages: each becomes a row with the reply of /predict, or an
 * error that leaves the other rows alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <yyjson.h>

#include "fuzz_served.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CAPACITY 8u
#define NOW      "2018-08-08T09:30:12Z"

static struct rw_rows *rows;
static char *replies[CAPACITY]; /* of /predict, for each row; NULL: not known */

static void *lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

static yyjson_val *last_member(yyjson_val *object, const char *name) {
    size_t i, max;
    yyjson_val *key, *value, *last = NULL;
    if (!yyjson_is_obj(object))
        return NULL;
    yyjson_obj_foreach(object, i, max, key, value) {
        if (yyjson_equals_str(key, name))
            last = value;
    }
    return last;
}

/* The transaction as a text of its own, owned; NULL where a row may differ from it: no
 * JSON, an array (a batch for /predict), or one that needs its envelope's id. */
static char *take_transaction(const char *text, size_t size) {
    yyjson_doc *document = yyjson_read(text, size, YYJSON_READ_BIGNUM_AS_RAW);
    yyjson_val *root = yyjson_doc_get_root(document), *nested = last_member(root, "data");
    char *taken = NULL;
    if (yyjson_is_obj(nested) && last_member(nested, "id"))
        taken = yyjson_val_write(nested, 0, NULL);
    else if (!yyjson_is_obj(nested) && yyjson_is_obj(root))
        taken = yyjson_val_write(root, 0, NULL);
    yyjson_doc_free(document);
    return taken;
}

static unsigned predict(const char *text, char **answer) {
    struct rw_arena arena;
    rw_arena_init(&arena, SIZE_MAX);
    struct rw_memory memory = {lend, &arena};
    struct rw_buffer reply = {.memory = &memory};
    struct rw_outcome outcome;
    struct rw_predict_options options = {.now = NOW};
    unsigned status = rw_contract_predict(contract, model, text, strlen(text), &options, &memory,
                                          &reply, &outcome);
    *answer = status == 200 ? strndup(reply.data, reply.length) : NULL;
    rw_arena_free(&arena);
    return status;
}

static void check_error(rowan_status status, const rowan_error *error) {
    bool known = status == ROWAN_MALFORMED || status == ROWAN_MISMATCH;
    if (!known || error->status != status || error->what[0] == '\0' ||
        (status == ROWAN_MALFORMED && strncmp(error->where, "byte ", 5) != 0))
        abort();
}

static void add_line(const char *line, size_t size) {
    const uint32_t row = rw_rows_count(rows);
    rowan_error error = {0};
    char *copy = malloc(size ? size : 1); /* of its size, and gone before the reply */
    memcpy(copy, line, size);
    rowan_status status = rw_rows_add(rows, copy, size, &error);
    free(copy);
    if (rw_rows_count(rows) != row + (status == ROWAN_OK))
        abort();
    if (status != ROWAN_OK)
        check_error(status, &error);
    char *transaction = take_transaction(line, size), *answer = NULL;
    if (transaction && (predict(transaction, &answer) == 200) != (status == ROWAN_OK))
        abort();
    free(transaction);
    if (status == ROWAN_OK)
        replies[row] = answer;
}

static void check_reply(uint32_t row) {
    struct rw_arena arena;
    rw_arena_init(&arena, SIZE_MAX);
    struct rw_memory memory = {lend, &arena};
    struct rw_buffer reply = {.memory = &memory};
    rw_rows_reply(rows, row, NOW, &reply);
    yyjson_doc *document = yyjson_read(reply.data, reply.length, 0);
    if (!document)
        abort();
    yyjson_doc_free(document);
    const char *expected = replies[row];
    if (expected &&
        (strlen(expected) != reply.length || memcmp(expected, reply.data, reply.length) != 0))
        abort();
    rw_arena_free(&arena);
}

static void finish_batch(void) {
    if (!rw_rows_score(rows))
        abort();
    for (uint32_t row = 0; row < rw_rows_count(rows); row++) {
        check_reply(row);
        free(replies[row]);
        replies[row] = NULL;
    }
    rw_rows_clear(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!contract)
        load();
    if (!rows && !(rows = rw_rows_new(contract, model, CAPACITY)))
        abort();
    const char *line = (const char *)data, *end = line + size;
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        add_line(line, (size_t)(stop - line));
        if (rw_rows_count(rows) == CAPACITY)
            finish_batch();
        line = stop + 1;
    }
    finish_batch();
    return 0;
}

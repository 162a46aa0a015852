/*
 * rows.c - transactions that come one by one and are scored together.
 *
 * A message becomes a row of features and the id that its reply repeats; the text and
 * its JSON values are then done with, so that every row is parsed in the same memory.
 * Once that memory has met the longest message, no row allocates.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/request.h"

#define ID_BYTES      ((size_t)32)      /* of an id, for the first allocation */
#define IDS_KEPT      ((size_t)1 << 20) /* bytes of all ids that outlive rw_rows_clear */
#define POSITION_TEXT 32                /* "byte 18446744073709551615" */

/* Where an id lies in the text of all ids: the text moves when it grows. */
struct place {
    size_t offset, length;
    bool is_null;
};

struct ids {
    char *text; /* never NULL */
    size_t used, size, first_size;
    struct place *places; /* [capacity] */
};

/* What a message needs beyond the scratch: one block, lent anew for each row. */
struct spare {
    void *block;
    size_t size;
};

struct rw_rows {
    const struct rw_contract *contract;
    const rowan_model *model;
    uint32_t capacity, count;
    bool has_envelope; /* no property of the contract has the envelope's name */
    double *features;  /* [capacity][n_features] */
    double *outputs;   /* [capacity][n_outputs] */
    struct ids ids;
    struct rw_decoder decoder;
    struct rw_violations violations;
    struct spare spare;
    struct rw_memory memory;  /* lends the spare block */
    struct rw_scratch values; /* the JSON values of one row */
};

/* ---- memory ----------------------------------------------------------------------------- */

/* A row asks once, for its JSON values. */
static void *lend_spare(void *context, size_t size) {
    struct spare *spare = context;
    if (size <= spare->size)
        return spare->block;
    free(spare->block); /* what was in it is of another row */
    spare->block = malloc(size);
    spare->size = spare->block ? size : 0;
    return spare->block;
}

static bool allocate_decoder(struct rw_rows *rows) {
    uint32_t n = rows->contract->n_properties;
    rows->decoder = (struct rw_decoder){.contract = rows->contract,
                                        .violations = &rows->violations,
                                        .found = calloc(n ? n : 1, sizeof *rows->decoder.found),
                                        .values = calloc(n ? n : 1, sizeof *rows->decoder.values)};
    return rows->decoder.found && rows->decoder.values;
}

static bool allocate(struct rw_rows *rows) {
    const struct rw_contract *contract = rows->contract;
    const size_t n = rows->capacity;
    rows->features = calloc(n, contract->n_features * sizeof *rows->features);
    rows->outputs = calloc(n, contract->n_outputs * sizeof *rows->outputs);
    rows->ids.places = calloc(n, sizeof *rows->ids.places);
    rows->ids.first_size = rows->ids.size = n * ID_BYTES;
    rows->ids.text = malloc(rows->ids.size);
    return allocate_decoder(rows) && rows->features && rows->outputs && rows->ids.places &&
           rows->ids.text;
}

struct rw_rows *rw_rows_new(const struct rw_contract *contract, const rowan_model *model,
                            uint32_t capacity) {
    if (!contract->bound || capacity == 0 || capacity > RW_ROWS_MAX)
        return NULL;
    struct rw_rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return NULL;
    rows->contract = contract;
    rows->model = model;
    rows->capacity = capacity;
    rows->has_envelope =
        rw_lookup_find(contract, RW_ROW_ENVELOPE, strlen(RW_ROW_ENVELOPE)) == RW_NO_PROPERTY;
    rows->memory = (struct rw_memory){lend_spare, &rows->spare};
    if (allocate(rows))
        return rows;
    rw_rows_free(rows);
    return NULL;
}

void rw_rows_free(struct rw_rows *rows) {
    if (!rows)
        return;
    free(rows->features);
    free(rows->outputs);
    free(rows->ids.places);
    free(rows->ids.text);
    free(rows->decoder.found);
    free(rows->decoder.values);
    free(rows->spare.block);
    free(rows);
}

/* Ids of a megabyte are somebody's mistake: their memory does not stay. */
static void shrink_ids(struct ids *ids) {
    char *text = realloc(ids->text, ids->first_size);
    if (!text)
        return;
    ids->text = text;
    ids->size = ids->first_size;
}

void rw_rows_clear(struct rw_rows *rows) {
    rows->count = 0;
    rows->ids.used = 0;
    if (rows->ids.size > IDS_KEPT)
        shrink_ids(&rows->ids);
}

uint32_t rw_rows_count(const struct rw_rows *rows) {
    return rows->count;
}

/* ---- ids ---------------------------------------------------------------------------------- */

static bool reserve_id(struct ids *ids, size_t length) {
    if (length <= ids->size - ids->used)
        return true;
    size_t size = ids->size * 2;
    if (size < ids->used + length)
        size = ids->used + length;
    char *text = realloc(ids->text, size);
    if (!text)
        return false;
    ids->text = text;
    ids->size = size;
    return true;
}

static bool keep_id(struct ids *ids, uint32_t row, yyjson_val *id) {
    const size_t length = id ? unsafe_yyjson_get_len(id) : 0;
    if (!reserve_id(ids, length))
        return false;
    if (length)
        memcpy(ids->text + ids->used, unsafe_yyjson_get_str(id), length);
    ids->places[row] = (struct place){ids->used, length, !id};
    ids->used += length;
    return true;
}

static struct rw_text id_of(const struct ids *ids, uint32_t row) {
    const struct place *place = &ids->places[row];
    if (place->is_null)
        return (struct rw_text){NULL, 0};
    return (struct rw_text){ids->text + place->offset, place->length};
}

/* ---- one row in ----------------------------------------------------------------------------- */

static rowan_status no_memory(rowan_error *error) {
    return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for one more transaction");
}

static rowan_status refuse_text(const struct rw_body_error *at, rowan_error *error) {
    if (at->no_memory)
        return no_memory(error);
    char where[POSITION_TEXT];
    snprintf(where, sizeof where, "byte %zu", at->position);
    return rw_fail(error, ROWAN_MALFORMED, where, "write one JSON object", "%s", at->text);
}

/* The object that the contract describes: the text's own, or the one in its envelope,
 * whose id may then stand for a missing one. */
static yyjson_val *open_envelope(struct rw_rows *rows, yyjson_val *root) {
    rows->decoder.envelope = NULL;
    if (!rows->has_envelope || !yyjson_is_obj(root))
        return root;
    yyjson_val *nested = rw_last_member(root, RW_ROW_ENVELOPE, strlen(RW_ROW_ENVELOPE));
    if (!yyjson_is_obj(nested))
        return root;
    rows->decoder.envelope = root;
    return nested;
}

static rowan_status decode(struct rw_rows *rows, yyjson_val *root, rowan_error *error) {
    yyjson_val *transaction = open_envelope(rows, root), *id;
    double *features = rows->features + (size_t)rows->count * rows->contract->n_features;
    rows->violations = (struct rw_violations){.error = error};
    rw_decoder_row(&rows->decoder, transaction, features, &id);
    if (rows->violations.count)
        return ROWAN_MISMATCH;
    if (!keep_id(&rows->ids, rows->count, id))
        return no_memory(error);
    rows->count++;
    return ROWAN_OK;
}

rowan_status rw_rows_add(struct rw_rows *rows, const char *json, size_t size, rowan_error *error) {
    if (rows->count == rows->capacity)
        return rw_fail(error, ROWAN_ARGUMENT, NULL, "score the rows, then clear them",
                       "there is room for %u rows", rows->capacity);
    if (size > RW_ROW_MAX_BYTES)
        return rw_fail(error, ROWAN_LIMIT, NULL, "write one transaction a message",
                       "the text has %zu bytes; RW_ROW_MAX_BYTES allows %u", size,
                       RW_ROW_MAX_BYTES);
    rw_scratch_init(&rows->values, &rows->memory);
    struct rw_body_error at;
    yyjson_val *root = rw_body_read(&rows->values, json, size, &at);
    return root ? decode(rows, root, error) : refuse_text(&at, error);
}

/* ---- all rows out ------------------------------------------------------------ */

bool rw_rows_score(struct rw_rows *rows) {
    return rows->count == 0 || rowan_predict_f64(rows->model, rows->features, rows->count,
                                                 ROWAN_RESPONSE, rows->outputs, NULL) == ROWAN_OK;
}

double rw_rows_probability(const struct rw_rows *rows, uint32_t i) {
    return rows->outputs[(size_t)i * rows->contract->n_outputs + rows->contract->column];
}

void rw_rows_reply(const struct rw_rows *rows, uint32_t i, const char *now,
                   struct rw_buffer *reply) {
    const size_t start = reply->length;
    char text[RW_NOW_BYTES];
    const struct rw_text time = now ? (struct rw_text){now, strlen(now)} : rw_now(text);
    const struct rw_reply_row row = {
        .score = rw_rows_probability(rows, i), .id = id_of(&rows->ids, i), .now = time};
    rw_reply_add_row(rows->contract, &row, reply);
    if (reply->failed)
        reply->length = start; /* never half a reply */
}

/*
 * request.h - one request on its way through this room:
 * body (text to values) -> decode (values to features) -> reply (scores to text).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CONTRACT_REQUEST_H
#define RW_CONTRACT_REQUEST_H

#include "contract/schema.h"

/* ---- scratch: memory of one request (scratch.c) ------------------------------ */

/* Most requests fit on the stack; the rest comes from lent memory. */
#define RW_SCRATCH_STACK 16384u

struct rw_scratch {
    const struct rw_memory *memory;
    size_t used;
    _Alignas(16) char stack[RW_SCRATCH_STACK];
};

/* Not zeroed (the stack is large, and most of it stays untouched). */
void rw_scratch_init(struct rw_scratch *scratch, const struct rw_memory *memory);
/* NULL if memory ran out or count * size overflows. */
void *rw_scratch_alloc(struct rw_scratch *scratch, size_t count, size_t size);

/* ---- violations (violation.c) --------------------------------------------------- */

enum rw_violation_type {
    RW_MISSING,
    RW_EXTRA_FORBIDDEN,
    RW_NOT_OBJECT,
    RW_TOO_LONG,
    RW_STRING_TYPE,
    RW_INT_TYPE,
    RW_INT_FROM_FLOAT,
    RW_FLOAT_TYPE,
    RW_BOOL_TYPE,
    RW_NULL_TYPE,
    RW_FINITE_NUMBER,
    RW_GREATER_THAN,
    RW_GREATER_THAN_EQUAL,
    RW_LESS_THAN,
    RW_LESS_THAN_EQUAL,
    RW_STRING_TOO_SHORT,
    RW_STRING_TOO_LONG,
    RW_NOT_IN_ENUM,
    RW_VIOLATION_TYPES
};

/* The one value of the wrong kind in one place. */
struct rw_violation {
    enum rw_violation_type type;
    const struct rw_property *property; /* NULL: the transaction or the body itself */
    struct rw_text extra;               /* RW_EXTRA_FORBIDDEN: the key */
    size_t seen, limit;                 /* RW_TOO_LONG */
};

/* Collects violations: as the entries of {"detail": [...]} in `reply`, or, with no
 * reply, the first one as an error. */
struct rw_violations {
    size_t count;
    size_t row; /* of a batch */
    bool in_batch;
    struct rw_buffer *reply;
    rowan_error *error;
};

void rw_violations_add(struct rw_violations *violations, const struct rw_violation *violation);
/* True when no more will be listed: the rest need not be looked for. */
bool rw_violations_full(const struct rw_violations *violations);
/* Ends the document (needs at least one violation and a reply). */
void rw_violations_end(struct rw_violations *violations);

/* ---- body (body.c) --------------------------------------------------------------- */

struct rw_body_error {
    bool no_memory;
    size_t position; /* byte of the body */
    const char *text;
};

/* Parses JSON text; the values live as long as `scratch`.  NULL on error. */
yyjson_val *rw_body_read(struct rw_scratch *scratch, const char *body, size_t size,
                         struct rw_body_error *error);
/* The 422 document of a body that is not JSON. */
void rw_body_error_reply(const struct rw_body_error *error, struct rw_buffer *reply);

/* ---- decode (decode.c) ------------------------------------------------------------ */

/* Where the values of one transaction go, kept from row to row. */
struct rw_decoder {
    const struct rw_contract *contract;
    yyjson_val **found; /* [n_properties] */
    double *values;     /* [n_properties] */
    struct rw_violations *violations;
    yyjson_val *envelope; /* object whose id stands for a missing one; NULL: none */
};

bool rw_decoder_init(struct rw_decoder *decoder, const struct rw_contract *contract,
                     struct rw_scratch *scratch, struct rw_violations *violations);
/* Checks one transaction and writes features[n_features]; with violations they are
 * undefined.  *id (may be NULL) is the id's value, or NULL. */
void rw_decoder_row(struct rw_decoder *decoder, yyjson_val *transaction, double *features,
                    yyjson_val **id);
/* The value of a member of an object; of equal keys the last wins.  NULL: there is none. */
yyjson_val *rw_last_member(yyjson_val *object, const char *name, size_t length);

/* ---- reply (reply.c) ----------------------------------------------------------------- */

/* Renders the constant text of replies into the contract's arena. */
bool rw_reply_render(struct rw_contract *contract);

struct rw_reply_row {
    double score;
    struct rw_text id; /* data NULL: none */
    struct rw_text now;
};

/* Writes one row's object, all of it or, without memory, nothing. */
void rw_reply_add_row(const struct rw_contract *contract, const struct rw_reply_row *row,
                      struct rw_buffer *reply);
bool rw_is_fraud(const struct rw_contract *contract, double score);

/* The shortest decimal that reads back as the same number; null for what JSON has not. */
void rw_reply_add_number(struct rw_buffer *reply, double number, bool is_float32);

/* ---- reasons (reasons.c) ------------------------------------------------------------- */

struct rw_reasons {
    uint32_t count;        /* 0: not asked for */
    double *contributions; /* of one row, [n_groups][n_features + 1] */
    uint32_t *largest;     /* [count] */
};

/* Number of reasons that the text of ?explain= asks for; 0 when it is refused, and the
 * 422 document is in `reply`. */
uint32_t rw_reasons_count(const struct rw_contract *contract, const rowan_model *model,
                          const char *text, size_t length, struct rw_buffer *reply);
/* False when the rows have too many together, and the 422 document is in `reply`. */
bool rw_reasons_fit(const struct rw_reasons *reasons, size_t n_rows, struct rw_buffer *reply);
bool rw_reasons_init(struct rw_reasons *reasons, const rowan_model *model,
                     struct rw_scratch *scratch, uint32_t count);
/* Adds "reasons" to the object that `reply` ends with. */
bool rw_reasons_add(const struct rw_contract *contract, const rowan_model *model,
                    struct rw_reasons *reasons, const double *features, struct rw_buffer *reply);

#define RW_NOW_BYTES 32
/* The present as RFC 3339 in UTC with milliseconds. */
struct rw_text rw_now(char text[RW_NOW_BYTES]);

#endif

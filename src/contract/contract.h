/*
 * contract.h - what a request must be, and what the reply says.
 *
 * A contract is the JSON Schema of one transaction plus `x-rowan`: the model's
 * inputs in order, thresholds, names.  It validates, it decodes, and it becomes
 * the OpenAPI document.  A parsed contract never changes; any thread may use it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CONTRACT_H
#define RW_CONTRACT_H

#include "base/base.h"

/* Bounds; each refused with an error that names it. */
#define RW_CONTRACT_MAX_BYTES      (1u << 20) /* of contract.json */
#define RW_CONTRACT_MAX_PROPERTIES 4096u
#define RW_BATCH_MAX_ROWS          10000u  /* default of rw_predict_options.max_rows */
#define RW_VIOLATIONS_MAX          1000u   /* listed in one 422 reply */
#define RW_REASONS_MAX             200000u /* of all rows of one reply together: about 16 MB */
#define RW_GOLDEN_ULPS_MAX         1024u   /* x-rowan.golden_ulps */

struct rw_contract;

/* Strings live as long as the contract. */
struct rw_contract_settings {
    const char *model;      /* x-rowan.model: name in replies, logs, metrics */
    const char *version;    /* x-rowan.version */
    const char *type;       /* x-rowan.type: "XGBoost" */
    const char *model_file; /* x-rowan.model_file: file name inside the model directory */
    int32_t iterations;     /* x-rowan.iterations: "all" (default), "best" or a number */
    uint32_t positive_class;
    uint32_t golden_ulps; /* how far a golden row may be off, in units in the last place */
    double medium, high;  /* risk levels: low < medium <= high */
    double decision;      /* $rowan_decision and prediction_result: fraud at or above */
};

/* Parses contract.json.  On success *contract is owned by the caller. */
rowan_status rw_contract_parse(const char *json, size_t size, struct rw_contract **contract,
                               rowan_error *error);
void rw_contract_free(struct rw_contract *contract);
const struct rw_contract_settings *rw_contract_settings(const struct rw_contract *contract);

/* Checks that the contract feeds exactly this model: number, order and names of
 * the features, and that its outputs give one probability. */
rowan_status rw_contract_bind(struct rw_contract *contract, const rowan_model *model,
                              rowan_error *error);

/* The rows of an answered request, shown while they are at hand. */
struct rw_scored {
    size_t n_rows;
    const double *scores; /* probability of row i: scores[i * stride] */
    size_t stride;
    const char *id; /* transaction id of the first row, not zero-terminated; NULL: none */
    size_t id_length;
};

struct rw_predict_options {
    size_t max_rows; /* of a batch; 0 means RW_BATCH_MAX_ROWS */
    const char *now; /* RFC 3339 UTC, for prediction_time; NULL: taken from the clock */
    /* text of ?explain=, as the client wrote it; NULL: no reasons are asked for */
    const char *explain;
    size_t explain_length;
    /* Called once for an answer of 200, when its reply is complete; may be NULL. */
    void (*observe)(void *context, const struct rw_scored *scored);
    void *observe_context;
};

/* What happened to one request, for variables, logs and metrics. */
struct rw_outcome {
    unsigned status;  /* HTTP: 200, 422, 500 */
    size_t n_rows;    /* scored */
    double score;     /* probability of the last row scored; NaN if none */
    double max_score; /* highest of the batch; NaN if none */
    bool fraud;       /* score of the last row >= decision */
    bool no_json;     /* 422 because the body is not JSON, not because of the contract */
};

/*
 * Scores the request `body` (one transaction, or an array of them) and appends the
 * whole JSON reply to `reply`: results, or FastAPI's {"detail": [...]} with every
 * violated field.  All memory comes from `memory`; nothing is kept.  Returns the
 * HTTP status, which is also outcome->status.  500 only without memory.
 */
unsigned rw_contract_predict(const struct rw_contract *contract, const rowan_model *model,
                             const char *body, size_t size,
                             const struct rw_predict_options *options,
                             const struct rw_memory *memory, struct rw_buffer *reply,
                             struct rw_outcome *outcome);

/* ---- rows: transactions that come one by one and are scored together (rows.c) ---- */

#define RW_ROWS_MAX      4096u
#define RW_ROW_MAX_BYTES (1u << 20) /* of the text of one row */
#define RW_ROW_ENVELOPE  "data"     /* member of an envelope that holds the transaction */

struct rw_rows;

/* Room for `capacity` rows (1 to RW_ROWS_MAX) of a bound contract and its model, which must
 * outlive it.  Owned by the caller; NULL without memory, or where one of these does not hold. */
struct rw_rows *rw_rows_new(const struct rw_contract *contract, const rowan_model *model,
                            uint32_t capacity);
void rw_rows_free(struct rw_rows *rows);
/* Forgets all rows. */
void rw_rows_clear(struct rw_rows *rows);
uint32_t rw_rows_count(const struct rw_rows *rows);
/* Decodes one transaction: flat, or nested in the member "data" of an envelope (where the
 * contract has no such property), whose id then stands for a missing one.
 * ROWAN_MALFORMED: no JSON, `where` is "byte N"; ROWAN_MISMATCH: the contract refuses it,
 * `where` is the field; ROWAN_LIMIT: longer than RW_ROW_MAX_BYTES; ROWAN_ARGUMENT: the rows
 * are full; ROWAN_NO_MEMORY.  Of a failure no row remains.  The text is not kept. */
rowan_status rw_rows_add(struct rw_rows *rows, const char *json, size_t size, rowan_error *error);
/* Scores all rows that were added; false without memory. */
bool rw_rows_score(struct rw_rows *rows);
/* Probability of a scored row, 0 <= i < count. */
double rw_rows_probability(const struct rw_rows *rows, uint32_t i);
/* Appends the reply of /predict for a scored row; `now` as in rw_predict_options.  Without
 * memory nothing is appended, and reply->failed is set. */
void rw_rows_reply(const struct rw_rows *rows, uint32_t i, const char *now,
                   struct rw_buffer *reply);
/* The present as RFC 3339 in UTC with milliseconds, for `now`; at least 32 bytes. */
const char *rw_contract_now(char text[32]);

/* The same decoding without reply, for golden rows and CSV: one transaction to
 * features[n_features].  Errors say which field and why. */
rowan_status rw_contract_decode(const struct rw_contract *contract, const char *json, size_t size,
                                const struct rw_memory *memory, double *features,
                                rowan_error *error);
/* Of all contributions of a row, [n_groups][n_features + 1], those to the output that
 * the contract asks for; they take its sign. */
const double *rw_contract_contributions(const struct rw_contract *contract, double *all,
                                        uint32_t n_features);

/* The `count` largest contributions of a row by absolute value, largest first, ties in
 * the order of the features; 1 <= count <= n_features. */
void rw_largest_contributions(const double *contributions, uint32_t n_features, uint32_t *largest,
                              uint32_t count);

uint32_t rw_contract_n_features(const struct rw_contract *contract);

/* Properties in the order of the file, for CSV columns. */
uint32_t rw_contract_n_properties(const struct rw_contract *contract);
const char *rw_contract_property(const struct rw_contract *contract, uint32_t index,
                                 bool *is_string, bool *is_required);

/* Appends the OpenAPI 3.1 document of the service with this contract. */
void rw_contract_openapi(const struct rw_contract *contract, struct rw_buffer *out);

/*
 * Checks golden.jsonl: each line {"request": {...}, "fraud_probability": p}; the
 * model must give p for the request, bit for bit in the precision of the library,
 * or within x-rowan.golden_ulps.
 * *n_rows is the number of rows checked.  The error names line, expected and seen.
 */
rowan_status rw_contract_check_golden(const struct rw_contract *contract, const rowan_model *model,
                                      const char *jsonl, size_t size, size_t *n_rows,
                                      rowan_error *error);

#endif

/*
 * golden.c - the proof of a model: requests with the numbers of the training library.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/request.h"

#define BLOCK_ROWS ((size_t)256)

/* Rows are scored in blocks: kernels are fast on many rows at a time. */
struct proof {
    const struct rw_contract *contract;
    const rowan_model *model;
    rowan_error *error;
    struct rw_arena arena; /* of one line */
    double *features;      /* [BLOCK_ROWS][n_features] */
    double *outputs;       /* [BLOCK_ROWS][n_outputs] */
    double expected[BLOCK_ROWS];
    size_t lines[BLOCK_ROWS];
    size_t n_block, n_rows;
};

static void *arena_lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

static const char *score_key(const struct rw_contract *contract) {
    return contract->is_probability ? "fraud_probability" : "score";
}

static rowan_status fail_line(const struct proof *proof, size_t line, rowan_status status,
                              const char *remedy, const char *what) {
    char where[32];
    snprintf(where, sizeof where, "line %zu", line);
    return rw_fail(proof->error, status, where, remedy, "%s", what);
}

/* ---- scores ----------------------------------------------------------------------------- */

static bool is_same(const struct rw_contract *contract, double expected, double seen) {
    if (contract->is_float32) {
        float a = (float)expected, b = (float)seen;
        return memcmp(&a, &b, sizeof a) == 0;
    }
    return memcmp(&expected, &seen, sizeof seen) == 0;
}

/* Within the contract's units in the last place; one unit is the larger number's. */
static bool is_near(const struct rw_contract *contract, double expected, double seen) {
    if (!isfinite(expected) || !isfinite(seen))
        return false;
    int exponent, bits = contract->is_float32 ? FLT_MANT_DIG : DBL_MANT_DIG;
    double rounded = contract->is_float32 ? (double)(float)expected : expected;
    frexp(fmax(fabs(rounded), fabs(seen)), &exponent);
    return fabs(rounded - seen) <= ldexp(contract->settings.golden_ulps, exponent - bits);
}

static rowan_status score_block(struct proof *proof) {
    const struct rw_contract *contract = proof->contract;
    rowan_status status = rowan_predict_f64(proof->model, proof->features, proof->n_block,
                                            ROWAN_RESPONSE, proof->outputs, proof->error);
    if (status != ROWAN_OK)
        return status;
    int digits = contract->is_float32 ? 9 : 17;
    for (size_t i = 0; i < proof->n_block; i++) {
        double seen = proof->outputs[i * contract->n_outputs + contract->column];
        if (is_same(contract, proof->expected[i], seen) ||
            (contract->settings.golden_ulps && is_near(contract, proof->expected[i], seen)))
            continue;
        char what[160];
        snprintf(what, sizeof what, "expected %s %.*g, the model gives %.*g", score_key(contract),
                 digits, proof->expected[i], digits, seen);
        return fail_line(proof, proof->lines[i], ROWAN_MISMATCH,
                         "write golden.jsonl again with the model file and the contract that "
                         "stand beside it",
                         what);
    }
    proof->n_rows += proof->n_block;
    proof->n_block = 0;
    return ROWAN_OK;
}

/* ---- lines ------------------------------------------------------------------------------- */

static rowan_status decode_request(struct proof *proof, size_t line, struct rw_scratch *scratch,
                                   yyjson_val *transaction) {
    struct rw_violations violations = {.error = proof->error};
    struct rw_decoder decoder;
    if (!rw_decoder_init(&decoder, proof->contract, scratch, &violations))
        return fail_line(proof, line, ROWAN_NO_MEMORY, NULL, "no memory");
    rw_decoder_row(&decoder, transaction,
                   proof->features + proof->n_block * proof->contract->n_features, NULL);
    if (violations.count == 0)
        return ROWAN_OK;
    char where[32];
    snprintf(where, sizeof where, "line %zu", line);
    rw_error_prefix(proof->error, where);
    return ROWAN_MISMATCH;
}

static rowan_status add_line(struct proof *proof, size_t line, const char *text, size_t size) {
    struct rw_memory memory = {arena_lend, &proof->arena};
    struct rw_scratch scratch;
    rw_scratch_init(&scratch, &memory);
    struct rw_body_error at;
    yyjson_val *root = rw_body_read(&scratch, text, size, &at);
    if (!root)
        return fail_line(proof, line, at.no_memory ? ROWAN_NO_MEMORY : ROWAN_MALFORMED,
                         "write one JSON object a line", at.text);
    yyjson_val *expected = yyjson_obj_get(root, score_key(proof->contract));
    yyjson_val *transaction = yyjson_obj_get(root, "request");
    if (!transaction || !yyjson_is_num(expected))
        return fail_line(proof, line, ROWAN_MALFORMED,
                         "write {\"request\": {...}, \"fraud_probability\": p} (or \"score\" for a "
                         "model that gives no probability)",
                         "a golden row must have a request and the expected number");
    rowan_status status = decode_request(proof, line, &scratch, transaction);
    if (status != ROWAN_OK)
        return status;
    proof->expected[proof->n_block] = yyjson_get_num(expected);
    proof->lines[proof->n_block++] = line;
    return proof->n_block == BLOCK_ROWS ? score_block(proof) : ROWAN_OK;
}

static bool is_blank(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
            return false;
    return true;
}

static rowan_status check_lines(struct proof *proof, const char *jsonl, size_t size) {
    size_t line = 0;
    for (const char *text = jsonl, *end = jsonl + size; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        line++;
        if (!is_blank(text, length)) {
            rw_arena_init(&proof->arena, SIZE_MAX);
            rowan_status status = add_line(proof, line, text, length);
            rw_arena_free(&proof->arena);
            if (status != ROWAN_OK)
                return status;
        }
        text += length + 1;
    }
    return proof->n_block ? score_block(proof) : ROWAN_OK;
}

rowan_status rw_contract_check_golden(const struct rw_contract *contract, const rowan_model *model,
                                      const char *jsonl, size_t size, size_t *n_rows,
                                      rowan_error *error) {
    *n_rows = 0;
    if (!contract->bound)
        return rw_fail(error, ROWAN_ARGUMENT, NULL, "call rw_contract_bind first",
                       "the contract is not bound to a model");
    struct proof proof = {.contract = contract, .model = model, .error = error};
    proof.features = malloc(BLOCK_ROWS * contract->n_features * sizeof *proof.features);
    proof.outputs = malloc(BLOCK_ROWS * contract->n_outputs * sizeof *proof.outputs);
    rowan_status status = ROWAN_OK;
    if (!proof.features || !proof.outputs)
        status = rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    if (status == ROWAN_OK)
        status = check_lines(&proof, jsonl, size);
    if (status == ROWAN_OK && proof.n_rows == 0)
        status = rw_fail(error, ROWAN_MISMATCH, NULL,
                         "write some requests with the training library's numbers into it",
                         "there is no golden row: nothing proves this model");
    free(proof.features);
    free(proof.outputs);
    *n_rows = proof.n_rows;
    return status;
}

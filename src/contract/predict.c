/*
 * predict.c - one request from body to reply.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "contract/request.h"

enum { OK = 200, UNPROCESSABLE = 422, SERVER_ERROR = 500 };

/* A request while it is answered. */
struct request {
    const struct rw_contract *contract;
    const rowan_model *model;
    struct rw_scratch scratch;
    struct rw_violations violations;
    struct rw_text now;
    char now_text[RW_NOW_BYTES];

    yyjson_val *root;
    size_t n_rows;
    double *features; /* [n_rows][n_features] */
    yyjson_val **ids; /* [n_rows] */
    double *outputs;  /* [n_rows][n_outputs] */
    struct rw_reasons reasons;
};

/* ---- in ------------------------------------------------------------------------------ */

static bool take_rows(struct request *request) {
    const struct rw_contract *contract = request->contract;
    request->features = rw_scratch_alloc(&request->scratch, request->n_rows,
                                         contract->n_features * sizeof *request->features);
    request->ids = rw_scratch_alloc(&request->scratch, request->n_rows, sizeof *request->ids);
    request->outputs = rw_scratch_alloc(&request->scratch, request->n_rows,
                                        contract->n_outputs * sizeof *request->outputs);
    return request->features && request->ids && request->outputs;
}

static void decode_batch(struct request *request, struct rw_decoder *decoder) {
    size_t i, max;
    yyjson_val *row;
    yyjson_arr_foreach(request->root, i, max, row) {
        request->violations.row = i;
        rw_decoder_row(decoder, row, request->features + i * request->contract->n_features,
                       &request->ids[i]);
        if (rw_violations_full(&request->violations))
            return;
    }
}

static void refuse_length(struct request *request, size_t max_rows) {
    struct rw_violation violation = {
        .type = RW_TOO_LONG, .seen = request->n_rows, .limit = max_rows};
    rw_violations_add(&request->violations, &violation);
}

/* False without memory; what the contract refuses is in `violations`. */
static bool decode(struct request *request, size_t max_rows) {
    bool batch = yyjson_is_arr(request->root);
    request->n_rows = batch ? yyjson_arr_size(request->root) : 1;
    if (request->n_rows > max_rows) {
        refuse_length(request, max_rows);
        return true;
    }
    struct rw_decoder decoder;
    if (!take_rows(request) ||
        !rw_decoder_init(&decoder, request->contract, &request->scratch, &request->violations))
        return false;
    request->violations.in_batch = batch;
    if (batch)
        decode_batch(request, &decoder);
    else
        rw_decoder_row(&decoder, request->root, request->features, request->ids);
    return true;
}

/* ---- out ----------------------------------------------------------------------------- */

static struct rw_text text_of(yyjson_val *id) {
    if (!id)
        return (struct rw_text){NULL, 0};
    return (struct rw_text){unsafe_yyjson_get_str(id), unsafe_yyjson_get_len(id)};
}

static void add_row(struct request *request, size_t i, struct rw_buffer *reply,
                    struct rw_outcome *outcome) {
    const struct rw_contract *contract = request->contract;
    struct rw_reply_row row = {.score =
                                   request->outputs[i * contract->n_outputs + contract->column],
                               .id = text_of(request->ids[i]),
                               .now = request->now};
    rw_reply_add_row(contract, &row, reply);
    if (request->reasons.count &&
        !rw_reasons_add(contract, request->model, &request->reasons,
                        request->features + i * contract->n_features, reply))
        reply->failed = true;
    outcome->score = row.score;
    if (!(outcome->max_score >= row.score))
        outcome->max_score = row.score;
}

static void reply_rows(struct request *request, struct rw_buffer *reply,
                       struct rw_outcome *outcome) {
    bool batch = request->violations.in_batch;
    if (batch)
        rw_buffer_add(reply, "[", 1);
    for (size_t i = 0; i < request->n_rows; i++) {
        if (i)
            rw_buffer_add(reply, ",", 1);
        add_row(request, i, reply, outcome);
    }
    if (batch)
        rw_buffer_add(reply, "]", 1);
    outcome->n_rows = request->n_rows;
    outcome->fraud = rw_is_fraud(request->contract, outcome->score);
}

static unsigned answer(struct request *request, size_t max_rows, struct rw_buffer *reply,
                       struct rw_outcome *outcome) {
    if (!decode(request, max_rows))
        return SERVER_ERROR;
    if (request->violations.count) {
        rw_violations_end(&request->violations);
        return UNPROCESSABLE;
    }
    if (!rw_reasons_fit(&request->reasons, request->n_rows, reply))
        return UNPROCESSABLE;
    if (rowan_predict_f64(request->model, request->features, request->n_rows, ROWAN_RESPONSE,
                          request->outputs, NULL) != ROWAN_OK)
        return SERVER_ERROR;
    reply_rows(request, reply, outcome);
    return OK;
}

/* UNPROCESSABLE: refused, and the reply says why. */
static unsigned prepare_reasons(struct request *request, const struct rw_predict_options *options,
                                struct rw_buffer *reply) {
    request->reasons.count = 0;
    if (!options || !options->explain)
        return OK;
    const uint32_t count = rw_reasons_count(request->contract, request->model, options->explain,
                                            options->explain_length, reply);
    if (count == 0)
        return UNPROCESSABLE;
    return rw_reasons_init(&request->reasons, request->model, &request->scratch, count)
               ? OK
               : SERVER_ERROR;
}

static void set_now(struct request *request, const char *now) {
    if (now)
        request->now = (struct rw_text){now, strlen(now)};
    else
        request->now = rw_now(request->now_text);
}

static void forget_rows(struct rw_outcome *outcome) {
    *outcome = (struct rw_outcome){.score = NAN, .max_score = NAN};
}

static void show_rows(const struct request *request, const struct rw_predict_options *options) {
    if (!options || !options->observe)
        return;
    const struct rw_contract *contract = request->contract;
    yyjson_val *id = request->n_rows ? request->ids[0] : NULL; /* of an empty array there is none */
    struct rw_scored scored = {.n_rows = request->n_rows,
                               .scores = request->outputs + contract->column,
                               .stride = contract->n_outputs,
                               .id = id ? yyjson_get_str(id) : NULL,
                               .id_length = id ? yyjson_get_len(id) : 0};
    options->observe(options->observe_context, &scored);
}

unsigned rw_contract_predict(const struct rw_contract *contract, const rowan_model *model,
                             const char *body, size_t size,
                             const struct rw_predict_options *options,
                             const struct rw_memory *memory, struct rw_buffer *reply,
                             struct rw_outcome *outcome) {
    const size_t start = reply->length;
    struct request request; /* not zeroed: most of it is scratch */
    request.contract = contract;
    request.model = model;
    request.violations = (struct rw_violations){.reply = reply};
    rw_scratch_init(&request.scratch, memory);
    set_now(&request, options ? options->now : NULL);
    forget_rows(outcome);

    size_t max_rows = options && options->max_rows ? options->max_rows : RW_BATCH_MAX_ROWS;
    struct rw_body_error error;
    request.root = rw_body_read(&request.scratch, body, size, &error);
    if (!contract->bound || (!request.root && error.no_memory)) {
        outcome->status = SERVER_ERROR;
    } else if (!request.root) {
        rw_body_error_reply(&error, reply);
        outcome->status = UNPROCESSABLE;
        outcome->no_json = true;
    } else {
        outcome->status = prepare_reasons(&request, options, reply);
        if (outcome->status == OK)
            outcome->status = answer(&request, max_rows, reply, outcome);
    }
    if (reply->failed || outcome->status == SERVER_ERROR) {
        reply->length = start; /* never half a reply */
        forget_rows(outcome);
        outcome->status = SERVER_ERROR;
    }
    if (outcome->status == OK)
        show_rows(&request, options);
    return outcome->status;
}

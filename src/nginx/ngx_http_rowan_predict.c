
/*
 * POST /predict: the body goes through the contract and the model, in one go
 * between two events.  All memory is the request's pool.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static void ngx_http_rowan_predict_body(ngx_http_request_t *r);
static void ngx_http_rowan_answered(ngx_http_request_t *r);
static ngx_int_t ngx_http_rowan_predict(ngx_http_request_t *r);
static ngx_int_t ngx_http_rowan_answer(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx, ngx_http_rowan_model_t *model,
    ngx_http_rowan_model_t *fallback, ngx_str_t *body, uint64_t start);
static ngx_int_t ngx_http_rowan_no_memory(ngx_http_request_t *r, size_t size);
static void ngx_http_rowan_explain(ngx_http_request_t *r,
    struct rw_predict_options *options);
static ngx_int_t ngx_http_rowan_body_copy(ngx_http_request_t *r,
    ngx_pool_t *pool, ngx_str_t *body);
static ngx_int_t ngx_http_rowan_note(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx, struct rw_served *served,
    struct rw_outcome *outcome);
static void ngx_http_rowan_observe(void *context,
    const struct rw_scored *scored);
static void ngx_http_rowan_note_id(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx, const struct rw_scored *scored);


/* for the rows of an answer, while they are at hand */

typedef struct {
    ngx_http_request_t        *request;
    ngx_http_rowan_ctx_t      *ctx;
    ngx_http_rowan_model_t    *model;
} ngx_http_rowan_observer_t;


ngx_int_t
ngx_http_rowan_predict_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* of what is refused below there is nothing to repeat */

    if (ngx_http_rowan_is_shadow(r)
        && (r->method != NGX_HTTP_POST || !ngx_http_rowan_is_json(r)))
    {
        return NGX_OK;
    }

    ngx_http_rowan_count_active(ctx);

    /* no key or a wrong one, but "satisfy any" found another reason */

    if (ctx->refused == NGX_HTTP_ROWAN_REFUSED_KEY) {
        ctx->refused = NGX_HTTP_ROWAN_NOT_REFUSED;
    }

    if (r->method != NGX_HTTP_POST) {

        if (ngx_http_rowan_add_header(r, "Allow", "POST") != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_NOT_ALLOWED;
    }

    if (!ngx_http_rowan_is_json(r)) {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_rowan_predict_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    if (rc == NGX_AGAIN) {
        ngx_http_rowan_slow_body(r);
    }

    return NGX_DONE;
}


/* application/json, application/ANYTHING+json, or no type at all */

ngx_uint_t
ngx_http_rowan_is_json(ngx_http_request_t *r)
{
    u_char     *p, *last;
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        return 1;
    }

    type = &r->headers_in.content_type->value;

    last = ngx_strlchr(type->data, type->data + type->len, ';');
    if (last == NULL) {
        last = type->data + type->len;
    }

    while (last > type->data && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    p = type->data;

    if (last - p < 16
        || ngx_strncasecmp(p, (u_char *) "application/", 12) != 0)
    {
        return 0;
    }

    return (last - p == 16
            && ngx_strncasecmp(p + 12, (u_char *) "json", 4) == 0)
           || ngx_strncasecmp(last - 5, (u_char *) "+json", 5) == 0;
}


static void
ngx_http_rowan_predict_body(ngx_http_request_t *r)
{
    ngx_http_rowan_slow_body_end(r);

    if (ngx_http_rowan_queue_add(r) == NGX_OK) {
        return;
    }

    if (ngx_http_rowan_is_shadow(r)) {

        /* no memory */

        ngx_http_finalize_request(r, NGX_OK);
        return;
    }

    ngx_http_rowan_predict_now(r);
}


void
ngx_http_rowan_predict_now(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (ngx_http_rowan_shed_confirm(r) != NGX_OK) {
        rc = ngx_http_rowan_refuse(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
        }

        return;
    }

    rc = ngx_http_rowan_predict(r);

    ngx_http_rowan_shed_charge(r);
    ngx_http_rowan_refuse_reply(r);
    ngx_http_rowan_slow_reply(r);
    ngx_http_rowan_answered(r);

    ngx_http_finalize_request(r, rc);
}


/* a request ends with its last subrequest, for its client with its reply */

static void
ngx_http_rowan_answered(ngx_http_request_t *r)
{
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx && !r->buffered && !r->connection->buffered) {
        ctx->answered = rw_clock_ns();
    }
}


static ngx_int_t
ngx_http_rowan_predict(ngx_http_request_t *r)
{
    uint64_t                 start;
    ngx_int_t                rc;
    ngx_str_t                body;
    ngx_http_rowan_ctx_t    *ctx;
    ngx_http_rowan_model_t  *model, *fallback;

    start = rw_clock_ns();

    ctx = ngx_http_rowan_get_ctx(r);
    if (ctx == NULL) {
        return ngx_http_rowan_no_memory(r, 0);
    }

    rc = ngx_http_rowan_models_of(r, &model, &fallback);

    if (rc != NGX_OK) {

        if (rc == NGX_DECLINED) {
            ctx->failed = NGX_HTTP_ROWAN_FAILED_NAME;
        }

        return ngx_http_rowan_send_no_model(r, rc);
    }

    if (ngx_http_rowan_body(r, r->pool, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (model->served == NULL) {
        ctx->failed = NGX_HTTP_ROWAN_FAILED_MODEL;
        ngx_http_rowan_metrics_error(NGX_HTTP_ROWAN_ERROR_MODEL_MISSING);
        return ngx_http_rowan_send_unavailable(r, model);
    }

    return ngx_http_rowan_answer(r, ctx, model, fallback, &body, start);
}


/* what the model refuses, the fallback answers: it decides what is wrong */

static ngx_int_t
ngx_http_rowan_answer(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx,
    ngx_http_rowan_model_t *model, ngx_http_rowan_model_t *fallback,
    ngx_str_t *body, uint64_t start)
{
    struct rw_buffer            reply;
    struct rw_memory            memory;
    struct rw_outcome           outcome;
    ngx_http_rowan_loc_conf_t  *rlcf;
    struct rw_predict_options   options;
    ngx_http_rowan_observer_t   observer;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    observer.request = r;
    observer.ctx = ctx;
    observer.model = model;

    ngx_memzero(&options, sizeof(struct rw_predict_options));

    options.max_rows = rlcf->batch_max;
    options.now = ngx_http_rowan_now();
    options.observe = ngx_http_rowan_observe;
    options.observe_context = &observer;

    ngx_http_rowan_explain(r, &options);

    ngx_http_rowan_memory(r->pool, &memory);
    ngx_http_rowan_buffer(&memory, 512, &reply);

    (void) rw_contract_predict(model->served->contract, model->served->model,
                               (char *) body->data, body->len, &options,
                               &memory, &reply, &outcome);

    if (outcome.status != NGX_HTTP_OK && fallback && fallback->served) {
        return ngx_http_rowan_answer(r, ctx, fallback, NULL, body, start);
    }

    if (outcome.status == NGX_HTTP_INTERNAL_SERVER_ERROR
        || ngx_http_rowan_note(r, ctx, model->served, &outcome) != NGX_OK)
    {
        return ngx_http_rowan_no_memory(r, body->len);
    }

    ctx->duration = rw_clock_ns() - start;

    if (outcome.status == NGX_HTTP_OK && ngx_http_rowan_page) {
        rw_series_observe_ns(&model->series.duration, ctx->duration);
    }

    return ngx_http_rowan_send_buffer(r, outcome.status, &reply);
}


static ngx_int_t
ngx_http_rowan_no_memory(ngx_http_request_t *r, size_t size)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "no memory for a prediction of %uz bytes", size);

    ngx_http_rowan_metrics_error(NGX_HTTP_ROWAN_ERROR_NO_MEMORY);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* ?explain=N is checked with the contract */

static void
ngx_http_rowan_explain(ngx_http_request_t *r,
    struct rw_predict_options *options)
{
    ngx_str_t  value;

    options->explain = NULL;
    options->explain_length = 0;

    if (r->args.len == 0
        || ngx_http_arg(r, (u_char *) "explain", 7, &value) != NGX_OK)
    {
        return;
    }

    options->explain = (char *) value.data;
    options->explain_length = value.len;
}


/* one buffer in memory, as nearly always, is used where it is */

ngx_int_t
ngx_http_rowan_body(ngx_http_request_t *r, ngx_pool_t *pool, ngx_str_t *body)
{
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL && !cl->buf->in_file) {
        body->data = cl->buf->pos;
        body->len = cl->buf->last - cl->buf->pos;
        return NGX_OK;
    }

    return ngx_http_rowan_body_copy(r, pool, body);
}


static ngx_int_t
ngx_http_rowan_body_copy(ngx_http_request_t *r, ngx_pool_t *pool,
    ngx_str_t *body)
{
    off_t         size;
    u_char       *p;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = size;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        size = ngx_buf_size(b);

        if (size == 0) {
            continue;
        }

        n = ngx_read_file(b->file, p, size, b->file_pos);

        if (n != (ssize_t) size) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          ngx_read_file_n " of the body gave %z of %O bytes",
                          n, size);
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


/* copies: the model may be replaced before the request is logged */

static ngx_int_t
ngx_http_rowan_note(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx,
    struct rw_served *served, struct rw_outcome *outcome)
{
    size_t   model, version;
    u_char  *p;

    model = ngx_strlen(served->settings->model);
    version = ngx_strlen(served->settings->version);

    p = ngx_pnalloc(r->pool, model + version);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->model.data = p;
    ctx->model.len = model;
    p = ngx_cpymem(p, served->settings->model, model);

    ctx->version.data = p;
    ctx->version.len = version;
    ngx_memcpy(p, served->settings->version, version);

    ctx->rows = outcome->n_rows;
    ctx->score = outcome->score;
    ctx->scored = outcome->n_rows > 0;
    ctx->fraud = outcome->fraud;

    if (outcome->no_json) {
        ctx->failed = NGX_HTTP_ROWAN_FAILED_JSON;
    }

    return NGX_OK;
}


static void
ngx_http_rowan_observe(void *context, const struct rw_scored *scored)
{
    ngx_http_rowan_observer_t  *observer = context;

    ngx_http_rowan_metrics_rows(observer->model, scored);
    ngx_http_rowan_note_id(observer->request, observer->ctx, scored);
}


/* without memory the log has no id, but the client its answer */

static void
ngx_http_rowan_note_id(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx,
    const struct rw_scored *scored)
{
    size_t  len;

    len = scored->id_length;

    if (scored->id == NULL || len == 0) {
        return;
    }

    if (len > NGX_HTTP_ROWAN_ID_MAX) {
        len = NGX_HTTP_ROWAN_ID_MAX;

        /* not in the middle of a character of UTF-8 */

        while (len && (scored->id[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    ctx->transaction.data = ngx_pnalloc(r->pool, len);

    if (ctx->transaction.data) {
        ctx->transaction.len = len;
        ngx_memcpy(ctx->transaction.data, scored->id, len);
    }
}

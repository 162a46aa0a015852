
/*
 * Shadow: a background subrequest, as "mirror" makes them, repeats a prediction
 * with another model.  Its rows count in metrics, its answer goes nowhere, and
 * it never harms the request that it repeats: it waits in the queue behind all
 * requests of clients, and is dropped where the worker has no time for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


enum {
    NGX_HTTP_ROWAN_SHADOW_SCORED = 0,
    NGX_HTTP_ROWAN_SHADOW_SHED,             /* no time */
    NGX_HTTP_ROWAN_SHADOW_SAME,             /* the client has this answer */
    NGX_HTTP_ROWAN_SHADOW_NO_MODEL,
    NGX_HTTP_ROWAN_SHADOW_FAILED,           /* the model refuses it */
    NGX_HTTP_ROWAN_SHADOW_OUTCOMES,
    NGX_HTTP_ROWAN_SHADOW_NOTHING           /* there was no prediction */
};

static const char *const
    ngx_http_rowan_shadow_names[NGX_HTTP_ROWAN_SHADOW_OUTCOMES] =
{
    "scored", "shed", "same", "no_model", "failed"
};


static ngx_uint_t ngx_http_rowan_shadow(ngx_http_request_t *r,
    uint64_t waited);
static ngx_uint_t ngx_http_rowan_shadow_answers(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx);
static ngx_uint_t ngx_http_rowan_shadow_is_late(ngx_http_request_t *r,
    uint64_t waited);
static ngx_uint_t ngx_http_rowan_shadow_is_same(ngx_http_rowan_ctx_t *ctx,
    ngx_http_rowan_model_t *model);
static ngx_uint_t ngx_http_rowan_shadow_score(ngx_http_request_t *r,
    ngx_http_rowan_model_t *model);
static ngx_uint_t ngx_http_rowan_shadow_predict(ngx_http_request_t *r,
    ngx_http_rowan_model_t *model, ngx_pool_t *pool);
static void ngx_http_rowan_shadow_observe(void *context,
    const struct rw_scored *scored);


/* of this worker */
static struct rw_series
    *ngx_http_rowan_shadows[NGX_HTTP_ROWAN_SHADOW_OUTCOMES];


void
ngx_http_rowan_shadow_init_worker(struct rw_page *page)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ROWAN_SHADOW_OUTCOMES; i++) {
        ngx_http_rowan_shadows[i] = rw_page_series(page, RW_METRIC_SHADOWS,
                                             &ngx_http_rowan_shadow_names[i]);
    }
}


ngx_uint_t
ngx_http_rowan_is_shadow(ngx_http_request_t *r)
{
    return r != r->main && r->background;
}


/* its turn has come; it waited so many nanoseconds for it */

void
ngx_http_rowan_shadow_now(ngx_http_request_t *r, uint64_t waited)
{
    ngx_uint_t  outcome;

    outcome = ngx_http_rowan_shadow(r, waited);

    if (ngx_http_rowan_page && outcome < NGX_HTTP_ROWAN_SHADOW_OUTCOMES) {
        rw_series_add(ngx_http_rowan_shadows[outcome], 1);
    }

    /* an error would end the request of the client */

    ngx_http_finalize_request(r, NGX_OK);
}


static ngx_uint_t
ngx_http_rowan_shadow(ngx_http_request_t *r, uint64_t waited)
{
    ngx_http_rowan_ctx_t    *ctx;
    ngx_http_rowan_model_t  *model;

    ctx = ngx_http_rowan_find_ctx(r->main);

    if (!ngx_http_rowan_shadow_answers(r, ctx)) {
        return NGX_HTTP_ROWAN_SHADOW_NOTHING;
    }

    if (ngx_http_rowan_model(r, &model) != NGX_OK || model->served == NULL) {
        return NGX_HTTP_ROWAN_SHADOW_NO_MODEL;
    }

    if (ngx_http_rowan_shadow_is_same(ctx, model)) {
        return NGX_HTTP_ROWAN_SHADOW_SAME;
    }

    if (ngx_http_rowan_shadow_is_late(r, waited)) {
        return NGX_HTTP_ROWAN_SHADOW_SHED;
    }

    return ngx_http_rowan_shadow_score(r, model);
}


/* a request that got no prediction of ours has none that could be repeated;
 * one that another server answers may have */

static ngx_uint_t
ngx_http_rowan_shadow_answers(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx)
{
    if (ctx == NULL) {
        return 0;
    }

    if (ctx->refused) {
        return 0;
    }

    return ctx->scored || ctx->endpoint == NULL
           || ctx->endpoint->handler != ngx_http_rowan_predict_handler;
}


/*
 * The next request of its connection (HTTP/1) waits for it, and so does a
 * worker that ends, as an old one does after a reload.
 */

static ngx_uint_t
ngx_http_rowan_shadow_is_late(ngx_http_request_t *r, uint64_t waited)
{
    ngx_http_rowan_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);

    return waited > rmcf->shadow_wait * 1000000ull
           || ngx_http_rowan_shedding()
           || ngx_exiting
           || ngx_http_rowan_reloaded();
}


static ngx_uint_t
ngx_http_rowan_shadow_is_same(ngx_http_rowan_ctx_t *ctx,
    ngx_http_rowan_model_t *model)
{
    const struct rw_contract_settings  *settings;

    settings = model->served->settings;

    return ctx->scored
           && ctx->model.len == ngx_strlen(settings->model)
           && ngx_memcmp(ctx->model.data, settings->model, ctx->model.len) == 0
           && ctx->version.len == ngx_strlen(settings->version)
           && ngx_memcmp(ctx->version.data, settings->version,
                         ctx->version.len)
              == 0;
}


/* memory of its own: that of the request lives until its client has read */

static ngx_uint_t
ngx_http_rowan_shadow_score(ngx_http_request_t *r,
    ngx_http_rowan_model_t *model)
{
    ngx_uint_t   status;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, r->connection->log);
    if (pool == NULL) {
        return NGX_HTTP_ROWAN_SHADOW_FAILED;
    }

    status = ngx_http_rowan_shadow_predict(r, model, pool);

    ngx_destroy_pool(pool);

    return status == NGX_HTTP_OK ? NGX_HTTP_ROWAN_SHADOW_SCORED
                                 : NGX_HTTP_ROWAN_SHADOW_FAILED;
}


/* no reasons, which cost many times as much as a score: nobody reads them */

static ngx_uint_t
ngx_http_rowan_shadow_predict(ngx_http_request_t *r,
    ngx_http_rowan_model_t *model, ngx_pool_t *pool)
{
    uint64_t                    start;
    ngx_str_t                   body;
    ngx_uint_t                  status;
    struct rw_buffer            reply;
    struct rw_memory            memory;
    struct rw_outcome           outcome;
    struct rw_predict_options   options;
    ngx_http_rowan_loc_conf_t  *rlcf;

    start = rw_clock_ns();

    if (ngx_http_rowan_body(r, pool, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    ngx_memzero(&options, sizeof(struct rw_predict_options));

    options.max_rows = rlcf->batch_max;
    options.now = ngx_http_rowan_now();
    options.observe = ngx_http_rowan_shadow_observe;
    options.observe_context = model;

    ngx_http_rowan_memory(pool, &memory);
    ngx_http_rowan_buffer(&memory, 512, &reply);

    status = rw_contract_predict(model->served->contract, model->served->model,
                                 (char *) body.data, body.len, &options,
                                 &memory, &reply, &outcome);

    if (status == NGX_HTTP_OK && ngx_http_rowan_page) {
        rw_series_observe_ns(&model->series.duration, rw_clock_ns() - start);
    }

    return status;
}


static void
ngx_http_rowan_shadow_observe(void *context, const struct rw_scored *scored)
{
    ngx_http_rowan_metrics_rows(context, scored);
}


/*
 * Request: one context for each request, made when its header has been read.
 *
 * nginx forgets the contexts of modules at an internal redirect, such as that
 * of an error page, and turns the method into GET; metrics and logs need what
 * the client sent.  So the context lives in a cleanup of the request's pool,
 * where it can be found again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static ngx_int_t ngx_http_rowan_request_start(ngx_http_request_t *r);
static ngx_int_t ngx_http_rowan_request_located(ngx_http_request_t *r);
static void ngx_http_rowan_request_end(void *data);


ngx_int_t
ngx_http_rowan_request_init(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    static struct {
        ngx_http_phases         phase;
        ngx_http_handler_pt     handler;
    } handlers[] = {
        { NGX_HTTP_POST_READ_PHASE, ngx_http_rowan_request_start },
        { NGX_HTTP_REWRITE_PHASE, ngx_http_rowan_request_located }
    };

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        h = ngx_array_push(&cmcf->phases[handlers[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = handlers[i].handler;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_rowan_request_start(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_rowan_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_rowan_ctx_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_rowan_request_end;

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_rowan_ctx_t));

    ctx->start = rw_clock_ns();
    ctx->uri = r->uri;
    ctx->method = r->method;

    ngx_http_set_ctx(r, ctx, ngx_http_rowan_module);

    ngx_http_rowan_count_start(ctx);

    return NGX_DECLINED;
}


/* the location that the client asked for, before any redirect */

static ngx_int_t
ngx_http_rowan_request_located(ngx_http_request_t *r)
{
    ngx_http_rowan_ctx_t       *ctx;
    ngx_http_rowan_loc_conf_t  *rlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_rowan_module);

    if (ctx && ctx->endpoint == NULL) {
        rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);
        ctx->endpoint = rlcf->endpoint;
    }

    return NGX_DECLINED;
}


static void
ngx_http_rowan_request_end(void *data)
{
    /* also marks the context, see ngx_http_rowan_find_ctx() */

    ngx_http_rowan_queue_remove(data);
    ngx_http_rowan_reload_end(data);
    ngx_http_rowan_count_end(data);
}


/* NULL: there is none, the header could not be read */

ngx_http_rowan_ctx_t *
ngx_http_rowan_find_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_rowan_module);

    if (ctx || r != r->main) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_rowan_request_end) {
            ngx_http_set_ctx(r, cln->data, ngx_http_rowan_module);
            return cln->data;
        }
    }

    return NULL;
}


/* makes one where there is none, for subrequests; NULL: no memory */

ngx_http_rowan_ctx_t *
ngx_http_rowan_get_ctx(ngx_http_request_t *r)
{
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_rowan_ctx_t));
        if (ctx) {
            ngx_http_set_ctx(r, ctx, ngx_http_rowan_module);
        }
    }

    return ctx;
}

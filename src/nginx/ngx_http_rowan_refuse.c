
/*
 * Refuse: answers of requests that are not served, 503 and 429.
 *
 * A client that asks again at once makes refusing as dear as serving.  So an
 * answer is held back for a moment: each connection then brings few requests
 * a second, and holding costs nothing but a timer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif


/* at most this part of a worker's connections is held */
#define NGX_HTTP_ROWAN_HELD_PART   4

/* so many bytes at once leave much free memory behind; given back at most
 * once in so many milliseconds, since that takes some itself */
#define NGX_HTTP_ROWAN_TRIM_BYTES  (16 * 1024 * 1024)
#define NGX_HTTP_ROWAN_TRIM_PAUSE  1000


static ngx_int_t ngx_http_rowan_refuse_send(ngx_http_request_t *r);
static void ngx_http_rowan_refuse_wake(ngx_http_request_t *r);
static ngx_int_t ngx_http_rowan_refuse_located(ngx_http_request_t *r);
static ngx_int_t ngx_http_rowan_refuse_hold(ngx_http_request_t *r,
    ngx_http_event_handler_pt handler);
static ngx_int_t ngx_http_rowan_refuse_waits(ngx_http_request_t *r);
static void ngx_http_rowan_refuse_resume(ngx_http_request_t *r);
static void ngx_http_rowan_refuse_released(void *data);
static ngx_int_t ngx_http_rowan_refuse_pend(ngx_http_request_t *r,
    size_t size);
static void ngx_http_rowan_refuse_pended(void *data);
static void ngx_http_rowan_refuse_trim(void);


/* of this worker */
static ngx_uint_t  ngx_http_rowan_held;
static size_t      ngx_http_rowan_pending;
static size_t      ngx_http_rowan_pending_peak;
static ngx_msec_t  ngx_http_rowan_trimmed;


ngx_int_t
ngx_http_rowan_refuse_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_rowan_refuse_located;

    return NGX_OK;
}


/* 503, to be returned by a handler of the preaccess phase */

ngx_int_t
ngx_http_rowan_refuse(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx) {
        ctx->refused = NGX_HTTP_ROWAN_REFUSED_SHED;
    }

    rc = ngx_http_rowan_refuse_hold(r, ngx_http_rowan_refuse_wake);

    if (rc == NGX_DECLINED) {
        ngx_http_finalize_request(r, ngx_http_rowan_refuse_send(r));
        return NGX_DONE;
    }

    return rc;
}


static ngx_int_t
ngx_http_rowan_refuse_send(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    /* who waits for "100 Continue" must not send the body */

    if (r->headers_in.expect) {
        r->keepalive = 0;
    }

    r->expect_tested = 1;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_rowan_add_header(r, "Retry-After", "1") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_rowan_send_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                     "Overloaded: try again later");
}


static void
ngx_http_rowan_refuse_wake(ngx_http_request_t *r)
{
    if (ngx_http_rowan_refuse_waits(r) == NGX_OK) {
        ngx_http_finalize_request(r, ngx_http_rowan_refuse_send(r));
    }
}


/* the error page of 429, which nginx's limits ask for */

static ngx_int_t
ngx_http_rowan_refuse_located(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r != r->main || !r->internal
        || r->err_status != NGX_HTTP_TOO_MANY_REQUESTS)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_rowan_refuse_hold(r, ngx_http_rowan_refuse_resume);

    /* this phase would end the request with NGX_AGAIN */

    return rc == NGX_AGAIN ? NGX_DONE : rc;
}


static void
ngx_http_rowan_refuse_resume(ngx_http_request_t *r)
{
    if (ngx_http_rowan_refuse_waits(r) == NGX_OK) {
        r->phase_handler++;
        r->write_event_handler = ngx_http_core_run_phases;

        ngx_http_core_run_phases(r);
    }
}


/* NGX_DECLINED: answer at once */

static ngx_int_t
ngx_http_rowan_refuse_hold(ngx_http_request_t *r,
    ngx_http_event_handler_pt handler)
{
    ngx_connection_t           *c;
    ngx_pool_cleanup_t         *cln;
    ngx_http_rowan_ctx_t       *ctx;
    ngx_http_rowan_loc_conf_t  *rlcf;

    c = r->connection;
    ctx = ngx_http_rowan_find_ctx(r);
    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    if (rlcf->refuse_delay == 0 || ctx == NULL || ctx->held
        || ngx_http_rowan_held
           >= ngx_cycle->connection_n / NGX_HTTP_ROWAN_HELD_PART)
    {
        return NGX_DECLINED;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_rowan_refuse_released;
    ctx->held = 1;
    ngx_http_rowan_held++;

    /* a client that leaves is noticed */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = handler;

    c->write->delayed = 1;
    ngx_add_timer(c->write, rlcf->refuse_delay);

    return NGX_AGAIN;
}


/* NGX_OK: no longer */

static ngx_int_t
ngx_http_rowan_refuse_waits(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    if (c->write->delayed) {

        if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        return NGX_AGAIN;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return NGX_AGAIN;
    }

    r->read_event_handler = ngx_http_block_reading;

    return NGX_OK;
}


static void
ngx_http_rowan_refuse_released(void *data)
{
    ngx_http_rowan_held--;
}


/*
 * The memory of all bodies that a worker receives at once, and of the replies
 * that wait for their clients, is bounded, however many clients there are.
 * NGX_DECLINED: there is no room for the body of this one.
 */

ngx_int_t
ngx_http_rowan_refuse_body(ngx_http_request_t *r)
{
    off_t                        size;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_rowan_main_conf_t  *rmcf;

    size = r->headers_in.content_length_n;

    /* nothing is allocated for a body that came with its header */

    if (!r->headers_in.chunked
        && (size <= 0
            || (r->header_in
                && size <= r->header_in->last - r->header_in->pos)))
    {
        return NGX_OK;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->headers_in.chunked
        || size > (off_t) clcf->client_body_buffer_size)
    {
        size = clcf->client_body_buffer_size;
    }

    if (ngx_http_rowan_pending + size > rmcf->pending_max) {
        return NGX_DECLINED;
    }

    return ngx_http_rowan_refuse_pend(r, size);
}


/* call it when a reply was sent, before the request is finalized */

void
ngx_http_rowan_refuse_reply(ngx_http_request_t *r)
{
    if (r->headers_out.content_length_n > 0
        && (r->buffered || r->connection->buffered))
    {
        (void) ngx_http_rowan_refuse_pend(r, r->headers_out.content_length_n);
    }
}


static ngx_int_t
ngx_http_rowan_refuse_pend(ngx_http_request_t *r, size_t size)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);
    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    if (size == 0) {
        return NGX_OK;
    }

    if (ctx->pending == 0) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_DECLINED;
        }

        cln->handler = ngx_http_rowan_refuse_pended;
        cln->data = ctx;
    }

    ctx->pending += size;
    ngx_http_rowan_pending += size;

    if (ngx_http_rowan_pending > ngx_http_rowan_pending_peak) {
        ngx_http_rowan_pending_peak = ngx_http_rowan_pending;
    }

    return NGX_OK;
}


static void
ngx_http_rowan_refuse_pended(void *data)
{
    ngx_http_rowan_ctx_t  *ctx = data;

    ngx_http_rowan_pending -= ctx->pending;

    if (ngx_http_rowan_pending == 0
        && ngx_http_rowan_pending_peak >= NGX_HTTP_ROWAN_TRIM_BYTES)
    {
        ngx_http_rowan_refuse_trim();
    }
}


/* after a flood of arrays: what is freed is the system's again */

static void
ngx_http_rowan_refuse_trim(void)
{
    if (ngx_current_msec - ngx_http_rowan_trimmed
        < NGX_HTTP_ROWAN_TRIM_PAUSE)
    {
        return;
    }

    ngx_http_rowan_trimmed = ngx_current_msec;
    ngx_http_rowan_pending_peak = 0;

#if defined(__GLIBC__)
    (void) malloc_trim(0);
#endif
}


/*
 * Queue: long requests take turns with all the others.
 *
 * An array of many transactions keeps a worker busy for as long as hundreds of
 * single ones, and several that come at once would hold up everybody.  So a
 * request that is thought to take long waits here when its body has been read;
 * in each turn of the event loop the queue gets some time after all that is
 * ready, requests of high priority first.  A short request then waits for one
 * long one at most.
 *
 * Shadows (shadow.c) wait here too, however short they are, and come last:
 * after all that is ready, and after every request of a client.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


/* microseconds; requests that are thought to cost less are not long */
#define NGX_HTTP_ROWAN_QUEUE_LONG   200

/* nanoseconds of a turn; what has begun is not interrupted */
#define NGX_HTTP_ROWAN_QUEUE_TURN   1000000

/* by priority, and one for shadows */
#define NGX_HTTP_ROWAN_QUEUES       (RW_SHED_PRIORITIES + 1)

/* a worker that ends waits for those who wait here */
#define NGX_HTTP_ROWAN_QUEUE_GUARD  1000


static ngx_int_t ngx_http_rowan_queue_keep(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx);
static void ngx_http_rowan_queue_cleanup(void *data);
static ngx_http_rowan_ctx_t *ngx_http_rowan_queue_first(void);
static void ngx_http_rowan_queue_handler(ngx_event_t *ev);
static void ngx_http_rowan_queue_guard_handler(ngx_event_t *ev);


/* of this worker */
static ngx_queue_t  ngx_http_rowan_queues[NGX_HTTP_ROWAN_QUEUES];
static ngx_event_t  ngx_http_rowan_queue_event;
static ngx_event_t  ngx_http_rowan_queue_guard;


void
ngx_http_rowan_queue_init_worker(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ROWAN_QUEUES; i++) {
        ngx_queue_init(&ngx_http_rowan_queues[i]);
    }

    ngx_memzero(&ngx_http_rowan_queue_event, sizeof(ngx_event_t));

    ngx_http_rowan_queue_event.handler = ngx_http_rowan_queue_handler;
    ngx_http_rowan_queue_event.data = cycle;
    ngx_http_rowan_queue_event.log = cycle->log;

    ngx_memzero(&ngx_http_rowan_queue_guard, sizeof(ngx_event_t));

    ngx_http_rowan_queue_guard.handler = ngx_http_rowan_queue_guard_handler;
    ngx_http_rowan_queue_guard.data = cycle;
    ngx_http_rowan_queue_guard.log = cycle->log;
}


/* NGX_DECLINED: neither a long one nor a shadow, work on it now */

ngx_int_t
ngx_http_rowan_queue_add(ngx_http_request_t *r)
{
    ngx_uint_t             queue;
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_rowan_is_shadow(r)) {
        queue = RW_SHED_PRIORITIES;

        if (ngx_http_rowan_queue_keep(r, ctx) != NGX_OK) {
            return NGX_DECLINED;
        }

    } else if (r != r->main
               || ngx_http_rowan_shed_cost(r) < NGX_HTTP_ROWAN_QUEUE_LONG)
    {
        return NGX_DECLINED;

    } else {
        queue = ctx->shed.priority;
    }

    /* nothing that happens to the connection concerns it until its turn */

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->request = r;
    ctx->queued = 1;
    ctx->queued_at = ngx_http_rowan_shed_clock();

    ngx_queue_insert_tail(&ngx_http_rowan_queues[queue], &ctx->queue);

    ngx_post_event(&ngx_http_rowan_queue_event, &ngx_posted_next_events);

    if (!ngx_http_rowan_queue_guard.timer_set) {
        ngx_add_timer(&ngx_http_rowan_queue_guard,
                      NGX_HTTP_ROWAN_QUEUE_GUARD);
    }

    return NGX_OK;
}


/* the context of a subrequest has no cleanup of its own, see request.c */

static ngx_int_t
ngx_http_rowan_queue_keep(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_rowan_queue_cleanup;
    cln->data = ctx;

    return NGX_OK;
}


static void
ngx_http_rowan_queue_cleanup(void *data)
{
    ngx_http_rowan_queue_remove(data);
}


/* the request is worked on, or ends by something else */

void
ngx_http_rowan_queue_remove(ngx_http_rowan_ctx_t *ctx)
{
    if (ctx->queued) {
        ngx_queue_remove(&ctx->queue);
        ctx->queued = 0;
    }
}


/* the one whose turn it is; NULL: nobody waits */

static ngx_http_rowan_ctx_t *
ngx_http_rowan_queue_first(void)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ROWAN_QUEUES; i++) {
        if (!ngx_queue_empty(&ngx_http_rowan_queues[i])) {
            return ngx_queue_data(ngx_queue_head(&ngx_http_rowan_queues[i]),
                                  ngx_http_rowan_ctx_t, queue);
        }
    }

    return NULL;
}


static void
ngx_http_rowan_queue_handler(ngx_event_t *ev)
{
    uint64_t               start, now, waited;
    ngx_uint_t             shadows;
    ngx_connection_t      *c;
    ngx_http_request_t    *r;
    ngx_http_rowan_ctx_t  *ctx;

    start = ngx_http_rowan_shed_clock();
    now = start;
    shadows = 0;

    while (now - start < NGX_HTTP_ROWAN_QUEUE_TURN) {

        ctx = ngx_http_rowan_queue_first();
        if (ctx == NULL) {
            break;
        }

        r = ctx->request;
        c = r->connection;

        ngx_http_rowan_queue_remove(ctx);

        waited = now - ctx->queued_at;

        /* the request may be gone after this */

        if (ngx_http_rowan_is_shadow(r)) {
            ngx_http_rowan_shadow_now(r, waited);
            shadows = 1;

        } else {
            ngx_http_rowan_shed_waited(waited);
            ngx_http_rowan_predict_now(r);
        }

        ngx_http_run_posted_requests(c);

        now = ngx_http_rowan_shed_clock();
    }

    if (shadows) {
        ngx_http_rowan_shed_forget();
    }

    if (ngx_http_rowan_queue_first()) {
        ngx_post_event(ev, &ngx_posted_next_events);

    } else if (ngx_http_rowan_queue_guard.timer_set) {
        ngx_del_timer(&ngx_http_rowan_queue_guard);
    }
}


static void
ngx_http_rowan_queue_guard_handler(ngx_event_t *ev)
{
    if (ngx_http_rowan_queue_first()) {
        ngx_add_timer(ev, NGX_HTTP_ROWAN_QUEUE_GUARD);
    }
}

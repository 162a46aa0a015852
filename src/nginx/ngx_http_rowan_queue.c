
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
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


/* microseconds; requests that are thought to cost less are not long */
#define NGX_HTTP_ROWAN_QUEUE_LONG   200

/* nanoseconds of a turn; what has begun is not interrupted */
#define NGX_HTTP_ROWAN_QUEUE_TURN   1000000

/* a worker that ends waits for those who wait here */
#define NGX_HTTP_ROWAN_QUEUE_GUARD  1000


static ngx_http_rowan_ctx_t *ngx_http_rowan_queue_first(void);
static void ngx_http_rowan_queue_handler(ngx_event_t *ev);
static void ngx_http_rowan_queue_guard_handler(ngx_event_t *ev);


/* of this worker */
static ngx_queue_t  ngx_http_rowan_queues[RW_SHED_PRIORITIES];
static ngx_event_t  ngx_http_rowan_queue_event;
static ngx_event_t  ngx_http_rowan_queue_guard;


void
ngx_http_rowan_queue_init_worker(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; i < RW_SHED_PRIORITIES; i++) {
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


/* NGX_DECLINED: not a long one, work on it now */

ngx_int_t
ngx_http_rowan_queue_add(ngx_http_request_t *r)
{
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx == NULL || r != r->main
        || ngx_http_rowan_shed_cost(r) < NGX_HTTP_ROWAN_QUEUE_LONG)
    {
        return NGX_DECLINED;
    }

    /* nothing that happens to the connection concerns it until its turn */

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->request = r;
    ctx->queued = 1;
    ctx->queued_at = ngx_http_rowan_shed_clock();

    ngx_queue_insert_tail(&ngx_http_rowan_queues[ctx->shed.priority],
                          &ctx->queue);

    ngx_post_event(&ngx_http_rowan_queue_event, &ngx_posted_next_events);

    if (!ngx_http_rowan_queue_guard.timer_set) {
        ngx_add_timer(&ngx_http_rowan_queue_guard,
                      NGX_HTTP_ROWAN_QUEUE_GUARD);
    }

    return NGX_OK;
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

    for (i = 0; i < RW_SHED_PRIORITIES; i++) {
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
    uint64_t               start, now;
    ngx_connection_t      *c;
    ngx_http_request_t    *r;
    ngx_http_rowan_ctx_t  *ctx;

    start = ngx_http_rowan_shed_clock();
    now = start;

    while (now - start < NGX_HTTP_ROWAN_QUEUE_TURN) {

        ctx = ngx_http_rowan_queue_first();
        if (ctx == NULL) {
            break;
        }

        r = ctx->request;
        c = r->connection;

        ngx_http_rowan_queue_remove(ctx);
        ngx_http_rowan_shed_waited(now - ctx->queued_at);

        /* the request may be gone after this */

        ngx_http_rowan_predict_now(r);
        ngx_http_run_posted_requests(c);

        now = ngx_http_rowan_shed_clock();
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

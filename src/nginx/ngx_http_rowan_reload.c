
/*
 * Reload: nginx closes the idle keepalive connections of old workers, and a
 * request that is on its way then gets lost.  So does the next request of a
 * client whose reply said that the connection stays, where that reply, or the
 * body of a refused request, was still under way when nginx ended the worker.
 *
 * A counter in shared memory moves when a new configuration starts.  From then
 * on old workers answer the next request of each connection with "Connection:
 * close", so that clients leave between two requests.  A worker that is told
 * to end stops listening, waits for the replies that promised more, and then
 * spares the connections that are idle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


/* a worker that waits looks so often, in milliseconds, and not for longer */
#define NGX_HTTP_ROWAN_RELOAD_LOOK  20
#define NGX_HTTP_ROWAN_RELOAD_WAIT  5000


static ngx_int_t ngx_http_rowan_reload_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_http_rowan_reload_header(ngx_http_request_t *r);
static ngx_int_t ngx_http_rowan_reload_events(ngx_cycle_t *cycle,
    ngx_msec_t timer, ngx_uint_t flags);
static void ngx_http_rowan_reload_quit(ngx_event_t *ev);
static ngx_int_t ngx_http_rowan_reload_wait(ngx_event_t *ev);
static void ngx_http_rowan_reload_spare(ngx_cycle_t *cycle);
static void ngx_http_rowan_reload_stay(ngx_connection_t *c);


/* of all workers, and what it was when this one's configuration started */
static ngx_atomic_t      *ngx_http_rowan_reloads;
static ngx_atomic_uint_t  ngx_http_rowan_reloads_seen;

/* of this worker */
static ngx_uint_t         ngx_http_rowan_reload_promised;
static ngx_uint_t         ngx_http_rowan_reload_waiting;
static ngx_msec_t         ngx_http_rowan_reload_waits_since;
static ngx_event_t        ngx_http_rowan_reload_event;

static ngx_int_t  (*ngx_http_rowan_reload_process_events)(ngx_cycle_t *cycle,
    ngx_msec_t timer, ngx_uint_t flags);
static ngx_http_output_header_filter_pt  ngx_http_rowan_reload_next_header;


char *
ngx_http_rowan_reload_add(ngx_conf_t *cf)
{
    ngx_shm_zone_t  *zone;

    static ngx_str_t  name = ngx_string("rowan_reloads");

    zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize,
                                 &ngx_http_rowan_module);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->init = ngx_http_rowan_reload_init;

    return NGX_CONF_OK;
}


/* one counter for all configurations of this master */

static ngx_int_t
ngx_http_rowan_reload_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *shpool;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    zone->data = ngx_slab_calloc(shpool, sizeof(ngx_atomic_t));
    if (zone->data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_rowan_reloads = zone->data;

    return NGX_OK;
}


/* in the master, whose workers inherit what it has seen */

void
ngx_http_rowan_reload_commit(void)
{
    if (ngx_http_rowan_reloads) {
        ngx_http_rowan_reloads_seen =
                         ngx_atomic_fetch_add(ngx_http_rowan_reloads, 1) + 1;
    }
}


/*
 * The filter is put on top of all others here, where each of them has been
 * set: a module that nginx has inside is configured before its filters are.
 */

void
ngx_http_rowan_reload_init_worker(ngx_cycle_t *cycle)
{
    if (ngx_http_rowan_reloads == NULL) {
        return;
    }

    ngx_memzero(&ngx_http_rowan_reload_event, sizeof(ngx_event_t));

    ngx_http_rowan_reload_event.handler = ngx_http_rowan_reload_quit;
    ngx_http_rowan_reload_event.data = cycle;
    ngx_http_rowan_reload_event.log = cycle->log;

    ngx_http_rowan_reload_process_events = ngx_event_actions.process_events;
    ngx_event_actions.process_events = ngx_http_rowan_reload_events;

    ngx_http_rowan_reload_next_header = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_rowan_reload_header;
}


/* is this worker one of the configuration before? */

ngx_uint_t
ngx_http_rowan_reloaded(void)
{
    return ngx_http_rowan_reloads
           && *ngx_http_rowan_reloads != ngx_http_rowan_reloads_seen;
}


/* HTTP/2 says by itself which requests it takes */

static ngx_int_t
ngx_http_rowan_reload_header(ngx_http_request_t *r)
{
    ngx_http_rowan_ctx_t  *ctx;

    if (r != r->main || r->http_version >= NGX_HTTP_VERSION_20) {
        return ngx_http_rowan_reload_next_header(r);
    }

    if (ngx_http_rowan_reloaded()) {
        r->keepalive = 0;
    }

    ctx = ngx_http_rowan_find_ctx(r);

    /* the end of a request without a start is not heard of */

    if (ctx && ctx->start && !ctx->promised && r->keepalive
        && r->headers_out.status != NGX_HTTP_SWITCHING_PROTOCOLS)
    {
        ctx->promised = 1;
        ngx_http_rowan_reload_promised++;
    }

    return ngx_http_rowan_reload_next_header(r);
}


/* the request is over, and perhaps its connection */

void
ngx_http_rowan_reload_end(ngx_http_rowan_ctx_t *ctx)
{
    if (ctx->promised) {
        ctx->promised = 0;
        ngx_http_rowan_reload_promised--;
    }
}


/*
 * nginx looks at ngx_quit when this turn of the event loop is over.  The order
 * to end may be an event that was posted, so ours is posted behind it.
 */

static ngx_int_t
ngx_http_rowan_reload_events(ngx_cycle_t *cycle, ngx_msec_t timer,
    ngx_uint_t flags)
{
    ngx_int_t  rc;

    rc = ngx_http_rowan_reload_process_events(cycle, timer, flags);

    if (!ngx_exiting && ngx_http_rowan_reloaded()) {
        ngx_post_event(&ngx_http_rowan_reload_event, &ngx_posted_events);
    }

    return rc;
}


static void
ngx_http_rowan_reload_quit(ngx_event_t *ev)
{
    /* the timer only wakes the worker: in each turn this is posted, too */

    if (ev->timedout) {
        ev->timedout = 0;
        return;
    }

    if (ngx_exiting || ngx_terminate
        || !(ngx_quit || ngx_http_rowan_reload_waiting))
    {
        return;
    }

    if (ngx_http_rowan_reload_wait(ev) == NGX_AGAIN) {
        ngx_quit = 0;
        return;
    }

    ngx_http_rowan_reload_spare(ev->data);

    ngx_quit = 1;
}


/* NGX_OK: no longer */

static ngx_int_t
ngx_http_rowan_reload_wait(ngx_event_t *ev)
{
    if (ngx_http_rowan_reload_promised == 0) {
        return NGX_OK;
    }

    if (!ngx_http_rowan_reload_waiting) {
        ngx_http_rowan_reload_waiting = 1;
        ngx_http_rowan_reload_waits_since = ngx_current_msec;

        /* who connects now belongs to the new workers */

        ngx_close_listening_sockets(ev->data);
    }

    if (ngx_current_msec - ngx_http_rowan_reload_waits_since
        >= NGX_HTTP_ROWAN_RELOAD_WAIT)
    {
        ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                      "replies of before the reload still under way: %ui; "
                      "their connections end with them",
                      ngx_http_rowan_reload_promised);
        return NGX_OK;
    }

    ngx_add_timer(ev, NGX_HTTP_ROWAN_RELOAD_LOOK);

    return NGX_AGAIN;
}


/*
 * A worker that ends closes the connections that are marked idle.  Without
 * the mark, an HTTP/1 keepalive connection stays for one more request, which
 * gets "Connection: close", or until its keepalive_timeout; the worker waits
 * for it, but not beyond worker_shutdown_timeout.
 */

static void
ngx_http_rowan_reload_spare(ngx_cycle_t *cycle)
{
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = cycle->connections;

    for (i = 0; i < cycle->connection_n; i++) {

        if (c[i].fd != (ngx_socket_t) -1
            && c[i].log->action
            && ngx_strcmp(c[i].log->action, "keepalive") == 0)
        {
            c[i].idle = 0;
            ngx_http_rowan_reload_stay(&c[i]);
        }
    }
}


/* keepalive_min_timeout: a worker that ends would not grant the rest */

static void
ngx_http_rowan_reload_stay(ngx_connection_t *c)
{
#if (nginx_version >= 1027004)

    ngx_http_connection_t  *hc;

    hc = c->data;

    if (hc->keepalive_timeout && c->read->timer_set) {
        ngx_add_timer(c->read, c->read->timer.key - ngx_current_msec
                               + hc->keepalive_timeout);
        hc->keepalive_timeout = 0;
    }

#endif
}

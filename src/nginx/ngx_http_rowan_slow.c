
/*
 * Slow: clients that keep a connection busy and hardly use it are cut off.
 *
 * nginx's timeouts for bodies and replies start anew with each byte.  Here a
 * prediction has one deadline for its body and one for its reply, with a timer
 * only where they do not go in one piece.  And while connections are scarce,
 * those whose header is late are closed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


#define NGX_HTTP_ROWAN_SLOW_LOOK    250

/* connections are scarce when less than this part of them is free */
#define NGX_HTTP_ROWAN_SLOW_PART    4

/* headers are late, while connections are scarce, from the second age on;
 * the oldest go first: those beyond the first age, half of it, and so on */
#define NGX_HTTP_ROWAN_SLOW_OLDEST  8000
#define NGX_HTTP_ROWAN_SLOW_LATE    1000


struct ngx_http_rowan_deadline_s {
    ngx_event_t          event;
    ngx_http_request_t  *request;
    unsigned             reply:1;           /* else of the body */
};


static ngx_int_t ngx_http_rowan_slow_early(ngx_http_request_t *r);
static void ngx_http_rowan_slow_arm(ngx_http_request_t *r, ngx_uint_t reply);
static void ngx_http_rowan_slow_cleanup(void *data);
static void ngx_http_rowan_slow_handler(ngx_event_t *ev);
static void ngx_http_rowan_slow_sender(ngx_http_request_t *r);
static void ngx_http_rowan_slow_reader(ngx_http_request_t *r);
static void ngx_http_rowan_slow_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_rowan_slow_scarce(ngx_cycle_t *cycle);
static ngx_uint_t ngx_http_rowan_slow_close(ngx_cycle_t *cycle,
    ngx_msec_t age);
static ngx_uint_t ngx_http_rowan_slow_late(ngx_connection_t *c,
    ngx_msec_t age);


static ngx_event_t  ngx_http_rowan_slow_event;


ngx_int_t
ngx_http_rowan_slow_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_rowan_slow_early;

    return NGX_OK;
}


/*
 * "mirror" reads the body before our handler can.  This one runs before it, as
 * its module is configured earlier: the deadline holds there too, and the body
 * comes in one piece.
 */

static ngx_int_t
ngx_http_rowan_slow_early(ngx_http_request_t *r)
{
    if (r != r->main
        || r->content_handler != ngx_http_rowan_predict_handler
        || r->method != NGX_HTTP_POST
        || r->request_body
        || !ngx_http_rowan_is_json(r))
    {
        return NGX_DECLINED;
    }

    r->request_body_in_single_buf = 1;

    if (r->headers_in.chunked
        || (r->headers_in.content_length_n > 0
            && (r->header_in == NULL
                || r->headers_in.content_length_n
                   > r->header_in->last - r->header_in->pos)))
    {
        ngx_http_rowan_slow_body(r);
    }

    return NGX_DECLINED;
}


/* the body of this request did not come at once */

void
ngx_http_rowan_slow_body(ngx_http_request_t *r)
{
    ngx_http_rowan_slow_arm(r, 0);
}


/* the body has come; whatever happens, its deadline is over */

void
ngx_http_rowan_slow_body_end(ngx_http_request_t *r)
{
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx && ctx->deadline && ctx->deadline->event.timer_set) {
        ngx_del_timer(&ctx->deadline->event);
    }
}


/* call it when a reply was sent, before the request is finalized */

void
ngx_http_rowan_slow_reply(ngx_http_request_t *r)
{
    if (r->buffered || r->connection->buffered) {
        ngx_http_rowan_slow_arm(r, 1);
    }
}


static void
ngx_http_rowan_slow_arm(ngx_http_request_t *r, ngx_uint_t reply)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_rowan_ctx_t       *ctx;
    ngx_http_rowan_loc_conf_t  *rlcf;

    ctx = ngx_http_rowan_find_ctx(r);
    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    if (r != r->main || ctx == NULL || rlcf->request_timeout == 0) {
        return;
    }

    if (ctx->deadline == NULL) {
        cln = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_rowan_deadline_t));
        if (cln == NULL) {
            /* nginx's own timeouts are left */
            return;
        }

        ctx->deadline = cln->data;
        ngx_memzero(ctx->deadline, sizeof(ngx_http_rowan_deadline_t));

        ctx->deadline->event.handler = ngx_http_rowan_slow_handler;
        ctx->deadline->event.data = ctx->deadline;
        ctx->deadline->event.log = r->connection->log;
        ctx->deadline->request = r;

        cln->handler = ngx_http_rowan_slow_cleanup;
    }

    ctx->deadline->reply = reply;
    ngx_add_timer(&ctx->deadline->event, rlcf->request_timeout);
}


static void
ngx_http_rowan_slow_cleanup(void *data)
{
    ngx_http_rowan_deadline_t  *deadline = data;

    if (deadline->event.timer_set) {
        ngx_del_timer(&deadline->event);
    }
}


static void
ngx_http_rowan_slow_handler(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_rowan_ctx_t       *ctx;
    ngx_http_rowan_deadline_t  *deadline;

    deadline = ev->data;
    r = deadline->request;
    c = r->connection;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx) {
        ctx->refused = NGX_HTTP_ROWAN_REFUSED_SLOW;
    }

    if (deadline->reply) {
        ngx_http_rowan_slow_reader(r);

    } else {
        ngx_http_rowan_slow_sender(r);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_rowan_slow_sender(ngx_http_request_t *r)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client sent its body too slowly");

    /* what comes of the body from now on is not the request's */

    if (r->connection->read->timer_set) {
        ngx_del_timer(r->connection->read);
    }

    r->read_event_handler = ngx_http_block_reading;
    r->keepalive = 0;

    ngx_http_finalize_request(r, ngx_http_rowan_send_error(r,
                                     NGX_HTTP_REQUEST_TIME_OUT,
                                     "The body did not come in time"));
}


/* with "reset_timedout_connection" the kernel drops what it holds */

static void
ngx_http_rowan_slow_reader(ngx_http_request_t *r)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "client read its reply too slowly");

    r->connection->timedout = 1;

    ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
}


void
ngx_http_rowan_slow_init_worker(ngx_cycle_t *cycle)
{
    ngx_memzero(&ngx_http_rowan_slow_event, sizeof(ngx_event_t));

    ngx_http_rowan_slow_event.handler = ngx_http_rowan_slow_timer;
    ngx_http_rowan_slow_event.data = cycle;
    ngx_http_rowan_slow_event.log = cycle->log;
    ngx_http_rowan_slow_event.cancelable = 1;

    ngx_add_timer(&ngx_http_rowan_slow_event, NGX_HTTP_ROWAN_SLOW_LOOK);
}


static void
ngx_http_rowan_slow_timer(ngx_event_t *ev)
{
    ngx_msec_t    age;
    ngx_uint_t    n;
    ngx_cycle_t  *cycle;

    cycle = ev->data;

    n = 0;

    for (age = NGX_HTTP_ROWAN_SLOW_OLDEST;
         age >= NGX_HTTP_ROWAN_SLOW_LATE && ngx_http_rowan_slow_scarce(cycle);
         age /= 2)
    {
        n += ngx_http_rowan_slow_close(cycle, age);
    }

    if (n) {
        ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                      "connections are scarce: %ui were closed whose header "
                      "was late", n);
    }

    ngx_add_timer(ev, NGX_HTTP_ROWAN_SLOW_LOOK);
}


static ngx_uint_t
ngx_http_rowan_slow_scarce(ngx_cycle_t *cycle)
{
    return cycle->free_connection_n
           < cycle->connection_n / NGX_HTTP_ROWAN_SLOW_PART;
}


static ngx_uint_t
ngx_http_rowan_slow_close(ngx_cycle_t *cycle, ngx_msec_t age)
{
    ngx_uint_t         i, n;
    ngx_connection_t  *c;

    n = 0;

    for (i = 0; i < cycle->connection_n; i++) {

        c = &cycle->connections[i];

        if (!ngx_http_rowan_slow_late(c, age)) {
            continue;
        }

        /* as if nginx's own timeout had come */

        if (c->read->timer_set) {
            ngx_del_timer(c->read);
        }

        c->read->timedout = 1;
        c->read->handler(c->read);

        n++;

        if (!ngx_http_rowan_slow_scarce(cycle)) {
            break;
        }
    }

    return n;
}


/* nginx has no mark of a connection's state but what it would log */

static ngx_uint_t
ngx_http_rowan_slow_late(ngx_connection_t *c, ngx_msec_t age)
{
    ngx_time_t          *tp;
    ngx_http_request_t  *r;
    ngx_msec_int_t       ms;

    if (c->fd == (ngx_socket_t) -1 || c->log->action == NULL) {
        return 0;
    }

    if (ngx_strcmp(c->log->action, "reading client request line") == 0
        || ngx_strcmp(c->log->action, "reading client request headers") == 0)
    {
        r = c->data;
        tp = ngx_timeofday();

        ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                               + (tp->msec - r->start_msec));

        return ms >= (ngx_msec_int_t) age;
    }

    if (ngx_strcmp(c->log->action, "waiting for request") == 0
        || ngx_strcmp(c->log->action, "SSL handshaking") == 0)
    {
        return ngx_current_msec - c->start_time >= age;
    }

    return 0;
}

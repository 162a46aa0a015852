
/*
 * Shed: an overloaded worker refuses requests before it reads their body.
 *
 * Which ones is decided in src/shed; here the event loop is watched.  A turn
 * of the loop ends when all events that epoll gave, and all that those posted,
 * have run: the event that sees it posts itself behind the others until it is
 * the last one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"

#include <netinet/tcp.h>


#define NGX_HTTP_ROWAN_SHED_TARGET    5
#define NGX_HTTP_ROWAN_SHED_INTERVAL  100

/* microseconds that a request is thought to cost: by itself, and 4k of body */
#define NGX_HTTP_ROWAN_SHED_COST      10
#define NGX_HTTP_ROWAN_SHED_COST_4K   10

/* reasons cost so many times as much as a score */
#define NGX_HTTP_ROWAN_SHED_EXPLAIN   16

/* of so many requests one is asked how long it waited in its socket */
#define NGX_HTTP_ROWAN_SHED_SAMPLE    16


static ngx_int_t ngx_http_rowan_shed_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_rowan_shed_admits(ngx_http_request_t *r,
    ngx_http_rowan_loc_conf_t *rlcf);
static ngx_int_t ngx_http_rowan_shed_priority(ngx_http_request_t *r,
    ngx_http_rowan_loc_conf_t *rlcf, enum rw_shed_priority *priority);
static void ngx_http_rowan_shed_turn(ngx_event_t *ev);
static void ngx_http_rowan_shed_sample(ngx_http_request_t *r);
static ngx_int_t ngx_http_rowan_shed_time(ngx_conf_t *cf, ngx_str_t *value,
    const char *name, ngx_msec_t *time);


/* of this worker; NULL: nothing is ever shed */
static struct rw_shed  *ngx_http_rowan_shed;
static ngx_event_t      ngx_http_rowan_shed_event;
static uint32_t         ngx_http_rowan_shed_seed;


ngx_int_t
ngx_http_rowan_shed_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_rowan_shed_handler;

    return NGX_OK;
}


ngx_int_t
ngx_http_rowan_shed_init_worker(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf)
{
    if (rmcf->shed_target == 0) {
        return NGX_OK;
    }

    ngx_http_rowan_shed = ngx_palloc(cycle->pool, sizeof(struct rw_shed));
    if (ngx_http_rowan_shed == NULL) {
        return NGX_ERROR;
    }

    rw_shed_init(ngx_http_rowan_shed, rmcf->shed_target * 1000000ull,
                 rmcf->shed_interval * 1000000ull,
                 ngx_http_rowan_shed_clock());

    ngx_memzero(&ngx_http_rowan_shed_event, sizeof(ngx_event_t));

    ngx_http_rowan_shed_event.handler = ngx_http_rowan_shed_turn;
    ngx_http_rowan_shed_event.data = cycle;
    ngx_http_rowan_shed_event.log = cycle->log;

    ngx_http_rowan_shed_seed = ngx_random();

    return NGX_OK;
}


/* rowan_shed PRIORITY [target=TIME] [interval=TIME]; */

char *
ngx_http_rowan_shed_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_rowan_loc_conf_t  *rlcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_msec_t                         target, interval;
    ngx_http_rowan_main_conf_t        *rmcf;
    ngx_http_compile_complex_value_t   ccv;

    if (rlcf->shed) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rlcf->shed = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (rlcf->shed == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = rlcf->shed;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    target = NGX_HTTP_ROWAN_SHED_TARGET;
    interval = NGX_HTTP_ROWAN_SHED_INTERVAL;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_rowan_shed_time(cf, &value[i], "target=", &target)
            != NGX_OK
            && ngx_http_rowan_shed_time(cf, &value[i], "interval=", &interval)
               != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": use target=TIME or "
                               "interval=TIME, from 1ms to 10s", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (target > interval) {
        return "has a target that is longer than its interval";
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_rowan_module);

    if (rmcf->shed_target
        && (rmcf->shed_target != target || rmcf->shed_interval != interval))
    {
        return "differs from another one in its target or interval: a worker "
               "has one event loop for all locations";
    }

    rmcf->shed_target = target;
    rmcf->shed_interval = interval;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_rowan_shed_time(ngx_conf_t *cf, ngx_str_t *value, const char *name,
    ngx_msec_t *time)
{
    size_t      len;
    ngx_int_t   parsed;
    ngx_str_t   text;

    len = ngx_strlen(name);

    if (ngx_strncmp(value->data, name, len) != 0) {
        return NGX_DECLINED;
    }

    text.data = value->data + len;
    text.len = value->len - len;

    parsed = ngx_parse_time(&text, 0);

    if (parsed < 1 || parsed > 10000) {
        return NGX_DECLINED;
    }

    *time = parsed;

    return NGX_OK;
}


/* the handlers of this phase run from last to first: before the limits */

static ngx_int_t
ngx_http_rowan_shed_handler(ngx_http_request_t *r)
{
    ngx_http_rowan_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    if (r != r->main || rlcf->shed == NULL || ngx_http_rowan_shed == NULL) {
        return NGX_DECLINED;
    }

    ngx_http_rowan_shed_sample(r);
    ngx_http_rowan_shed_work();

    if (!ngx_http_rowan_shed_admits(r, rlcf)
        || ngx_http_rowan_refuse_body(r) != NGX_OK)
    {
        return ngx_http_rowan_refuse(r);
    }

    return NGX_DECLINED;
}


/* where this cannot be found out, the request goes on and fails by itself */

static ngx_uint_t
ngx_http_rowan_shed_admits(ngx_http_request_t *r,
    ngx_http_rowan_loc_conf_t *rlcf)
{
    ngx_http_rowan_ctx_t       *ctx;
    ngx_http_variable_value_t   v;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx == NULL
        || ngx_http_rowan_shed_priority(r, rlcf, &ctx->shed.priority)
           != NGX_OK
        || ngx_http_rowan_client_variable(r, &v, 0) != NGX_OK)
    {
        return 1;
    }

    ctx->shed.client = (uint64_t) ngx_murmur_hash2(v.data, v.len) << 32
                       | (ngx_crc32_long(v.data, v.len)
                          ^ ngx_http_rowan_shed_seed);
    ctx->shed.cost = ngx_http_rowan_shed_cost(r);

    return rw_shed_admit(ngx_http_rowan_shed, &ctx->shed);
}


static ngx_int_t
ngx_http_rowan_shed_priority(ngx_http_request_t *r,
    ngx_http_rowan_loc_conf_t *rlcf, enum rw_shed_priority *priority)
{
    ngx_str_t  name;

    if (ngx_http_complex_value(r, rlcf->shed, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (name.len == 0
        || (name.len == 6 && ngx_strncmp(name.data, "normal", 6) == 0))
    {
        *priority = RW_SHED_NORMAL;

    } else if (name.len == 4 && ngx_strncmp(name.data, "high", 4) == 0) {
        *priority = RW_SHED_HIGH;

    } else {
        *priority = RW_SHED_LOW;
    }

    return NGX_OK;
}


/* microseconds, by what is known before the body is parsed */

uint32_t
ngx_http_rowan_shed_cost(ngx_http_request_t *r)
{
    off_t      cost;
    ngx_str_t  value;

    cost = NGX_HTTP_ROWAN_SHED_COST;

    if (r->headers_in.content_length_n > 0) {
        cost += r->headers_in.content_length_n
                * NGX_HTTP_ROWAN_SHED_COST_4K / 4096;
    }

    if (r->args.len
        && ngx_http_arg(r, (u_char *) "explain", 7, &value) == NGX_OK)
    {
        cost *= NGX_HTTP_ROWAN_SHED_EXPLAIN;
    }

    return (uint32_t) ngx_min(cost, (off_t) RW_SHED_COST_MAX);
}


/* the body has been read; NGX_DECLINED: refuse the request */

ngx_int_t
ngx_http_rowan_shed_confirm(ngx_http_request_t *r)
{
    ngx_http_rowan_ctx_t  *ctx;

    ngx_http_rowan_shed_work();

    ctx = ngx_http_rowan_find_ctx(r);

    /* the cost of what was not asked about is zero */

    if (ctx == NULL || ctx->shed.cost == 0 || ngx_http_rowan_shed == NULL) {
        return NGX_OK;
    }

    ctx->shed_start = ngx_http_rowan_shed_clock();

    return rw_shed_confirm(ngx_http_rowan_shed, &ctx->shed) ? NGX_OK
                                                            : NGX_DECLINED;
}


/* the reply has been made */

void
ngx_http_rowan_shed_charge(ngx_http_request_t *r)
{
    uint64_t               cost;
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx == NULL || ctx->shed.cost == 0 || ngx_http_rowan_shed == NULL) {
        return;
    }

    cost = (ngx_http_rowan_shed_clock() - ctx->shed_start) / 1000
           + NGX_HTTP_ROWAN_SHED_COST;

    rw_shed_charge(ngx_http_rowan_shed, &ctx->shed,
                   (uint32_t) ngx_min(cost, RW_SHED_COST_MAX));
}


/* a request's header has been read, or its body, and work on it starts */

void
ngx_http_rowan_shed_work(void)
{
    uint64_t  now, turn;

    if (ngx_http_rowan_shed == NULL) {
        return;
    }

    /* nginx looked at its clock when epoll had given the events */

    now = ngx_http_rowan_shed_clock();
    turn = ngx_current_msec * 1000000ull;

    rw_shed_work(ngx_http_rowan_shed, now, now > turn ? now - turn : 0);

    if (!ngx_http_rowan_shed_event.posted) {
        ngx_post_event(&ngx_http_rowan_shed_event, &ngx_posted_events);
    }
}


/*
 * A long request waited so many nanoseconds in the queue; its work starts with
 * ngx_http_rowan_shed_confirm(), which also posts the end of this turn.
 */

void
ngx_http_rowan_shed_waited(uint64_t wait)
{
    if (ngx_http_rowan_shed) {
        rw_shed_work(ngx_http_rowan_shed, ngx_http_rowan_shed_clock(), wait);
    }
}


/*
 * Shadows were worked on.  For what follows in this turn of the event loop they
 * count for nothing: refusing clients would be no cure for their time.
 */

void
ngx_http_rowan_shed_forget(void)
{
    if (ngx_http_rowan_shed) {
        ngx_time_update();
        rw_shed_turn_end(ngx_http_rowan_shed, ngx_http_rowan_shed_clock());
    }
}


/* a timer's: after a flood there may be no request any more that ends it */

void
ngx_http_rowan_shed_look(void)
{
    if (ngx_http_rowan_shed) {
        rw_shed_look(ngx_http_rowan_shed, ngx_http_rowan_shed_clock());
    }
}


static void
ngx_http_rowan_shed_turn(ngx_event_t *ev)
{
    if (!ngx_queue_empty(&ngx_posted_events)) {
        ngx_post_event(ev, &ngx_posted_events);
        return;
    }

    rw_shed_turn_end(ngx_http_rowan_shed, ngx_http_rowan_shed_clock());
}


/* the clock of ngx_current_msec, but finer */

uint64_t
ngx_http_rowan_shed_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}


/* what the kernel knows: the time since the last bytes came; milliseconds */

static void
ngx_http_rowan_shed_sample(ngx_http_request_t *r)
{
    socklen_t         len;
    struct tcp_info   info;

    static ngx_uint_t  requests;

    if (r->pipeline || requests++ % NGX_HTTP_ROWAN_SHED_SAMPLE) {
        return;
    }

    len = sizeof(struct tcp_info);

    if (getsockopt(r->connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len)
        == 0)
    {
        ngx_http_rowan_metrics_queued(info.tcpi_last_data_recv * 1000000ull);
    }
}


ngx_uint_t
ngx_http_rowan_shedding(void)
{
    return ngx_http_rowan_shed && ngx_http_rowan_shed->shedding;
}

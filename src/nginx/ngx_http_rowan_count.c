
/*
 * Count: every HTTP request once, when nginx logs it, with the status that
 * its client saw.  Requests that nginx refused before any handler of this
 * module ran are counted as well: they have no context.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


/* statuses from 100 to 599; others count as the last one */
#define NGX_HTTP_ROWAN_STATUS_FIRST  100
#define NGX_HTTP_ROWAN_STATUSES      500


/* what requests of one method to one endpoint count, made at the first one */

typedef struct {
    struct rw_series      duration;         /* a copy: fewer cache lines */
    uint64_t             *requests[NGX_HTTP_ROWAN_STATUSES];    /* or NULL */
} ngx_http_rowan_row_t;


typedef struct {
    ngx_str_t             name;
    ngx_uint_t            mask;             /* NGX_HTTP_GET ...; 0: other */
} ngx_http_rowan_method_t;


static ngx_int_t ngx_http_rowan_count_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_rowan_count_status(ngx_http_request_t *r);
static ngx_uint_t ngx_http_rowan_count_unanswered(ngx_http_request_t *r);
static void ngx_http_rowan_count_request(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx, ngx_http_rowan_endpoint_t *endpoint,
    ngx_uint_t status);
static ngx_int_t ngx_http_rowan_count_zero(void);
static ngx_http_rowan_row_t *ngx_http_rowan_count_row(ngx_uint_t key);
static uint64_t *ngx_http_rowan_count_cell(ngx_uint_t key, ngx_uint_t status);
static void ngx_http_rowan_count_labels(ngx_uint_t key,
    const char *labels[RW_METRIC_LABELS_MAX]);
static ngx_uint_t ngx_http_rowan_count_index(ngx_uint_t status);
static void ngx_http_rowan_count_code(ngx_uint_t status, u_char *code);
static uint64_t ngx_http_rowan_count_duration(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx);
static ngx_uint_t ngx_http_rowan_count_method(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx);
static ngx_uint_t ngx_http_rowan_count_method_name(ngx_http_request_t *r);
static ngx_http_rowan_endpoint_t *ngx_http_rowan_count_endpoint(
    ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx);
static struct rw_series *ngx_http_rowan_count_status_series(
    ngx_uint_t status);


/* of HTTP itself (RFC 9110) and PATCH; the last one is for all others */

static ngx_http_rowan_method_t  ngx_http_rowan_methods[] = {
    { ngx_string("GET"), NGX_HTTP_GET },
    { ngx_string("POST"), NGX_HTTP_POST },
    { ngx_string("HEAD"), NGX_HTTP_HEAD },
    { ngx_string("PUT"), NGX_HTTP_PUT },
    { ngx_string("DELETE"), NGX_HTTP_DELETE },
    { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
    { ngx_string("PATCH"), NGX_HTTP_PATCH },
    { ngx_string("TRACE"), NGX_HTTP_TRACE },
    { ngx_string("CONNECT"), NGX_HTTP_CONNECT },
    { ngx_string("other"), 0 }
};

#define NGX_HTTP_ROWAN_METHOD_POST  1

#define NGX_HTTP_ROWAN_METHODS                                                \
    (sizeof(ngx_http_rowan_methods) / sizeof(ngx_http_rowan_method_t))


/* of this worker: [endpoints + 1][methods], the last endpoint is "other" */
static ngx_http_rowan_row_t      **ngx_http_rowan_rows;
static ngx_uint_t                  ngx_http_rowan_other;
static ngx_http_rowan_endpoint_t **ngx_http_rowan_endpoints;

static struct rw_series  *ngx_http_rowan_statuses[NGX_HTTP_ROWAN_STATUSES];
static struct rw_series   ngx_http_rowan_in_progress;
static struct rw_series   ngx_http_rowan_active;


/*
 * In front of the access log, whose handler is in the array already: what it
 * writes and what is counted is then the same status.
 */

ngx_int_t
ngx_http_rowan_count_init(ngx_conf_t *cf)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    handlers = &cmcf->phases[NGX_HTTP_LOG_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
    h[0] = ngx_http_rowan_count_handler;

    return NGX_OK;
}


ngx_int_t
ngx_http_rowan_count_init_worker(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf)
{
    struct rw_page  *page;

    page = ngx_http_rowan_page;

    ngx_http_rowan_endpoints = rmcf->endpoints.elts;
    ngx_http_rowan_other = rmcf->endpoints.nelts;

    ngx_http_rowan_rows = ngx_pcalloc(cycle->pool, sizeof(void *)
                                      * (ngx_http_rowan_other + 1)
                                      * NGX_HTTP_ROWAN_METHODS);
    if (ngx_http_rowan_rows == NULL) {
        return NGX_ERROR;
    }

    ngx_http_rowan_failure_init_worker(page);
    ngx_http_rowan_shadow_init_worker(page);

    ngx_http_rowan_in_progress = *rw_page_series(page,
                                                 RW_METRIC_HTTP_IN_PROGRESS,
                                                 NULL);
    ngx_http_rowan_active = *rw_page_series(page, RW_METRIC_ACTIVE_REQUESTS,
                                            NULL);

    return ngx_http_rowan_count_zero();
}


/*
 * Faults of predictions are there from the start, as zero: where a series
 * begins with its first fault, Prometheus sees no increase.
 */

static ngx_int_t
ngx_http_rowan_count_zero(void)
{
    ngx_uint_t                  i, n, key;
    ngx_http_rowan_row_t       *row;
    ngx_http_rowan_endpoint_t  *endpoint;

    static ngx_uint_t  statuses[] = {
        NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_SERVICE_UNAVAILABLE
    };

    for (i = 0; i < ngx_http_rowan_other; i++) {
        endpoint = ngx_http_rowan_endpoints[i];

        if (endpoint->handler != ngx_http_rowan_predict_handler
            || endpoint->internal)
        {
            continue;
        }

        key = i * NGX_HTTP_ROWAN_METHODS + NGX_HTTP_ROWAN_METHOD_POST;

        row = ngx_http_rowan_count_row(key);
        if (row == NULL) {
            return NGX_ERROR;
        }

        for (n = 0; n < sizeof(statuses) / sizeof(statuses[0]); n++) {
            row->requests[ngx_http_rowan_count_index(statuses[n])] =
                              ngx_http_rowan_count_cell(key, statuses[n]);
        }
    }

    for (n = 0; n < sizeof(statuses) / sizeof(statuses[0]); n++) {
        ngx_http_rowan_count_status_series(statuses[n]);
    }

    return NGX_OK;
}


/* ---- in progress: from the header to the end of the request's pool */


void
ngx_http_rowan_count_start(ngx_http_rowan_ctx_t *ctx)
{
    if (ngx_http_rowan_page) {
        rw_series_add(&ngx_http_rowan_in_progress, 1);
    }
}


/* subrequests are no requests of a client */

void
ngx_http_rowan_count_active(ngx_http_rowan_ctx_t *ctx)
{
    if (ngx_http_rowan_page && ctx->start && !ctx->active) {
        ctx->active = 1;
        rw_series_add(&ngx_http_rowan_active, 1);
    }
}


void
ngx_http_rowan_count_end(ngx_http_rowan_ctx_t *ctx)
{
    if (ngx_http_rowan_page == NULL) {
        return;
    }

    rw_series_subtract(&ngx_http_rowan_in_progress, 1);

    if (ctx->active) {
        rw_series_subtract(&ngx_http_rowan_active, 1);
    }
}


/* ---- ended: what nginx logs */


static ngx_int_t
ngx_http_rowan_count_handler(ngx_http_request_t *r)
{
    ngx_uint_t                  status;
    ngx_http_rowan_ctx_t       *ctx;
    ngx_http_rowan_endpoint_t  *endpoint;

    if (r != r->main) {
        return NGX_OK;
    }

    status = ngx_http_rowan_count_status(r);

    if (ngx_http_rowan_page == NULL) {
        return NGX_OK;
    }

    ctx = ngx_http_rowan_find_ctx(r);
    endpoint = ngx_http_rowan_count_endpoint(r, ctx);

    ngx_http_rowan_count_request(r, ctx, endpoint, status);

    if (status == NGX_HTTP_OK) {
        return NGX_OK;
    }

    if (status >= NGX_HTTP_BAD_REQUEST) {
        rw_series_add(ngx_http_rowan_count_status_series(status), 1);
    }

    ngx_http_rowan_failure_count(r, ctx, status,
                                 endpoint && endpoint->handler
                                     == ngx_http_rowan_predict_handler);

    return NGX_OK;
}


/* the status of the access log; a reply that began to go out keeps its own */

static ngx_uint_t
ngx_http_rowan_count_status(ngx_http_request_t *r)
{
    ngx_uint_t         status;
    ngx_connection_t  *c;

    /* an error was decided: the client sent nonsense, stayed or not */

    if (r->err_status) {
        return r->err_status;
    }

    c = r->connection;
    status = r->headers_out.status;

    if (r->header_sent
        && (c->sent || !c->error || status >= NGX_HTTP_BAD_REQUEST))
    {
        return status;
    }

    status = ngx_http_rowan_count_unanswered(r);

    /* for the access log, whose handler comes next */

    r->headers_out.status = status;

    return status;
}


/*
 * No byte of a reply went out.  nginx says 400 for a client that left in the
 * middle of its header or body, 200 for one that left when its reply was
 * ready, and 0 for one whose connection a worker closed because it ends.
 */

static ngx_uint_t
ngx_http_rowan_count_unanswered(ngx_http_request_t *r)
{
    ngx_uint_t         status;
    ngx_connection_t  *c;

    c = r->connection;
    status = r->headers_out.status;

    if (status == 0 && (c->close || !c->error)) {
        return NGX_HTTP_CLOSE;
    }

    if (c->error && !c->timedout && status <= NGX_HTTP_BAD_REQUEST) {
        return NGX_HTTP_CLIENT_CLOSED_REQUEST;
    }

    return status;
}


static void
ngx_http_rowan_count_request(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx,
    ngx_http_rowan_endpoint_t *endpoint, ngx_uint_t status)
{
    ngx_uint_t             key;
    uint64_t             **cell;
    ngx_http_rowan_row_t  *row;

    key = (endpoint ? endpoint->index : ngx_http_rowan_other)
          * NGX_HTTP_ROWAN_METHODS
          + ngx_http_rowan_count_method(r, ctx);

    row = ngx_http_rowan_rows[key];

    if (row == NULL) {
        row = ngx_http_rowan_count_row(key);
        if (row == NULL) {
            ngx_http_rowan_metrics_error(NGX_HTTP_ROWAN_ERROR_NO_MEMORY);
            return;
        }
    }

    cell = &row->requests[ngx_http_rowan_count_index(status)];

    if (*cell == NULL) {
        *cell = ngx_http_rowan_count_cell(key, status);
    }

    rw_cell_store(*cell, **cell + 1);
    rw_series_observe_ns(&row->duration, ngx_http_rowan_count_duration(r, ctx));
}


/* lives as long as the worker */

static ngx_http_rowan_row_t *
ngx_http_rowan_count_row(ngx_uint_t key)
{
    const char            *labels[RW_METRIC_LABELS_MAX];
    ngx_http_rowan_row_t  *row;

    row = ngx_calloc(sizeof(ngx_http_rowan_row_t), ngx_cycle->log);
    if (row == NULL) {
        return NULL;
    }

    ngx_http_rowan_count_labels(key, labels);

    row->duration = *rw_page_series(ngx_http_rowan_page,
                                    RW_METRIC_HTTP_DURATION, labels);
    ngx_http_rowan_rows[key] = row;

    return row;
}


static uint64_t *
ngx_http_rowan_count_cell(ngx_uint_t key, ngx_uint_t status)
{
    u_char       code[NGX_INT_T_LEN + 1];
    const char  *labels[RW_METRIC_LABELS_MAX];

    ngx_http_rowan_count_labels(key, labels);
    ngx_http_rowan_count_code(status, code);

    labels[2] = (char *) code;

    return rw_page_series(ngx_http_rowan_page, RW_METRIC_HTTP_REQUESTS,
                          labels)->cells;
}


/* method and endpoint; the names of a configuration end with a zero */

static void
ngx_http_rowan_count_labels(ngx_uint_t key,
    const char *labels[RW_METRIC_LABELS_MAX])
{
    ngx_uint_t  endpoint, method;

    endpoint = key / NGX_HTTP_ROWAN_METHODS;
    method = key % NGX_HTTP_ROWAN_METHODS;

    labels[0] = (char *) ngx_http_rowan_methods[method].name.data;
    labels[1] = endpoint == ngx_http_rowan_other
                ? "other"
                : (char *) ngx_http_rowan_endpoints[endpoint]->path.data;
}


static ngx_uint_t
ngx_http_rowan_count_index(ngx_uint_t status)
{
    status -= NGX_HTTP_ROWAN_STATUS_FIRST;

    return status < NGX_HTTP_ROWAN_STATUSES ? status
                                            : NGX_HTTP_ROWAN_STATUSES - 1;
}


static void
ngx_http_rowan_count_code(ngx_uint_t status, u_char *code)
{
    code = ngx_sprintf(code, "%ui", ngx_http_rowan_count_index(status)
                                    + NGX_HTTP_ROWAN_STATUS_FIRST);
    *code = '\0';
}


/*
 * Without a context, or with one that an error page has made, as long as the
 * access log says, in milliseconds.
 */

static uint64_t
ngx_http_rowan_count_duration(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    if (ctx && ctx->start) {
        return (ctx->answered ? ctx->answered : rw_clock_ns()) - ctx->start;
    }

    tp = ngx_timeofday();

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    return (uint64_t) ngx_max(ms, 0) * 1000000;
}


/* the method that the client sent: an error page has made a GET of it */

static ngx_uint_t
ngx_http_rowan_count_method(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx)
{
    ngx_uint_t  i;

    if (ctx == NULL || ctx->start == 0) {
        return ngx_http_rowan_count_method_name(r);
    }

    for (i = 0; i < NGX_HTTP_ROWAN_METHODS - 1; i++) {
        if (ctx->method == ngx_http_rowan_methods[i].mask) {
            break;
        }
    }

    return i;
}


/* from the request line, which is not split where it was refused */

static ngx_uint_t
ngx_http_rowan_count_method_name(ngx_http_request_t *r)
{
    u_char      *p, *last;
    ngx_str_t   *name;
    ngx_uint_t   i;

    p = r->request_line.data;
    last = p + r->request_line.len;

    if (p == NULL && r->request_start) {
        p = r->request_start;
        last = r->header_in->last;
    }

    for (i = 0; i < NGX_HTTP_ROWAN_METHODS - 1; i++) {
        name = &ngx_http_rowan_methods[i].name;

        if ((size_t) (last - p) > name->len
            && p[name->len] == ' '
            && ngx_strncmp(p, name->data, name->len) == 0)
        {
            break;
        }
    }

    return i;
}


/* NULL: a path that is no endpoint of this module, or none that can be read */

static ngx_http_rowan_endpoint_t *
ngx_http_rowan_count_endpoint(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx)
{
    u_char                      *args;
    ngx_str_t                    uri;
    ngx_uint_t                   i;
    ngx_http_rowan_endpoint_t  **endpoints;

    if (ctx && ctx->endpoint) {
        return ctx->endpoint;
    }

    /* nginx refused it before it had reached its location */

    if (ctx && ctx->start) {
        uri = ctx->uri;

    } else {
        uri = r->unparsed_uri;
        args = ngx_strlchr(uri.data, uri.data + uri.len, '?');
        uri.len = args ? (size_t) (args - uri.data) : uri.len;
    }

    endpoints = ngx_http_rowan_endpoints;

    for (i = 0; i < ngx_http_rowan_other; i++) {
        if (!endpoints[i]->internal && endpoints[i]->path.len == uri.len
            && ngx_strncmp(endpoints[i]->path.data, uri.data, uri.len) == 0)
        {
            return endpoints[i];
        }
    }

    return NULL;
}


/* of http_errors_total */

static struct rw_series *
ngx_http_rowan_count_status_series(ngx_uint_t status)
{
    u_char              code[NGX_INT_T_LEN + 1];
    const char         *labels[RW_METRIC_LABELS_MAX];
    struct rw_series  **errors;

    errors = &ngx_http_rowan_statuses[ngx_http_rowan_count_index(status)];

    if (*errors == NULL) {
        ngx_http_rowan_count_code(status, code);
        labels[0] = (char *) code;
        *errors = rw_page_series(ngx_http_rowan_page, RW_METRIC_HTTP_ERRORS,
                                 labels);
    }

    return *errors;
}

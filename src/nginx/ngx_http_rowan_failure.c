
/*
 * Failure: which guard refused a request, and why a request for a prediction
 * got none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


/* the statuses of $limit_req_status and $limit_conn_status in their modules */
#define NGX_HTTP_ROWAN_LIMIT_REQ_REJECTED   3
#define NGX_HTTP_ROWAN_LIMIT_CONN_REJECTED  2


enum {
    NGX_HTTP_ROWAN_BY_RATE = 0,
    NGX_HTTP_ROWAN_BY_CONNECTIONS,
    NGX_HTTP_ROWAN_BY_SHEDDING,
    NGX_HTTP_ROWAN_BY_PACE,
    NGX_HTTP_ROWAN_BY_KEY,
    NGX_HTTP_ROWAN_GUARDS
};

static ngx_str_t  ngx_http_rowan_guards[NGX_HTTP_ROWAN_GUARDS] = {
    ngx_string("rate_limit"),
    ngx_string("connection_limit"),
    ngx_string("shed"),
    ngx_string("slow"),
    ngx_string("api_key")
};


enum {
    NGX_HTTP_ROWAN_WHY_JSON = 0,
    NGX_HTTP_ROWAN_WHY_CONTRACT,
    NGX_HTTP_ROWAN_WHY_TOO_LARGE,
    NGX_HTTP_ROWAN_WHY_MEDIA_TYPE,
    NGX_HTTP_ROWAN_WHY_METHOD,
    NGX_HTTP_ROWAN_WHY_UNKNOWN_MODEL,
    NGX_HTTP_ROWAN_WHY_NO_MODEL,
    NGX_HTTP_ROWAN_WHY_SHED,
    NGX_HTTP_ROWAN_WHY_RATE_LIMITED,
    NGX_HTTP_ROWAN_WHY_UNAUTHORIZED,
    NGX_HTTP_ROWAN_WHY_SLOW_CLIENT,
    NGX_HTTP_ROWAN_WHY_CLIENT_LEFT,
    NGX_HTTP_ROWAN_WHY_BAD_REQUEST,
    NGX_HTTP_ROWAN_WHY_INTERNAL,
    NGX_HTTP_ROWAN_WHYS
};

static const char *const  ngx_http_rowan_whys[NGX_HTTP_ROWAN_WHYS] = {
    "invalid_json", "contract_violation", "too_large", "media_type", "method",
    "unknown_model", "no_model", "shed", "rate_limited", "unauthorized",
    "slow_client", "client_left", "bad_request", "internal"
};


static ngx_uint_t ngx_http_rowan_failure_guard(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx);
static ngx_uint_t ngx_http_rowan_failure_why(ngx_http_rowan_ctx_t *ctx,
    ngx_uint_t guard, ngx_uint_t status);


/* of this worker */
static struct rw_series  *ngx_http_rowan_refusals[NGX_HTTP_ROWAN_GUARDS];
static struct rw_series  *ngx_http_rowan_failures[NGX_HTTP_ROWAN_WHYS];


void
ngx_http_rowan_failure_init_worker(struct rw_page *page)
{
    ngx_uint_t   i;
    const char  *guard;

    /* what is known from the start is shown from the start, as zero */

    for (i = 0; i < NGX_HTTP_ROWAN_GUARDS; i++) {
        guard = (char *) ngx_http_rowan_guards[i].data;
        ngx_http_rowan_refusals[i] = rw_page_series(page,
                                                    RW_METRIC_HTTP_REFUSED,
                                                    &guard);
    }

    for (i = 0; i < NGX_HTTP_ROWAN_WHYS; i++) {
        ngx_http_rowan_failures[i] = rw_page_series(page,
                                                 RW_METRIC_FAILED_PREDICTIONS,
                                                 &ngx_http_rowan_whys[i]);
    }
}


/* a request that ended with another status than 200 */

void
ngx_http_rowan_failure_count(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx,
    ngx_uint_t status, ngx_uint_t predict)
{
    ngx_uint_t  guard;

    guard = ngx_http_rowan_failure_guard(r, ctx);

    if (guard < NGX_HTTP_ROWAN_GUARDS) {
        rw_series_add(ngx_http_rowan_refusals[guard], 1);
    }

    if (predict) {
        rw_series_add(ngx_http_rowan_failures[
                          ngx_http_rowan_failure_why(ctx, guard, status)], 1);
    }
}


/* who refused it; NGX_HTTP_ROWAN_GUARDS: nobody */

static ngx_uint_t
ngx_http_rowan_failure_guard(ngx_http_request_t *r, ngx_http_rowan_ctx_t *ctx)
{
    if (r->main->limit_req_status == NGX_HTTP_ROWAN_LIMIT_REQ_REJECTED) {
        return NGX_HTTP_ROWAN_BY_RATE;
    }

    if (r->main->limit_conn_status == NGX_HTTP_ROWAN_LIMIT_CONN_REJECTED) {
        return NGX_HTTP_ROWAN_BY_CONNECTIONS;
    }

    switch (ctx ? ctx->refused : NGX_HTTP_ROWAN_NOT_REFUSED) {

    case NGX_HTTP_ROWAN_REFUSED_SHED:
        return NGX_HTTP_ROWAN_BY_SHEDDING;

    case NGX_HTTP_ROWAN_REFUSED_SLOW:
        return NGX_HTTP_ROWAN_BY_PACE;

    case NGX_HTTP_ROWAN_REFUSED_KEY:
        return NGX_HTTP_ROWAN_BY_KEY;

    default:
        return NGX_HTTP_ROWAN_GUARDS;
    }
}


/* by the name that it has in metrics; NULL: nobody refused the request */

ngx_str_t *
ngx_http_rowan_failure_guard_name(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx)
{
    ngx_uint_t  guard;

    guard = ngx_http_rowan_failure_guard(r, ctx);

    return guard < NGX_HTTP_ROWAN_GUARDS ? &ngx_http_rowan_guards[guard] : NULL;
}


/* why a request for a prediction got none */

static ngx_uint_t
ngx_http_rowan_failure_why(ngx_http_rowan_ctx_t *ctx, ngx_uint_t guard,
    ngx_uint_t status)
{
    ngx_uint_t  i;

    static ngx_uint_t  of_guards[NGX_HTTP_ROWAN_GUARDS] = {
        NGX_HTTP_ROWAN_WHY_RATE_LIMITED, NGX_HTTP_ROWAN_WHY_RATE_LIMITED,
        NGX_HTTP_ROWAN_WHY_SHED, NGX_HTTP_ROWAN_WHY_SLOW_CLIENT,
        NGX_HTTP_ROWAN_WHY_UNAUTHORIZED
    };

    static ngx_uint_t  of_failures[] = {
        NGX_HTTP_ROWAN_WHYS, NGX_HTTP_ROWAN_WHY_JSON,
        NGX_HTTP_ROWAN_WHY_UNKNOWN_MODEL, NGX_HTTP_ROWAN_WHY_NO_MODEL
    };

    static struct {
        ngx_uint_t         status;
        ngx_uint_t         why;
    } of_statuses[] = {
        { NGX_HTTP_UNAUTHORIZED, NGX_HTTP_ROWAN_WHY_UNAUTHORIZED },
        { NGX_HTTP_FORBIDDEN, NGX_HTTP_ROWAN_WHY_UNAUTHORIZED },
        { NGX_HTTP_NOT_ALLOWED, NGX_HTTP_ROWAN_WHY_METHOD },
        { NGX_HTTP_REQUEST_TIME_OUT, NGX_HTTP_ROWAN_WHY_SLOW_CLIENT },
        { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, NGX_HTTP_ROWAN_WHY_TOO_LARGE },
        { NGX_HTTP_REQUEST_URI_TOO_LARGE, NGX_HTTP_ROWAN_WHY_TOO_LARGE },
        { NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, NGX_HTTP_ROWAN_WHY_MEDIA_TYPE },
        { 422, NGX_HTTP_ROWAN_WHY_CONTRACT },
        { NGX_HTTP_TOO_MANY_REQUESTS, NGX_HTTP_ROWAN_WHY_RATE_LIMITED },
        { 431, NGX_HTTP_ROWAN_WHY_TOO_LARGE },
        { NGX_HTTP_CLOSE, NGX_HTTP_ROWAN_WHY_INTERNAL }
    };

    if (status == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
        return NGX_HTTP_ROWAN_WHY_CLIENT_LEFT;
    }

    if (guard < NGX_HTTP_ROWAN_GUARDS) {
        return of_guards[guard];
    }

    if (ctx && ctx->failed) {
        return of_failures[ctx->failed];
    }

    for (i = 0; i < sizeof(of_statuses) / sizeof(of_statuses[0]); i++) {
        if (of_statuses[i].status == status) {
            return of_statuses[i].why;
        }
    }

    return status < NGX_HTTP_INTERNAL_SERVER_ERROR
           ? NGX_HTTP_ROWAN_WHY_BAD_REQUEST
           : NGX_HTTP_ROWAN_WHY_INTERNAL;
}

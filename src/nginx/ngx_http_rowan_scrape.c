
/*
 * GET /metrics: the pages of all processes, added up, as Prometheus text or
 * OpenMetrics.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static ngx_int_t ngx_http_rowan_scrape(ngx_http_request_t *r,
    enum rw_metrics_format format, struct rw_buffer *b);


ngx_int_t
ngx_http_rowan_scrape_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_str_t               accept;
    struct rw_buffer        b;
    struct rw_memory        memory;
    enum rw_metrics_format  format;

    rc = ngx_http_rowan_get_only(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_rowan_accept(r, &accept) == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    format = rw_metrics_negotiate((char *) accept.data, accept.len);

    ngx_http_rowan_memory(r->pool, &memory);
    ngx_memzero(&b, sizeof(struct rw_buffer));
    b.memory = &memory;

    if (ngx_http_rowan_scrape(r, format, &b) != NGX_OK
        || ngx_http_rowan_add_header(r, "Cache-Control", "no-store") != NGX_OK
        || ngx_http_rowan_add_header(r, "Vary", "Accept") != NGX_OK
        || ngx_http_rowan_add_replica(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.content_type.data =
                                   (u_char *) rw_metrics_media_type(format);
    r->headers_out.content_type.len =
                                 ngx_strlen(r->headers_out.content_type.data);

    return ngx_http_rowan_send_buffer(r, NGX_HTTP_OK, &b);
}


static ngx_int_t
ngx_http_rowan_scrape(ngx_http_request_t *r, enum rw_metrics_format format,
    struct rw_buffer *b)
{
    u_char                       text[NGX_HTTP_ROWAN_REASON_MAX];
    rowan_error                  error;
    ngx_http_rowan_main_conf_t  *rmcf;

    /* a scrape is about as long as the one before */
    static size_t  size = 16384;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);

    ngx_http_rowan_metrics_refresh();

    rw_buffer_reserve(b, size);

    ngx_memzero(&error, sizeof(rowan_error));

    if (rw_metrics_expose((char *) rmcf->metrics_dir->name.data, format, b,
                          &error)
        != ROWAN_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no metrics: %s",
                      rowan_error_text(&error, (char *) text, sizeof(text)));
        return NGX_ERROR;
    }

    size = b->length + b->length / 8;

    return NGX_OK;
}


/*
 * Replies: JSON in one write, and what handlers share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static ngx_int_t ngx_http_rowan_named(ngx_http_request_t *r,
    ngx_http_complex_value_t *value, ngx_http_rowan_model_t **model,
    ngx_uint_t quiet);
static void *ngx_http_rowan_alloc(void *context, size_t size);


/* NGX_DECLINED: the name is not that of a model */

ngx_int_t
ngx_http_rowan_model(ngx_http_request_t *r, ngx_http_rowan_model_t **model)
{
    ngx_http_rowan_model_t      **models;
    ngx_http_rowan_loc_conf_t    *rlcf;
    ngx_http_rowan_main_conf_t   *rmcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    if (rlcf->model) {
        *model = rlcf->model;
        return NGX_OK;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);
    models = rmcf->models.elts;

    if (rlcf->name == NULL) {
        *model = rmcf->models.nelts ? models[0] : NULL;
        return rmcf->models.nelts ? NGX_OK : NGX_DECLINED;
    }

    return ngx_http_rowan_named(r, rlcf->name, model, rlcf->fallback != NULL);
}


/*
 * The model that a request is for, and the one that answers where this one
 * cannot; NULL: there is none.  Where the first is not there, or not loaded,
 * the other one takes its place.
 */

ngx_int_t
ngx_http_rowan_models_of(ngx_http_request_t *r, ngx_http_rowan_model_t **model,
    ngx_http_rowan_model_t **fallback)
{
    ngx_int_t                   rc;
    ngx_http_rowan_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    *fallback = NULL;

    rc = ngx_http_rowan_model(r, model);

    if (rlcf->fallback == NULL || rc == NGX_ERROR) {
        return rc;
    }

    if (rlcf->fallback_model) {
        *fallback = rlcf->fallback_model;

    } else if (ngx_http_rowan_named(r, rlcf->fallback, fallback, 0)
               == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (*fallback == NULL || (rc == NGX_OK && *model == *fallback)) {
        *fallback = NULL;
        return rc;
    }

    if (rc != NGX_OK || (*model)->served == NULL) {
        *model = *fallback;
        *fallback = NULL;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_rowan_named(ngx_http_request_t *r, ngx_http_complex_value_t *value,
    ngx_http_rowan_model_t **model, ngx_uint_t quiet)
{
    ngx_str_t                     name;
    ngx_uint_t                    i;
    ngx_http_rowan_model_t      **models;
    ngx_http_rowan_main_conf_t   *rmcf;

    if (ngx_http_complex_value(r, value, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);
    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        if (models[i]->name.len == name.len
            && ngx_strncmp(models[i]->name.data, name.data, name.len) == 0)
        {
            *model = models[i];
            return NGX_OK;
        }
    }

    if (!quiet) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "no model \"%V\"",
                      &name);
    }

    return NGX_DECLINED;
}


/* GET and HEAD, anything else is answered here */

ngx_int_t
ngx_http_rowan_get_only(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        if (ngx_http_rowan_add_header(r, "Allow", "GET, HEAD") != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    return rc == NGX_OK ? NGX_OK : rc;
}


/*
 * The value of the Accept header.  Several headers are one list (RFC 9110,
 * 5.3): they are joined.  NGX_DECLINED: there is none.
 */

ngx_int_t
ngx_http_rowan_accept(ngx_http_request_t *r, ngx_str_t *accept)
{
    u_char           *p;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_str_null(accept);

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len != sizeof("Accept") - 1
            || ngx_strcasecmp(h[i].key.data, (u_char *) "Accept") != 0)
        {
            continue;
        }

        if (accept->data == NULL) {
            *accept = h[i].value;
            continue;
        }

        p = ngx_pnalloc(r->pool, accept->len + 1 + h[i].value.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        accept->len = ngx_sprintf(p, "%V,%V", accept, &h[i].value) - p;
        accept->data = p;
    }

    return accept->data ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_rowan_send(ngx_http_request_t *r, ngx_uint_t status, u_char *data,
    size_t len)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;

    if (status == 422) {
        /* nginx has no text for it */
        ngx_str_set(&r->headers_out.status_line, "422 Unprocessable Entity");
    }

    if (r->headers_out.content_type.len == 0) {
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = data;
    b->last = data + len;
    b->memory = len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_rowan_send_buffer(ngx_http_request_t *r, ngx_uint_t status,
    struct rw_buffer *buffer)
{
    if (buffer->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_rowan_send(r, status, (u_char *) buffer->data,
                               buffer->length);
}


ngx_int_t
ngx_http_rowan_send_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail)
{
    struct rw_buffer  buffer;
    struct rw_memory  memory;

    ngx_http_rowan_memory(r->pool, &memory);
    ngx_http_rowan_buffer(&memory, 256, &buffer);

    rw_buffer_text(&buffer, "{\"detail\":\"");
    rw_buffer_json_escaped(&buffer, detail, ngx_strlen(detail));
    rw_buffer_text(&buffer, "\"}");

    return ngx_http_rowan_send_buffer(r, status, &buffer);
}


/* "rc" is what ngx_http_rowan_model() returned */

ngx_int_t
ngx_http_rowan_send_no_model(ngx_http_request_t *r, ngx_int_t rc)
{
    if (rc == NGX_DECLINED) {
        return ngx_http_rowan_send_error(r, NGX_HTTP_NOT_FOUND,
                                         "No such model");
    }

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_http_rowan_send_unavailable(ngx_http_request_t *r,
    ngx_http_rowan_model_t *model)
{
    u_char                       reason[NGX_HTTP_ROWAN_REASON_MAX],
                                 text[NGX_HTTP_ROWAN_REASON_MAX + 64], *p;
    time_t                       when;
    ngx_http_rowan_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);

    ngx_http_rowan_reason(rmcf, model, reason, &when);

    p = ngx_snprintf(text, sizeof(text) - 1, "No model is loaded: %s", reason);
    *p = '\0';

    if (ngx_http_rowan_add_header(r, "Retry-After", "1") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_rowan_send_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                     (char *) text);
}


ngx_int_t
ngx_http_rowan_add_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}


static void *
ngx_http_rowan_alloc(void *context, size_t size)
{
    return ngx_palloc(context, size);
}


void
ngx_http_rowan_memory(ngx_pool_t *pool, struct rw_memory *memory)
{
    memory->alloc = ngx_http_rowan_alloc;
    memory->context = pool;
}


void
ngx_http_rowan_buffer(struct rw_memory *memory, size_t size,
    struct rw_buffer *buffer)
{
    ngx_memzero(buffer, sizeof(struct rw_buffer));

    buffer->memory = memory;
    rw_buffer_reserve(buffer, size);
}


/* why the directory as it is now is not served; empty if it is */

void
ngx_http_rowan_reason(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, u_char *reason, time_t *when)
{
    ngx_http_rowan_slots_lock(rmcf);

    ngx_cpystrn(reason, model->slot->reason, NGX_HTTP_ROWAN_REASON_MAX);
    *when = model->slot->refused_at;

    ngx_http_rowan_slots_unlock(rmcf);

    if (reason[0] == '\0' && model->served == NULL) {
        ngx_cpystrn(reason, (u_char *) "it is being loaded",
                    NGX_HTTP_ROWAN_REASON_MAX);
    }
}


/* RFC 3339, UTC, milliseconds */

u_char *
ngx_http_rowan_time(u_char *p, time_t sec, ngx_uint_t msec)
{
    ngx_tm_t  tm;

    ngx_gmtime(sec, &tm);

    return ngx_sprintf(p, "%4d-%02d-%02dT%02d:%02d:%02d.%03uiZ",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec, msec);
}


/* of the event loop's time; written again only when that has moved */

const char *
ngx_http_rowan_now(void)
{
    u_char      *p;
    ngx_time_t  *tp;

    static u_char      text[NGX_HTTP_ROWAN_TIME_LEN + 1];
    static time_t      sec = -1;
    static ngx_msec_t  msec;

    tp = ngx_timeofday();

    if (tp->sec != sec || tp->msec != msec) {
        sec = tp->sec;
        msec = tp->msec;
        p = ngx_http_rowan_time(text, sec, msec);
        *p = '\0';
    }

    return (const char *) text;
}


/*
 * GET: health, readiness, liveness, the OpenAPI document, the index.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static void ngx_http_rowan_member(struct rw_buffer *b, const char *name,
    const char *value);
static ngx_int_t ngx_http_rowan_all_loaded(ngx_http_request_t *r,
    ngx_http_rowan_model_t **first);
static void ngx_http_rowan_health_model(ngx_http_request_t *r,
    struct rw_buffer *b, ngx_http_rowan_model_t *model);
static void ngx_http_rowan_health_models(ngx_http_request_t *r,
    struct rw_buffer *b);
static ngx_int_t ngx_http_rowan_wants_page(ngx_http_request_t *r);


static void
ngx_http_rowan_member_len(struct rw_buffer *b, const char *name,
    const char *value, size_t len)
{
    rw_buffer_text(b, ",\"");
    rw_buffer_text(b, name);
    rw_buffer_text(b, "\":\"");
    rw_buffer_json_escaped(b, value, len);
    rw_buffer_text(b, "\"");
}


static void
ngx_http_rowan_member(struct rw_buffer *b, const char *name, const char *value)
{
    ngx_http_rowan_member_len(b, name, value, ngx_strlen(value));
}


/* of the model that the directive names, or of all */

static ngx_int_t
ngx_http_rowan_all_loaded(ngx_http_request_t *r,
    ngx_http_rowan_model_t **first)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_http_rowan_model_t      **models;
    ngx_http_rowan_loc_conf_t    *rlcf;
    ngx_http_rowan_main_conf_t   *rmcf;

    rc = ngx_http_rowan_model(r, first);

    if (rc != NGX_OK) {
        return rc;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    if (rlcf->name) {
        return (*first)->served ? NGX_OK : NGX_BUSY;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);
    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        if (models[i]->served == NULL) {
            *first = models[i];
            return NGX_BUSY;
        }
    }

    return NGX_OK;
}


/* members of one model, each with a comma in front */

static void
ngx_http_rowan_health_model(ngx_http_request_t *r, struct rw_buffer *b,
    ngx_http_rowan_model_t *model)
{
    u_char                              reason[NGX_HTTP_ROWAN_REASON_MAX],
                                        when[NGX_HTTP_ROWAN_TIME_LEN + 1], *p;
    time_t                              refused;
    ngx_http_rowan_main_conf_t         *rmcf;
    const struct rw_contract_settings  *settings;

    rw_buffer_text(b, model->served ? ",\"model_loaded\":true"
                                    : ",\"model_loaded\":false");

    if (model->served) {
        settings = model->served->settings;
        ngx_http_rowan_member(b, "model", settings->model);
        ngx_http_rowan_member(b, "model_type", settings->type);
        ngx_http_rowan_member(b, "version", settings->version);
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);

    ngx_http_rowan_reason(rmcf, model, reason, &refused);

    if (reason[0] == '\0') {
        return;
    }

    if (model->served == NULL) {
        ngx_http_rowan_member(b, "reason", (char *) reason);
        return;
    }

    p = ngx_http_rowan_time(when, refused, 0);

    rw_buffer_text(b, ",\"last_refused\":{\"timestamp\":\"");
    rw_buffer_add(b, (char *) when, p - when);
    rw_buffer_text(b, "\"");
    ngx_http_rowan_member(b, "reason", (char *) reason);
    rw_buffer_text(b, "}");
}


static void
ngx_http_rowan_health_models(ngx_http_request_t *r, struct rw_buffer *b)
{
    ngx_uint_t                    i;
    ngx_http_rowan_model_t      **models;
    ngx_http_rowan_main_conf_t   *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);
    models = rmcf->models.elts;

    rw_buffer_text(b, ",\"models\":{");

    for (i = 0; i < rmcf->models.nelts; i++) {
        rw_buffer_text(b, i ? ",\"" : "\"");
        rw_buffer_add(b, (char *) models[i]->name.data, models[i]->name.len);
        rw_buffer_text(b, models[i]->served ? "\":{\"status\":\"healthy\""
                                            : "\":{\"status\":\"unhealthy\"");
        ngx_http_rowan_health_model(r, b, models[i]);
        rw_buffer_text(b, "}");
    }

    rw_buffer_text(b, "}");
}


ngx_int_t
ngx_http_rowan_health_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc, loaded;
    struct rw_buffer             b;
    struct rw_memory             memory;
    ngx_http_rowan_model_t      *model;
    ngx_http_rowan_loc_conf_t   *rlcf;
    ngx_http_rowan_main_conf_t  *rmcf;

    rc = ngx_http_rowan_get_only(r);

    if (rc != NGX_OK) {
        return rc;
    }

    loaded = ngx_http_rowan_all_loaded(r, &model);

    if (loaded != NGX_OK && loaded != NGX_BUSY) {
        return ngx_http_rowan_send_no_model(r, loaded);
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);

    ngx_http_rowan_memory(r->pool, &memory);
    ngx_http_rowan_buffer(&memory, 1024, &b);

    rw_buffer_text(&b, loaded == NGX_OK ? "{\"status\":\"healthy\""
                                        : "{\"status\":\"unhealthy\"");
    ngx_http_rowan_health_model(r, &b, model);

    if (rlcf->name == NULL && rmcf->models.nelts > 1) {
        ngx_http_rowan_health_models(r, &b);
    }

    ngx_http_rowan_member(&b, "timestamp", ngx_http_rowan_now());
    ngx_http_rowan_member_len(&b, "environment",
                              (char *) rlcf->environment.data,
                              rlcf->environment.len);

    if (rlcf->replica.len) {
        ngx_http_rowan_member_len(&b, "replica", (char *) rlcf->replica.data,
                                  rlcf->replica.len);
    }

    rw_buffer_text(&b, "}");

    if (ngx_http_rowan_add_header(r, "Cache-Control", "no-store") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_rowan_send_buffer(r, loaded == NGX_OK
                                         ? NGX_HTTP_OK
                                         : NGX_HTTP_SERVICE_UNAVAILABLE, &b);
}


/* may this replica get traffic? */

ngx_int_t
ngx_http_rowan_ready_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_http_rowan_model_t  *model;

    static u_char  ready[] = "{\"status\":\"ready\"}";

    rc = ngx_http_rowan_get_only(r);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_rowan_all_loaded(r, &model);

    switch (rc) {

    case NGX_OK:
        return ngx_http_rowan_send(r, NGX_HTTP_OK, ready, sizeof(ready) - 1);

    case NGX_BUSY:
        return ngx_http_rowan_send_unavailable(r, model);

    default:
        return ngx_http_rowan_send_no_model(r, rc);
    }
}


/* does this process still turn? a model is not needed for that */

ngx_int_t
ngx_http_rowan_live_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    static u_char  alive[] = "{\"status\":\"alive\"}";

    rc = ngx_http_rowan_get_only(r);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_rowan_send(r, NGX_HTTP_OK, alive, sizeof(alive) - 1);
}


ngx_int_t
ngx_http_rowan_openapi_handler(ngx_http_request_t *r)
{
    u_char                  *copy;
    ngx_int_t                rc;
    struct rw_served        *served;
    ngx_http_rowan_model_t  *model;

    rc = ngx_http_rowan_get_only(r);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_rowan_model(r, &model);

    if (rc != NGX_OK) {
        return ngx_http_rowan_send_no_model(r, rc);
    }

    if (model->served == NULL) {
        return ngx_http_rowan_send_unavailable(r, model);
    }

    served = model->served;

    /* a slow client may outlive the model */

    copy = ngx_pnalloc(r->pool, served->openapi_size);
    if (copy == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(copy, served->openapi, served->openapi_size);

    return ngx_http_rowan_send(r, NGX_HTTP_OK, copy, served->openapi_size);
}


/* a browser says that it takes text/html; no memory: a program gets JSON */

static ngx_int_t
ngx_http_rowan_wants_page(ngx_http_request_t *r)
{
    ngx_str_t  accept;

    return ngx_http_rowan_accept(r, &accept) == NGX_OK
           && ngx_strlcasestrn(accept.data, accept.data + accept.len,
                               (u_char *) "text/html", sizeof("text/html") - 2)
              != NULL;
}


ngx_int_t
ngx_http_rowan_index_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i, n;
    const char                  *comma;
    struct rw_buffer             b;
    struct rw_memory             memory;
    ngx_http_rowan_model_t      *model;
    ngx_http_rowan_endpoint_t  **endpoints;
    ngx_http_rowan_loc_conf_t   *rlcf;
    ngx_http_rowan_main_conf_t  *rmcf;

    rc = ngx_http_rowan_get_only(r);

    if (rc != NGX_OK) {
        return rc;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_http_rowan_module);

    if (rlcf->page.len && ngx_http_rowan_wants_page(r)) {
        return ngx_http_internal_redirect(r, &rlcf->page, NULL);
    }

    model = NULL;

    if (ngx_http_rowan_model(r, &model) == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_rowan_memory(r->pool, &memory);
    ngx_http_rowan_buffer(&memory, 1024, &b);

    rw_buffer_text(&b, "{\"service\":\"rowan\"");
    ngx_http_rowan_member(&b, "version", ROWAN_VERSION);

    if (model && model->served) {
        ngx_http_rowan_member(&b, "model", model->served->settings->model);
        ngx_http_rowan_member(&b, "model_version",
                              model->served->settings->version);
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_rowan_module);
    endpoints = rmcf->endpoints.elts;

    rw_buffer_text(&b, ",\"endpoints\":{");

    comma = "\"";

    for (i = 0; i < rmcf->endpoints.nelts; i++) {

        /* the first one of a kind that clients may ask for */

        for (n = 0; n < i; n++) {
            if (endpoints[n]->handler == endpoints[i]->handler
                && !endpoints[n]->internal)
            {
                break;
            }
        }

        if (n < i || endpoints[i]->internal) {
            continue;
        }

        rw_buffer_text(&b, comma);
        comma = ",\"";
        rw_buffer_add(&b, (char *) endpoints[i]->kind.data,
                      endpoints[i]->kind.len);
        rw_buffer_text(&b, "\":\"");
        rw_buffer_json_escaped(&b, (char *) endpoints[i]->path.data,
                               endpoints[i]->path.len);
        rw_buffer_text(&b, "\"");
    }

    rw_buffer_text(&b, "}}");

    if (ngx_http_rowan_add_header(r, "Vary", "Accept") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_rowan_send_buffer(r, NGX_HTTP_OK, &b);
}

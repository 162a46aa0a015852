
/*
 * Variables of a prediction: $rowan_model, $rowan_version, $rowan_score and
 * $rowan_decision; not found where there was none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


#define NGX_HTTP_ROWAN_SCORE_LEN  32


static ngx_int_t ngx_http_rowan_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_rowan_score_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_rowan_decision_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_rowan_variables[] = {

    { ngx_string("rowan_model"), NULL, ngx_http_rowan_text_variable,
      offsetof(ngx_http_rowan_ctx_t, model), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("rowan_version"), NULL, ngx_http_rowan_text_variable,
      offsetof(ngx_http_rowan_ctx_t, version), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("rowan_score"), NULL, ngx_http_rowan_score_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("rowan_decision"), NULL, ngx_http_rowan_decision_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("rowan_client"), NULL, ngx_http_rowan_client_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("rowan_key"), NULL, ngx_http_rowan_key_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("rowan_priority"), NULL, ngx_http_rowan_priority_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_rowan_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_rowan_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


void
ngx_http_rowan_set(ngx_http_variable_value_t *v, u_char *data, size_t len)
{
    v->data = data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}


static ngx_int_t
ngx_http_rowan_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             *text;
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    text = ctx ? (ngx_str_t *) ((u_char *) ctx + data) : NULL;

    if (text == NULL || text->data == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_rowan_set(v, text->data, text->len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_rowan_score_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    int                    len;
    u_char                *text;
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx == NULL || !ctx->scored) {
        v->not_found = 1;
        return NGX_OK;
    }

    text = ngx_pnalloc(r->pool, NGX_HTTP_ROWAN_SCORE_LEN);
    if (text == NULL) {
        return NGX_ERROR;
    }

    /* nine digits give a float32 back */

    len = snprintf((char *) text, NGX_HTTP_ROWAN_SCORE_LEN, "%.9g",
                   ctx->score);
    ngx_http_rowan_set(v, text, len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_rowan_decision_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_rowan_ctx_t  *ctx;

    ctx = ngx_http_rowan_find_ctx(r);

    if (ctx == NULL || !ctx->scored) {
        v->not_found = 1;

    } else if (ctx->fraud) {
        ngx_http_rowan_set(v, (u_char *) "fraud", sizeof("fraud") - 1);

    } else {
        ngx_http_rowan_set(v, (u_char *) "legitimate",
                           sizeof("legitimate") - 1);
    }

    return NGX_OK;
}

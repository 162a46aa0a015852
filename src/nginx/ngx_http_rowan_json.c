
/*
 * JSON: any variable of nginx as a value of JSON, for log_format.
 *
 * $rowan_string_NAME is the variable $NAME as a string, $rowan_number_NAME as a
 * number, both null where there is no value or none of that kind.  Clients send
 * any bytes they like; a line made of these variables is JSON nevertheless.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


#define NGX_HTTP_ROWAN_STRING_MAX  1024  /* bytes of a value; the rest is cut */
#define NGX_HTTP_ROWAN_ESCAPE_MAX  6     /* \u0001, of one byte */


static ngx_int_t ngx_http_rowan_json_known(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_http_rowan_json_value(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_rowan_json_is_number(ngx_str_t *text);
static u_char *ngx_http_rowan_json_digits(u_char *p, u_char *last);
static u_char *ngx_http_rowan_json_string(u_char *to, ngx_str_t *text);


static ngx_str_t  ngx_http_rowan_json_prefixes[] = {
    ngx_string("rowan_string_"),
    ngx_string("rowan_number_")
};


/* a name that is no variable is an error, and not null for ever */

ngx_int_t
ngx_http_rowan_json_check(ngx_conf_t *cf)
{
    ngx_str_t                   name, *prefix;
    ngx_uint_t                  i, n;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        for (n = 0; n < 2; n++) {
            prefix = &ngx_http_rowan_json_prefixes[n];

            if (v[i].name.len <= prefix->len
                || ngx_strncmp(v[i].name.data, prefix->data, prefix->len) != 0)
            {
                continue;
            }

            name.data = v[i].name.data + prefix->len;
            name.len = v[i].name.len - prefix->len;

            if (!ngx_http_rowan_json_known(cf, &name)) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "unknown variable \"%V\" in \"$%V\"", &name,
                              &v[i].name);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_rowan_json_known(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (key[i].key.len == name->len
            && ngx_strncmp(key[i].key.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    v = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {
        if (name->len > v[i].name.len
            && ngx_strncmp(v[i].name.data, name->data, v[i].name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* NGX_DECLINED: there is none */

static ngx_int_t
ngx_http_rowan_json_value(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t                  key;
    ngx_http_variable_value_t  *v;

    /* the names in a configuration are in lower case already */

    key = ngx_hash_key(name->data, name->len);

    v = ngx_http_get_variable(r, name, key);

    if (v == NULL || v->not_found || v->len == 0) {
        return NGX_DECLINED;
    }

    value->data = v->data;
    value->len = v->len;

    return NGX_OK;
}


ngx_int_t
ngx_http_rowan_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  name, value, *full = (ngx_str_t *) data;

    name.data = full->data + ngx_http_rowan_json_prefixes[1].len;
    name.len = full->len - ngx_http_rowan_json_prefixes[1].len;

    if (ngx_http_rowan_json_value(r, &name, &value) == NGX_OK
        && ngx_http_rowan_json_is_number(&value))
    {
        ngx_http_rowan_set(v, value.data, value.len);

    } else {
        ngx_http_rowan_set(v, (u_char *) "null", sizeof("null") - 1);
    }

    return NGX_OK;
}


/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */

static ngx_int_t
ngx_http_rowan_json_is_number(ngx_str_t *text)
{
    u_char  *p, *last, *start;

    p = text->data;
    last = p + text->len;

    if (p < last && *p == '-') {
        p++;
    }

    start = p;
    p = ngx_http_rowan_json_digits(p, last);

    if (p == start || (*start == '0' && p > start + 1)) {
        return 0;
    }

    if (p < last && *p == '.') {
        start = ++p;
        p = ngx_http_rowan_json_digits(p, last);

        if (p == start) {
            return 0;
        }
    }

    if (p < last && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < last && (*p == '+' || *p == '-')) {
            p++;
        }

        start = p;
        p = ngx_http_rowan_json_digits(p, last);

        if (p == start) {
            return 0;
        }
    }

    return p == last;
}


static u_char *
ngx_http_rowan_json_digits(u_char *p, u_char *last)
{
    while (p < last && *p >= '0' && *p <= '9') {
        p++;
    }

    return p;
}


ngx_int_t
ngx_http_rowan_string_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char     *p, *last;
    ngx_str_t   name, value, *full = (ngx_str_t *) data;

    name.data = full->data + ngx_http_rowan_json_prefixes[0].len;
    name.len = full->len - ngx_http_rowan_json_prefixes[0].len;

    if (ngx_http_rowan_json_value(r, &name, &value) != NGX_OK) {
        ngx_http_rowan_set(v, (u_char *) "null", sizeof("null") - 1);
        return NGX_OK;
    }

    value.len = ngx_min(value.len, NGX_HTTP_ROWAN_STRING_MAX);

    p = ngx_pnalloc(r->pool, value.len * NGX_HTTP_ROWAN_ESCAPE_MAX + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_http_rowan_json_string(p, &value);

    ngx_http_rowan_set(v, p, last - p);

    return NGX_OK;
}


/* with quotes; bytes that are no UTF-8 become U+FFFD */

static u_char *
ngx_http_rowan_json_string(u_char *to, ngx_str_t *text)
{
    size_t   len;
    u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    *to++ = '"';

    while (p < last) {

        if (*p == '"' || *p == '\\') {
            *to++ = '\\';
            *to++ = *p++;

        } else if (*p < 0x20 || *p == 0x7f) {
            to = ngx_sprintf(to, "\\u%04xd", (int) *p++);

        } else {
            len = rw_utf8_character(p, last - p);

            if (len) {
                to = ngx_cpymem(to, p, len);
                p += len;

            } else {
                to = ngx_cpymem(to, "\xef\xbf\xbd", 3);
                p++;
            }
        }
    }

    *to++ = '"';

    return to;
}

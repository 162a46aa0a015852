
/*
 * Endpoints: the directives of locations, and which paths have them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static ngx_http_complex_value_t *ngx_http_rowan_endpoint_name(ngx_conf_t *cf,
    ngx_str_t *value);
static char *ngx_http_rowan_endpoint_find(ngx_conf_t *cf,
    ngx_http_rowan_loc_conf_t *rlcf, ngx_http_complex_value_t *value,
    ngx_http_rowan_model_t **model);
static char *ngx_http_rowan_endpoint_add(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_http_core_loc_conf_t *clcf, ngx_http_rowan_loc_conf_t *rlcf);


/*
 * The directives of locations: [NAME], [page=URI] of rowan_index, and of
 * rowan_predict another NAME for where the first one cannot answer.
 */

char *
ngx_http_rowan_endpoint_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_rowan_loc_conf_t  *rlcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_complex_value_t    **name;
    ngx_http_rowan_main_conf_t   *rmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "cannot be used: this location has a handler already";
    }

    clcf->handler = (ngx_http_handler_pt) cmd->post;

    if (cmd->post == ngx_http_rowan_scrape_handler) {
        rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_rowan_module);
        rmcf->metrics = 1;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (cmd->post == ngx_http_rowan_index_handler
            && ngx_strncmp(value[i].data, "page=/", 6) == 0)
        {
            rlcf->page.data = value[i].data + 5;
            rlcf->page.len = value[i].len - 5;
            continue;
        }

        name = &rlcf->name;

        if (*name && cmd->post == ngx_http_rowan_predict_handler) {
            name = &rlcf->fallback;
        }

        if (*name) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        *name = ngx_http_rowan_endpoint_name(cf, &value[i]);
        if (*name == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rlcf->file = cf->conf_file->file.name.data;
    rlcf->line = cf->conf_file->line;

    return ngx_http_rowan_endpoint_add(cf, &value[0], clcf, rlcf);
}


static ngx_http_complex_value_t *
ngx_http_rowan_endpoint_name(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_http_complex_value_t          *name;
    ngx_http_compile_complex_value_t   ccv;

    name = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (name == NULL) {
        return NULL;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = name;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? name : NULL;
}


/* remembers the path, for GET / and metrics to tell */

static char *
ngx_http_rowan_endpoint_add(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_http_core_loc_conf_t *clcf, ngx_http_rowan_loc_conf_t *rlcf)
{
    ngx_uint_t                    i;
    ngx_http_rowan_endpoint_t    *endpoint, **endpoints;
    ngx_http_rowan_main_conf_t   *rmcf;

    if (clcf->noname || clcf->named || clcf->name.len == 0
        || clcf->name.data[0] != '/')
    {
        return NGX_CONF_OK;
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_rowan_module);

    endpoints = rmcf->endpoints.elts;

    /* servers may have a path in common */

    for (i = 0; i < rmcf->endpoints.nelts; i++) {
        if (endpoints[i]->handler == clcf->handler
            && endpoints[i]->path.len == clcf->name.len
            && ngx_strncmp(endpoints[i]->path.data, clcf->name.data,
                           clcf->name.len)
               == 0)
        {
            rlcf->endpoint = endpoints[i];
            return NGX_CONF_OK;
        }
    }

    endpoint = ngx_pcalloc(cf->pool, sizeof(ngx_http_rowan_endpoint_t));
    if (endpoint == NULL) {
        return NGX_CONF_ERROR;
    }

    endpoint->kind.data = directive->data + sizeof("rowan_") - 1;
    endpoint->kind.len = directive->len - (sizeof("rowan_") - 1);
    endpoint->path = clcf->name;
    endpoint->handler = clcf->handler;
    endpoint->index = rmcf->endpoints.nelts;

    endpoints = ngx_array_push(&rmcf->endpoints);
    if (endpoints == NULL) {
        return NGX_CONF_ERROR;
    }

    *endpoints = endpoint;
    rlcf->endpoint = endpoint;

    return NGX_CONF_OK;
}


/* a constant name becomes its model once and for all */

char *
ngx_http_rowan_endpoint_resolve(ngx_conf_t *cf, ngx_http_rowan_loc_conf_t *rlcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (rlcf->endpoint && clcf->internal) {
        rlcf->endpoint->internal = 1;
    }

    if (ngx_http_rowan_endpoint_find(cf, rlcf, rlcf->name, &rlcf->model)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_rowan_endpoint_find(cf, rlcf, rlcf->fallback,
                                        &rlcf->fallback_model);
}


static char *
ngx_http_rowan_endpoint_find(ngx_conf_t *cf, ngx_http_rowan_loc_conf_t *rlcf,
    ngx_http_complex_value_t *value, ngx_http_rowan_model_t **model)
{
    ngx_str_t                    *name;
    ngx_uint_t                    i;
    ngx_http_rowan_model_t      **models;
    ngx_http_rowan_main_conf_t   *rmcf;

    if (value == NULL || value->lengths) {
        return NGX_CONF_OK;
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_rowan_module);

    name = &value->value;
    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        if (models[i]->name.len == name->len
            && ngx_strncmp(models[i]->name.data, name->data, name->len) == 0)
        {
            *model = models[i];
            return NGX_CONF_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "no model \"%V\" in %s:%ui: a \"rowan_model\" directive "
                  "must define it", name, rlcf->file, rlcf->line);

    return NGX_CONF_ERROR;
}

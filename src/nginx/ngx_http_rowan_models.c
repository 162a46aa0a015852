
/*
 * Models: the directive, and the load of a directory while the configuration
 * is read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static char *ngx_http_rowan_load(ngx_conf_t *cf,
    ngx_http_rowan_model_t *model);
static void ngx_http_rowan_image_cleanup(void *data);


/* rowan_model NAME DIR [optional]; */

char *
ngx_http_rowan_model_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_rowan_main_conf_t  *rmcf = conf;

    u_char                   ch;
    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_pool_cleanup_t      *cln;
    ngx_http_rowan_model_t  *model, **models;

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > NGX_HTTP_ROWAN_NAME_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name of a model must have 1 to %d characters",
                           NGX_HTTP_ROWAN_NAME_MAX);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < value[1].len; i++) {
        ch = value[1].data[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z')
              || (ch >= 'a' && ch <= 'z') || ch == '_' || ch == '-'
              || (ch == '.' && i > 0)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid model name \"%V\": use letters, "
                               "digits, \"_\", \"-\" and \".\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        if (models[i]->name.len == value[1].len
            && ngx_strncmp(models[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate model \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (rmcf->models.nelts == NGX_HTTP_ROWAN_MODELS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "more than %d models",
                           NGX_HTTP_ROWAN_MODELS_MAX);
        return NGX_CONF_ERROR;
    }

    model = ngx_pcalloc(cf->pool, sizeof(ngx_http_rowan_model_t));
    if (model == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 4) {
        if (ngx_strcmp(value[3].data, "optional") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", only \"optional\" "
                               "may follow the directory", &value[3]);
            return NGX_CONF_ERROR;
        }

        model->optional = 1;
    }

    model->name = value[1];
    model->dir = value[2];
    model->index = rmcf->models.nelts;

    if (ngx_conf_full_name(cf->cycle, &model->dir, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_rowan_image_cleanup;
    cln->data = model;

    models = ngx_array_push(&rmcf->models);
    if (models == NULL) {
        return NGX_CONF_ERROR;
    }

    *models = model;

    /* "nginx -s stop" reads the configuration too, and needs no model */

    if (ngx_process == NGX_PROCESS_SIGNALLER) {
        return NGX_CONF_OK;
    }

    return ngx_http_rowan_load(cf, model);
}


static char *
ngx_http_rowan_load(ngx_conf_t *cf, ngx_http_rowan_model_t *model)
{
    rowan_error   error;
    rowan_status  status;

    model->reason = ngx_pcalloc(cf->pool, NGX_HTTP_ROWAN_REASON_MAX);
    if (model->reason == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&error, sizeof(rowan_error));

    model->took = ngx_http_rowan_monotonic();

    status = rw_modeldir_load((char *) model->dir.data, &model->image, &error);

    model->took = ngx_http_rowan_monotonic() - model->took;
    model->stamp = model->image.stamp.digest;

    if (status == ROWAN_OK) {
        return NGX_CONF_OK;
    }

    ngx_memzero(&model->image, sizeof(struct rw_modeldir_image));

    rowan_error_text(&error, (char *) model->reason,
                     NGX_HTTP_ROWAN_REASON_MAX);

    if (model->optional) {
        ngx_conf_log_error(NGX_LOG_ERR, cf, 0,
                           "model \"%V\" is not served until its directory "
                           "is good: %s", &model->name, model->reason);
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "model \"%V\" refused: %s",
                       &model->name, model->reason);

    return NGX_CONF_ERROR;
}


static void
ngx_http_rowan_image_cleanup(void *data)
{
    ngx_http_rowan_model_t  *model = data;

    if (model->image.bytes) {
        rw_modeldir_image_free(&model->image);
        model->image.bytes = NULL;
    }
}

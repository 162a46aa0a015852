
/*
 * The module: its directives and its place in nginx's life.
 *
 * A model directory is loaded, proved and compiled while the configuration is
 * read (also by "nginx -t"), so that a bad one fails there; then it is
 * published as a file (slots.c), which every worker maps (watch.c).
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static void *ngx_http_rowan_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_rowan_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_rowan_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_rowan_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_rowan_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_rowan_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_rowan_init_process(ngx_cycle_t *cycle);
static void ngx_http_rowan_exit_process(ngx_cycle_t *cycle);


/* counts the configurations this process has read; tells their slots apart */
static ngx_uint_t  ngx_http_rowan_cycles;


static ngx_conf_num_bounds_t  ngx_http_rowan_batch_bounds = {
    ngx_conf_check_num_bounds, 1, NGX_HTTP_ROWAN_BATCH_LIMIT
};


static ngx_command_t  ngx_http_rowan_commands[] = {

    { ngx_string("rowan_model"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_http_rowan_model_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rowan_image_dir"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_path_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_rowan_main_conf_t, image_dir),
      NULL },

    { ngx_string("rowan_model_check"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_rowan_main_conf_t, check),
      NULL },

    { ngx_string("rowan_metrics_dir"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_path_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_rowan_main_conf_t, metrics_dir),
      NULL },

    { ngx_string("rowan_batch_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_rowan_loc_conf_t, batch_max),
      &ngx_http_rowan_batch_bounds },

    { ngx_string("rowan_api_keys"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE12,
      ngx_http_rowan_keys_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rowan_shed"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_rowan_shed_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rowan_refuse_delay"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_rowan_loc_conf_t, refuse_delay),
      NULL },

    { ngx_string("rowan_request_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_rowan_loc_conf_t, request_timeout),
      NULL },

    { ngx_string("rowan_pending_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_rowan_main_conf_t, pending_max),
      NULL },

    { ngx_string("rowan_shadow_wait"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_rowan_main_conf_t, shadow_wait),
      NULL },

    { ngx_string("rowan_environment"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_rowan_loc_conf_t, environment),
      NULL },

    { ngx_string("rowan_replica"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_rowan_replica_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_rowan_loc_conf_t, replica),
      NULL },

    { ngx_string("rowan_predict"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_rowan_endpoint_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_rowan_predict_handler },

    { ngx_string("rowan_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_rowan_endpoint_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_rowan_health_handler },

    { ngx_string("rowan_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_rowan_endpoint_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_rowan_ready_handler },

    { ngx_string("rowan_live"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_rowan_endpoint_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_rowan_live_handler },

    { ngx_string("rowan_openapi"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_rowan_endpoint_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_rowan_openapi_handler },

    { ngx_string("rowan_index"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_http_rowan_endpoint_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_rowan_index_handler },

    { ngx_string("rowan_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_rowan_endpoint_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_rowan_scrape_handler },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_rowan_module_ctx = {
    ngx_http_rowan_add_variables,          /* preconfiguration */
    ngx_http_rowan_postconfiguration,      /* postconfiguration */

    ngx_http_rowan_create_main_conf,       /* create main configuration */
    ngx_http_rowan_init_main_conf,         /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_rowan_create_loc_conf,        /* create location configuration */
    ngx_http_rowan_merge_loc_conf          /* merge location configuration */
};


ngx_module_t  ngx_http_rowan_module = {
    NGX_MODULE_V1,
    &ngx_http_rowan_module_ctx,            /* module context */
    ngx_http_rowan_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_rowan_init_module,            /* init module */
    ngx_http_rowan_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_rowan_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_rowan_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_rowan_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_rowan_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&rmcf->models, cf->pool, 4,
                       sizeof(ngx_http_rowan_model_t *))
        != NGX_OK
        || ngx_array_init(&rmcf->endpoints, cf->pool, 8,
                          sizeof(ngx_http_rowan_endpoint_t *))
           != NGX_OK
        || ngx_array_init(&rmcf->keys, cf->pool, 1,
                          sizeof(ngx_http_rowan_keys_t *))
           != NGX_OK)
    {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_rowan_images_cleanup;
    cln->data = rmcf;

    rmcf->check = NGX_CONF_UNSET_MSEC;
    rmcf->pending_max = NGX_CONF_UNSET_SIZE;
    rmcf->shadow_wait = NGX_CONF_UNSET_MSEC;
    rmcf->cycle = ++ngx_http_rowan_cycles;
    rmcf->lock_fd = -1;

    return rmcf;
}


static char *
ngx_http_rowan_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_rowan_main_conf_t  *rmcf = conf;

    ngx_core_conf_t  *ccf;

    /* workers start with a configuration; without them nobody would */

    if (ngx_process == NGX_PROCESS_SINGLE
        && !ngx_is_init_cycle(cf->cycle->old_cycle))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "a reload needs \"master_process on\": restart nginx, "
                      "the configuration before goes on");
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_msec_value(rmcf->check, 100);
    ngx_conf_init_size_value(rmcf->pending_max, 256 * 1024 * 1024);
    ngx_conf_init_msec_value(rmcf->shadow_wait, 50);

    if (rmcf->check < 10 || rmcf->check > 60000) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"rowan_model_check\" must be between 10ms and 60s");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_rowan_reload_add(cf) != NGX_CONF_OK
        || ngx_http_rowan_metrics_add(cf, rmcf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (rmcf->models.nelts == 0) {
        return NGX_CONF_OK;
    }

    if (rmcf->image_dir == NULL) {
        rmcf->image_dir = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
        if (rmcf->image_dir == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_str_set(&rmcf->image_dir->name, "rowan");

        if (ngx_conf_full_name(cf->cycle, &rmcf->image_dir->name, 0) != NGX_OK
            || ngx_add_path(cf, &rmcf->image_dir) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    /* the core's init_conf has not run yet: "user" may still be unset */

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);
    rmcf->user = ccf->user;

    return ngx_http_rowan_slots_add(cf, rmcf);
}


static void *
ngx_http_rowan_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_rowan_loc_conf_t  *rlcf;

    rlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_rowan_loc_conf_t));
    if (rlcf == NULL) {
        return NULL;
    }

    rlcf->batch_max = NGX_CONF_UNSET_UINT;
    rlcf->keys_required = NGX_CONF_UNSET;
    rlcf->refuse_delay = NGX_CONF_UNSET_MSEC;
    rlcf->request_timeout = NGX_CONF_UNSET_MSEC;

    return rlcf;
}


static char *
ngx_http_rowan_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_rowan_loc_conf_t  *prev = parent;
    ngx_http_rowan_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    ngx_conf_merge_uint_value(conf->batch_max, prev->batch_max,
                              RW_BATCH_MAX_ROWS);
    ngx_conf_merge_str_value(conf->environment, prev->environment, "");
    ngx_conf_merge_str_value(conf->replica, prev->replica, "");
    ngx_conf_merge_msec_value(conf->refuse_delay, prev->refuse_delay, 0);
    ngx_conf_merge_msec_value(conf->request_timeout, prev->request_timeout, 0);
    ngx_http_rowan_keys_merge(prev, conf);

    /* content handlers are not inherited, except into "if" and
     * "limit_except", which share the name of their location */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && conf->name == NULL) {
        conf->name = prev->name;
        conf->fallback = prev->fallback;
        conf->endpoint = prev->endpoint;
        conf->page = prev->page;
        conf->file = prev->file;
        conf->line = prev->line;
    }

    if (conf->shed == NULL) {
        conf->shed = prev->shed;
    }

    ngx_http_rowan_client_merge(cf, conf);

    return ngx_http_rowan_endpoint_resolve(cf, conf);
}


static ngx_int_t
ngx_http_rowan_postconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_rowan_json_check(cf) != NGX_OK
        || ngx_http_rowan_client_init(cf) != NGX_OK
        || ngx_http_rowan_count_init(cf) != NGX_OK
        || ngx_http_rowan_refuse_init(cf) != NGX_OK
        || ngx_http_rowan_shed_init(cf) != NGX_OK
        || ngx_http_rowan_slow_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_rowan_request_init(cf);
}


/* runs when nginx can no longer refuse the new configuration */

static ngx_int_t
ngx_http_rowan_init_module(ngx_cycle_t *cycle)
{
    ngx_http_rowan_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_rowan_module);

    if (!ngx_test_config) {
        ngx_http_rowan_reload_commit();

        if (rmcf) {
            ngx_http_rowan_client_warn(cycle, rmcf);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_rowan_init_process(ngx_cycle_t *cycle)
{
    ngx_http_rowan_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_rowan_module);

    /* the cache manager and loader processes serve nothing */

    if (rmcf == NULL || ngx_process == NGX_PROCESS_HELPER) {
        return NGX_OK;
    }

    if (ngx_http_rowan_metrics_init_worker(cycle, rmcf) != NGX_OK
        || ngx_http_rowan_shed_init_worker(cycle, rmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_rowan_reload_init_worker(cycle);
    ngx_http_rowan_queue_init_worker(cycle);
    ngx_http_rowan_slow_init_worker(cycle);
    ngx_http_rowan_keys_watch(cycle, rmcf);

    if (rmcf->models.nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_rowan_watch_init(cycle, rmcf);
}


static void
ngx_http_rowan_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_rowan_main_conf_t  *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_rowan_module);

    if (rmcf && ngx_process != NGX_PROCESS_HELPER) {
        ngx_http_rowan_watch_exit(rmcf);
        ngx_http_rowan_metrics_exit();
    }
}


/*
 * Keys: files of API keys.
 *
 * A file is read with the configuration, where a broken one is an error.
 * Then every worker looks at it a few times a second, and reads it again when
 * it has changed; a broken one is refused, and the keys before go on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static ngx_http_rowan_keys_t *ngx_http_rowan_keys_add(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_int_t ngx_http_rowan_keys_read(ngx_http_rowan_keys_t *file,
    u_char *reason);
static void ngx_http_rowan_keys_cleanup(void *data);
static void ngx_http_rowan_keys_handler(ngx_event_t *ev);
static void ngx_http_rowan_keys_look(ngx_http_rowan_keys_t *file,
    ngx_log_t *log);
static void ngx_http_rowan_keys_stat(ngx_http_rowan_keys_t *file,
    struct stat *st);
static ngx_int_t ngx_http_rowan_keys_same(struct stat *a, struct stat *b);


/* rowan_api_keys FILE [required]; */

char *
ngx_http_rowan_keys_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_rowan_loc_conf_t  *rlcf = conf;

    ngx_str_t  *value;

    if (rlcf->keys) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rlcf->keys_required = 0;

    if (cf->args->nelts == 3) {
        if (ngx_strcmp(value[2].data, "required") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", only \"required\" "
                               "may follow the file", &value[2]);
            return NGX_CONF_ERROR;
        }

        rlcf->keys_required = 1;
    }

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rlcf->keys = ngx_http_rowan_keys_add(cf, &value[1]);

    return rlcf->keys ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* servers may have a file in common */

static ngx_http_rowan_keys_t *
ngx_http_rowan_keys_add(ngx_conf_t *cf, ngx_str_t *path)
{
    u_char                       reason[NGX_HTTP_ROWAN_REASON_MAX];
    ngx_uint_t                   i;
    ngx_pool_cleanup_t          *cln;
    ngx_http_rowan_keys_t       *file, **files;
    ngx_http_rowan_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_rowan_module);

    files = rmcf->keys.elts;

    for (i = 0; i < rmcf->keys.nelts; i++) {
        if (files[i]->path.len == path->len
            && ngx_strncmp(files[i]->path.data, path->data, path->len) == 0)
        {
            return files[i];
        }
    }

    files = ngx_array_push(&rmcf->keys);
    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_rowan_keys_t));

    if (files == NULL || cln == NULL) {
        return NULL;
    }

    file = cln->data;
    ngx_memzero(file, sizeof(ngx_http_rowan_keys_t));

    file->path = *path;
    *files = file;
    cln->handler = ngx_http_rowan_keys_cleanup;

    /* "nginx -s stop" reads the configuration too, and needs no keys */

    if (ngx_process == NGX_PROCESS_SIGNALLER) {
        return file;
    }

    /* the look comes first: what changes meanwhile is read again */

    ngx_http_rowan_keys_stat(file, &file->seen);

    if (ngx_http_rowan_keys_read(file, reason) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "API keys refused: %s",
                           reason);
        return NULL;
    }

    return file;
}


static ngx_int_t
ngx_http_rowan_keys_read(ngx_http_rowan_keys_t *file, u_char *reason)
{
    rowan_error      error;
    struct rw_keys  *keys;

    if (rw_keys_load((char *) file->path.data, &keys, &error) != ROWAN_OK) {
        rowan_error_text(&error, (char *) reason, NGX_HTTP_ROWAN_REASON_MAX);
        return NGX_ERROR;
    }

    rw_keys_free(file->keys);
    file->keys = keys;

    return NGX_OK;
}


static void
ngx_http_rowan_keys_cleanup(void *data)
{
    ngx_http_rowan_keys_t  *file = data;

    rw_keys_free(file->keys);
    file->keys = NULL;
}


void
ngx_http_rowan_keys_merge(ngx_http_rowan_loc_conf_t *prev,
    ngx_http_rowan_loc_conf_t *conf)
{
    if (conf->keys == NULL) {
        conf->keys = prev->keys;
    }

    ngx_conf_merge_value(conf->keys_required, prev->keys_required, 0);
}


void
ngx_http_rowan_keys_watch(ngx_cycle_t *cycle, ngx_http_rowan_main_conf_t *rmcf)
{
    if (rmcf->keys.nelts == 0) {
        return;
    }

    rmcf->keys_timer.handler = ngx_http_rowan_keys_handler;
    rmcf->keys_timer.data = rmcf;
    rmcf->keys_timer.log = cycle->log;
    rmcf->keys_timer.cancelable = 1;

    ngx_add_timer(&rmcf->keys_timer, rmcf->check);
}


static void
ngx_http_rowan_keys_handler(ngx_event_t *ev)
{
    ngx_http_rowan_main_conf_t  *rmcf = ev->data;

    ngx_uint_t               i;
    ngx_http_rowan_keys_t  **files;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    files = rmcf->keys.elts;

    for (i = 0; i < rmcf->keys.nelts; i++) {
        ngx_http_rowan_keys_look(files[i], ev->log);
    }

    ngx_add_timer(ev, rmcf->check);
}


static void
ngx_http_rowan_keys_look(ngx_http_rowan_keys_t *file, ngx_log_t *log)
{
    u_char       reason[NGX_HTTP_ROWAN_REASON_MAX];
    struct stat  st;

    ngx_http_rowan_keys_stat(file, &st);

    if (ngx_http_rowan_keys_same(&st, &file->seen)) {
        return;
    }

    /* also of a file that is refused: it is said once */

    file->seen = st;

    if (ngx_http_rowan_keys_read(file, reason) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "API keys refused, the keys before go on: %s", reason);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0, "%uz API keys read from \"%V\"",
                  file->keys->n, &file->path);
}


/* all zeros: there is no file */

static void
ngx_http_rowan_keys_stat(ngx_http_rowan_keys_t *file, struct stat *st)
{
    if (stat((char *) file->path.data, st) == -1) {
        ngx_memzero(st, sizeof(struct stat));
    }
}


static ngx_int_t
ngx_http_rowan_keys_same(struct stat *a, struct stat *b)
{
    return a->st_dev == b->st_dev
           && a->st_ino == b->st_ino
           && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec
           && a->st_ctim.tv_sec == b->st_ctim.tv_sec
           && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

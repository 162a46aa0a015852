
/*
 * Watch: replaces a model while the server runs.
 *
 * Every worker looks at the model directories a few times a second.  When one
 * has changed, the worker that gets the lock loads it in a thread, so that the
 * event loop goes on, and publishes the image; every worker maps it at its
 * next look.  A directory that is refused changes nothing but a log line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"

#include <pthread.h>


struct ngx_http_rowan_loader_s {
    pthread_t                  thread;
    ngx_uint_t                 done;        /* atomic: set by the thread */

    uint64_t                   stamp;       /* of what it read */
    ngx_atomic_uint_t          generation;  /* that it makes */
    u_char                     file[NGX_HTTP_ROWAN_FILE_MAX];
    u_char                     path[NGX_MAX_PATH];
    u_char                    *dir;

    rowan_status               status;
    rowan_error                error;
    uint64_t                   took;        /* ns */
    size_t                     n_golden;
};


static void ngx_http_rowan_watch_handler(ngx_event_t *ev);
static void ngx_http_rowan_watch_model(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_log_t *log);
static void ngx_http_rowan_map(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_log_t *log);
static ngx_int_t ngx_http_rowan_changed(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, uint64_t stamp);
static void ngx_http_rowan_start(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, uint64_t stamp, ngx_log_t *log);
static ngx_int_t ngx_http_rowan_may_try(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, uint64_t stamp, ngx_log_t *log);
static ngx_int_t ngx_http_rowan_thread(ngx_http_rowan_loader_t *loader,
    ngx_log_t *log);
static void *ngx_http_rowan_load_thread(void *data);
static void ngx_http_rowan_finish(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_log_t *log);
static void ngx_http_rowan_commit(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_http_rowan_loader_t *loader,
    ngx_log_t *log);
static void ngx_http_rowan_abandon(ngx_http_rowan_model_t *model);


ngx_int_t
ngx_http_rowan_watch_init(ngx_cycle_t *cycle, ngx_http_rowan_main_conf_t *rmcf)
{
    ngx_uint_t                i;
    ngx_http_rowan_model_t  **models;

    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        ngx_http_rowan_map(rmcf, models[i], cycle->log);
    }

    rmcf->timer.handler = ngx_http_rowan_watch_handler;
    rmcf->timer.data = rmcf;
    rmcf->timer.log = cycle->log;
    rmcf->timer.cancelable = 1;

    ngx_add_timer(&rmcf->timer, rmcf->check);

    return NGX_OK;
}


static void
ngx_http_rowan_watch_handler(ngx_event_t *ev)
{
    ngx_http_rowan_main_conf_t  *rmcf = ev->data;

    ngx_uint_t                i;
    ngx_http_rowan_model_t  **models;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        ngx_http_rowan_watch_model(rmcf, models[i], ev->log);
    }

    ngx_add_timer(ev, rmcf->check);
}


static void
ngx_http_rowan_watch_model(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_log_t *log)
{
    uint64_t  stamp;

    if (model->loader
        && __atomic_load_n(&model->loader->done, __ATOMIC_ACQUIRE))
    {
        ngx_http_rowan_finish(rmcf, model, log);
    }

    if (model->slot->generation != model->generation) {
        ngx_http_rowan_map(rmcf, model, log);
    }

    /* the master has removed the images of a configuration that has ended */

    if (model->loader || ngx_http_rowan_reloaded()) {
        return;
    }

    stamp = rw_modeldir_stamp((char *) model->dir.data).digest;

    if (ngx_http_rowan_changed(rmcf, model, stamp)
        && ngx_http_rowan_images_lock(rmcf, model) == NGX_OK)
    {
        /* another worker may have loaded it since the look: no second load */

        stamp = rw_modeldir_stamp((char *) model->dir.data).digest;
        ngx_http_rowan_start(rmcf, model, stamp, log);
    }
}


/* the image of the current generation becomes what this worker serves */

static void
ngx_http_rowan_map(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_log_t *log)
{
    u_char              file[NGX_HTTP_ROWAN_FILE_MAX], path[NGX_MAX_PATH],
                        text[NGX_HTTP_ROWAN_REASON_MAX];
    time_t              loaded_at;
    rowan_error         error;
    struct rw_served   *served;
    ngx_atomic_uint_t   generation;

    ngx_http_rowan_slots_lock(rmcf);

    generation = model->slot->generation;
    loaded_at = model->slot->loaded_at;
    ngx_cpystrn(file, model->slot->file, NGX_HTTP_ROWAN_FILE_MAX);

    ngx_http_rowan_slots_unlock(rmcf);

    if (generation == 0
        || ngx_http_rowan_images_path(rmcf, file, path, sizeof(path))
           != NGX_OK)
    {
        return;
    }

    if (rw_served_map((char *) path, &served, &error) != ROWAN_OK) {

        /* tried again at the next look; said once */

        if (model->failed != generation) {
            model->failed = generation;
            ngx_http_rowan_metrics_error(NGX_HTTP_ROWAN_ERROR_MAP_FAILED);
            ngx_log_error(NGX_LOG_ERR, log, 0, "model \"%V\": %s",
                          &model->name,
                          rowan_error_text(&error, (char *) text,
                                           sizeof(text)));
        }

        return;
    }

    /* scoring does not wait for anything: no request uses the old one now */

    rw_served_free(model->served);

    model->served = served;
    model->generation = generation;

    ngx_http_rowan_metrics_served(rmcf, model, loaded_at);
}


static ngx_int_t
ngx_http_rowan_changed(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, uint64_t stamp)
{
    ngx_int_t               changed;
    ngx_http_rowan_slot_t  *slot;

    slot = model->slot;

    ngx_http_rowan_slots_lock(rmcf);

    changed = (slot->generation == 0 || stamp != slot->loaded)
              && (slot->reason[0] == '\0' || stamp != slot->refused);

    ngx_http_rowan_slots_unlock(rmcf);

    return changed;
}


/* with the lock; it is kept until the loader has finished */

static void
ngx_http_rowan_start(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, uint64_t stamp, ngx_log_t *log)
{
    ngx_http_rowan_loader_t  *loader;

    /* another worker may have been faster */

    if (!ngx_http_rowan_changed(rmcf, model, stamp)
        || ngx_http_rowan_may_try(rmcf, model, stamp, log) != NGX_OK)
    {
        ngx_http_rowan_images_unlock(rmcf, model);
        return;
    }

    loader = ngx_calloc(sizeof(ngx_http_rowan_loader_t), log);

    if (loader == NULL) {
        ngx_http_rowan_images_unlock(rmcf, model);
        return;
    }

    loader->dir = model->dir.data;
    loader->generation = model->slot->generation + 1;

    ngx_http_rowan_images_name(rmcf, model, loader->generation, loader->file);

    if (ngx_http_rowan_images_path(rmcf, loader->file, loader->path,
                                   sizeof(loader->path))
        != NGX_OK
        || ngx_http_rowan_thread(loader, log) != NGX_OK)
    {
        ngx_http_rowan_images_unlock(rmcf, model);
        ngx_free(loader);
        return;
    }

    model->loader = loader;
}


/* a directory that takes workers down with it is not tried for ever */

static ngx_int_t
ngx_http_rowan_may_try(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, uint64_t stamp, ngx_log_t *log)
{
    ngx_int_t               rc;
    ngx_http_rowan_slot_t  *slot;

    static u_char  reason[] = "loading the directory ended several workers";

    slot = model->slot;
    rc = NGX_OK;

    ngx_http_rowan_slots_lock(rmcf);

    slot->tries = (slot->tried == stamp) ? slot->tries + 1 : 1;
    slot->tried = stamp;

    if (slot->tries > NGX_HTTP_ROWAN_TRIES_MAX) {
        ngx_http_rowan_slot_refuse(slot, stamp, reason);
        rc = NGX_DECLINED;
    }

    ngx_http_rowan_slots_unlock(rmcf);

    if (rc != NGX_OK) {
        ngx_http_rowan_metrics_load(NGX_DECLINED, 0);
        ngx_log_error(NGX_LOG_ERR, log, 0, "model \"%V\" refused: %s",
                      &model->name, reason);
    }

    return rc;
}


/* signals are for the event loop: the thread blocks them all */

static ngx_int_t
ngx_http_rowan_thread(ngx_http_rowan_loader_t *loader, ngx_log_t *log)
{
    int       err;
    sigset_t  all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);

    err = pthread_create(&loader->thread, NULL, ngx_http_rowan_load_thread,
                         loader);

    pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (err) {
        ngx_log_error(NGX_LOG_ALERT, log, err, "pthread_create() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* no function of nginx may be called here */

static void *
ngx_http_rowan_load_thread(void *data)
{
    ngx_http_rowan_loader_t  *loader = data;

    struct rw_modeldir_image  image;

    loader->took = ngx_http_rowan_monotonic();

    loader->status = rw_modeldir_load((char *) loader->dir, &image,
                                      &loader->error);

    /* the link may have been swapped since this worker looked */

    loader->stamp = image.stamp.digest;

    if (loader->status == ROWAN_OK) {
        loader->n_golden = image.n_golden;
        loader->status = rw_served_publish(&image, (char *) loader->path,
                                           &loader->error);
        rw_modeldir_image_free(&image);
    }

    loader->took = ngx_http_rowan_monotonic() - loader->took;

    __atomic_store_n(&loader->done, 1, __ATOMIC_RELEASE);

    return NULL;
}


static void
ngx_http_rowan_finish(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_log_t *log)
{
    u_char                    text[NGX_HTTP_ROWAN_REASON_MAX];
    ngx_http_rowan_loader_t  *loader;

    loader = model->loader;
    model->loader = NULL;

    (void) pthread_join(loader->thread, NULL);

    if (loader->status == ROWAN_OK && ngx_http_rowan_images_ended(rmcf)) {
        (void) ngx_delete_file(loader->path);

        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "model \"%V\" not replaced: the lock file of this "
                      "configuration is gone, as after a reload",
                      &model->name);

    } else if (loader->status == ROWAN_OK) {
        ngx_http_rowan_metrics_load(NGX_OK, loader->took);
        ngx_http_rowan_commit(rmcf, model, loader, log);

    } else {

        /* an optional directory may go away */

        if (loader->stamp || !model->optional) {
            ngx_http_rowan_metrics_load(NGX_DECLINED, loader->took);
        }

        rowan_error_text(&loader->error, (char *) text, sizeof(text));

        ngx_http_rowan_slots_lock(rmcf);
        ngx_http_rowan_slot_refuse(model->slot, loader->stamp, text);
        model->slot->tries = 0;
        ngx_http_rowan_slots_unlock(rmcf);

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "model \"%V\" refused, %s: %s", &model->name,
                      model->served ? "the version before goes on serving"
                                    : "there is none to serve",
                      text);
    }

    ngx_http_rowan_images_unlock(rmcf, model);
    ngx_free(loader);
}


static void
ngx_http_rowan_commit(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_http_rowan_loader_t *loader,
    ngx_log_t *log)
{
    u_char                  old[NGX_HTTP_ROWAN_FILE_MAX], path[NGX_MAX_PATH];
    ngx_http_rowan_slot_t  *slot;

    slot = model->slot;

    ngx_http_rowan_slots_lock(rmcf);

    ngx_cpystrn(old, slot->file, NGX_HTTP_ROWAN_FILE_MAX);
    ngx_cpystrn(slot->file, loader->file, NGX_HTTP_ROWAN_FILE_MAX);

    slot->loaded = loader->stamp;
    slot->loaded_at = ngx_time();
    slot->generation = loader->generation;
    slot->reason[0] = '\0';
    slot->tries = 0;

    ngx_http_rowan_slots_unlock(rmcf);

    /* a worker that has not mapped the old one yet maps the new one instead */

    if (old[0] && ngx_http_rowan_images_path(rmcf, old, path, sizeof(path))
                  == NGX_OK)
    {
        (void) ngx_delete_file(path);
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "model \"%V\" replaced from \"%V\", %uz golden rows agree",
                  &model->name, &model->dir, loader->n_golden);
}


/* the images of this configuration may be removed already: none may follow */

static void
ngx_http_rowan_abandon(ngx_http_rowan_model_t *model)
{
    (void) pthread_join(model->loader->thread, NULL);

    if (model->loader->status == ROWAN_OK) {
        (void) ngx_delete_file(model->loader->path);
    }

    ngx_free(model->loader);
    model->loader = NULL;
}


void
ngx_http_rowan_watch_exit(ngx_http_rowan_main_conf_t *rmcf)
{
    ngx_uint_t                i;
    ngx_http_rowan_model_t  **models;

    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {

        if (models[i]->loader) {
            ngx_http_rowan_abandon(models[i]);
        }

        rw_served_free(models[i]->served);
        models[i]->served = NULL;
    }
}


/*
 * Slots: what the workers of one configuration tell each other about the
 * models, in shared memory.  Here the master also publishes the images that
 * it made while it read the configuration.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static ngx_int_t ngx_http_rowan_slots_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_http_rowan_publish(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_log_t *log);


char *
ngx_http_rowan_slots_add(ngx_conf_t *cf, ngx_http_rowan_main_conf_t *rmcf)
{
    size_t     size;
    u_char    *p;
    ngx_str_t  name;

    /* a name of its own: slots are never shared with another configuration */

    name.data = ngx_pnalloc(cf->pool, sizeof("rowan_slots_") + NGX_INT_T_LEN);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_sprintf(name.data, "rowan_slots_%ui", rmcf->cycle);
    name.len = p - name.data;

    size = rmcf->models.nelts * sizeof(ngx_http_rowan_slot_t);
    size = ngx_align(size, ngx_pagesize) + 8 * ngx_pagesize;

    rmcf->slots = ngx_shared_memory_add(cf, &name, size,
                                        &ngx_http_rowan_module);
    if (rmcf->slots == NULL) {
        return NGX_CONF_ERROR;
    }

    rmcf->slots->init = ngx_http_rowan_slots_init;
    rmcf->slots->data = rmcf;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_rowan_slots_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_http_rowan_main_conf_t  *rmcf = zone->data;

    ngx_uint_t                i;
    ngx_slab_pool_t          *shpool;
    ngx_http_rowan_slot_t    *slots;
    ngx_http_rowan_model_t  **models;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    slots = ngx_slab_calloc(shpool, rmcf->models.nelts
                                    * sizeof(ngx_http_rowan_slot_t));
    if (slots == NULL) {
        return NGX_ERROR;
    }

    if (!ngx_test_config) {
        ngx_http_rowan_images_init(rmcf, zone->shm.log);

        if (ngx_http_rowan_images_lock_open(rmcf, zone->shm.log) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        models[i]->slot = &slots[i];

        if (ngx_http_rowan_publish(rmcf, models[i], zone->shm.log) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* generation 1 of a model, or the reason why there is none */

static ngx_int_t
ngx_http_rowan_publish(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_log_t *log)
{
    u_char                  path[NGX_MAX_PATH], text[NGX_HTTP_ROWAN_REASON_MAX];
    rowan_error             error;
    ngx_http_rowan_slot_t  *slot;

    slot = model->slot;

    if (ngx_test_config || model->reason == NULL) {
        return NGX_OK;
    }

    if (model->image.bytes == NULL) {
        ngx_http_rowan_slot_refuse(slot, model->stamp, model->reason);
        return NGX_OK;
    }

    ngx_http_rowan_images_name(rmcf, model, 1, slot->file);

    if (ngx_http_rowan_images_path(rmcf, slot->file, path, sizeof(path))
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "\"rowan_image_dir\" is too long");
        return NGX_ERROR;
    }

    if (rw_served_publish(&model->image, (char *) path, &error) != ROWAN_OK) {
        slot->file[0] = '\0';
        ngx_log_error(NGX_LOG_EMERG, log, 0, "model \"%V\": %s", &model->name,
                      rowan_error_text(&error, (char *) text, sizeof(text)));
        return NGX_ERROR;
    }

    slot->loaded = model->stamp;
    slot->loaded_at = ngx_time();
    slot->generation = 1;

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "model \"%V\" loaded from \"%V\", %uz golden rows agree",
                  &model->name, &model->dir, model->image.n_golden);

    rw_modeldir_image_free(&model->image);

    return NGX_OK;
}


void
ngx_http_rowan_slots_lock(ngx_http_rowan_main_conf_t *rmcf)
{
    ngx_shmtx_lock(&((ngx_slab_pool_t *) rmcf->slots->shm.addr)->mutex);
}


void
ngx_http_rowan_slots_unlock(ngx_http_rowan_main_conf_t *rmcf)
{
    ngx_shmtx_unlock(&((ngx_slab_pool_t *) rmcf->slots->shm.addr)->mutex);
}


void
ngx_http_rowan_slot_refuse(ngx_http_rowan_slot_t *slot, uint64_t stamp,
    u_char *reason)
{
    slot->refused = stamp;
    slot->refused_at = ngx_time();
    ngx_cpystrn(slot->reason, reason, NGX_HTTP_ROWAN_REASON_MAX);
}

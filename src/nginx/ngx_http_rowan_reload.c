
/*
 * Reload: nginx closes the idle keepalive connections of old workers, and a
 * request that is on its way then gets lost.  A counter in shared memory moves
 * when a new configuration starts; from then on old workers answer with
 * "Connection: close", so that their clients leave between two requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


static ngx_int_t ngx_http_rowan_reload_init(ngx_shm_zone_t *zone, void *data);


static ngx_atomic_t      *ngx_http_rowan_reloads;
static ngx_atomic_uint_t  ngx_http_rowan_reloads_seen;


char *
ngx_http_rowan_reload_add(ngx_conf_t *cf)
{
    ngx_shm_zone_t  *zone;

    static ngx_str_t  name = ngx_string("rowan_reloads");

    zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize,
                                 &ngx_http_rowan_module);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->init = ngx_http_rowan_reload_init;

    return NGX_CONF_OK;
}


/* one counter for all configurations of this master */

static ngx_int_t
ngx_http_rowan_reload_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *shpool;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    zone->data = ngx_slab_calloc(shpool, sizeof(ngx_atomic_t));
    if (zone->data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_rowan_reloads = zone->data;

    return NGX_OK;
}


void
ngx_http_rowan_reload_commit(void)
{
    if (ngx_http_rowan_reloads) {
        (void) ngx_atomic_fetch_add(ngx_http_rowan_reloads, 1);
    }
}


ngx_int_t
ngx_http_rowan_reload_init_worker(ngx_cycle_t *cycle)
{
    if (ngx_http_rowan_reloads) {
        ngx_http_rowan_reloads_seen = *ngx_http_rowan_reloads;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_rowan_reload_handler(ngx_http_request_t *r)
{
    if (ngx_http_rowan_reloads
        && *ngx_http_rowan_reloads != ngx_http_rowan_reloads_seen)
    {
        r->keepalive = 0;
    }

    return NGX_DECLINED;
}


/*
 * Reload: nginx closes the idle keepalive connections of old workers, and a
 * request that is on its way then gets lost.  A counter in shared memory moves
 * when a new configuration starts; from then on old workers spare their idle
 * connections, and answer the next request of each with "Connection: close",
 * so that clients leave between two requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


/* nginx lets old workers run on for 100 ms before it ends them */
#define NGX_HTTP_ROWAN_RELOAD_LOOK  40


static ngx_int_t ngx_http_rowan_reload_init(ngx_shm_zone_t *zone, void *data);
static void ngx_http_rowan_reload_timer(ngx_event_t *ev);
static void ngx_http_rowan_reload_spare(ngx_cycle_t *cycle);


static ngx_atomic_t      *ngx_http_rowan_reloads;
static ngx_atomic_uint_t  ngx_http_rowan_reloads_seen;
static ngx_event_t        ngx_http_rowan_reload_event;


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

        ngx_memzero(&ngx_http_rowan_reload_event, sizeof(ngx_event_t));

        ngx_http_rowan_reload_event.handler = ngx_http_rowan_reload_timer;
        ngx_http_rowan_reload_event.data = cycle;
        ngx_http_rowan_reload_event.log = cycle->log;
        ngx_http_rowan_reload_event.cancelable = 1;

        ngx_add_timer(&ngx_http_rowan_reload_event,
                      NGX_HTTP_ROWAN_RELOAD_LOOK);
    }

    return NGX_OK;
}


/* is this worker one of the configuration before? */

ngx_uint_t
ngx_http_rowan_reloaded(void)
{
    return ngx_http_rowan_reloads
           && *ngx_http_rowan_reloads != ngx_http_rowan_reloads_seen;
}


ngx_int_t
ngx_http_rowan_reload_handler(ngx_http_request_t *r)
{
    ngx_http_rowan_reload_leave(r);

    return NGX_DECLINED;
}


/*
 * Call it again when a request goes on that has waited: had the reload come
 * meanwhile, its connection would be idle when this worker ends.
 */

void
ngx_http_rowan_reload_leave(ngx_http_request_t *r)
{
    if (ngx_http_rowan_reloaded()) {
        r->keepalive = 0;
    }
}


static void
ngx_http_rowan_reload_timer(ngx_event_t *ev)
{
    if (ngx_exiting || ngx_terminate) {
        return;
    }

    if (ngx_http_rowan_reloaded()) {
        ngx_http_rowan_reload_spare(ev->data);
    }

    ngx_add_timer(ev, NGX_HTTP_ROWAN_RELOAD_LOOK);
}


/*
 * A worker that ends closes the connections that are marked idle.  Without
 * the mark, an HTTP/1 keepalive connection stays for one more request, which
 * gets "Connection: close", or until its keepalive_timeout; the worker waits
 * for it, but not beyond worker_shutdown_timeout.  HTTP/2 needs no cure: its
 * GOAWAY says which requests were taken.
 */

static void
ngx_http_rowan_reload_spare(ngx_cycle_t *cycle)
{
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = cycle->connections;

    for (i = 0; i < cycle->connection_n; i++) {

        if (c[i].fd != (ngx_socket_t) -1
            && c[i].idle
            && c[i].log->action
            && ngx_strcmp(c[i].log->action, "keepalive") == 0)
        {
            c[i].idle = 0;
        }
    }
}


/*
 * What the files of ngx_http_rowan_module share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#ifndef _NGX_HTTP_ROWAN_H_INCLUDED_
#define _NGX_HTTP_ROWAN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "keys/keys.h"
#include "metrics/metrics.h"
#include "modeldir/modeldir.h"
#include "shed/shed.h"


#define NGX_HTTP_ROWAN_NAME_MAX     64    /* of a model's name */
#define NGX_HTTP_ROWAN_ID_LEN       16    /* of a configuration, hexadecimal */
#define NGX_HTTP_ROWAN_FILE_MAX     160   /* of an image's file name */
#define NGX_HTTP_ROWAN_REASON_MAX   1024  /* of why a directory was refused */
#define NGX_HTTP_ROWAN_MODELS_MAX   256
#define NGX_HTTP_ROWAN_BATCH_LIMIT  1000000
#define NGX_HTTP_ROWAN_ID_MAX       256   /* of a transaction's id, in logs */
#define NGX_HTTP_ROWAN_REPLICA_MAX  253   /* of its name, as a host's */

/* a directory whose loading killed so many workers is refused */
#define NGX_HTTP_ROWAN_TRIES_MAX    3

#define NGX_HTTP_ROWAN_TIME_LEN     (sizeof("1970-09-28T12:00:00.000Z") - 1)


/*
 * One a model, in shared memory; read and written under the zone's mutex,
 * which the master unlocks if a worker dies with it.  Only "generation" is
 * also read without it.
 */

typedef struct {
    ngx_atomic_t               generation;  /* 0: there never was an image */
    uint64_t                   loaded;      /* stamp the image was made from */
    time_t                     loaded_at;
    u_char                     file[NGX_HTTP_ROWAN_FILE_MAX];

    uint64_t                   refused;     /* stamp, if "reason" is set */
    time_t                     refused_at;
    u_char                     reason[NGX_HTTP_ROWAN_REASON_MAX];

    uint64_t                   tried;       /* stamp being loaded */
    ngx_uint_t                 tries;

    ngx_uint_t                 counted;     /* the master's load, in metrics */
} ngx_http_rowan_slot_t;


typedef struct ngx_http_rowan_loader_s  ngx_http_rowan_loader_t;
typedef struct ngx_http_rowan_deadline_s  ngx_http_rowan_deadline_t;


/* of a served model, in the page; copies: fewer cache lines */

typedef struct {
    struct rw_series           fraud;
    struct rw_series           legitimate;
    struct rw_series           duration;
    struct rw_series           probability;
    struct rw_series           confidence;
    struct rw_series          *info;
    struct rw_series          *served_as;
} ngx_http_rowan_series_t;


typedef struct {
    ngx_str_t                  name;
    ngx_str_t                  dir;         /* both end with a zero */
    ngx_uint_t                 index;
    unsigned                   optional:1;  /* none needs to be there */

    /* of the configuration: loaded by the master, until published */
    struct rw_modeldir_image   image;
    uint64_t                   stamp;
    u_char                    *reason;      /* why there is no image */
    uint64_t                   took;        /* ns, to load it */

    ngx_http_rowan_slot_t     *slot;

    /* of this worker */
    struct rw_served          *served;      /* NULL: cannot answer */
    ngx_atomic_uint_t          generation;  /* of "served" */
    ngx_atomic_uint_t          failed;      /* that could not be mapped */
    ngx_http_rowan_loader_t   *loader;      /* of an update under way */
    ngx_http_rowan_series_t    series;      /* of "served" */
} ngx_http_rowan_model_t;


/* a file of API keys, as this process last read it */

typedef struct {
    ngx_str_t                  path;        /* ends with a zero */
    struct rw_keys            *keys;
    struct stat                seen;        /* of the file, at the last look */
} ngx_http_rowan_keys_t;


typedef struct {
    ngx_str_t                  kind;        /* "predict", "health" ... */
    ngx_str_t                  path;        /* also its label in metrics */
    ngx_http_handler_pt        handler;
    ngx_uint_t                 index;
    unsigned                   internal:1;  /* no client may ask for it */
} ngx_http_rowan_endpoint_t;


typedef struct {
    ngx_array_t                models;      /* ngx_http_rowan_model_t * */
    ngx_array_t                endpoints;   /* ngx_http_rowan_endpoint_t * */
    ngx_array_t                keys;        /* ngx_http_rowan_keys_t * */
    ngx_path_t                *image_dir;
    ngx_msec_t                 check;
    ngx_uint_t                 cycle;       /* number of this configuration */
    u_char                     id[NGX_HTTP_ROWAN_ID_LEN + 1];
    ngx_uid_t                  user;        /* of the workers */
    ngx_shm_zone_t            *slots;
    ngx_event_t                timer;
    ngx_event_t                keys_timer;
    ngx_fd_t                   lock_fd;     /* inherited by the workers */
    ngx_path_t                *metrics_dir; /* NULL: nothing is counted */
    ngx_flag_t                 metrics;     /* there is a "rowan_metrics" */
    unsigned                   open:1;      /* predicts for everybody */
    ngx_msec_t                 shed_target; /* 0: nothing is shed */
    ngx_msec_t                 shed_interval;
    size_t                     pending_max; /* bytes, of a worker at once */
    ngx_msec_t                 shadow_wait; /* then a shadow is dropped */
} ngx_http_rowan_main_conf_t;


typedef struct {
    ngx_http_complex_value_t  *name;        /* NULL: all models */
    ngx_http_rowan_model_t    *model;       /* if the name is constant */
    ngx_http_complex_value_t  *fallback;    /* where that one cannot answer */
    ngx_http_rowan_model_t    *fallback_model;
    ngx_http_rowan_endpoint_t *endpoint;    /* of this location, or NULL */
    ngx_uint_t                 batch_max;
    ngx_http_rowan_keys_t     *keys;        /* NULL: nobody needs a key */
    ngx_flag_t                 keys_required;
    ngx_http_complex_value_t  *shed;        /* priority; NULL: never shed */
    ngx_msec_t                 refuse_delay;
    ngx_msec_t                 request_timeout;
    ngx_str_t                  page;        /* for browsers */
    ngx_str_t                  environment;
    ngx_str_t                  replica;     /* empty: it has no name */
    u_char                    *file;        /* of the directive */
    ngx_uint_t                 line;
} ngx_http_rowan_loc_conf_t;


/* a guard of this module that refused a request */

typedef enum {
    NGX_HTTP_ROWAN_NOT_REFUSED = 0,
    NGX_HTTP_ROWAN_REFUSED_SHED,            /* the replica is overloaded */
    NGX_HTTP_ROWAN_REFUSED_SLOW,            /* the client is too slow */
    NGX_HTTP_ROWAN_REFUSED_KEY              /* no API key, or a wrong one */
} ngx_http_rowan_refusal_e;


/* why a request for a prediction got none, where its status does not say it */

typedef enum {
    NGX_HTTP_ROWAN_NOT_FAILED = 0,
    NGX_HTTP_ROWAN_FAILED_JSON,             /* the body is not JSON */
    NGX_HTTP_ROWAN_FAILED_NAME,             /* no such model */
    NGX_HTTP_ROWAN_FAILED_MODEL             /* it is not loaded */
} ngx_http_rowan_failure_e;


/* faults of the service itself, in metrics */

typedef enum {
    NGX_HTTP_ROWAN_ERROR_NO_MEMORY = 0,
    NGX_HTTP_ROWAN_ERROR_MODEL_MISSING,     /* a request found no model */
    NGX_HTTP_ROWAN_ERROR_LOAD_REFUSED,
    NGX_HTTP_ROWAN_ERROR_MAP_FAILED
} ngx_http_rowan_error_e;


/* what a client showed of itself */

typedef enum {
    NGX_HTTP_ROWAN_NOT_ASKED = 0,
    NGX_HTTP_ROWAN_ANONYMOUS,
    NGX_HTTP_ROWAN_CERTIFICATE,
    NGX_HTTP_ROWAN_KEY,
    NGX_HTTP_ROWAN_WRONG_KEY
} ngx_http_rowan_credential_e;


typedef struct {
    ngx_http_rowan_credential_e  credential;
    enum rw_key_class          priority;
    ngx_str_t                  name;        /* whose limits count */
    ngx_str_t                  key;         /* name of the key */
} ngx_http_rowan_client_t;


/* of a request, from its header to its log line; survives redirects */

typedef struct {
    uint64_t                   start;       /* rw_clock_ns(); 0: unknown */
    uint64_t                   answered;    /* its reply left; 0: unknown */
    ngx_str_t                  uri;         /* as it came, normalized */
    ngx_uint_t                 method;      /* NGX_HTTP_GET ... as it came */
    ngx_http_rowan_endpoint_t *endpoint;    /* NULL: unknown */
    ngx_http_rowan_refusal_e   refused;
    ngx_http_rowan_failure_e   failed;
    unsigned                   active:1;    /* in ml_model_active_requests */
    ngx_http_rowan_client_t    client;      /* filled when asked for */
    ngx_http_rowan_deadline_t *deadline;    /* of its body or reply, or NULL */
    unsigned                   held:1;      /* its refusal was held back */
    unsigned                   promised:1;  /* its connection stays */
    struct rw_shed_request     shed;        /* cost 0: never to be shed */
    uint64_t                   shed_start;  /* of its work, ns */
    size_t                     pending;     /* bytes of its body and reply */

    /* of a long request while it waits for its turn */
    ngx_queue_t                queue;
    ngx_http_request_t        *request;
    uint64_t                   queued_at;   /* ngx_http_rowan_shed_clock() */
    unsigned                   queued:1;

    /* what a prediction leaves for variables */
    ngx_str_t                  model;
    ngx_str_t                  version;
    ngx_str_t                  transaction; /* id of the first row */
    ngx_uint_t                 rows;
    uint64_t                   duration;    /* of the prediction, ns */
    double                     score;       /* of the last row */
    unsigned                   scored:1;
    unsigned                   fraud:1;
} ngx_http_rowan_ctx_t;


/* models, endpoints: directives */

char *ngx_http_rowan_model_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_rowan_endpoint_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_rowan_endpoint_resolve(ngx_conf_t *cf,
    ngx_http_rowan_loc_conf_t *rlcf);

/* failure: who refused a request, and why there was no prediction */

void ngx_http_rowan_failure_init_worker(struct rw_page *page);
void ngx_http_rowan_failure_count(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx, ngx_uint_t status, ngx_uint_t predict);
ngx_str_t *ngx_http_rowan_failure_guard_name(ngx_http_request_t *r,
    ngx_http_rowan_ctx_t *ctx);

/* images: files that workers map */

void ngx_http_rowan_images_init(ngx_http_rowan_main_conf_t *rmcf,
    ngx_log_t *log);
ngx_int_t ngx_http_rowan_images_path(ngx_http_rowan_main_conf_t *rmcf,
    u_char *file, u_char *path, size_t size);
void ngx_http_rowan_images_name(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, ngx_uint_t generation, u_char *file);
void ngx_http_rowan_images_cleanup(void *data);
ngx_int_t ngx_http_rowan_images_ended(ngx_http_rowan_main_conf_t *rmcf);
ngx_int_t ngx_http_rowan_images_lock_open(ngx_http_rowan_main_conf_t *rmcf,
    ngx_log_t *log);
ngx_int_t ngx_http_rowan_images_lock(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model);
void ngx_http_rowan_images_unlock(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model);

/* slots: what workers tell each other */

char *ngx_http_rowan_slots_add(ngx_conf_t *cf,
    ngx_http_rowan_main_conf_t *rmcf);
void ngx_http_rowan_slots_lock(ngx_http_rowan_main_conf_t *rmcf);
void ngx_http_rowan_slots_unlock(ngx_http_rowan_main_conf_t *rmcf);
void ngx_http_rowan_slot_refuse(ngx_http_rowan_slot_t *slot, uint64_t stamp,
    u_char *reason);

/* watch: replaces a model while the server runs */

ngx_int_t ngx_http_rowan_watch_init(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf);
void ngx_http_rowan_watch_exit(ngx_http_rowan_main_conf_t *rmcf);

/* reload: no lost requests on keepalive connections of old workers */

char *ngx_http_rowan_reload_add(ngx_conf_t *cf);
void ngx_http_rowan_reload_commit(void);
void ngx_http_rowan_reload_init_worker(ngx_cycle_t *cycle);
ngx_uint_t ngx_http_rowan_reloaded(void);
void ngx_http_rowan_reload_end(ngx_http_rowan_ctx_t *ctx);

/* request: what is known of a request, for metrics, limits, variables */

ngx_int_t ngx_http_rowan_request_init(ngx_conf_t *cf);
ngx_http_rowan_ctx_t *ngx_http_rowan_find_ctx(ngx_http_request_t *r);
ngx_http_rowan_ctx_t *ngx_http_rowan_get_ctx(ngx_http_request_t *r);

/* metrics: what this worker tells in its page; all do nothing without one */

extern struct rw_page  *ngx_http_rowan_page;

char *ngx_http_rowan_metrics_add(ngx_conf_t *cf,
    ngx_http_rowan_main_conf_t *rmcf);
ngx_int_t ngx_http_rowan_metrics_init_worker(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf);
void ngx_http_rowan_metrics_exit(void);
void ngx_http_rowan_metrics_queued(uint64_t ns);
void ngx_http_rowan_metrics_refresh(void);
void ngx_http_rowan_metrics_served(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, time_t loaded_at);
void ngx_http_rowan_metrics_load(ngx_int_t rc, uint64_t took);
void ngx_http_rowan_metrics_error(ngx_http_rowan_error_e error);
void ngx_http_rowan_metrics_rows(ngx_http_rowan_model_t *model,
    const struct rw_scored *scored);
uint64_t ngx_http_rowan_monotonic(void);

/* count: each HTTP request once, with its true status */

ngx_int_t ngx_http_rowan_count_init(ngx_conf_t *cf);
ngx_int_t ngx_http_rowan_count_init_worker(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf);
void ngx_http_rowan_count_start(ngx_http_rowan_ctx_t *ctx);
void ngx_http_rowan_count_active(ngx_http_rowan_ctx_t *ctx);
void ngx_http_rowan_count_end(ngx_http_rowan_ctx_t *ctx);

/* keys: files of API keys, read again when they change */

char *ngx_http_rowan_keys_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_rowan_keys_merge(ngx_http_rowan_loc_conf_t *prev,
    ngx_http_rowan_loc_conf_t *conf);
void ngx_http_rowan_keys_watch(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf);

/* client: who sends a request, and whether it may */

ngx_int_t ngx_http_rowan_client_init(ngx_conf_t *cf);
void ngx_http_rowan_client_merge(ngx_conf_t *cf,
    ngx_http_rowan_loc_conf_t *conf);
void ngx_http_rowan_client_warn(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf);
ngx_int_t ngx_http_rowan_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_rowan_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_rowan_priority_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* shed: an overloaded worker refuses requests */

ngx_int_t ngx_http_rowan_shed_init(ngx_conf_t *cf);
ngx_int_t ngx_http_rowan_shed_init_worker(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf);
char *ngx_http_rowan_shed_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_rowan_shed_work(void);
ngx_int_t ngx_http_rowan_shed_confirm(ngx_http_request_t *r);
void ngx_http_rowan_shed_charge(ngx_http_request_t *r);
void ngx_http_rowan_shed_waited(uint64_t wait);
void ngx_http_rowan_shed_forget(void);
void ngx_http_rowan_shed_look(void);
uint32_t ngx_http_rowan_shed_cost(ngx_http_request_t *r);
uint64_t ngx_http_rowan_shed_clock(void);
ngx_uint_t ngx_http_rowan_shedding(void);


/* shadow: background subrequests, such as those of "mirror" */

void ngx_http_rowan_shadow_init_worker(struct rw_page *page);
ngx_uint_t ngx_http_rowan_is_shadow(ngx_http_request_t *r);
void ngx_http_rowan_shadow_now(ngx_http_request_t *r, uint64_t waited);


/* queue: long requests take turns with all the others, shadows come last */

void ngx_http_rowan_queue_init_worker(ngx_cycle_t *cycle);
ngx_int_t ngx_http_rowan_queue_add(ngx_http_request_t *r);
void ngx_http_rowan_queue_remove(ngx_http_rowan_ctx_t *ctx);
void ngx_http_rowan_predict_now(ngx_http_request_t *r);


/* refuse: their answers, held back for a moment */

ngx_int_t ngx_http_rowan_refuse_init(ngx_conf_t *cf);
ngx_int_t ngx_http_rowan_refuse(ngx_http_request_t *r);
ngx_int_t ngx_http_rowan_refuse_body(ngx_http_request_t *r);
void ngx_http_rowan_refuse_reply(ngx_http_request_t *r);

/* slow: deadlines of bodies, replies and headers */

ngx_int_t ngx_http_rowan_slow_init(ngx_conf_t *cf);
void ngx_http_rowan_slow_init_worker(ngx_cycle_t *cycle);
void ngx_http_rowan_slow_body(ngx_http_request_t *r);
void ngx_http_rowan_slow_body_end(ngx_http_request_t *r);
void ngx_http_rowan_slow_reply(ngx_http_request_t *r);

/* replies */

ngx_int_t ngx_http_rowan_accept(ngx_http_request_t *r, ngx_str_t *accept);
ngx_int_t ngx_http_rowan_model(ngx_http_request_t *r,
    ngx_http_rowan_model_t **model);
ngx_int_t ngx_http_rowan_models_of(ngx_http_request_t *r,
    ngx_http_rowan_model_t **model, ngx_http_rowan_model_t **fallback);
ngx_int_t ngx_http_rowan_get_only(ngx_http_request_t *r);
ngx_int_t ngx_http_rowan_send(ngx_http_request_t *r, ngx_uint_t status,
    u_char *data, size_t len);
ngx_int_t ngx_http_rowan_send_buffer(ngx_http_request_t *r, ngx_uint_t status,
    struct rw_buffer *buffer);
ngx_int_t ngx_http_rowan_send_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail);
ngx_int_t ngx_http_rowan_send_no_model(ngx_http_request_t *r, ngx_int_t rc);
ngx_int_t ngx_http_rowan_send_unavailable(ngx_http_request_t *r,
    ngx_http_rowan_model_t *model);
ngx_int_t ngx_http_rowan_add_header(ngx_http_request_t *r, const char *name,
    const char *value);
char *ngx_http_rowan_replica_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_rowan_add_replica(ngx_http_request_t *r);
void ngx_http_rowan_memory(ngx_pool_t *pool, struct rw_memory *memory);
void ngx_http_rowan_buffer(struct rw_memory *memory, size_t size,
    struct rw_buffer *buffer);
void ngx_http_rowan_reason(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, u_char *reason, time_t *when);
u_char *ngx_http_rowan_time(u_char *p, time_t sec, ngx_uint_t msec);
const char *ngx_http_rowan_now(void);

/* content handlers */

ngx_int_t ngx_http_rowan_predict_handler(ngx_http_request_t *r);
ngx_uint_t ngx_http_rowan_is_json(ngx_http_request_t *r);
ngx_int_t ngx_http_rowan_body(ngx_http_request_t *r, ngx_pool_t *pool,
    ngx_str_t *body);
ngx_int_t ngx_http_rowan_health_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_rowan_ready_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_rowan_live_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_rowan_openapi_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_rowan_index_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_rowan_scrape_handler(ngx_http_request_t *r);

/* variables */

ngx_int_t ngx_http_rowan_add_variables(ngx_conf_t *cf);
void ngx_http_rowan_set(ngx_http_variable_value_t *v, u_char *data,
    size_t len);

/* json: variables of nginx as values of JSON */

ngx_int_t ngx_http_rowan_json_check(ngx_conf_t *cf);
ngx_int_t ngx_http_rowan_string_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_rowan_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


extern ngx_module_t  ngx_http_rowan_module;


#endif /* _NGX_HTTP_ROWAN_H_INCLUDED_ */

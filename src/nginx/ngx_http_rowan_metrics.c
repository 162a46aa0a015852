
/*
 * Metrics: this worker's page of counters, and what is counted there of the
 * models and of the process; requests are counted in count.c.  Only the event
 * loop's thread writes: plain stores, no locks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */


#include "ngx_http_rowan.h"


/* how often figures of the process are brought up to date */
#define NGX_HTTP_ROWAN_METRICS_LOOK  1000


static void ngx_http_rowan_metrics_open(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf);
static void ngx_http_rowan_metrics_resolve(void);
static struct rw_series *ngx_http_rowan_metrics_series(enum rw_metric metric,
    const char *value);
static void ngx_http_rowan_metrics_loads(ngx_http_rowan_main_conf_t *rmcf);
static void ngx_http_rowan_metrics_timer(ngx_event_t *ev);
static void ngx_http_rowan_metrics_info(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model);
static ngx_uint_t ngx_http_rowan_metrics_is_first(
    ngx_http_rowan_main_conf_t *rmcf, ngx_http_rowan_model_t *model);
static void ngx_http_rowan_metrics_served_as(ngx_http_rowan_model_t *model);
static void ngx_http_rowan_metrics_memory(ngx_http_rowan_main_conf_t *rmcf);


/* in the order of ngx_http_rowan_error_e */

static const char *const  ngx_http_rowan_error_types[] = {
    "no_memory", "model_missing", "load_refused", "map_failed"
};

#define NGX_HTTP_ROWAN_ERRORS                                                 \
    (sizeof(ngx_http_rowan_error_types) / sizeof(char *))


struct rw_page  *ngx_http_rowan_page;   /* NULL: nothing is counted */


/* of the master's start, which a reload does not change; Unix time */
static double             ngx_http_rowan_started;

static ngx_event_t        ngx_http_rowan_metrics_event;

static struct rw_series  *ngx_http_rowan_errors[NGX_HTTP_ROWAN_ERRORS];
static struct rw_series  *ngx_http_rowan_loaded;
static struct rw_series  *ngx_http_rowan_refused;
static struct rw_series  *ngx_http_rowan_load_duration;
static struct rw_series  *ngx_http_rowan_connections;
static struct rw_series  *ngx_http_rowan_connections_max;
static struct rw_series  *ngx_http_rowan_sheds;
static struct rw_series  *ngx_http_rowan_queue_delay;


/* while the configuration is read: the directory, made for the workers */

char *
ngx_http_rowan_metrics_add(ngx_conf_t *cf, ngx_http_rowan_main_conf_t *rmcf)
{
    ngx_time_t  *tp;

    if (ngx_http_rowan_started == 0) {
        tp = ngx_timeofday();
        ngx_http_rowan_started = tp->sec + tp->msec / 1000.0;
    }

    if (rmcf->metrics_dir || !rmcf->metrics) {
        return NGX_CONF_OK;
    }

    rmcf->metrics_dir = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (rmcf->metrics_dir == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&rmcf->metrics_dir->name, "rowan-metrics");

    if (ngx_conf_full_name(cf->cycle, &rmcf->metrics_dir->name, 0) != NGX_OK
        || ngx_add_path(cf, &rmcf->metrics_dir) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the clock is for logs too, hence also where nothing is counted */

ngx_int_t
ngx_http_rowan_metrics_init_worker(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf)
{
    rw_clock_init();

    if (rmcf->metrics_dir) {
        ngx_http_rowan_metrics_open(cycle, rmcf);
    }

    if (ngx_http_rowan_page) {
        ngx_http_rowan_metrics_resolve();

        if (ngx_http_rowan_count_init_worker(cycle, rmcf) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_rowan_metrics_loads(rmcf);
        ngx_http_rowan_metrics_refresh();
    }

    ngx_memzero(&ngx_http_rowan_metrics_event, sizeof(ngx_event_t));

    ngx_http_rowan_metrics_event.handler = ngx_http_rowan_metrics_timer;
    ngx_http_rowan_metrics_event.data = cycle;
    ngx_http_rowan_metrics_event.log = cycle->log;
    ngx_http_rowan_metrics_event.cancelable = 1;

    ngx_add_timer(&ngx_http_rowan_metrics_event, NGX_HTTP_ROWAN_METRICS_LOOK);

    return NGX_OK;
}


/* a full disk must not keep a worker from answering */

static void
ngx_http_rowan_metrics_open(ngx_cycle_t *cycle,
    ngx_http_rowan_main_conf_t *rmcf)
{
    u_char       text[NGX_HTTP_ROWAN_REASON_MAX];
    rowan_error  error;

    ngx_memzero(&error, sizeof(rowan_error));

    if (rw_page_open((char *) rmcf->metrics_dir->name.data,
                     &ngx_http_rowan_page, &error)
        == ROWAN_OK)
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                  "this worker is missing in metrics: %s",
                  rowan_error_text(&error, (char *) text, sizeof(text)));

    ngx_http_rowan_page = rw_page_private();
}


/* what is known from the start is shown from the start, as zero */

static void
ngx_http_rowan_metrics_resolve(void)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ROWAN_ERRORS; i++) {
        ngx_http_rowan_errors[i] = ngx_http_rowan_metrics_series(
                                              RW_METRIC_MODEL_ERRORS,
                                              ngx_http_rowan_error_types[i]);
    }

    ngx_http_rowan_loaded = ngx_http_rowan_metrics_series(
                                         RW_METRIC_MODEL_LOADS, "loaded");
    ngx_http_rowan_refused = ngx_http_rowan_metrics_series(
                                         RW_METRIC_MODEL_LOADS, "refused");
    ngx_http_rowan_load_duration = ngx_http_rowan_metrics_series(
                                         RW_METRIC_MODEL_LOAD_DURATION, NULL);
    ngx_http_rowan_connections = ngx_http_rowan_metrics_series(
                                         RW_METRIC_HTTP_CONNECTIONS, NULL);
    ngx_http_rowan_connections_max = ngx_http_rowan_metrics_series(
                                         RW_METRIC_HTTP_CONNECTIONS_MAX, NULL);
    ngx_http_rowan_sheds = ngx_http_rowan_metrics_series(
                                         RW_METRIC_HTTP_SHEDDING, NULL);
    ngx_http_rowan_queue_delay = ngx_http_rowan_metrics_series(
                                         RW_METRIC_HTTP_QUEUE_DELAY, NULL);
}


static struct rw_series *
ngx_http_rowan_metrics_series(enum rw_metric metric, const char *value)
{
    return rw_page_series(ngx_http_rowan_page, metric, &value);
}


/*
 * What the master loaded while it read the configuration: counted by the
 * first worker, and not again by one that takes the place of another.
 */

static void
ngx_http_rowan_metrics_loads(ngx_http_rowan_main_conf_t *rmcf)
{
    ngx_int_t                 rc;
    ngx_uint_t                i, counted;
    ngx_http_rowan_model_t  **models;

    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {

        ngx_http_rowan_slots_lock(rmcf);

        counted = models[i]->slot->counted;
        models[i]->slot->counted = 1;

        ngx_http_rowan_slots_unlock(rmcf);

        /* an optional directory need not be there */

        if (models[i]->optional && models[i]->stamp == 0) {
            continue;
        }

        if (!counted && models[i]->reason) {
            rc = models[i]->reason[0] == '\0' ? NGX_OK : NGX_DECLINED;
            ngx_http_rowan_metrics_load(rc, models[i]->took);
        }
    }
}


/* goes on while an old worker serves its last clients */

static void
ngx_http_rowan_metrics_timer(ngx_event_t *ev)
{
    rw_clock_tick();

    ngx_http_rowan_shed_look();
    ngx_http_rowan_metrics_refresh();

    ngx_add_timer(ev, NGX_HTTP_ROWAN_METRICS_LOOK);
}


void
ngx_http_rowan_metrics_refresh(void)
{
    if (ngx_http_rowan_page == NULL) {
        return;
    }

    rw_page_refresh_process(ngx_http_rowan_page, ngx_http_rowan_started);

    rw_series_set(ngx_http_rowan_connections,
                  ngx_cycle->connection_n - ngx_cycle->free_connection_n);
    rw_series_set(ngx_http_rowan_connections_max, ngx_cycle->connection_n);
    rw_series_set(ngx_http_rowan_sheds, ngx_http_rowan_shedding());
}


/* a request of the sample waited so long in its socket; nanoseconds */

void
ngx_http_rowan_metrics_queued(uint64_t ns)
{
    if (ngx_http_rowan_page) {
        rw_series_observe_ns(ngx_http_rowan_queue_delay, ns);
    }
}


void
ngx_http_rowan_metrics_exit(void)
{
    if (ngx_http_rowan_page) {
        rw_page_close(ngx_http_rowan_page);
        ngx_http_rowan_page = NULL;
    }
}


/* a directory was loaded or refused; took: nanoseconds, 0 if unknown */

void
ngx_http_rowan_metrics_load(ngx_int_t rc, uint64_t took)
{
    if (ngx_http_rowan_page == NULL) {
        return;
    }

    rw_series_add(rc == NGX_OK ? ngx_http_rowan_loaded
                               : ngx_http_rowan_refused, 1);

    if (took) {
        rw_series_observe_ns(ngx_http_rowan_load_duration, took);
    }

    if (rc != NGX_OK) {
        ngx_http_rowan_metrics_error(NGX_HTTP_ROWAN_ERROR_LOAD_REFUSED);
    }
}


void
ngx_http_rowan_metrics_error(ngx_http_rowan_error_e error)
{
    if (ngx_http_rowan_page) {
        rw_series_add(ngx_http_rowan_errors[error], 1);
    }
}


/* this worker has mapped an image: its version is what counts from now on */

void
ngx_http_rowan_metrics_served(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model, time_t loaded_at)
{
    const char                         *labels[RW_METRIC_LABELS_MAX];
    struct rw_page                     *page;
    ngx_http_rowan_series_t            *s;
    const struct rw_contract_settings  *settings;

    page = ngx_http_rowan_page;

    if (page == NULL) {
        return;
    }

    s = &model->series;
    settings = model->served->settings;

    labels[0] = settings->model;
    labels[1] = settings->version;

    s->duration = *rw_page_series(page, RW_METRIC_PREDICTION_DURATION, labels);
    s->probability = *rw_page_series(page, RW_METRIC_FRAUD_PROBABILITY,
                                     labels);
    s->confidence = *rw_page_series(page, RW_METRIC_CONFIDENCE, labels);

    labels[2] = "fraud";
    s->fraud = *rw_page_series(page, RW_METRIC_PREDICTIONS, labels);

    labels[2] = "legitimate";
    s->legitimate = *rw_page_series(page, RW_METRIC_PREDICTIONS, labels);

    if (ngx_http_rowan_metrics_is_first(rmcf, model)) {
        rw_series_set_real(rw_page_series(page, RW_METRIC_MODEL_LOADED_AT,
                                          labels),
                           loaded_at);
    }

    ngx_http_rowan_metrics_info(rmcf, model);
    ngx_http_rowan_metrics_served_as(model);
    ngx_http_rowan_metrics_memory(rmcf);
}


static void
ngx_http_rowan_metrics_info(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model)
{
    ngx_uint_t                          i;
    const char                         *labels[RW_METRIC_LABELS_MAX];
    ngx_http_rowan_model_t            **models;
    const struct rw_contract_settings  *settings;

    settings = model->served->settings;

    labels[0] = settings->model;
    labels[1] = settings->version;
    labels[2] = settings->type;

    if (model->series.info) {
        rw_series_set(model->series.info, 0);
    }

    model->series.info = rw_page_series(ngx_http_rowan_page,
                                        RW_METRIC_MODEL_INFO, labels);

    /* the version before may be the same one, or that of another model */

    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        if (models[i]->series.info) {
            rw_series_set(models[i]->series.info, 1);
        }
    }
}


/* of several models that call themselves the same, the first speaks for all:
 * a challenger comes after its champion */

static ngx_uint_t
ngx_http_rowan_metrics_is_first(ngx_http_rowan_main_conf_t *rmcf,
    ngx_http_rowan_model_t *model)
{
    ngx_uint_t                i;
    ngx_http_rowan_model_t  **models;

    models = rmcf->models.elts;

    for (i = 0; i < model->index; i++) {
        if (models[i]->served
            && ngx_strcmp(models[i]->served->settings->model,
                          model->served->settings->model)
               == 0)
        {
            return 0;
        }
    }

    return 1;
}


/* by the name of its directive: a champion and a challenger are told apart */

static void
ngx_http_rowan_metrics_served_as(ngx_http_rowan_model_t *model)
{
    u_char                              name[NGX_HTTP_ROWAN_NAME_MAX + 1];
    const char                         *labels[RW_METRIC_LABELS_MAX];
    const struct rw_contract_settings  *settings;

    settings = model->served->settings;

    *ngx_cpymem(name, model->name.data, model->name.len) = '\0';

    labels[0] = (char *) name;
    labels[1] = settings->model;
    labels[2] = settings->version;

    if (model->series.served_as) {
        rw_series_set(model->series.served_as, 0);
    }

    model->series.served_as = rw_page_series(ngx_http_rowan_page,
                                             RW_METRIC_MODEL_SERVED_AS,
                                             labels);
    rw_series_set(model->series.served_as, 1);
}


static void
ngx_http_rowan_metrics_memory(ngx_http_rowan_main_conf_t *rmcf)
{
    uint64_t                  bytes;
    ngx_uint_t                i;
    ngx_http_rowan_model_t  **models;

    bytes = 0;
    models = rmcf->models.elts;

    for (i = 0; i < rmcf->models.nelts; i++) {
        if (models[i]->served) {
            bytes += models[i]->served->image_size;
        }
    }

    rw_series_set(rw_page_series(ngx_http_rowan_page, RW_METRIC_MODEL_MEMORY,
                                 NULL),
                  bytes);
}


void
ngx_http_rowan_metrics_rows(ngx_http_rowan_model_t *model,
    const struct rw_scored *scored)
{
    size_t                    i;
    double                    p, decision;
    uint64_t                  fraud;
    ngx_http_rowan_series_t  *s;

    if (ngx_http_rowan_page == NULL) {
        return;
    }

    s = &model->series;
    decision = model->served->settings->decision;
    fraud = 0;

    for (i = 0; i < scored->n_rows; i++) {
        p = scored->scores[i * scored->stride];

        fraud += p >= decision;

        /* one value that is no number would spoil the sums for ever */

        if (p >= 0 && p <= 1) {
            rw_series_observe(&s->probability, p + 0.0);     /* no -0.0 */
            rw_series_observe(&s->confidence, p > 0.5 ? p : 1 - p);
        }
    }

    rw_series_add(&s->fraud, fraud);
    rw_series_add(&s->legitimate, scored->n_rows - fraud);
}


/* nanoseconds, also for other threads and before rw_clock_init() */

uint64_t
ngx_http_rowan_monotonic(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

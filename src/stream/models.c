/*
 * models.c - the model that the threads score with, renewed while they run.
 *
 * The image stays in memory of this process (rw_served_keep), and is not published as a file
 * and mapped as nginx does it: one process with many threads has one copy either way, and
 * no file has to be written, so that a read-only or full disk cannot keep a model out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "stream/models.h"
#include "daemon/now.h"
#include "daemon/own_page.h"
#include "stream/ticker.h"

/* A model and those who use it; freed by the last of them. */
struct version {
    struct rw_served *served;
    uint64_t generation;
    uint32_t references; /* under the mutex; the models hold one to the current version */
};

struct series {
    struct rw_series *loaded, *refused, *duration, *memory, *errors;
    struct rw_series *info; /* of the current version; NULL before the first */
};

struct rw_models {
    char *dir;
    struct rw_ticker ticker;
    pthread_mutex_t mutex;
    struct version *current; /* under the mutex; NULL: none yet */
    uint64_t generation;     /* atomic; of the current version */
    /* Of the thread that loads. */
    bool was_refused;
    struct rw_modeldir_stamp loaded, refused; /* refused: only if was_refused */
    struct rw_page *page;
    struct series series;
};

/* One look at a directory. */
struct attempt {
    rowan_status status;
    struct rw_modeldir_stamp stamp;
    struct rw_served *served;
    size_t n_golden;
    uint64_t ns;
    rowan_error error;
};

/* ---- metrics ------------------------------------------------------------------------- */

static struct rw_series *series_of(struct rw_models *models, enum rw_metric metric,
                                   const char *value) {
    return rw_page_series(models->page, metric, &value);
}

static rowan_status open_page(struct rw_models *models, const char *metrics_dir,
                              rowan_error *error) {
    models->page = rw_own_page(metrics_dir, "loads of models are");
    if (!models->page)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for a page of metrics");
    models->series = (struct series){
        .loaded = series_of(models, RW_METRIC_MODEL_LOADS, "loaded"),
        .refused = series_of(models, RW_METRIC_MODEL_LOADS, "refused"),
        .duration = series_of(models, RW_METRIC_MODEL_LOAD_DURATION, NULL),
        .memory = series_of(models, RW_METRIC_MODEL_MEMORY, NULL),
        .errors = series_of(models, RW_METRIC_MODEL_ERRORS, "load_refused"),
    };
    return ROWAN_OK;
}

static void show_served(struct rw_models *models, const struct rw_served *served) {
    const struct rw_contract_settings *settings = served->settings;
    const char *labels[] = {settings->model, settings->version, settings->type};
    rw_series_set_real(series_of(models, RW_METRIC_MODEL_LOADED_AT, settings->model),
                       rw_unix_seconds());
    rw_series_set(models->series.memory, served->image_size);
    if (models->series.info)
        rw_series_set(models->series.info, 0);
    models->series.info = rw_page_series(models->page, RW_METRIC_MODEL_INFO, labels);
    rw_series_set(models->series.info, 1);
}

/* ---- loading --------------------------------------------------------------------------- */

/* The stamp is that of what was read: the link may be swapped since somebody looked. */
static void load(const char *dir, struct attempt *attempt) {
    struct rw_modeldir_image image;
    *attempt = (struct attempt){0};
    uint64_t begin = rw_clock_ns();
    attempt->status = rw_modeldir_load(dir, &image, &attempt->error);
    attempt->stamp = image.stamp;
    attempt->n_golden = image.n_golden;
    if (attempt->status == ROWAN_OK)
        attempt->status = rw_served_keep(&image, &attempt->served, &attempt->error);
    attempt->ns = rw_clock_ns() - begin;
}

static void release(struct rw_models *models, struct version *version) {
    pthread_mutex_lock(&models->mutex);
    bool is_last = --version->references == 0;
    pthread_mutex_unlock(&models->mutex);
    if (is_last) {
        rw_served_free(version->served);
        free(version);
    }
}

/* The version before lives on while somebody holds a lease of it. */
static void swap(struct rw_models *models, struct version *version) {
    pthread_mutex_lock(&models->mutex);
    struct version *before = models->current;
    version->generation = models->generation + 1;
    models->current = version;
    __atomic_store_n(&models->generation, version->generation, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&models->mutex);
    if (before)
        release(models, before);
}

static void accept_model(struct rw_models *models, const struct attempt *attempt,
                         struct version *version) {
    const char *name = attempt->served->settings->model;
    bool is_first = models->current == NULL; /* only this thread changes it */
    *version = (struct version){.served = attempt->served, .references = 1};
    models->loaded = attempt->stamp;
    models->was_refused = false;
    rw_series_add(models->series.loaded, 1);
    show_served(models, attempt->served);
    rw_log(RW_LOG_NOTICE, "model \"%s\" %s from \"%s\", %zu golden rows agree", name,
           is_first ? "loaded" : "replaced", models->dir, attempt->n_golden);
    swap(models, version);
}

static void refuse_model(struct rw_models *models, const struct attempt *attempt) {
    char text[1024];
    models->refused = attempt->stamp;
    models->was_refused = true;
    rw_series_add(models->series.refused, 1);
    rw_series_add(models->series.errors, 1);
    rw_log(RW_LOG_ERROR, "model refused, %s: %s",
           models->current ? "the version before goes on serving" : "there is none to serve",
           rowan_error_text(&attempt->error, text, sizeof text));
}

static void settle(struct rw_models *models, struct attempt *attempt) {
    rw_series_observe_ns(models->series.duration, attempt->ns);
    struct version *version = attempt->status == ROWAN_OK ? malloc(sizeof *version) : NULL;
    if (attempt->status == ROWAN_OK && !version) {
        attempt->status = rw_fail(&attempt->error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
        rw_served_free(attempt->served);
    }
    if (version)
        accept_model(models, attempt, version);
    else
        refuse_model(models, attempt);
}

/* A directory that was refused is tried again when it has changed, and not before. */
static bool is_new(const struct rw_models *models, struct rw_modeldir_stamp stamp) {
    bool is_current = models->current && stamp.digest == models->loaded.digest;
    bool is_refused = models->was_refused && stamp.digest == models->refused.digest;
    return !is_current && !is_refused;
}

static void look(void *context) {
    struct rw_models *models = context;
    if (!is_new(models, rw_modeldir_stamp(models->dir)))
        return;
    struct attempt attempt;
    load(models->dir, &attempt);
    settle(models, &attempt);
}

/* ---- start and stop ---------------------------------------------------------------------- */

static void free_models(struct rw_models *models) {
    if (models->current)
        release(models, models->current);
    rw_page_close(models->page);
    pthread_mutex_destroy(&models->mutex);
    free(models->dir);
    free(models);
}

/* The first load is the caller's: a service without its model says so and does not start. */
static rowan_status start(struct rw_models *models, bool optional, const char *metrics_dir,
                          rowan_error *error) {
    struct attempt first;
    load(models->dir, &first);
    if (first.status != ROWAN_OK && !optional) {
        if (error)
            *error = first.error;
        return first.status;
    }
    rowan_status status = open_page(models, metrics_dir, error);
    if (status != ROWAN_OK) {
        rw_served_free(first.served);
        return status;
    }
    settle(models, &first);
    return rw_ticker_start(&models->ticker, look, models, error);
}

rowan_status rw_models_start(const char *dir, bool optional, const char *metrics_dir,
                             struct rw_models **out, rowan_error *error) {
    struct rw_models *models = calloc(1, sizeof *models);
    char *copy = strdup(dir);
    if (!models || !copy) {
        free(models);
        free(copy);
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    }
    models->dir = copy;
    pthread_mutex_init(&models->mutex, NULL);
    rowan_status status = start(models, optional, metrics_dir, error);
    if (status == ROWAN_OK)
        *out = models;
    else
        free_models(models);
    return status;
}

void rw_models_stop(struct rw_models *models) {
    if (!models)
        return;
    rw_ticker_stop(&models->ticker);
    free_models(models);
}

/* ---- leases ------------------------------------------------------------------------------- */

bool rw_models_changed(const struct rw_models *models, const struct rw_lease *lease) {
    return __atomic_load_n(&models->generation, __ATOMIC_ACQUIRE) != lease->generation;
}

struct rw_lease rw_models_take(struct rw_models *models) {
    struct rw_lease lease = {0};
    pthread_mutex_lock(&models->mutex);
    struct version *version = models->current;
    if (version) {
        version->references++;
        lease = (struct rw_lease){version->served, version->generation, version};
    }
    pthread_mutex_unlock(&models->mutex);
    return lease;
}

void rw_models_return(struct rw_models *models, struct rw_lease *lease) {
    if (lease->owner)
        release(models, lease->owner);
    *lease = (struct rw_lease){0};
}

/*
 * registry.c - the few requests of MLflow's REST that following a model takes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "sync/registry.h"

/* ---- requests -------------------------------------------------------------------------- */

static struct rw_buffer url_begin(char text[RW_HTTP_URL_MAX], const struct rw_sync_settings *to,
                                  const char *path) {
    struct rw_buffer url = {.data = text, .capacity = RW_HTTP_URL_MAX};
    rw_buffer_text(&url, to->tracking_uri);
    rw_buffer_text(&url, path);
    return url;
}

static void add_query(struct rw_buffer *url, char mark, const char *key, const char *value) {
    rw_buffer_printf(url, "%c%s=", mark, key);
    rw_url_add(url, value, false);
}

/* Of a missing alias MLflow says 400, of a missing model or version 404. */
static bool says_there_is_none(long status, const char *said) {
    return (status == 404 && strncmp(said, "RESOURCE_DOES_NOT_EXIST", 23) == 0) ||
           (status == 400 && strstr(said, "not found"));
}

static const char *remedy_of(long status, bool is_mlflow) {
    if (status == 401)
        return "give MLFLOW_TRACKING_USERNAME and _PASSWORD, or MLFLOW_TRACKING_TOKEN";
    if (status == 403)
        return "may this user read the model, and is there one?";
    if (status == 429)
        return "it wants fewer looks: raise SYNC_INTERVAL";
    if (status >= 500)
        return "look at the log of the registry, and of the proxy in front of it";
    return is_mlflow ? NULL : "does MLFLOW_TRACKING_URI lead to an MLflow server?";
}

static bool judge(const struct rw_http_text *answer, struct rw_trouble *trouble) {
    char said[ROWAN_ERROR_TEXT] = "";
    if (answer->status == 200)
        return true;
    const bool is_mlflow = rw_registry_error_parse(answer->text, answer->size, said, sizeof said);
    (void)rw_trouble(trouble, "registry", remedy_of(answer->status, is_mlflow),
                     "answers HTTP %ld%s%s", answer->status, is_mlflow ? ": " : "", said);
    trouble->names_nothing = is_mlflow && says_there_is_none(answer->status, said);
    return false;
}

bool rw_registry_get(struct rw_http *http, const char *url, struct rw_http_text *answer,
                     struct rw_trouble *trouble) {
    if (!rw_http_get(http, RW_HTTP_REGISTRY, url, answer, trouble))
        return false;
    if (judge(answer, trouble))
        return true;
    free(answer->text);
    return false;
}

/* An answer that MLflow would not give is the registry's failure, and no model's. */
static bool parsed(rowan_status status, struct rw_trouble *trouble) {
    trouble->reason = RW_FAILED;
    trouble->names_nothing = false;
    if (status != ROWAN_OK)
        rw_error_prefix(&trouble->error, "registry");
    return status == ROWAN_OK;
}

static bool too_long(struct rw_trouble *trouble) {
    return rw_trouble(trouble, "registry", NULL, "an address has more than %u bytes",
                      RW_HTTP_URL_MAX);
}

/* ---- which version ----------------------------------------------------------------------- */

static void take_registered(const struct rw_registered *from, struct rw_named *named) {
    memcpy(named->version, from->version, sizeof named->version);
    memcpy(named->sha256, from->sha256, sizeof named->sha256);
    memcpy(named->source, from->source, sizeof named->source);
    named->created = from->created;
}

static bool read_version(const struct rw_http_text *answer, const struct rw_sync_settings *settings,
                         struct rw_named *named, struct rw_trouble *trouble) {
    struct rw_registered registered;
    if (!parsed(rw_registered_parse(answer->text, answer->size, &registered, &trouble->error),
                trouble))
        return false;
    if (!registered.version[0]) {
        (void)rw_trouble(trouble, "registry", NULL, "model %s has no version of %s", settings->name,
                         settings->reference);
        trouble->names_nothing = true;
        return false;
    }
    if (!registered.is_ready)
        return rw_trouble(trouble, "registry", NULL, "version %s is not ready yet",
                          registered.version);
    take_registered(&registered, named);
    return true;
}

static bool ask_version(struct rw_http *http, const struct rw_sync_settings *settings,
                        struct rw_named *named, struct rw_trouble *trouble) {
    static const struct {
        const char *path, *key;
    } ways[] = {
        [RW_BY_ALIAS] = {"/api/2.0/mlflow/registered-models/alias", "alias"},
        [RW_BY_STAGE] = {"/api/2.0/mlflow/registered-models/get-latest-versions", "stages"},
        [RW_BY_VERSION] = {"/api/2.0/mlflow/model-versions/get", "version"},
    };
    char text[RW_HTTP_URL_MAX];
    struct rw_http_text answer;
    struct rw_buffer url = url_begin(text, settings, ways[settings->by].path);
    add_query(&url, '?', "name", settings->name);
    add_query(&url, '&', ways[settings->by].key, settings->wanted);
    if (!rw_url_end(&url))
        return too_long(trouble);
    if (!rw_registry_get(http, text, &answer, trouble))
        return false;
    bool well = read_version(&answer, settings, named, trouble);
    free(answer.text);
    return well;
}

static bool ask_run(struct rw_http *http, const struct rw_sync_settings *settings,
                    struct rw_named *named, struct rw_trouble *trouble) {
    char text[RW_HTTP_URL_MAX];
    struct rw_http_text answer;
    struct rw_run run;
    struct rw_buffer url = url_begin(text, settings, "/api/2.0/mlflow/runs/get");
    add_query(&url, '?', "run_id", settings->run);
    if (!rw_url_end(&url))
        return too_long(trouble);
    if (!rw_registry_get(http, text, &answer, trouble))
        return false;
    bool well = parsed(rw_run_parse(answer.text, answer.size, &run, &trouble->error), trouble);
    free(answer.text);
    if (!well)
        return false;
    snprintf(named->version, sizeof named->version, "%s", settings->run);
    memcpy(named->model_id, run.model_id, sizeof named->model_id);
    if (strlen(run.artifact_uri) + sizeof "/model" > sizeof named->artifact_uri)
        return too_long(trouble);
    snprintf(named->artifact_uri, sizeof named->artifact_uri, "%.*s/model",
             (int)(sizeof named->artifact_uri - sizeof "/model"), run.artifact_uri);
    memcpy(named->source, named->artifact_uri, sizeof named->source);
    return true;
}

bool rw_registry_ask(struct rw_http *http, const struct rw_sync_settings *settings,
                     struct rw_named *named, struct rw_trouble *trouble) {
    memset(named, 0, sizeof *named);
    return settings->by == RW_BY_RUN ? ask_run(http, settings, named, trouble)
                                     : ask_version(http, settings, named, trouble);
}

/* ---- where its files lie -------------------------------------------------------------------- */

static bool get_uri(struct rw_http *http, const char *url,
                    rowan_status (*parse)(const char *, size_t, char *, rowan_error *), char *uri,
                    struct rw_trouble *trouble) {
    struct rw_http_text answer;
    if (!rw_registry_get(http, url, &answer, trouble))
        return false;
    bool well = parsed(parse(answer.text, answer.size, uri, &trouble->error), trouble);
    free(answer.text);
    return well;
}

bool rw_registry_locate(struct rw_http *http, const struct rw_sync_settings *settings,
                        const struct rw_named *named, char uri[RW_ARTIFACT_MAX + 1],
                        struct rw_trouble *trouble) {
    if (named->artifact_uri[0]) {
        memcpy(uri, named->artifact_uri, RW_ARTIFACT_MAX + 1);
        return true;
    }
    char text[RW_HTTP_URL_MAX];
    struct rw_buffer url =
        url_begin(text, settings, "/api/2.0/mlflow/model-versions/get-download-uri");
    add_query(&url, '?', "name", settings->name);
    add_query(&url, '&', "version", named->version);
    if (!rw_url_end(&url))
        return too_long(trouble);
    return get_uri(http, text, rw_artifact_uri_parse, uri, trouble);
}

bool rw_registry_logged_model(struct rw_http *http, const struct rw_sync_settings *settings,
                              const struct rw_named *named, char uri[RW_ARTIFACT_MAX + 1],
                              struct rw_trouble *trouble) {
    char text[RW_HTTP_URL_MAX];
    struct rw_buffer url = url_begin(text, settings, "/api/2.0/mlflow/logged-models/");
    rw_url_add(&url, named->model_id, false);
    if (!rw_url_end(&url))
        return too_long(trouble);
    return get_uri(http, text, rw_logged_model_parse, uri, trouble);
}

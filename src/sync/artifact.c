/*
 * artifact.c - listing and download, through MLflow's proxy or directly from S3.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "sync/artifact.h"
#include "sync/registry.h"

#define PROXY_PATH "/api/2.0/mlflow-artifacts/artifacts"

static const char proxy_scheme[] = "mlflow-artifacts:/", s3_scheme[] = "s3://";

/* ---- where --------------------------------------------------------------------------------- */

/* A segment ".." would lead to another place of the server. */
static bool climbs(const char *path) {
    for (const char *at = path; at; at = strchr(at, '/')) {
        at += *at == '/';
        const size_t length = strcspn(at, "/");
        if ((length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
            return true;
    }
    return false;
}

static bool take_path(const char *path, const char *uri, struct rw_artifact *artifact,
                      struct rw_trouble *trouble) {
    path += strspn(path, "/");
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    memcpy(artifact->path, path, length);
    artifact->path[length] = '\0';
    if (length == 0 || climbs(artifact->path))
        return rw_refuse(trouble, RW_REFUSED_NAME, "registry", NULL,
                         "the artifact's URI '%.200s' is no folder of its own", uri);
    return true;
}

static bool take_s3(const char *rest, const char *uri, const struct rw_sync_settings *settings,
                    struct rw_artifact *artifact, struct rw_trouble *trouble) {
    const size_t length = strcspn(rest, "/");
    artifact->whom = RW_HTTP_S3;
    if (length == 0 || length > RW_BUCKET_MAX)
        return rw_refuse(trouble, RW_REFUSED_NAME, "registry", NULL,
                         "the artifact's URI '%.200s' has no bucket", uri);
    memcpy(artifact->bucket, rest, length);
    artifact->bucket[length] = '\0';
    if (!settings->s3_key)
        return rw_trouble(trouble, "AWS_ACCESS_KEY_ID",
                          "set it and AWS_SECRET_ACCESS_KEY, or let MLflow hand out artifacts "
                          "itself (mlflow server --serve-artifacts)",
                          "not set, and the files lie in '%.200s'", uri);
    return take_path(rest + length, uri, artifact, trouble);
}

bool rw_artifact_parse(const char *uri, const struct rw_sync_settings *settings,
                       struct rw_artifact *artifact, struct rw_trouble *trouble) {
    *artifact = (struct rw_artifact){.whom = RW_HTTP_REGISTRY};
    if (strncmp(uri, s3_scheme, sizeof s3_scheme - 1) == 0)
        return take_s3(uri + sizeof s3_scheme - 1, uri, settings, artifact, trouble);
    const char *rest = uri + sizeof proxy_scheme - 1;
    if (strncmp(uri, proxy_scheme, sizeof proxy_scheme - 1) == 0 && *rest != '/')
        return take_path(rest, uri, artifact, trouble);
    return rw_refuse(trouble, RW_REFUSED_FORMAT, "registry",
                     "let MLflow hand out artifacts itself (mlflow server --serve-artifacts), or "
                     "keep them in S3",
                     "the files lie in '%.200s', where rowan-sync cannot get them", uri);
}

/* ---- addresses ---------------------------------------------------------------------------- */

/* The bucket stands in the path: so does every S3 server understand it. */
static void add_bucket(struct rw_buffer *url, const struct rw_sync_settings *settings,
                       const struct rw_artifact *artifact) {
    if (settings->s3_endpoint)
        rw_buffer_text(url, settings->s3_endpoint);
    else
        rw_buffer_printf(url, "https://s3.%s.amazonaws.com", settings->s3_region);
    rw_buffer_text(url, "/");
    rw_url_add(url, artifact->bucket, false);
}

static void add_proxy(struct rw_buffer *url, const struct rw_sync_settings *settings) {
    rw_buffer_text(url, settings->tracking_uri);
    rw_buffer_text(url, PROXY_PATH);
}

static void add_file(struct rw_buffer *url, const struct rw_sync_settings *settings,
                     const struct rw_artifact *artifact, const char *name) {
    if (artifact->whom == RW_HTTP_S3)
        add_bucket(url, settings, artifact);
    else
        add_proxy(url, settings);
    rw_buffer_text(url, "/");
    rw_url_add(url, artifact->path, true);
    rw_buffer_text(url, "/");
    rw_url_add(url, name, false);
}

static bool too_long(struct rw_trouble *trouble) {
    return rw_refuse(trouble, RW_REFUSED_NAME, "listing", NULL, "an address has more than %u bytes",
                     RW_HTTP_URL_MAX);
}

/* ---- listing -------------------------------------------------------------------------------- */

/* A listing of a wrong name or without an end is the version's fault, other nonsense the
 * server's. */
static bool parsed(rowan_status status, struct rw_trouble *trouble) {
    trouble->names_nothing = false;
    trouble->reason = status == ROWAN_MISMATCH ? RW_REFUSED_NAME
                      : status == ROWAN_LIMIT  ? RW_REFUSED_TOO_LARGE
                                               : RW_FAILED;
    return status == ROWAN_OK;
}

static bool list_proxy(struct rw_http *http, const struct rw_sync_settings *settings,
                       const struct rw_artifact *artifact, struct rw_listing *listing,
                       struct rw_trouble *trouble) {
    char text[RW_HTTP_URL_MAX];
    struct rw_buffer url = {.data = text, .capacity = sizeof text};
    struct rw_http_text answer;
    add_proxy(&url, settings);
    rw_buffer_text(&url, "?path=");
    rw_url_add(&url, artifact->path, false);
    if (!rw_url_end(&url))
        return too_long(trouble);
    if (!rw_registry_get(http, text, &answer, trouble))
        return false;
    bool well =
        parsed(rw_artifacts_parse(answer.text, answer.size, listing, &trouble->error), trouble);
    free(answer.text);
    return well;
}

/* Names of the query stand in the order of the alphabet: the signature wants it. */
static bool list_s3_part(struct rw_http *http, const struct rw_sync_settings *settings,
                         const struct rw_artifact *artifact, struct rw_listing *listing,
                         char next[RW_CONTINUE_MAX + 1], struct rw_trouble *trouble) {
    char text[RW_HTTP_URL_MAX], prefix[RW_ARTIFACT_MAX + 2];
    struct rw_buffer url = {.data = text, .capacity = sizeof text};
    struct rw_http_text answer;
    snprintf(prefix, sizeof prefix, "%s/", artifact->path);
    add_bucket(&url, settings, artifact);
    rw_buffer_text(&url, "?");
    if (*next) {
        rw_buffer_text(&url, "continuation-token=");
        rw_url_add(&url, next, false);
        rw_buffer_text(&url, "&");
    }
    rw_buffer_text(&url, "delimiter=%2F&list-type=2&prefix=");
    rw_url_add(&url, prefix, false);
    if (!rw_url_end(&url))
        return too_long(trouble);
    if (!rw_http_get(http, RW_HTTP_S3, text, &answer, trouble))
        return false;
    bool well = answer.status == 200 ||
                rw_trouble(trouble, "S3",
                           answer.status == 403   ? "look at AWS_ACCESS_KEY_ID, its secret, and "
                                                    "what it may read"
                           : answer.status == 301 ? "look at AWS_DEFAULT_REGION"
                                                  : "look at MLFLOW_S3_ENDPOINT_URL",
                           "answers HTTP %ld: %.160s", answer.status, answer.text);
    if (well)
        well = parsed(
            rw_s3_listing_parse(answer.text, answer.size, prefix, listing, next, &trouble->error),
            trouble);
    free(answer.text);
    return well;
}

static bool list_s3(struct rw_http *http, const struct rw_sync_settings *settings,
                    const struct rw_artifact *artifact, struct rw_listing *listing,
                    struct rw_trouble *trouble) {
    char next[RW_CONTINUE_MAX + 1] = "";
    for (unsigned part = 0; part < RW_LISTINGS_MAX; part++) {
        if (!list_s3_part(http, settings, artifact, listing, next, trouble))
            return false;
        if (!*next)
            return true;
    }
    return rw_refuse(trouble, RW_REFUSED_TOO_LARGE, "listing", NULL,
                     "S3 does not end it after %u answers", RW_LISTINGS_MAX);
}

bool rw_artifact_list(struct rw_http *http, const struct rw_sync_settings *settings,
                      const struct rw_artifact *artifact, struct rw_listing *listing,
                      struct rw_trouble *trouble) {
    *listing = (struct rw_listing){0};
    return artifact->whom == RW_HTTP_S3 ? list_s3(http, settings, artifact, listing, trouble)
                                        : list_proxy(http, settings, artifact, listing, trouble);
}

bool rw_artifact_download(struct rw_http *http, const struct rw_sync_settings *settings,
                          const struct rw_artifact *artifact, const char *name, int fd,
                          uint64_t limit, struct rw_http_file *file, struct rw_trouble *trouble) {
    char text[RW_HTTP_URL_MAX];
    struct rw_buffer url = {.data = text, .capacity = sizeof text};
    add_file(&url, settings, artifact, name);
    if (!rw_url_end(&url))
        return too_long(trouble);
    return rw_http_download(http, artifact->whom, text, name, fd, limit, file, trouble);
}

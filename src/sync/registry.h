/*
 * registry.h - what MLflow says: which version is to be served, and where its files lie.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_REGISTRY_H
#define RW_SYNC_REGISTRY_H

#include "sync/http.h"
#include "sync/listing.h"

/* Bytes of the name of a version's directory: "VERSION-01234567". */
#define RW_DIRECTORY_MAX (RW_REGISTERED_MAX + 16)

/* What the registry names now. */
struct rw_named {
    char version[RW_REGISTERED_MAX + 1];    /* its number, or the run's id */
    char artifact_uri[RW_ARTIFACT_MAX + 1]; /* of a run; "" of a version: it costs a request */
    char model_id[RW_REGISTERED_MAX + 1];   /* of a run that has logged a model of MLflow 3 */
    char sha256[RW_TAG_MAX + 1];            /* tag rowan.sha256; "" */
    uint64_t created;
    char source[RW_ARTIFACT_MAX + 1];
};

/* One request.  trouble->names_nothing: the registry is well, and has none. */
bool rw_registry_ask(struct rw_http *http, const struct rw_sync_settings *settings,
                     struct rw_named *named, struct rw_trouble *trouble);
/* One more: the URI of its files. */
bool rw_registry_locate(struct rw_http *http, const struct rw_sync_settings *settings,
                        const struct rw_named *named, char uri[RW_ARTIFACT_MAX + 1],
                        struct rw_trouble *trouble);
/* Of a run without artifacts of its own: the URI of the model that it has logged. */
bool rw_registry_logged_model(struct rw_http *http, const struct rw_sync_settings *settings,
                              const struct rw_named *named, char uri[RW_ARTIFACT_MAX + 1],
                              struct rw_trouble *trouble);
/* A request of MLflow's REST that must succeed; `answer` is the caller's then. */
bool rw_registry_get(struct rw_http *http, const char *url, struct rw_http_text *answer,
                     struct rw_trouble *trouble);

#endif

/*
 * artifact.h - the files of a version, in the registry's own store or in S3.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_ARTIFACT_H
#define RW_SYNC_ARTIFACT_H

#include "sync/http.h"
#include "sync/listing.h"

#define RW_BUCKET_MAX 255u

/* A folder of artifacts. */
struct rw_artifact {
    enum rw_http_whom whom;
    char bucket[RW_BUCKET_MAX + 1];
    char path[RW_ARTIFACT_MAX + 1]; /* without slashes at its ends */
};

/* mlflow-artifacts:/PATH, or s3://BUCKET/PATH; others are refused. */
bool rw_artifact_parse(const char *uri, const struct rw_sync_settings *settings,
                       struct rw_artifact *artifact, struct rw_trouble *trouble);
/* Its files; `listing` is the caller's to free, also after a failure. */
bool rw_artifact_list(struct rw_http *http, const struct rw_sync_settings *settings,
                      const struct rw_artifact *artifact, struct rw_listing *listing,
                      struct rw_trouble *trouble);
/* As rw_http_download. */
bool rw_artifact_download(struct rw_http *http, const struct rw_sync_settings *settings,
                          const struct rw_artifact *artifact, const char *name, int fd,
                          uint64_t limit, struct rw_http_file *file, struct rw_trouble *trouble);

#endif

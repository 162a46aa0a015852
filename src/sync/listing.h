/*
 * listing.h - what the servers say, parsed: bytes of others, with bounds.
 *
 * Each parser takes any bytes, and gives what they say or an error with its place; all of them are
 * fuzzed (tests/fuzz/fuzz_registry.c, fuzz_s3_listing.c, fuzz_mlmodel.c).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_LISTING_H
#define RW_SYNC_LISTING_H

#include "base/base.h"

/* Bounds. */
#define RW_FILE_NAME_MAX  128u  /* bytes of the name of a file of an artifact */
#define RW_ENTRIES_MAX    4096u /* files and folders in one artifact's root */
#define RW_LISTINGS_MAX   16u   /* answers that one listing may be cut into */
#define RW_REGISTERED_MAX 200u  /* bytes of a version's number, of an id */
#define RW_ARTIFACT_MAX   2048u /* bytes of an artifact's URI */
#define RW_TAG_MAX        8192u /* bytes of the tag rowan.sha256 */
#define RW_DIGESTS_MAX    16u   /* files in it */
#define RW_MLMODEL_MAX    (1u << 20)
#define RW_MLMODEL_DEPTH  32u
#define RW_SHA256_HEX     64u
#define RW_CONTINUE_MAX   1024u /* bytes of S3's token for the next part of a listing */

/* ---- files of an artifact's root ------------------------------------------------------------- */

#define RW_SIZE_UNKNOWN UINT64_MAX

struct rw_entry_file {
    char name[RW_FILE_NAME_MAX + 1];
    uint64_t size;
};

/* Zeroed before the first use. */
struct rw_listing {
    struct rw_entry_file *files; /* [n]; malloc'ed */
    size_t n;
    size_t n_seen; /* with folders and what nobody wants */
};

/* A file's name that may become one of a model directory: no slash, no dot in front, bounded,
 * printable. */
bool rw_name_is_plain(const char *name, size_t length);
/* Takes note of a file; of a hidden one it does not.  ROWAN_MISMATCH: its name is none of a file
 * in this folder.  ROWAN_LIMIT: too many, or the name is too long. */
rowan_status rw_listing_add(struct rw_listing *listing, const char *name, size_t length,
                            uint64_t size, rowan_error *error);
/* Folders count, too. */
rowan_status rw_listing_count(struct rw_listing *listing, rowan_error *error);
const struct rw_entry_file *rw_listing_find(const struct rw_listing *listing, const char *name);
void rw_listing_free(struct rw_listing *listing);

/* ---- MLflow's JSON (registry_json.c) --------------------------------------------------------- */

/* A registered version; version "" if the answer names none. */
struct rw_registered {
    char version[RW_REGISTERED_MAX + 1];
    char run[RW_REGISTERED_MAX + 1];
    char source[RW_ARTIFACT_MAX + 1];
    uint64_t created; /* ms */
    bool is_ready;
    char sha256[RW_TAG_MAX + 1]; /* tag rowan.sha256; "" if there is none */
};

/* {"model_version": {...}}, or the first of {"model_versions": [...]}. */
rowan_status rw_registered_parse(const char *json, size_t size, struct rw_registered *registered,
                                 rowan_error *error);
/* {"artifact_uri": "..."} */
rowan_status rw_artifact_uri_parse(const char *json, size_t size, char uri[RW_ARTIFACT_MAX + 1],
                                   rowan_error *error);

struct rw_run {
    char artifact_uri[RW_ARTIFACT_MAX + 1]; /* of the run itself */
    char model_id[RW_REGISTERED_MAX + 1];   /* the last model that it has logged; "" if none */
};

/* runs/get */
rowan_status rw_run_parse(const char *json, size_t size, struct rw_run *run, rowan_error *error);
/* logged-models/ID */
rowan_status rw_logged_model_parse(const char *json, size_t size, char uri[RW_ARTIFACT_MAX + 1],
                                   rowan_error *error);
/* mlflow-artifacts/artifacts: adds to the listing. */
rowan_status rw_artifacts_parse(const char *json, size_t size, struct rw_listing *listing,
                                rowan_error *error);
/* "CODE: message" of an answer that is an error of MLflow's; false: it is none. */
bool rw_registry_error_parse(const char *json, size_t size, char *text, size_t text_size);

struct rw_digest {
    char name[RW_FILE_NAME_MAX + 1];
    unsigned char sha256[RW_SHA256_HEX / 2];
};
struct rw_digests {
    struct rw_digest digests[RW_DIGESTS_MAX];
    size_t n;
};

/* The tag rowan.sha256: {"name": "64 hexadecimal digits", ...} */
rowan_status rw_digests_parse(const char *json, size_t size, struct rw_digests *digests,
                              rowan_error *error);

/* ---- S3's XML (s3_listing.c) ------------------------------------------------------------------
 */

/* One answer of ListObjectsV2 with this prefix: adds its files, without the prefix.  `next` is
 * the token of the rest, or "". */
rowan_status rw_s3_listing_parse(const char *xml, size_t size, const char *prefix,
                                 struct rw_listing *listing, char next[RW_CONTINUE_MAX + 1],
                                 rowan_error *error);

/* ---- MLmodel (mlmodel.c) ------------------------------------------------------------------------
 */

enum rw_flavour { RW_FLAVOUR_XGBOOST, RW_FLAVOUR_LIGHTGBM, RW_FLAVOUR_ONNX, RW_FLAVOURS };

struct rw_mlmodel {
    bool has[RW_FLAVOURS];
    char data[RW_FLAVOURS][RW_FILE_NAME_MAX + 1]; /* the flavour's file; "" if it names none */
    char others[256]; /* names of flavours that Rowan does not read, for errors */
};

/* A file that reaches out of the folder is an error: ROWAN_MISMATCH. */
rowan_status rw_mlmodel_parse(const char *yaml, size_t size, struct rw_mlmodel *mlmodel,
                              rowan_error *error);

#endif

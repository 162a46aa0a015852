/*
 * assemble.h - a model directory out of the files of an artifact.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_ASSEMBLE_H
#define RW_SYNC_ASSEMBLE_H

#include "contract/contract.h"
#include "modeldir/modeldir.h"
#include "sync/artifact.h"
#include "sync/registry.h"

/* Bounds on what one version may bring. */
#define RW_MODEL_BYTES_MAX  ((uint64_t)ROWAN_MAX_MODEL_BYTES)
#define RW_GOLDEN_BYTES_MAX ((uint64_t)RW_GOLDEN_MAX_BYTES)

#define RW_SMALL_FILE_MAX (1u << 20) /* a contract, MLmodel: SYNC_MAX_BYTES is for others */

#define RW_CONTRACT_NAME "contract.json"
#define RW_GOLDEN_NAME   "golden.jsonl"
#define RW_MLMODEL_NAME  "MLmodel"
/* In a directory whose golden rows Rowan has made itself. */
#define RW_UNPROVED_NAME "UNPROVED.txt"

/* What is assembled, and where. */
struct rw_assembly {
    struct rw_http *http;
    const struct rw_sync_settings *settings;
    const struct rw_named *named;
    struct rw_artifact artifact;
    struct rw_listing listing;
    struct rw_digests digests;
    uint64_t left; /* bytes of model and golden rows that may still come */
    int fd;        /* of the directory */
    struct rw_trouble *trouble;
};

/* Downloads what a model directory needs into the folder `fd`, checked against listing and
 * digests, and synced. */
bool rw_assemble(struct rw_http *http, const struct rw_sync_settings *settings,
                 const struct rw_named *named, int fd, struct rw_trouble *trouble);

/* One file of the artifact (assemble.c). */
bool rw_assembly_take(struct rw_assembly *assembly, const char *name, uint64_t limit);
/* A file that is made here. */
bool rw_assembly_write(struct rw_assembly *assembly, const char *name, const char *text,
                       size_t size);

/* A plain flavour of MLflow's with the operator's contract (plain.c). */
bool rw_assemble_plain(struct rw_assembly *assembly);
/* Golden rows by the model itself, which prove nothing (rows.c). */
bool rw_assemble_rows(struct rw_assembly *assembly);

#endif

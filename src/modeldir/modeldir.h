/*
 * modeldir.h - a model directory: model file, contract.json, golden.jsonl.
 *
 * Loading parses, compiles and proves a directory; the result is one image (with
 * the contract inside) that every process maps.  Opening such an image gives what
 * a request handler needs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_MODELDIR_H
#define RW_MODELDIR_H

#include "contract/contract.h"

#define RW_GOLDEN_MAX_BYTES ((size_t)64 << 20) /* of golden.jsonl */

/* Identifies the content of a directory without reading it: changes when its
 * link is swapped or one of its files is replaced or written to. */
struct rw_modeldir_stamp {
    uint64_t digest; /* 0: no directory there */
};

/* Never fails: a missing directory or file is part of the stamp. */
struct rw_modeldir_stamp rw_modeldir_stamp(const char *path);
/* Of an open directory. */
struct rw_modeldir_stamp rw_modeldir_stamp_at(int dir_fd);

struct rw_modeldir_image {
    void *bytes; /* malloc'ed image, contract attached */
    size_t size;
    size_t n_golden; /* rows proved */
    /* Of the directory that was read, taken before its files, also when it was refused:
     * the path may lead elsewhere before and after. */
    struct rw_modeldir_stamp stamp;
};

/* Reads one consistent directory (its link is resolved once), checks everything,
 * compiles.  May take milliseconds to seconds: never call it in an event loop.
 * Of a failure only image->stamp remains. */
rowan_status rw_modeldir_load(const char *path, struct rw_modeldir_image *image,
                              rowan_error *error);
void rw_modeldir_image_free(struct rw_modeldir_image *image);

/* A model that can answer requests: the mapped image and its contract. */
struct rw_served {
    rowan_model *model;
    struct rw_contract *contract;
    const struct rw_contract_settings *settings;
    char *openapi; /* the document, owned */
    size_t openapi_size;
    size_t image_size; /* bytes mapped */
};

/* Writes the image to `path` (rename), so that others can map it. */
rowan_status rw_served_publish(const struct rw_modeldir_image *image, const char *path,
                               rowan_error *error);
/* Maps a published image, in well under a millisecond. */
rowan_status rw_served_map(const char *path, struct rw_served **served, rowan_error *error);
/* Keeps the image in this process only, without a file.  Takes its bytes over, also when it
 * fails; image->stamp is to be read before. */
rowan_status rw_served_keep(struct rw_modeldir_image *image, struct rw_served **served,
                            rowan_error *error);
/* Load and keep (command line). */
rowan_status rw_served_load(const char *path, struct rw_served **served, size_t *n_golden,
                            rowan_error *error);
void rw_served_free(struct rw_served *served);

#endif

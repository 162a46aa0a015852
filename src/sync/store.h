/*
 * store.h - versions on disk, and the link that leads to one of them.
 *
 *   MODEL_DIR            the link; swapped by one rename(2)
 *   MODEL_DIR.versions/
 *     3-1f2e3d4c/        a version that is whole and proved
 *     .4-aabbccdd.part/  one that is not yet; swept at the next start
 *     .lock              held by the one rowan-sync of this link
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_STORE_H
#define RW_SYNC_STORE_H

#include "sync/registry.h"

#define RW_STORE_PATH_MAX 4096u

struct rw_store {
    char link[RW_STORE_PATH_MAX];
    char versions[RW_STORE_PATH_MAX]; /* the folder */
    int fd;                           /* of the folder */
    int parent_fd;                    /* of the link's folder */
    int lock_fd;
};

/* Makes the folder, takes its lock, sweeps what was left behind. */
rowan_status rw_store_open(const char *link, struct rw_store *store, rowan_error *error);
void rw_store_close(struct rw_store *store);

/* A new, empty folder for this version; *fd is the caller's.  `path` gets its path. */
bool rw_store_begin(struct rw_store *store, const char *version, int *fd,
                    char path[RW_STORE_PATH_MAX], struct rw_trouble *trouble);
/* Puts it in its place, durably, and removes one of this name that was there; fd is still the
 * caller's. */
bool rw_store_finish(struct rw_store *store, const char *version, int fd,
                     struct rw_trouble *trouble);
/* Throws it away. */
void rw_store_drop(struct rw_store *store, const char *version);

bool rw_store_has(const struct rw_store *store, const char *version, char path[RW_STORE_PATH_MAX]);
/* Is there this file in the directory that the link leads to? */
bool rw_store_serves_file(const struct rw_store *store, const char *name);

/* The version that the link leads to; "" if it leads elsewhere or nowhere. */
void rw_store_served(const struct rw_store *store, char version[RW_DIRECTORY_MAX]);
/* Does it lead to a directory? */
bool rw_store_serves(const struct rw_store *store);
bool rw_store_swap(struct rw_store *store, const char *version, struct rw_trouble *trouble);
/* Does it lead to this directory outside of the store? */
bool rw_store_leads_to(const struct rw_store *store, const char *path);
/* To a directory outside of the store. */
bool rw_store_swap_to(struct rw_store *store, const char *path, struct rw_trouble *trouble);
/* Removes all but the `keep` youngest versions and the one that is served. */
void rw_store_keep(struct rw_store *store, uint32_t keep);

#endif

/*
 * follow.h - one look at the registry, and what it leads to.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_FOLLOW_H
#define RW_SYNC_FOLLOW_H

#include "sync/counters.h"
#include "sync/http.h"
#include "sync/store.h"

/* An artifact that came incomplete may have been cut on its way: so often it is asked for. */
#define RW_INCOMPLETE_TRIES 3u

struct rw_follower {
    const struct rw_sync_settings *settings;
    struct rw_http *http;
    struct rw_store store;
    struct rw_sync_counters *counters;
    bool serves_proved;             /* the link leads to a model that has been proved */
    char refused[RW_DIRECTORY_MAX]; /* a version that stays refused */
    char tried[RW_DIRECTORY_MAX];   /* one that came incomplete */
    unsigned n_tries;
    struct rw_trouble last; /* what the log has last told; status ROWAN_OK: all was well */
};

/* Opens the store, and proves what the link leads to. */
rowan_status rw_follower_open(struct rw_follower *follower, const struct rw_sync_settings *settings,
                              rowan_error *error);
void rw_follower_close(struct rw_follower *follower);

/* Asks, and swaps if there is something better. */
enum rw_sync_outcome rw_follower_look(struct rw_follower *follower);

/* "VERSION-01234567": a version's directory is one of its content, as the registry tells it. */
void rw_directory_name(const struct rw_named *named, const char *contract,
                       char name[RW_DIRECTORY_MAX]);

#endif

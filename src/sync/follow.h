/*
 * follow.h - one look at the registry, and what it leads to.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_FOLLOW_H
#define RW_SYNC_FOLLOW_H

#include "sync/counters.h"
#include "sync/http.h"
#include "sync/store.h"

/* Versions whose refusal is remembered: a registry may go from one to another and back. */
#define RW_REFUSALS_MAX 16u

struct rw_refusal {
    char directory[RW_DIRECTORY_MAX];
    bool is_final; /* not downloaded again */
    struct rw_trouble trouble;
};

struct rw_follower {
    const struct rw_sync_settings *settings;
    struct rw_http *http;
    struct rw_store store;
    struct rw_sync_counters *counters;
    bool serves_proved; /* the link leads to a model that has been proved */
    struct rw_refusal refusals[RW_REFUSALS_MAX];
    unsigned n_refusals; /* ever; the youngest overwrites the oldest */
    bool may_pass; /* the last look was refused, and is worth another one after a long pause */
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

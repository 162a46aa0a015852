/*
 * ticker.h - a thread that does something once a second, and can be ended at any time.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_TICKER_H
#define RW_LOAD_TICKER_H

#include <pthread.h>

#include "load-testing/clock.h"
#include "base/base.h"

struct rw_load_ticker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool runs, is_ending;
    const struct rw_load_clock *clock;
    int64_t after_ns; /* the begin of each second of the run */
    void (*tick)(void *context, int64_t second);
    void *context;
};

/* Calls `tick` on a new thread `after_ns` after the begin of each second of the run, with
 * that second's number; one that takes longer than a second leaves out those it missed. */
rowan_status rw_load_ticker_start(struct rw_load_ticker *ticker, rowan_error *error);
/* Waits for a tick that runs; may be called twice, or without a start. */
void rw_load_ticker_stop(struct rw_load_ticker *ticker);

#endif

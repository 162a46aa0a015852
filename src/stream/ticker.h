/*
 * ticker.h - a thread that does one thing once a second, and ends when it is told.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_TICKER_H
#define RW_STREAM_TICKER_H

#include <pthread.h>

#include "base/base.h"

#define RW_TICKER_PERIOD_MS 1000 /* from the start of a turn to the start of the next */

struct rw_ticker {
    void (*turn)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* waits by CLOCK_MONOTONIC: a clock that is set does not hold it */
    bool stopping;       /* under mutex */
};

/* Starts a thread that calls turn(context) now and then once a second; a turn that takes
 * longer delays the next.  The thread blocks all signals: they are the main thread's. */
rowan_status rw_ticker_start(struct rw_ticker *ticker, void (*turn)(void *context), void *context,
                             rowan_error *error);
/* For a turn of several steps: shall it end? */
bool rw_ticker_stopping(struct rw_ticker *ticker);
/* Wakes the thread, lets a turn that is under way end, and joins. */
void rw_ticker_stop(struct rw_ticker *ticker);

#endif

/*
 * ticker.c - a thread that does one thing once a second.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "stream/ticker.h"

#define MS_PER_SECOND 1000
#define NS_PER_MS     1000000
#define NS_PER_SECOND 1000000000

static struct timespec next_turn(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += RW_TICKER_PERIOD_MS / MS_PER_SECOND;
    at.tv_nsec += (RW_TICKER_PERIOD_MS % MS_PER_SECOND) * NS_PER_MS;
    if (at.tv_nsec >= NS_PER_SECOND) {
        at.tv_nsec -= NS_PER_SECOND;
        at.tv_sec++;
    }
    return at;
}

/* Until then, or until the thread shall end. */
static bool wait_until(struct rw_ticker *ticker, const struct timespec *at) {
    int late = 0;
    pthread_mutex_lock(&ticker->mutex);
    while (!ticker->stopping && late == 0)
        late = pthread_cond_timedwait(&ticker->wake, &ticker->mutex, at);
    bool goes_on = !ticker->stopping;
    pthread_mutex_unlock(&ticker->mutex);
    return goes_on;
}

static void *run(void *data) {
    struct rw_ticker *ticker = data;
    struct timespec next;
    do {
        next = next_turn();
        ticker->turn(ticker->context);
    } while (wait_until(ticker, &next));
    return NULL;
}

/* A thread inherits the mask of the one that makes it. */
static int create_deaf(struct rw_ticker *ticker) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&ticker->thread, NULL, run, ticker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

static void destroy(struct rw_ticker *ticker) {
    pthread_cond_destroy(&ticker->wake);
    pthread_mutex_destroy(&ticker->mutex);
}

rowan_status rw_ticker_start(struct rw_ticker *ticker, void (*turn)(void *context), void *context,
                             rowan_error *error) {
    ticker->turn = turn;
    ticker->context = context;
    ticker->stopping = false;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ticker->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&ticker->mutex, NULL);
    int number = create_deaf(ticker);
    if (number == 0)
        return ROWAN_OK;
    destroy(ticker);
    char reason[128];
    return rw_fail(error, ROWAN_NO_MEMORY, NULL, "raise the limit of threads of this user",
                   "cannot start a thread: %s", strerror_r(number, reason, sizeof reason));
}

bool rw_ticker_stopping(struct rw_ticker *ticker) {
    pthread_mutex_lock(&ticker->mutex);
    bool stopping = ticker->stopping;
    pthread_mutex_unlock(&ticker->mutex);
    return stopping;
}

void rw_ticker_stop(struct rw_ticker *ticker) {
    pthread_mutex_lock(&ticker->mutex);
    ticker->stopping = true;
    pthread_cond_signal(&ticker->wake);
    pthread_mutex_unlock(&ticker->mutex);
    pthread_join(ticker->thread, NULL);
    destroy(ticker);
}

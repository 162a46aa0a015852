/*
 * ticker.c - a thread that does something once a second.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/ticker.h"

/* False when the thread is to end. */
static bool wait_until(struct rw_load_ticker *ticker, int64_t monotonic_ns) {
    const struct timespec at = {monotonic_ns / RW_LOAD_SECOND_NS, monotonic_ns % RW_LOAD_SECOND_NS};
    pthread_mutex_lock(&ticker->mutex);
    int timed_out = 0;
    while (!ticker->is_ending && !timed_out)
        timed_out = pthread_cond_timedwait(&ticker->ended, &ticker->mutex, &at);
    const bool goes_on = !ticker->is_ending;
    pthread_mutex_unlock(&ticker->mutex);
    return goes_on;
}

static void *run(void *context) {
    struct rw_load_ticker *ticker = context;
    const int64_t begin = ticker->clock->start_ns + ticker->after_ns;
    for (int64_t second = 0;;) {
        if (!wait_until(ticker, begin + second * RW_LOAD_SECOND_NS))
            return NULL;
        ticker->tick(ticker->context, second);
        const int64_t now = (rw_load_now_ns() - begin) / RW_LOAD_SECOND_NS;
        second = now > second ? now + 1 : second + 1;
    }
}

rowan_status rw_load_ticker_start(struct rw_load_ticker *ticker, rowan_error *error) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ticker->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&ticker->mutex, NULL);
    ticker->runs = pthread_create(&ticker->thread, NULL, run, ticker) == 0;
    return ticker->runs ? ROWAN_OK
                        : rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no thread for the clock");
}

void rw_load_ticker_stop(struct rw_load_ticker *ticker) {
    if (!ticker->runs)
        return;
    pthread_mutex_lock(&ticker->mutex);
    ticker->is_ending = true;
    pthread_cond_signal(&ticker->ended);
    pthread_mutex_unlock(&ticker->mutex);
    pthread_join(ticker->thread, NULL);
    pthread_cond_destroy(&ticker->ended);
    pthread_mutex_destroy(&ticker->mutex);
    ticker->runs = false;
}

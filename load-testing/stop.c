/*
 * stop.c - Ctrl-C: the first ends sending, the second ends waiting.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/stop.h"

#include <signal.h>
#include <stddef.h>

#include "load-testing/clock.h"

/* A signal between the look at it and the sleep is seen so much later. */
#define NAP_NS 100000000

static volatile sig_atomic_t asked;

static void on_signal(int number) {
    (void)number;
    if (asked < 2)
        asked = asked + 1;
}

static void mask(int how) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(how, &signals, NULL);
}

void rw_load_stop_catch(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    mask(SIG_BLOCK);
}

void rw_load_stop_listen(void) {
    mask(SIG_UNBLOCK);
}

bool rw_load_stop_asked(void) {
    return asked > 0;
}

bool rw_load_stop_asked_twice(void) {
    return asked > 1;
}

void rw_load_sleep_until(int64_t monotonic_ns) {
    for (int64_t now = rw_load_now_ns(); now < monotonic_ns && !asked; now = rw_load_now_ns()) {
        const int64_t next = monotonic_ns - now < NAP_NS ? monotonic_ns : now + NAP_NS;
        const struct timespec at = {next / RW_LOAD_SECOND_NS, next % RW_LOAD_SECOND_NS};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
}

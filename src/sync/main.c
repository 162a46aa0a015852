/*
 * main.c - rowan-sync: looks, pauses, and the signals that end it.
 *
 * The work is a thread's, and the main thread waits for signals: whatever the work is at, a
 * download or a proof, the process ends at once.  Nothing is lost by that, because nothing is in
 * its place before it is whole.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "daemon/log.h"
#include "sync/follow.h"
#include "sync/pace.h"

enum { EXIT_WELL = 0, EXIT_NO_MODEL = 1, EXIT_WRONG = 2 };

#define TICK_MS 1000u /* how often the process's own metrics are renewed */

struct service {
    struct rw_sync_settings settings;
    struct rw_follower follower;
};

static void say(const rowan_error *error) {
    char text[ROWAN_ERROR_WHERE + 2 * ROWAN_ERROR_TEXT];
    fprintf(stderr, "rowan-sync: %s\n", rowan_error_text(error, text, sizeof text));
}

/* ---- the work ------------------------------------------------------------------------------ */

static void pause_ms(uint64_t ms) {
    const struct timespec pause = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

static void wait_for(struct service *service, uint32_t n_failures) {
    uint32_t random = 0;
    ssize_t got = getrandom(&random, sizeof random, 0);
    (void)got; /* without randomness there is no jitter */
    const uint64_t asked = rw_http_retry_after(service->follower.http) * (uint64_t)1000;
    uint64_t left = rw_pace_ms(service->settings.interval, n_failures, random);
    if (left < asked)
        left = asked;
    rw_log(RW_LOG_DEBUG, "looks again in %llu ms", (unsigned long long)left);
    while (left > 0) {
        const uint64_t step = left < TICK_MS ? left : TICK_MS;
        pause_ms(step);
        left -= step;
        rw_sync_counters_tick(service->follower.counters);
        rw_clock_tick();
    }
}

/* A registry that answers, and names nothing or something bad, is asked as before. */
static _Noreturn void follow(struct service *service) {
    for (uint32_t n_failures = 0;;) {
        const enum rw_sync_outcome outcome = rw_follower_look(&service->follower);
        const bool failed = outcome == RW_CHECK_FAILED;
        const bool may_pass = outcome == RW_REFUSED && service->follower.may_pass;
        n_failures = failed || may_pass ? n_failures + 1 : 0;
        wait_for(service, n_failures);
    }
}

static _Noreturn void look_once(struct service *service) {
    rw_follower_look(&service->follower);
    const bool serves = service->follower.serves_proved;
    rw_log(RW_LOG_NOTICE, serves ? "the link leads to a proved model" : "there is no model");
    rw_follower_close(&service->follower);
    rw_sync_settings_free(&service->settings);
    exit(serves ? EXIT_WELL : EXIT_NO_MODEL);
}

/* To open is part of it: the proof of a large model takes seconds, in which a signal counts. */
static void *work(void *context) {
    struct service *service = context;
    rowan_error error;
    if (rw_follower_open(&service->follower, &service->settings, &error) != ROWAN_OK) {
        say(&error);
        exit(EXIT_WRONG);
    }
    if (service->settings.action == RW_SYNC_ONCE)
        look_once(service);
    follow(service);
}

/* ---- signals --------------------------------------------------------------------------------- */

/* Blocked in every thread, and taken here one by one. */
static void block_signals(sigset_t *ends) {
    sigemptyset(ends);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGHUP);
    sigaddset(ends, SIGQUIT); /* what the image tells every container to stop with */
    pthread_sigmask(SIG_BLOCK, ends, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run(struct service *service) {
    sigset_t ends;
    pthread_t thread;
    int number;
    block_signals(&ends);
    rw_clock_init();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rw_log(RW_LOG_NOTICE, "rowan-sync " ROWAN_VERSION " %s: %s of %s at %s, for %s",
           service->settings.instance, service->settings.reference, service->settings.name,
           service->settings.tracking_uri, service->settings.model_dir);
    if (pthread_create(&thread, NULL, work, service) != 0) {
        fputs("rowan-sync: cannot start a thread (raise the limit of threads of this user)\n",
              stderr);
        return EXIT_WRONG;
    }
    while (sigwait(&ends, &number) != 0)
        ;
    rw_log(RW_LOG_NOTICE, "stops");
    /* The thread goes on until the process is over: no clean-up may be in its way. */
    _exit(service->settings.action == RW_SYNC_ONCE ? EXIT_NO_MODEL : EXIT_WELL);
}

int main(int argc, char **argv) {
    static struct service service;
    rowan_error error;
    if (rw_sync_settings_read(argc, argv, environ, &service.settings, &error) != ROWAN_OK) {
        say(&error);
        return EXIT_WRONG;
    }
    if (service.settings.action == RW_SYNC_TOLD)
        return EXIT_WELL;
    rw_log_level(service.settings.log_level);
    return run(&service);
}

/*
 * worker.c - the life of a scoring thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "daemon/log.h"
#include "stream/session.h"
#include "stream/worker.h"

#define NS_PER_MS      1000000u
#define WAIT_STEP_MS   50u
#define MODEL_LOOK_MS  200u
#define REOPEN_MS      1000u  /* before another session is tried, */
#define REOPEN_MAX_MS  10000u /* doubled up to that */
#define ALIVE_EVERY_MS 100u   /* signs of life that are closer cost time, and tell no more */

/* ---- signs of life ------------------------------------------------------------------------- */

uint64_t rw_worker_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void show_life(struct rw_worker *worker, uint64_t now) {
    const uint64_t since = now - worker->alive_at;
    if (worker->alive_at && since > (uint64_t)RW_PAUSE_MS * NS_PER_MS)
        worker->paused_at = now;
    worker->alive_at = now;
    rw_counters_alive(worker->counters, worker->in_group && worker->lease.served);
}

bool rw_worker_goes_on(struct rw_worker *worker) {
    const uint64_t now = rw_worker_now();
    const bool stopping = atomic_load_explicit(worker->stopping, memory_order_relaxed);
    if (stopping && !worker->stopped_at)
        worker->stopped_at = now;
    if (now - worker->alive_at >= ALIVE_EVERY_MS * NS_PER_MS)
        show_life(worker, now);
    return !stopping;
}

bool rw_worker_gives_up(const struct rw_worker *worker) {
    return worker->stopped_at &&
           rw_worker_now() - worker->stopped_at > (uint64_t)RW_STOP_PATIENCE_MS * NS_PER_MS;
}

bool rw_worker_wait(struct rw_worker *worker, uint32_t ms) {
    const uint64_t end = rw_worker_now() + (uint64_t)ms * NS_PER_MS;
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * NS_PER_MS};
    while (rw_worker_goes_on(worker)) {
        if (rw_worker_now() >= end)
            return true;
        nanosleep(&step, NULL);
    }
    return false;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static bool wait_for_model(struct rw_worker *worker) {
    while (!worker->lease.served) {
        rw_models_return(worker->models, &worker->lease);
        worker->lease = rw_models_take(worker->models);
        if (!worker->lease.served && !rw_worker_wait(worker, MODEL_LOOK_MS))
            return false;
    }
    return true;
}

/* RW_REOPEN where none could be opened, RW_END where none ever can. */
static enum rw_fate live_through_session(struct rw_worker *worker, uint32_t *pause) {
    rowan_error error = {0};
    worker->in_group = false;
    struct rw_session *session = rw_session_open(worker, &error);
    if (!session) {
        char text[ROWAN_ERROR_WHERE + 2 * ROWAN_ERROR_TEXT];
        /* Properties that librdkafka refuses together are not accepted the next time either. */
        const bool wrong = error.status == ROWAN_ARGUMENT;
        rw_log(wrong ? RW_LOG_CRITICAL : RW_LOG_WARNING, "thread %u: %s%s", worker->index,
               rowan_error_text(&error, text, sizeof text), wrong ? "" : "; tries again");
        return wrong ? RW_END : RW_REOPEN;
    }
    *pause = REOPEN_MS;
    const enum rw_fate fate = rw_session_run(session);
    rw_session_close(session);
    worker->in_group = false;
    return fate;
}

static void live(struct rw_worker *worker) {
    uint32_t pause = REOPEN_MS;
    while (wait_for_model(worker)) {
        const enum rw_fate fate = live_through_session(worker, &pause);
        worker->failed = fate == RW_END;
        if (fate != RW_REOPEN || !rw_worker_wait(worker, pause))
            return;
        rw_log(RW_LOG_NOTICE, "thread %u: begins anew", worker->index);
        pause = pause * 2 < REOPEN_MAX_MS ? pause * 2 : REOPEN_MAX_MS;
    }
}

static void *run(void *context) {
    struct rw_worker *worker = context;
    worker->counters = rw_counters_open(worker->settings);
    worker->assumed_bytes = RW_TOPIC_BYTES_DEFAULT;
    rw_worker_goes_on(worker);
    live(worker);
    rw_models_return(worker->models, &worker->lease);
    rw_counters_close(worker->counters);
    worker->ended();
    return NULL;
}

/* ---- the thread ------------------------------------------------------------------------------ */

rowan_status rw_worker_start(struct rw_worker *worker, rowan_error *error) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int code = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        return ROWAN_OK;
    return rw_fail(error, ROWAN_NO_MEMORY, "--threads", "start fewer", "no thread: %s",
                   strerror(code));
}

void rw_worker_join(struct rw_worker *worker) {
    pthread_join(worker->thread, NULL);
}

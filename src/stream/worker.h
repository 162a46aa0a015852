/*
 * worker.h - a scoring thread: opens a session with Kafka, and another one when that ends.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_WORKER_H
#define RW_STREAM_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "stream/counters.h"
#include "stream/models.h"
#include "stream/settings.h"

/* How long a thread that is told to stop goes on trying to commit what it has scored.  What
 * it cannot commit is scored again by whoever reads next. */
#define RW_STOP_PATIENCE_MS 5000

/* A pause of the whole process that is longer than that is one in which another process may
 * have taken over. */
#define RW_PAUSE_MS 5000

struct rw_worker {
    const struct rw_stream_settings *settings;
    struct rw_models *models;
    uint32_t index;              /* of the threads */
    const atomic_bool *stopping; /* told by the main thread */
    void (*ended)(void);         /* tells the main thread that this one has given up */

    /* the thread's own */
    pthread_t thread;
    struct rw_counters *counters;
    struct rw_lease lease;
    uint64_t alive_at;    /* ns of the last sign of life */
    uint64_t paused_at;   /* ns at which the last pause was noticed; 0: never */
    uint64_t stopped_at;  /* ns at which it saw that it must stop; 0: not yet */
    size_t assumed_bytes; /* max.message.bytes of topics whose broker does not tell it */
    bool in_group;
    bool failed; /* gave up: read it after the thread has been joined */
};

/* Starts the thread; all signals are blocked in it. */
rowan_status rw_worker_start(struct rw_worker *worker, rowan_error *error);
void rw_worker_join(struct rw_worker *worker);

/* ---- for what runs in the thread ------------------------------------------------------- */

/* A sign of life, at most a second after the one before; true while the thread may go on. */
bool rw_worker_goes_on(struct rw_worker *worker);
/* Must stop, and RW_STOP_PATIENCE_MS have passed: no more tries. */
bool rw_worker_gives_up(const struct rw_worker *worker);
/* Sleeps, with signs of life; false as soon as the thread must stop. */
bool rw_worker_wait(struct rw_worker *worker, uint32_t ms);
/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t rw_worker_now(void);

#endif

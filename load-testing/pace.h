/*
 * pace.h - sends a schedule's messages at their times, whatever the broker does.
 *
 * Time is cut into ticks of a millisecond.  The messages of a tick are sent together at
 * its begin, so that none goes later than its own time.  A tick's time is the run's begin
 * plus its number: a tick that comes late delays no other, and nothing adds up.  While
 * librdkafka's queue is full, messages are owed; they are sent as soon as there is room,
 * and how late they were is written down.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_PACE_H
#define RW_LOAD_PACE_H

#include "load-testing/schedule.h"
#include "load-testing/timeline.h"

#define RW_LOAD_TICK_NS 1000000
/* What is owed at the schedule's end may still be sent for so long. */
#define RW_LOAD_OVERTIME_NS ((int64_t)30 * RW_LOAD_SECOND_NS)
/* Messages in one call of `send` of an unpaced schedule. */
#define RW_LOAD_UNPACED_BATCH 256u

/* How the pace reaches the world; times are nanoseconds since the run's begin. */
struct rw_load_world {
    int64_t (*now)(void *context);
    /* Returns at `ns`, or earlier when the run is to stop. */
    void (*sleep_until)(void *context, int64_t ns);
    bool (*stopped)(void *context);
    /* Sends up to `count` messages that were due at tick `tick`; how many it could. */
    uint64_t (*send)(void *context, uint64_t count, uint32_t tick);
    void *context;
};

struct rw_load_paced {
    uint64_t sent;
    uint64_t owed;       /* due by the end, and not sent */
    int64_t ended;       /* when sending ended, ns */
    uint64_t ticks;      /* that had messages */
    uint64_t late_ticks; /* whose last message went a tick or more after its time */
    int64_t late_max;    /* ns */
    int64_t late_max_at; /* ns: when */
    bool stopped;        /* before its end */
    /* by the time at which they were sent */
    uint64_t in_phase[RW_LOAD_PHASES_MAX];
    uint64_t in_overtime;
};

/* Runs the schedule; slots of `timeline` get `sent` and `late_ns`. */
void rw_load_pace(const struct rw_load_schedule *schedule, const struct rw_load_world *world,
                  const struct rw_load_timeline *timeline, struct rw_load_paced *paced);

#endif

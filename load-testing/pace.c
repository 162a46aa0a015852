/*
 * pace.c - sends a schedule's messages at their times.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/pace.h"

struct pace {
    const struct rw_load_schedule *schedule;
    const struct rw_load_world *world;
    const struct rw_load_timeline *timeline;
    struct rw_load_paced *paced;
};

static int64_t now(const struct pace *pace) {
    return pace->world->now(pace->world->context);
}

static bool stopped(const struct pace *pace) {
    return pace->world->stopped(pace->world->context);
}

static uint64_t send_some(const struct pace *pace, uint64_t count, uint32_t tick) {
    const uint64_t sent = pace->world->send(pace->world->context, count, tick);
    const int64_t at = now(pace);
    struct rw_load_second *second = rw_load_timeline_at(pace->timeline, at);
    rw_load_add(second->sent, sent);
    pace->paced->sent += sent;
    if (at < rw_load_schedule_end(pace->schedule))
        pace->paced->in_phase[rw_load_schedule_phase(pace->schedule, at)] += sent;
    else
        pace->paced->in_overtime += sent;
    return sent;
}

/* A full queue is asked again a tick later. */
static void wait_for_room(const struct pace *pace) {
    pace->world->sleep_until(pace->world->context, now(pace) + RW_LOAD_TICK_NS);
}

/* ---- by the timetable ------------------------------------------------------------------- */

static void note_lateness(const struct pace *pace, int64_t due) {
    struct rw_load_paced *paced = pace->paced;
    const int64_t at = now(pace), late = at - due;
    struct rw_load_second *second = rw_load_timeline_at(pace->timeline, at);
    paced->ticks++;
    if (late >= RW_LOAD_TICK_NS)
        paced->late_ticks++;
    if (late > second->late_ns)
        rw_load_set(second->late_ns, late);
    if (late > paced->late_max) {
        paced->late_max = late;
        paced->late_max_at = at;
    }
}

/* Sends all messages up to `due`; false if the run is to end before. */
static bool send_tick(const struct pace *pace, uint64_t due, uint32_t tick, int64_t give_up) {
    while (pace->paced->sent < due) {
        if (stopped(pace) || now(pace) >= give_up)
            return false;
        if (send_some(pace, due - pace->paced->sent, tick) == 0)
            wait_for_room(pace);
    }
    note_lateness(pace, (int64_t)tick * RW_LOAD_TICK_NS);
    return true;
}

static void run_timetable(const struct pace *pace) {
    const int64_t end = rw_load_schedule_end(pace->schedule);
    const uint64_t total = rw_load_schedule_total(pace->schedule);
    const int64_t give_up = end + RW_LOAD_OVERTIME_NS;
    for (uint32_t tick = 0; pace->paced->sent < total; tick++) {
        const int64_t at = (int64_t)tick * RW_LOAD_TICK_NS;
        const uint64_t due = rw_load_schedule_due(pace->schedule, at + RW_LOAD_TICK_NS);
        if (due == pace->paced->sent)
            continue;
        pace->world->sleep_until(pace->world->context, at);
        if (stopped(pace) || !send_tick(pace, due, tick, give_up))
            return;
    }
    /* A phase lasts as long as it was asked to, after its last message too. */
    if (total < pace->schedule->limit)
        pace->world->sleep_until(pace->world->context, end);
}

/* ---- as fast as it goes --------------------------------------------------------------------- */

static void run_unpaced(const struct pace *pace) {
    const int64_t end = rw_load_schedule_end(pace->schedule);
    while (pace->paced->sent < pace->schedule->limit && !stopped(pace) && now(pace) < end) {
        const uint64_t left = pace->schedule->limit - pace->paced->sent;
        const uint64_t count = left < RW_LOAD_UNPACED_BATCH ? left : RW_LOAD_UNPACED_BATCH;
        if (send_some(pace, count, 0) == 0)
            wait_for_room(pace);
    }
}

void rw_load_pace(const struct rw_load_schedule *schedule, const struct rw_load_world *world,
                  const struct rw_load_timeline *timeline, struct rw_load_paced *paced) {
    const struct pace pace = {schedule, world, timeline, paced};
    *paced = (struct rw_load_paced){0};
    if (schedule->unpaced)
        run_unpaced(&pace);
    else
        run_timetable(&pace);
    paced->stopped = stopped(&pace);
    paced->ended = now(&pace);
    const uint64_t due =
        schedule->unpaced ? paced->sent : rw_load_schedule_due(schedule, paced->ended);
    paced->owed = due > paced->sent ? due - paced->sent : 0;
}

/*
 * schedule.h - the timetable of a run: how many messages are due before a time.
 *
 * A run is a row of phases.  Message j of a phase with rate r is due j / r seconds after
 * the phase's begin; a burst of b adds b messages at the begin of each of its seconds.
 * The timetable is a function of time alone, so that a run that falls behind knows by how
 * much, and one that catches up does not drift.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_SCHEDULE_H
#define RW_LOAD_SCHEDULE_H

#include "base/base.h"

/* Bounds. */
#define RW_LOAD_PHASES_MAX  64u
#define RW_LOAD_RATE_MAX    10000000.0 /* messages a second */
#define RW_LOAD_SECONDS_MAX 86400.0    /* of a run */
#define RW_LOAD_COUNT_MAX   1000000000u

#define RW_LOAD_ATTACK "500x60,1000x120,2000x180,5000x300"

struct rw_load_phase {
    double rate;     /* messages a second, spread evenly */
    uint64_t burst;  /* messages at once at the begin of each second */
    int64_t begin;   /* ns since the run's begin */
    int64_t end;     /* ns */
    uint64_t before; /* messages of the phases before */
    uint64_t count;  /* messages of this one */
};

struct rw_load_schedule {
    struct rw_load_phase phases[RW_LOAD_PHASES_MAX];
    uint32_t n_phases;
    uint64_t limit; /* of messages in the whole run */
    bool unpaced;   /* as fast as it goes, until the end or the limit: rates mean nothing */
};

/* An empty schedule. */
void rw_load_schedule_init(struct rw_load_schedule *schedule);
/* Adds a phase.  ROWAN_LIMIT names the bound that it breaks. */
rowan_status rw_load_schedule_add(struct rw_load_schedule *schedule, double rate, uint64_t burst,
                                  double seconds, rowan_error *error);
/* Adds the phases of "RATExSECONDS,RATExSECONDS..."; fractions are allowed in both. */
rowan_status rw_load_schedule_parse(struct rw_load_schedule *schedule, const char *text,
                                    uint64_t burst, rowan_error *error);

/* Messages that are due before `ns`; of an unpaced schedule all of them, from the begin. */
uint64_t rw_load_schedule_due(const struct rw_load_schedule *schedule, int64_t ns);
/* All messages; of an unpaced schedule the limit. */
uint64_t rw_load_schedule_total(const struct rw_load_schedule *schedule);
/* When the last phase ends, ns. */
int64_t rw_load_schedule_end(const struct rw_load_schedule *schedule);
/* Index of the phase at `ns`; after the end the last one. */
uint32_t rw_load_schedule_phase(const struct rw_load_schedule *schedule, int64_t ns);
/* Index of the phase that has the message, whenever it was sent. */
uint32_t rw_load_schedule_phase_of(const struct rw_load_schedule *schedule, uint64_t number);

#endif

/*
 * schedule.c - the timetable of a run.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load-testing/clock.h"

/* rate * seconds of a whole number may come out a little above it: 0.1 * 30. */
#define ROUNDING 1e-6

void rw_load_schedule_init(struct rw_load_schedule *schedule) {
    memset(schedule, 0, sizeof *schedule);
    schedule->limit = RW_LOAD_COUNT_MAX;
}

/* ---- building ------------------------------------------------------------------------ */

/* Messages of the phase that are due before `ns` after its begin. */
static uint64_t due_in(const struct rw_load_phase *phase, int64_t ns) {
    const double seconds = (double)ns / RW_LOAD_SECOND_NS;
    const double spread = ceil(phase->rate * seconds - ROUNDING);
    const uint64_t bursts = ((uint64_t)ns + RW_LOAD_SECOND_NS - 1) / RW_LOAD_SECOND_NS;
    return (spread > 0.0 ? (uint64_t)spread : 0) + phase->burst * bursts;
}

static rowan_status check(const struct rw_load_schedule *schedule, double rate, uint64_t burst,
                          double seconds, rowan_error *error) {
    if (schedule->n_phases == RW_LOAD_PHASES_MAX)
        return rw_fail(error, ROWAN_LIMIT, "schedule", NULL,
                       "more than %u phases (RW_LOAD_PHASES_MAX)", RW_LOAD_PHASES_MAX);
    if (!(rate >= 0.0 && rate <= RW_LOAD_RATE_MAX) || burst > (uint64_t)RW_LOAD_RATE_MAX)
        return rw_fail(error, ROWAN_LIMIT, "schedule", NULL,
                       "a rate is 0 to %.0f messages a second (RW_LOAD_RATE_MAX)",
                       RW_LOAD_RATE_MAX);
    const double before = (double)rw_load_schedule_end(schedule) / RW_LOAD_SECOND_NS;
    if (!(seconds > 0.0) || before + seconds > RW_LOAD_SECONDS_MAX)
        return rw_fail(error, ROWAN_LIMIT, "schedule", NULL,
                       "a run takes more than 0 and at most %.0f seconds (RW_LOAD_SECONDS_MAX)",
                       RW_LOAD_SECONDS_MAX);
    return ROWAN_OK;
}

rowan_status rw_load_schedule_add(struct rw_load_schedule *schedule, double rate, uint64_t burst,
                                  double seconds, rowan_error *error) {
    rowan_status status = check(schedule, rate, burst, seconds, error);
    if (status != ROWAN_OK)
        return status;
    const int64_t length = llround(seconds * RW_LOAD_SECOND_NS);
    const int64_t begin = rw_load_schedule_end(schedule);
    struct rw_load_phase phase = {
        .rate = rate, .burst = burst, .begin = begin, .end = begin + length};
    if (schedule->n_phases > 0) {
        const struct rw_load_phase *last = &schedule->phases[schedule->n_phases - 1];
        phase.before = last->before + last->count;
    }
    phase.count = due_in(&phase, length);
    if (phase.before + phase.count > RW_LOAD_COUNT_MAX)
        return rw_fail(error, ROWAN_LIMIT, "schedule", NULL,
                       "a run has at most %u messages (RW_LOAD_COUNT_MAX)", RW_LOAD_COUNT_MAX);
    schedule->phases[schedule->n_phases++] = phase;
    return ROWAN_OK;
}

/* Digits with at most one point, and what follows them; NULL if there are none.  strtod alone
 * would take "0x60" for a hexadecimal number, and spaces, signs and "inf". */
static const char *parse_number(const char *text, double *number) {
    char digits[32], *end;
    const size_t length = strspn(text, "0123456789.");
    if (length == 0 || length >= sizeof digits)
        return NULL;
    memcpy(digits, text, length);
    digits[length] = '\0';
    *number = strtod(digits, &end);
    return *end == '\0' ? text + length : NULL;
}

/* "500x60" up to a comma or the end; NULL if it is not that. */
static const char *parse_phase(const char *text, double *rate, double *seconds) {
    const char *end = parse_number(text, rate);
    if (!end || *end != 'x')
        return NULL;
    end = parse_number(end + 1, seconds);
    return end && (*end == ',' || *end == '\0') ? end : NULL;
}

rowan_status rw_load_schedule_parse(struct rw_load_schedule *schedule, const char *text,
                                    uint64_t burst, rowan_error *error) {
    rowan_status status = ROWAN_OK;
    for (bool more = true; more && status == ROWAN_OK;) {
        double rate = 0.0, seconds = 0.0;
        const char *end = parse_phase(text, &rate, &seconds);
        if (!end)
            return rw_fail(error, ROWAN_ARGUMENT, "schedule",
                           "messages a second x seconds, with commas: " RW_LOAD_ATTACK,
                           "\"%.60s\" is not RATExSECONDS", text);
        status = rw_load_schedule_add(schedule, rate, burst, seconds, error);
        more = *end == ',';
        text = end + 1;
    }
    return status;
}

/* ---- asking ----------------------------------------------------------------------------- */

int64_t rw_load_schedule_end(const struct rw_load_schedule *schedule) {
    return schedule->n_phases ? schedule->phases[schedule->n_phases - 1].end : 0;
}

uint32_t rw_load_schedule_phase(const struct rw_load_schedule *schedule, int64_t ns) {
    uint32_t i = 0;
    while (i + 1 < schedule->n_phases && ns >= schedule->phases[i].end)
        i++;
    return i;
}

uint32_t rw_load_schedule_phase_of(const struct rw_load_schedule *schedule, uint64_t number) {
    uint32_t i = 0;
    while (i + 1 < schedule->n_phases && number >= schedule->phases[i + 1].before)
        i++;
    return i;
}

static uint64_t limited(const struct rw_load_schedule *schedule, uint64_t count) {
    return count < schedule->limit ? count : schedule->limit;
}

uint64_t rw_load_schedule_due(const struct rw_load_schedule *schedule, int64_t ns) {
    if (schedule->unpaced)
        return schedule->limit;
    if (schedule->n_phases == 0 || ns <= 0)
        return 0;
    const struct rw_load_phase *phase = &schedule->phases[rw_load_schedule_phase(schedule, ns)];
    const uint64_t in = ns >= phase->end ? phase->count : due_in(phase, ns - phase->begin);
    return limited(schedule, phase->before + (in < phase->count ? in : phase->count));
}

uint64_t rw_load_schedule_total(const struct rw_load_schedule *schedule) {
    return rw_load_schedule_due(schedule, rw_load_schedule_end(schedule));
}

/*
 * shed.c - when a worker is overloaded, and what it may then serve.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "shed/shed.h"

#include <string.h>

#include "shed/clients.h"

/* The budget of an overloaded interval, in percent of what was admitted in it; and its
 * growth in percent for each interval that was not. */
#define BUDGET_CUT_PERCENT  70
#define BUDGET_GROW_PERCENT 5
#define BUDGET_MIN          16
#define GROW_INTERVALS_MAX  100 /* after this many quiet ones nothing is shed anyway */

void rw_shed_init(struct rw_shed *shed, uint64_t target, uint64_t interval, uint64_t now) {
    memset(shed, 0, sizeof *shed);
    shed->target = target;
    shed->interval = interval;
    shed->interval_start = now;
    rw_shed_no_quota(shed);
}

static uint64_t later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Time of the turn that lies within this interval counts as late. */
static void count_late(struct rw_shed *shed, uint64_t now) {
    if (shed->turn_start && shed->turn_wait > shed->target)
        shed->late += now - later(shed->turn_start, shed->interval_start);
}

/* What `amount` in `elapsed` is in one interval. */
static int64_t an_interval(const struct rw_shed *shed, int64_t amount, uint64_t elapsed) {
    return (int64_t)((double)amount * (double)shed->interval / (double)elapsed);
}

static void cut_budget(struct rw_shed *shed, uint64_t elapsed) {
    int64_t admitted = an_interval(shed, shed->admitted, elapsed);
    if (!shed->shedding || admitted < shed->budget)
        shed->budget = admitted;
    shed->budget = shed->budget * BUDGET_CUT_PERCENT / 100;
    if (shed->budget < BUDGET_MIN)
        shed->budget = BUDGET_MIN;
    shed->shedding = true;
}

/* Ends shedding when all that is asked for fits. */
static void grow_budget(struct rw_shed *shed, uint64_t elapsed) {
    uint64_t intervals = elapsed / shed->interval;
    if (intervals > GROW_INTERVALS_MAX)
        intervals = GROW_INTERVALS_MAX;
    while (intervals--)
        shed->budget += shed->budget * BUDGET_GROW_PERCENT / 100 + 1;
    if (an_interval(shed, rw_shed_demand(shed), elapsed) <= shed->budget)
        shed->shedding = false;
}

/* Closes the interval once it is over, also in the middle of a long turn. */
static void close_interval(struct rw_shed *shed, uint64_t now) {
    uint64_t elapsed = now - shed->interval_start;
    if (elapsed < shed->interval)
        return;
    count_late(shed, now);
    if (shed->late > elapsed / 2)
        cut_budget(shed, elapsed);
    else if (shed->shedding)
        grow_budget(shed, elapsed);
    if (shed->shedding)
        rw_shed_share(shed, (double)shed->interval / (double)elapsed);
    else
        rw_shed_no_quota(shed);
    rw_shed_next_interval(shed);
    shed->interval_start = now;
    shed->late = 0;
    shed->admitted = 0;
}

void rw_shed_work(struct rw_shed *shed, uint64_t now, uint64_t lag) {
    uint64_t start = lag < now ? now - lag : 1;
    if (!shed->turn_start || start < shed->turn_start)
        shed->turn_start = start;
    shed->turn_wait = now - shed->turn_start;
    close_interval(shed, now);
}

void rw_shed_turn_end(struct rw_shed *shed, uint64_t now) {
    count_late(shed, now);
    shed->turn_start = 0; /* counted: not again when the interval closes */
    shed->turn_wait = 0;
    close_interval(shed, now);
}

bool rw_shed_admit(struct rw_shed *shed, enum rw_shed_priority priority, uint64_t client,
                   uint32_t cost) {
    if (cost > RW_SHED_COST_MAX)
        cost = RW_SHED_COST_MAX;
    struct rw_shed_client *known = rw_shed_client(shed, priority, client);
    known->demand += cost;
    /* the last request may go beyond the quota: the client then owes the rest */
    if (priority != RW_SHED_HIGH && known->used >= shed->quota[priority])
        return false;
    known->used += cost;
    shed->admitted += cost;
    return true;
}

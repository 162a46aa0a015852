/*
 * shed.c - when a worker is overloaded, and what it may then serve.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "shed/shed.h"

#include <string.h>

#include "shed/clients.h"

/* The budget of an overloaded interval, in percent of what was admitted in it; and its
 * growth in percent for each interval that was not.  Never below a part of the interval:
 * where that is too much, it is not these requests that overload the worker. */
#define BUDGET_CUT_PERCENT  70
#define BUDGET_GROW_PERCENT 5
#define BUDGET_MIN_PERCENT  20
#define GROW_INTERVALS_MAX  100 /* after this many quiet ones nothing is shed anyway */

#define NS_A_COST 1000u

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

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void cut_budget(struct rw_shed *shed, uint64_t elapsed) {
    int64_t whole = (int64_t)(shed->interval / NS_A_COST), least = whole * BUDGET_MIN_PERCENT / 100;
    int64_t used = smaller(an_interval(shed, shed->admitted, elapsed), whole);
    if (shed->shedding)
        used = smaller(used, shed->budget);
    shed->budget = used * BUDGET_CUT_PERCENT / 100;
    if (shed->budget < least)
        shed->budget = least;
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
    shed->spent = 0;
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

void rw_shed_look(struct rw_shed *shed, uint64_t now) {
    if (!shed->turn_start) /* one that is under way ends by itself */
        close_interval(shed, now);
}

static uint32_t bounded(uint32_t cost) {
    return cost < RW_SHED_COST_MAX ? cost : RW_SHED_COST_MAX;
}

bool rw_shed_admit(struct rw_shed *shed, const struct rw_shed_request *request) {
    struct rw_shed_client *client = rw_shed_client(shed, request->priority, request->client);
    uint32_t cost = bounded(request->cost);
    client->demand += cost;
    /* the last request may go beyond the quota: the client then owes the rest */
    if (client->used >= shed->quota[request->priority])
        return false;
    client->used += cost;
    shed->admitted += cost;
    return true;
}

bool rw_shed_confirm(struct rw_shed *shed, const struct rw_shed_request *request) {
    struct rw_shed_client *client = rw_shed_client(shed, request->priority, request->client);
    uint32_t cost = bounded(request->cost);
    /* beyond a quota only while all together are within the budget: many clients with one
     * long request each would fill several intervals */
    int64_t quota = shed->quota[request->priority];
    if (client->used <= quota ||
        (client->used - cost < quota && shed->spent + cost <= shed->budget))
        return true;
    client->used -= cost;
    shed->admitted -= cost;
    return false;
}

void rw_shed_charge(struct rw_shed *shed, const struct rw_shed_request *request, uint32_t cost) {
    struct rw_shed_client *client = rw_shed_client(shed, request->priority, request->client);
    int64_t more = (int64_t)bounded(cost) - bounded(request->cost);
    client->used += more;
    client->demand += more;
    shed->spent += bounded(cost);
    shed->admitted += more;
}

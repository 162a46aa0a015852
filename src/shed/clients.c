/*
 * clients.c - a table of clients, and max-min fair shares of a budget.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "shed/clients.h"

#include <string.h>

#define NO_QUOTA INT64_MAX
#define HALVINGS 40 /* of the range in which a fair share is searched */

static uint32_t first_slot(uint64_t id) {
    return (uint32_t)(id ^ id >> 32) & (RW_SHED_SLOTS - 1);
}

struct rw_shed_client *rw_shed_client(struct rw_shed *shed, enum rw_shed_priority priority,
                                      uint64_t id) {
    uint32_t slot = first_slot(id); /* at most half of them are taken */
    for (; shed->slots[slot]; slot = (slot + 1) & (RW_SHED_SLOTS - 1)) {
        struct rw_shed_client *client = &shed->clients[shed->slots[slot] - 1];
        if (client->id == id && client->priority == priority)
            return client;
    }
    if (shed->n_clients == RW_SHED_CLIENTS_MAX) {
        shed->others.priority = priority;
        return &shed->others;
    }
    struct rw_shed_client *client = &shed->clients[shed->n_clients++];
    shed->slots[slot] = (uint16_t)shed->n_clients;
    *client = (struct rw_shed_client){.id = id, .priority = priority};
    return client;
}

int64_t rw_shed_demand(const struct rw_shed *shed) {
    int64_t sum = shed->others.demand;
    for (uint32_t i = 0; i < shed->n_clients; i++)
        sum += shed->clients[i].demand;
    return sum;
}

/* What one priority takes if no client of it may have more than `quota`. */
static double taken(const struct rw_shed *shed, enum rw_shed_priority priority, double scale,
                    double quota) {
    double sum = 0;
    for (uint32_t i = 0; i < shed->n_clients; i++) {
        const struct rw_shed_client *client = &shed->clients[i];
        double demand = (double)client->demand * scale;
        if (client->priority == priority)
            sum += demand < quota ? demand : quota;
    }
    if (shed->others.priority == priority) {
        double demand = (double)shed->others.demand * scale;
        sum += demand < quota ? demand : quota;
    }
    return sum;
}

/* The quota at which a priority takes `budget`: all demands below it are met in full. */
static double fair_quota(const struct rw_shed *shed, enum rw_shed_priority priority, double scale,
                         double budget) {
    double low = 0, high = budget;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (taken(shed, priority, scale, middle) <= budget)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void rw_shed_share(struct rw_shed *shed, double scale) {
    double left = (double)shed->budget - taken(shed, RW_SHED_HIGH, scale, (double)NO_QUOTA);
    shed->quota[RW_SHED_HIGH] = NO_QUOTA;
    for (enum rw_shed_priority p = RW_SHED_NORMAL; p < RW_SHED_PRIORITIES; p++) {
        if (left < 0)
            left = 0;
        double quota = fair_quota(shed, p, scale, left);
        shed->quota[p] = (int64_t)quota;
        left -= taken(shed, p, scale, quota);
    }
}

void rw_shed_no_quota(struct rw_shed *shed) {
    for (int p = 0; p < RW_SHED_PRIORITIES; p++)
        shed->quota[p] = NO_QUOTA;
}

/* What a client takes along: debts, or what it did not use, up to one quota. */
static int64_t carried(int64_t used, int64_t quota) {
    if (quota == NO_QUOTA)
        return 0;
    int64_t rest = used - quota, owed_most = quota * RW_SHED_DEBT_INTERVALS;
    if (rest < -quota)
        return -quota;
    return rest < owed_most ? rest : owed_most;
}

void rw_shed_next_interval(struct rw_shed *shed) {
    uint32_t n = shed->n_clients;
    memset(shed->slots, 0, sizeof shed->slots);
    memset(&shed->others, 0, sizeof shed->others);
    shed->n_clients = 0;
    for (uint32_t i = 0; i < n; i++) { /* entries move down only */
        struct rw_shed_client old = shed->clients[i];
        int64_t used = carried(old.used, shed->quota[old.priority]);
        /* who has saved all that can be saved is as good as new */
        if (used > 0 || (used < 0 && old.demand > 0))
            rw_shed_client(shed, old.priority, old.id)->used = used;
    }
}

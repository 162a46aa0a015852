/*
 * shed.h - which requests an overloaded event loop refuses.
 *
 * A worker tells when it starts a piece of work and when a turn of its event loop ends.
 * Where most of an interval went by in turns whose last work had to wait for longer than
 * the target, the worker is overloaded.  It then has a budget of time an interval, which
 * shrinks while it stays overloaded and grows slowly when not (AIMD), and the budget is
 * shared out: first to requests of high priority, which are never refused, then to
 * normal ones, then to low ones; within a priority in max-min fair shares a client.
 *
 * No clock, no I/O, no allocation: the caller gives the time, monotonic nanoseconds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SHED_H
#define RW_SHED_H

#include <stdbool.h>
#include <stdint.h>

/* Bounds. */
#define RW_SHED_SLOTS       8192u     /* a power of two */
#define RW_SHED_CLIENTS_MAX 4096u     /* told apart in an interval; all others share one quota */
#define RW_SHED_COST_MAX    10000000u /* of one request, microseconds */

/* A client owes, for what it took beyond its quota, at most so many intervals of quota. */
#define RW_SHED_DEBT_INTERVALS 10

enum rw_shed_priority { RW_SHED_HIGH, RW_SHED_NORMAL, RW_SHED_LOW, RW_SHED_PRIORITIES };

/* What one client did in this interval. */
struct rw_shed_client {
    uint64_t id;
    int64_t used;   /* of its quota; below zero: saved from the interval before */
    int64_t demand; /* cost it asked for, refused or not */
    enum rw_shed_priority priority;
};

struct rw_shed {
    uint64_t target, interval;

    /* turn of the event loop; start 0: none under way */
    uint64_t turn_start;
    uint64_t turn_wait; /* of its last piece of work */

    /* interval */
    uint64_t interval_start;
    uint64_t late;    /* ns of it spent in turns that were longer than the target */
    int64_t admitted; /* cost */
    int64_t spent;    /* cost of what was served */

    bool shedding;
    int64_t budget;                    /* cost of an interval */
    int64_t quota[RW_SHED_PRIORITIES]; /* cost of an interval and client */

    uint32_t n_clients;
    struct rw_shed_client others; /* those beyond RW_SHED_CLIENTS_MAX, together */
    struct rw_shed_client clients[RW_SHED_CLIENTS_MAX];
    uint16_t slots[RW_SHED_SLOTS]; /* 1 + index into clients, 0: free */
};

/* Settings are nanoseconds above zero. */
void rw_shed_init(struct rw_shed *shed, uint64_t target, uint64_t interval, uint64_t now);

/* A piece of work starts.  `lag`: for how long this turn has been under way, as far as the
 * caller knows. */
void rw_shed_work(struct rw_shed *shed, uint64_t now, uint64_t lag);
/* The turn has ended: the event loop looks for new events. */
void rw_shed_turn_end(struct rw_shed *shed, uint64_t now);
/* From time to time, also where no work comes: a worker with none must not shed for ever. */
void rw_shed_look(struct rw_shed *shed, uint64_t now);

/* A request: whose it is (a hash of the client's name), and its cost in microseconds of
 * the worker: estimated at first. */
struct rw_shed_request {
    uint64_t client;
    enum rw_shed_priority priority;
    uint32_t cost;
};

/* When its header has been read: false means to refuse it. */
bool rw_shed_admit(struct rw_shed *shed, const struct rw_shed_request *request);
/* When its body has been read: false means to refuse it after all.  Many may have been
 * admitted at once, before any of them cost anything. */
bool rw_shed_confirm(struct rw_shed *shed, const struct rw_shed_request *request);
/* When it has been served: what it did cost, which the client's quota then lacks. */
void rw_shed_charge(struct rw_shed *shed, const struct rw_shed_request *request, uint32_t cost);

#endif

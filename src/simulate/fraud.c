/*
 * fraud.c - terminals that are compromised, and customers whose card data leaked.
 *
 * The Handbook draws 2 of its 10000 terminals and 3 of its 5000 customers a day; here a day
 * takes the same shares of whatever population there is.  Of the transactions of the
 * customers who leaked on one day, in 14 days together, exactly a third become frauds: those
 * days are drawn ahead, to choose among them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "simulate/simulation.h"

#define TERMINALS_A_DAY    2u
#define TERMINALS_HANDBOOK 10000u
#define CUSTOMERS_A_DAY    3u
#define CUSTOMERS_HANDBOOK 5000u
#define LEAKED_SHARE       3u /* one of */
#define LEAKED_FACTOR      5u
#define COMPROMISED        2u /* scenarios */
#define LEAKED             3u

/* How many of `population` this day takes, so that every sum of days keeps the share. */
static uint32_t takes(uint32_t day, uint64_t population, uint64_t a_day, uint64_t handbook) {
    return (uint32_t)((day + 1) * population * a_day / handbook -
                      day * population * a_day / handbook);
}

static size_t most_taken(uint64_t population, uint64_t a_day, uint64_t handbook) {
    return (size_t)(population * a_day / handbook + 1);
}

/* ---- scenario 2 ------------------------------------------------------------------------------ */

static void compromise_terminals(struct rw_simulation *simulation, uint32_t day) {
    uint32_t terminals = simulation->options.terminals;
    uint16_t *until = simulation->fraud.compromised_until,
             end = (uint16_t)(day + RW_COMPROMISED_DAYS);
    struct rw_random random;
    rw_random_start(&random, simulation->options.seed, RW_RANDOM_COMPROMISE, day, 0);
    for (uint32_t left = takes(day, terminals, TERMINALS_A_DAY, TERMINALS_HANDBOOK); left;) {
        uint32_t terminal = rw_random_below(&random, terminals);
        if (until[terminal] == end)
            continue; /* no terminal twice on one day */
        until[terminal] = end;
        left--;
    }
}

/* ---- scenario 3 ------------------------------------------------------------------------------ */

static uint32_t add_candidates(struct rw_simulation *simulation, uint32_t customer, uint32_t day,
                               uint32_t n) {
    struct rw_row rows[RW_POISSON_MAX];
    for (uint32_t d = day; d < day + RW_LEAKED_DAYS && d < simulation->options.days; d++) {
        uint32_t n_rows = rw_day_customer(simulation, customer, d, rows);
        for (uint32_t i = 0; i < n_rows; i++)
            simulation->fraud.candidates[n++] = (struct rw_candidate){d, {customer, i}};
    }
    return n;
}

/* A third of the candidates, without replacement. */
static void mark_third(struct rw_fraud *fraud, uint32_t n, struct rw_random *random) {
    for (uint32_t i = 0; i < n / LEAKED_SHARE; i++) {
        uint32_t chosen = i + rw_random_below(random, n - i);
        struct rw_candidate candidate = fraud->candidates[chosen];
        fraud->candidates[chosen] = fraud->candidates[i];
        struct rw_marks *marks = &fraud->marks[candidate.day % RW_LEAKED_DAYS];
        marks->marks[marks->n++] = candidate.mark;
    }
}

static void leak_cards(struct rw_simulation *simulation, uint32_t day) {
    uint32_t customers = simulation->options.customers, n = 0;
    uint16_t *leaked_on = simulation->fraud.leaked_on;
    struct rw_random random;
    rw_random_start(&random, simulation->options.seed, RW_RANDOM_LEAK, day, 0);
    for (uint32_t left = takes(day, customers, CUSTOMERS_A_DAY, CUSTOMERS_HANDBOOK); left;) {
        uint32_t customer = rw_random_below(&random, customers);
        if (leaked_on[customer] == day + 1)
            continue;
        leaked_on[customer] = (uint16_t)(day + 1);
        n = add_candidates(simulation, customer, day, n);
        left--;
    }
    mark_third(&simulation->fraud, n, &random);
}

static int compare_marks(const void *a, const void *b) {
    const struct rw_mark *one = a, *other = b;
    if (one->customer != other->customer)
        return one->customer < other->customer ? -1 : 1;
    return one->index < other->index ? -1 : one->index > other->index;
}

static void make_leaked(struct rw_row *row) {
    uint64_t cents = (uint64_t)rw_row_cents(row) * LEAKED_FACTOR;
    if (cents > RW_CENTS_MAX)
        cents = RW_CENTS_MAX;
    row->worth = (uint32_t)cents << RW_SCENARIO_BITS | LEAKED;
}

/* Rows and marks are both in the order of the customers.  A mark may stand twice, of leaks on
 * two days: its amount is multiplied twice. */
static void apply_marks(const struct rw_marks *marks, struct rw_row *rows, uint32_t n_rows) {
    uint32_t first = 0; /* row of the customer of the mark */
    for (uint32_t i = 0; i < marks->n; i++) {
        while (first < n_rows && rows[first].customer < marks->marks[i].customer)
            first++;
        if (n_rows - first > marks->marks[i].index)
            make_leaked(&rows[first + marks->marks[i].index]);
    }
}

/* ---- a day ----------------------------------------------------------------------------------- */

/* The Handbook draws nobody on its last day. */
void rw_fraud_begin(struct rw_simulation *simulation, uint32_t day) {
    if (day + 1 == simulation->options.days)
        return;
    compromise_terminals(simulation, day);
    leak_cards(simulation, day);
}

void rw_fraud_apply(struct rw_simulation *simulation, uint32_t day, struct rw_row *rows,
                    uint32_t n_rows) {
    const uint16_t *until = simulation->fraud.compromised_until;
    for (uint32_t i = 0; i < n_rows; i++)
        if (until[rows[i].terminal] > day)
            rows[i].worth = rw_row_cents(&rows[i]) << RW_SCENARIO_BITS | COMPROMISED;
    struct rw_marks *marks = &simulation->fraud.marks[day % RW_LEAKED_DAYS];
    if (marks->n)
        qsort(marks->marks, marks->n, sizeof *marks->marks, compare_marks);
    apply_marks(marks, rows, n_rows);
    marks->n = 0;
}

bool rw_fraud_start(struct rw_simulation *simulation) {
    const struct rw_simulate_options *options = &simulation->options;
    struct rw_fraud *fraud = &simulation->fraud;
    size_t a_customer = (size_t)RW_LEAKED_DAYS * RW_POISSON_MAX;
    size_t most = most_taken(options->customers, CUSTOMERS_A_DAY, CUSTOMERS_HANDBOOK) * a_customer;
    fraud->compromised_until = calloc(options->terminals, sizeof *fraud->compromised_until);
    fraud->leaked_on = calloc(options->customers, sizeof *fraud->leaked_on);
    fraud->candidates = calloc(most, sizeof *fraud->candidates);
    bool complete = fraud->compromised_until && fraud->leaked_on && fraud->candidates;
    for (uint32_t i = 0; i < RW_LEAKED_DAYS && complete; i++) {
        fraud->marks[i].marks = calloc(most, sizeof *fraud->marks[i].marks);
        complete = fraud->marks[i].marks != NULL;
    }
    return complete;
}

void rw_fraud_free(struct rw_simulation *simulation) {
    struct rw_fraud *fraud = &simulation->fraud;
    for (uint32_t i = 0; i < RW_LEAKED_DAYS; i++)
        free(fraud->marks[i].marks);
    free(fraud->compromised_until);
    free(fraud->leaked_on);
    free(fraud->candidates);
}

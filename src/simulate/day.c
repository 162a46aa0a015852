/*
 * day.c - the transactions of one day, in the order of time.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/simulation.h"

/* The Handbook's. */
#define NOON              43200.0
#define SECONDS_DEVIATION 20000.0
#define LIMIT_CENTS       22000u /* scenario 1: whatever is above */

/* ---- one customer ---------------------------------------------------------------------------- */

/* Normal around the mean; what falls below 0 is drawn again, evenly up to twice the mean.
 * At least one cent: the contract has no transaction of nothing. */
static uint32_t draw_cents(struct rw_random *random, double mean, double normal) {
    double amount = mean + mean / 2 * normal;
    if (amount < 0.0)
        amount = 2 * mean * rw_random_unit(random);
    uint32_t cents = (uint32_t)(100.0 * amount + 0.5);
    return cents ? cents : 1;
}

uint32_t rw_day_customer(const struct rw_simulation *simulation, uint32_t customer, uint32_t day,
                         struct rw_row rows[RW_POISSON_MAX]) {
    const struct rw_customer *who = &simulation->customers[customer];
    struct rw_random random;
    rw_random_start(&random, simulation->options.seed, RW_RANDOM_DAY, customer, day);
    uint32_t tries = rw_random_poisson(&random, who->rate, who->none), n = 0;
    if (tries == 0)
        return 0;
    struct rw_reach reach = rw_reach_of(&simulation->grid, who);
    for (uint32_t i = 0; i < tries; i++) {
        double normals[2];
        rw_random_normals(&random, normals);
        double second = NOON + SECONDS_DEVIATION * normals[0];
        if (second < 1.0 || second >= RW_SECONDS_PER_DAY)
            continue; /* another day's: nobody's, in the Handbook */
        uint32_t cents = draw_cents(&random, who->mean_amount, normals[1]);
        rows[n++] = (struct rw_row){(uint32_t)second, customer,
                                    rw_reach_draw(&simulation->grid, who, &reach, &random),
                                    cents << RW_SCENARIO_BITS | (cents > LIMIT_CENTS)};
    }
    return n;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static uint32_t draw_all(struct rw_simulation *simulation, uint32_t day) {
    struct rw_row rows[RW_POISSON_MAX];
    uint32_t n_all = 0;
    for (uint32_t customer = 0; customer < simulation->options.customers; customer++) {
        uint32_t n = rw_day_customer(simulation, customer, day, rows);
        if (n > simulation->rows_max - n_all)
            break; /* see rw_day_start */
        memcpy(simulation->drawn + n_all, rows, n * sizeof *rows);
        n_all += n;
    }
    return n_all;
}

/* Counting sort: rows of the same second keep the order of their customers. */
static void sort_by_second(struct rw_simulation *simulation, uint32_t n, struct rw_row *sorted) {
    uint32_t *place = simulation->seconds;
    memset(place, 0, (RW_SECONDS_PER_DAY + 1) * sizeof *place);
    for (uint32_t i = 0; i < n; i++)
        place[simulation->drawn[i].second + 1]++;
    for (uint32_t second = 1; second <= RW_SECONDS_PER_DAY; second++)
        place[second] += place[second - 1];
    for (uint32_t i = 0; i < n; i++)
        sorted[place[simulation->drawn[i].second]++] = simulation->drawn[i];
}

void rw_day_draw(struct rw_simulation *simulation, uint32_t day) {
    uint32_t n = draw_all(simulation, day);
    rw_fraud_apply(simulation, day, simulation->drawn, n);
    sort_by_second(simulation, n, simulation->today->rows);
    simulation->today->n = n;
}

/* Twelve deviations above the mean, so that a full day, which would lose its last customers,
 * has a probability below 1e-30. */
static uint32_t most_rows(const struct rw_simulation *simulation) {
    double mean = 0.0;
    for (uint32_t i = 0; i < simulation->options.customers; i++)
        mean += simulation->customers[i].rate;
    return (uint32_t)(mean + 12.0 * sqrt(mean)) + 2 * RW_POISSON_MAX;
}

bool rw_day_start(struct rw_simulation *simulation) {
    simulation->rows_max = most_rows(simulation);
    simulation->seconds = calloc(RW_SECONDS_PER_DAY + 1, sizeof *simulation->seconds);
    simulation->drawn = calloc(simulation->rows_max, sizeof *simulation->drawn);
    bool complete = simulation->seconds && simulation->drawn;
    for (uint32_t i = 0; i < RW_LOG_DAYS && complete; i++) {
        simulation->logs[i].rows = calloc(simulation->rows_max, sizeof *simulation->drawn);
        complete = simulation->logs[i].rows != NULL;
    }
    return complete;
}

void rw_day_free(struct rw_simulation *simulation) {
    for (uint32_t i = 0; i < RW_LOG_DAYS; i++)
        free(simulation->logs[i].rows);
    free(simulation->drawn);
    free(simulation->seconds);
}

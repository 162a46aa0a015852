/*
 * simulate.c - day after day, transaction after transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "simulate/simulate.h"

#include <inttypes.h>
#include <stdlib.h>

#include "simulate/simulation.h"

struct rw_simulate_options rw_simulate_defaults(void) {
    return (struct rw_simulate_options){.customers = 5000,
                                        .terminals = 10000,
                                        .days = 183,
                                        .start = INT64_C(1522540800), /* 2018-04-01 */
                                        .radius = 5.0};
}

/* ---- options --------------------------------------------------------------------------------- */

static rowan_status check_number(uint32_t number, uint32_t most, const char *name,
                                 const char *bound, rowan_error *error) {
    if (number >= 1 && number <= most)
        return ROWAN_OK;
    return rw_fail(error, ROWAN_ARGUMENT, name, NULL, "%" PRIu32 ": must be 1 to %" PRIu32 " (%s)",
                   number, most, bound);
}

static rowan_status check_start(int64_t start, rowan_error *error) {
    if (start % RW_SECONDS_PER_DAY != 0)
        return rw_fail(error, ROWAN_ARGUMENT, "start", NULL,
                       "%" PRId64 ": must be 00:00 UTC, a multiple of %u", start,
                       RW_SECONDS_PER_DAY);
    if (start >= 0 && start <= RW_SIMULATE_START_MAX)
        return ROWAN_OK;
    return rw_fail(error, ROWAN_ARGUMENT, "start", NULL,
                   "%" PRId64 ": must be 0 to %" PRId64 " (RW_SIMULATE_START_MAX)", start,
                   RW_SIMULATE_START_MAX);
}

static rowan_status check(const struct rw_simulate_options *options, rowan_error *error) {
    rowan_status status = check_number(options->customers, RW_SIMULATE_CUSTOMERS_MAX, "customers",
                                       "RW_SIMULATE_CUSTOMERS_MAX", error);
    if (status == ROWAN_OK)
        status = check_number(options->terminals, RW_SIMULATE_TERMINALS_MAX, "terminals",
                              "RW_SIMULATE_TERMINALS_MAX", error);
    if (status == ROWAN_OK)
        status = check_number(options->days, RW_SIMULATE_DAYS_MAX, "days", "RW_SIMULATE_DAYS_MAX",
                              error);
    if (status == ROWAN_OK)
        status = check_start(options->start, error);
    if (status == ROWAN_OK && !(options->radius > 0.0 && options->radius <= RW_SIMULATE_RADIUS_MAX))
        status = rw_fail(error, ROWAN_ARGUMENT, "radius", NULL,
                         "%g: must be above 0, and at most %g (RW_SIMULATE_RADIUS_MAX)",
                         options->radius, RW_SIMULATE_RADIUS_MAX);
    return status;
}

/* ---- life ------------------------------------------------------------------------------------ */

rowan_status rw_simulate_start(const struct rw_simulate_options *options,
                               struct rw_simulation **simulation, rowan_error *error) {
    rowan_status status = check(options, error);
    if (status != ROWAN_OK)
        return status;
    struct rw_simulation *made = calloc(1, sizeof *made);
    if (made) {
        made->options = *options;
        made->today = &made->logs[0];
    }
    if (!made || !rw_population_start(made) || !rw_day_start(made) || !rw_fraud_start(made) ||
        !rw_windows_start(made)) {
        rw_simulate_free(made);
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, "ask for fewer customers or terminals",
                       "no memory for %" PRIu32 " customers and %" PRIu32 " terminals",
                       options->customers, options->terminals);
    }
    *simulation = made;
    return ROWAN_OK;
}

void rw_simulate_free(struct rw_simulation *simulation) {
    if (!simulation)
        return;
    rw_population_free(simulation);
    rw_day_free(simulation);
    rw_fraud_free(simulation);
    rw_windows_free(simulation);
    free(simulation);
}

/* ---- transactions ---------------------------------------------------------------------------- */

static bool begin_day(struct rw_simulation *simulation) {
    if (simulation->days_begun == simulation->options.days)
        return false;
    if (simulation->days_begun > 0)
        rw_windows_move(simulation, RW_SECONDS_PER_DAY); /* the rest of yesterday */
    uint32_t day = simulation->days_begun++;
    simulation->today = &simulation->logs[day % RW_LOG_DAYS];
    simulation->next = 0;
    rw_windows_begin(simulation, day);
    rw_fraud_begin(simulation, day);
    rw_day_draw(simulation, day);
    return true;
}

bool rw_simulate_next(struct rw_simulation *simulation, struct rw_simulated *transaction) {
    while (simulation->next == simulation->today->n)
        if (!begin_day(simulation))
            return false;
    const struct rw_row *row = &simulation->today->rows[simulation->next++];
    uint32_t day = simulation->days_begun - 1;
    transaction->id = simulation->n++;
    transaction->customer = row->customer + 1;
    transaction->terminal = row->terminal + 1;
    transaction->amount = rw_row_cents(row) / 100.0;
    transaction->time = simulation->options.start + (int64_t)day * RW_SECONDS_PER_DAY + row->second;
    transaction->day = day;
    transaction->scenario = (uint8_t)rw_row_scenario(row);
    rw_windows_move(simulation, row->second);
    rw_windows_add(simulation, row, transaction);
    return true;
}

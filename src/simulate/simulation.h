/*
 * simulation.h - inside of the simulation: who is there, what a day holds, what is counted.
 *
 * All memory is taken at the start.  Customers and terminals count from 0 here, from 1
 * outside.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SIMULATION_H
#define RW_SIMULATION_H

#include "simulate/random.h"
#include "simulate/simulate.h"

#define RW_SECONDS_PER_DAY 86400u
#define RW_MAP_SIDE        100.0

/* ---- customers and terminals (population.c) -------------------------------------------------- */

struct rw_customer {
    double x, y;
    double mean_amount;
    double rate; /* mean number of transactions a day; 0 where no terminal is in reach */
    double none; /* probability of a day without any: exp(-rate) */
};

struct rw_terminal {
    double x, y;
    uint32_t number;
};

/* Terminals in the order of the cells of a grid, row by row: those of neighbouring cells of
 * one row stand together. */
struct rw_grid {
    double radius;
    uint32_t side;                 /* cells a row, and rows */
    uint32_t *begin;               /* [side * side + 1]: where each cell's terminals begin */
    struct rw_terminal *terminals; /* [terminals] */
};

/* A cell is no narrower than half the radius: a circle touches at most 5 rows, and a sixth
 * where its edge falls on a line. */
#define RW_REACH_ROWS 6u

/* Terminals of the cells that the circle around a customer may touch; most are inside. */
struct rw_reach {
    uint32_t n_rows, total;
    uint32_t begin[RW_REACH_ROWS], count[RW_REACH_ROWS];
};

struct rw_reach rw_reach_of(const struct rw_grid *grid, const struct rw_customer *customer);
/* One of the terminals within the radius, each as likely; there must be one. */
uint32_t rw_reach_draw(const struct rw_grid *grid, const struct rw_customer *customer,
                       const struct rw_reach *reach, struct rw_random *random);

/* ---- a day (day.c) --------------------------------------------------------------------------- */

struct rw_row {
    uint32_t second; /* of the day */
    uint32_t customer, terminal;
    uint32_t worth; /* cents << 2 | scenario */
};

#define RW_SCENARIO_BITS 2
#define RW_CENTS_MAX     ((1u << 30) - 1)

static inline uint32_t rw_row_cents(const struct rw_row *row) {
    return row->worth >> RW_SCENARIO_BITS;
}

static inline uint32_t rw_row_scenario(const struct rw_row *row) {
    return row->worth & ((1u << RW_SCENARIO_BITS) - 1);
}

struct rw_log {
    struct rw_row *rows; /* [rows_max], in the order of time */
    uint32_t n;
};

/* ---- frauds (fraud.c) ------------------------------------------------------------------------ */

#define RW_COMPROMISED_DAYS 28u
#define RW_LEAKED_DAYS      14u

/* The index-th transaction of a customer on some day has its amount multiplied. */
struct rw_mark {
    uint32_t customer, index;
};

struct rw_candidate {
    uint32_t day;
    struct rw_mark mark;
};

struct rw_marks {
    struct rw_mark *marks;
    uint32_t n;
};

struct rw_fraud {
    uint16_t *compromised_until;           /* [terminals]: first day after; 0: never was */
    uint16_t *leaked_on;                   /* [customers]: day + 1 of the last leak; 0: none */
    struct rw_marks marks[RW_LEAKED_DAYS]; /* of day d: at d % RW_LEAKED_DAYS */
    struct rw_candidate *candidates;       /* of one day's leaks */
};

/* ---- windows (windows.c) --------------------------------------------------------------------- */

#define RW_LOG_DAYS 38u /* today, and 7 + 30 days before it */
#define RW_N_AGES   6u

struct rw_customer_windows {
    uint64_t cents[RW_SIMULATE_WINDOWS];
    uint32_t n[RW_SIMULATE_WINDOWS];
};

struct rw_terminal_windows {
    uint32_t n[RW_SIMULATE_WINDOWS], frauds[RW_SIMULATE_WINDOWS];
};

/* Rows of one earlier day, of which those before `next` have reached a certain age. */
struct rw_sweep {
    const struct rw_row *next, *end;
};

/* ---- all of it ------------------------------------------------------------------------------- */

struct rw_simulation {
    struct rw_simulate_options options;
    struct rw_customer *customers;
    struct rw_grid grid;
    struct rw_fraud fraud;
    struct rw_log logs[RW_LOG_DAYS]; /* of day d: at d % RW_LOG_DAYS */
    uint32_t rows_max;               /* of a day */
    struct rw_row *drawn;            /* [rows_max]: today's, in the order of the customers */
    uint32_t *seconds;               /* [RW_SECONDS_PER_DAY + 1], to sort them */
    struct rw_customer_windows *customer_windows;
    struct rw_terminal_windows *terminal_windows;
    struct rw_sweep sweeps[RW_N_AGES];
    uint32_t days_begun; /* today is the last of them */
    struct rw_log *today;
    uint32_t next; /* row of today */
    uint64_t n;    /* transactions so far */
};

/* Each false without memory. */
bool rw_population_start(struct rw_simulation *simulation);
bool rw_day_start(struct rw_simulation *simulation);
bool rw_fraud_start(struct rw_simulation *simulation);
bool rw_windows_start(struct rw_simulation *simulation);
void rw_population_free(struct rw_simulation *simulation);
void rw_day_free(struct rw_simulation *simulation);
void rw_fraud_free(struct rw_simulation *simulation);
void rw_windows_free(struct rw_simulation *simulation);

/* Transactions of one customer on one day, as often as asked; their number, at most
 * RW_POISSON_MAX.  Scenario 1 is in them, the other frauds are not. */
uint32_t rw_day_customer(const struct rw_simulation *simulation, uint32_t customer, uint32_t day,
                         struct rw_row rows[RW_POISSON_MAX]);
/* Draws the transactions of `day` into today's log. */
void rw_day_draw(struct rw_simulation *simulation, uint32_t day);

/* Compromises terminals and leaks card data from `day` on. */
void rw_fraud_begin(struct rw_simulation *simulation, uint32_t day);
/* The frauds of today's rows, which stand in the order of the customers. */
void rw_fraud_apply(struct rw_simulation *simulation, uint32_t day, struct rw_row *rows,
                    uint32_t n_rows);

void rw_windows_begin(struct rw_simulation *simulation, uint32_t day);
/* Time goes on to `second` of today. */
void rw_windows_move(struct rw_simulation *simulation, uint32_t second);
/* Counts the row, whose time has come, and fills in its features. */
void rw_windows_add(struct rw_simulation *simulation, const struct rw_row *row,
                    struct rw_simulated *transaction);

#endif

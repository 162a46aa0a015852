/*
 * windows.c - the Handbook's features, counted while time goes on.
 *
 * A window of w days at time t holds what came after t - w days.  All windows are whole
 * days: at second s of day d, exactly the rows of day d - w up to second s have left.  One
 * sweep a window over the log of that day serves all customers and terminals, to the second.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "simulate/simulation.h"

#define NO_WINDOW    RW_SIMULATE_WINDOWS
#define LABEL_DELAY  7u /* days until it is known whether a transaction was a fraud */
#define KNOWN        1u /* index of the age of LABEL_DELAY */
#define CENTS_A_UNIT 100.0

/* What happens to a row at a certain age: the window that it leaves. */
static const struct {
    uint32_t days, customer_leaves, terminal_leaves;
} ages[RW_N_AGES] = {
    {1, 0, NO_WINDOW},
    [KNOWN] = {LABEL_DELAY, 1, NO_WINDOW}, /* its label becomes known, too */
    {LABEL_DELAY + 1, NO_WINDOW, 0},
    {LABEL_DELAY + 7, NO_WINDOW, 1},
    {30, 2, NO_WINDOW},
    {LABEL_DELAY + 30, NO_WINDOW, 2},
};

void rw_windows_begin(struct rw_simulation *simulation, uint32_t day) {
    for (uint32_t i = 0; i < RW_N_AGES; i++) {
        struct rw_sweep *sweep = &simulation->sweeps[i];
        *sweep = (struct rw_sweep){0};
        if (day < ages[i].days)
            continue;
        const struct rw_log *log = &simulation->logs[(day - ages[i].days) % RW_LOG_DAYS];
        sweep->next = log->rows;
        sweep->end = log->rows + log->n;
    }
}

static void learn_label(struct rw_terminal_windows *terminal, uint32_t is_fraud) {
    for (uint32_t w = 0; w < RW_SIMULATE_WINDOWS; w++) {
        terminal->n[w]++;
        terminal->frauds[w] += is_fraud;
    }
}

static void grow_older(struct rw_simulation *simulation, uint32_t age, const struct rw_row *row) {
    uint32_t window = ages[age].customer_leaves;
    if (window != NO_WINDOW) {
        struct rw_customer_windows *customer = &simulation->customer_windows[row->customer];
        customer->n[window]--;
        customer->cents[window] -= rw_row_cents(row);
    }
    struct rw_terminal_windows *terminal = &simulation->terminal_windows[row->terminal];
    uint32_t is_fraud = rw_row_scenario(row) != 0;
    if (age == KNOWN)
        learn_label(terminal, is_fraud);
    window = ages[age].terminal_leaves;
    if (window != NO_WINDOW) {
        terminal->n[window]--;
        terminal->frauds[window] -= is_fraud;
    }
}

void rw_windows_move(struct rw_simulation *simulation, uint32_t second) {
    for (uint32_t i = 0; i < RW_N_AGES; i++) {
        struct rw_sweep *sweep = &simulation->sweeps[i];
        for (; sweep->next < sweep->end && sweep->next->second <= second; sweep->next++)
            grow_older(simulation, i, sweep->next);
    }
}

void rw_windows_add(struct rw_simulation *simulation, const struct rw_row *row,
                    struct rw_simulated *transaction) {
    struct rw_customer_windows *customer = &simulation->customer_windows[row->customer];
    const struct rw_terminal_windows *terminal = &simulation->terminal_windows[row->terminal];
    for (uint32_t w = 0; w < RW_SIMULATE_WINDOWS; w++) {
        customer->n[w]++;
        customer->cents[w] += rw_row_cents(row);
        transaction->customer_n[w] = customer->n[w];
        transaction->customer_mean[w] =
            (double)customer->cents[w] / (CENTS_A_UNIT * customer->n[w]);
        transaction->terminal_n[w] = terminal->n[w];
        transaction->terminal_risk[w] =
            terminal->n[w] ? (double)terminal->frauds[w] / terminal->n[w] : 0.0;
    }
}

bool rw_windows_start(struct rw_simulation *simulation) {
    simulation->customer_windows =
        calloc(simulation->options.customers, sizeof *simulation->customer_windows);
    simulation->terminal_windows =
        calloc(simulation->options.terminals, sizeof *simulation->terminal_windows);
    return simulation->customer_windows && simulation->terminal_windows;
}

void rw_windows_free(struct rw_simulation *simulation) {
    free(simulation->customer_windows);
    free(simulation->terminal_windows);
}

/*
 * population.c - customers and terminals on the square, and which terminals are in reach.
 *
 * Lists of the terminals in reach would take customers x terminals / 127 entries; a million
 * customers among a million terminals have no room for them.  A terminal is therefore drawn
 * from the cells around the customer, again until it lies within the radius.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "simulate/simulation.h"

/* The Handbook's. */
#define AMOUNT_MEAN_LEAST 5.0
#define AMOUNT_MEAN_RANGE 95.0
#define RATE_MAX          4.0

#define GRID_SIDE_MAX 1024u

/* ---- the grid -------------------------------------------------------------------------------- */

static uint32_t grid_side(double radius) {
    double side = RW_MAP_SIDE / (radius / 2);
    return side >= GRID_SIDE_MAX ? GRID_SIDE_MAX : side < 1.0 ? 1 : (uint32_t)side;
}

/* Row or column of a coordinate, which may lie outside of the square. */
static uint32_t cell_of(const struct rw_grid *grid, double coordinate) {
    double cell = coordinate * grid->side / RW_MAP_SIDE;
    if (cell < 0.0)
        return 0;
    return cell >= grid->side ? grid->side - 1 : (uint32_t)cell;
}

static struct rw_terminal draw_terminal(uint64_t seed, uint32_t number) {
    struct rw_random random;
    rw_random_start(&random, seed, RW_RANDOM_TERMINAL, number, 0);
    struct rw_terminal terminal = {.number = number};
    terminal.x = RW_MAP_SIDE * rw_random_unit(&random);
    terminal.y = RW_MAP_SIDE * rw_random_unit(&random);
    return terminal;
}

static uint32_t cell_of_terminal(const struct rw_grid *grid, const struct rw_terminal *terminal) {
    return cell_of(grid, terminal->y) * grid->side + cell_of(grid, terminal->x);
}

/* Two passes that draw the same terminals: the first counts, the second puts in place. */
static void fill_grid(struct rw_grid *grid, const struct rw_simulate_options *options) {
    uint32_t n_cells = grid->side * grid->side;
    for (uint32_t i = 0; i < options->terminals; i++) {
        struct rw_terminal terminal = draw_terminal(options->seed, i);
        grid->begin[cell_of_terminal(grid, &terminal)]++;
    }
    for (uint32_t cell = 0, sum = 0; cell <= n_cells; cell++)
        grid->begin[cell] = sum += grid->begin[cell]; /* now: the cell's end */
    for (uint32_t i = options->terminals; i-- > 0;) {
        struct rw_terminal terminal = draw_terminal(options->seed, i);
        grid->terminals[--grid->begin[cell_of_terminal(grid, &terminal)]] = terminal;
    }
}

static bool start_grid(struct rw_grid *grid, const struct rw_simulate_options *options) {
    grid->radius = options->radius;
    grid->side = grid_side(options->radius);
    grid->begin = calloc((size_t)grid->side * grid->side + 1, sizeof *grid->begin);
    grid->terminals = calloc(options->terminals, sizeof *grid->terminals);
    if (!grid->begin || !grid->terminals)
        return false;
    fill_grid(grid, options);
    return true;
}

/* ---- reach ----------------------------------------------------------------------------------- */

struct rw_reach rw_reach_of(const struct rw_grid *grid, const struct rw_customer *customer) {
    uint32_t left = cell_of(grid, customer->x - grid->radius);
    uint32_t right = cell_of(grid, customer->x + grid->radius);
    uint32_t last = cell_of(grid, customer->y + grid->radius);
    struct rw_reach reach = {0};
    for (uint32_t row = cell_of(grid, customer->y - grid->radius); row <= last; row++) {
        const uint32_t *begin = grid->begin + (size_t)row * grid->side;
        uint32_t count = begin[right + 1] - begin[left];
        reach.begin[reach.n_rows] = begin[left];
        reach.count[reach.n_rows++] = count;
        reach.total += count;
    }
    return reach;
}

static bool is_in_reach(const struct rw_grid *grid, const struct rw_customer *customer,
                        const struct rw_terminal *terminal) {
    double dx = customer->x - terminal->x, dy = customer->y - terminal->y;
    return dx * dx + dy * dy < grid->radius * grid->radius;
}

uint32_t rw_reach_draw(const struct rw_grid *grid, const struct rw_customer *customer,
                       const struct rw_reach *reach, struct rw_random *random) {
    for (;;) {
        uint32_t at = rw_random_below(random, reach->total), row = 0;
        while (at >= reach->count[row])
            at -= reach->count[row++];
        const struct rw_terminal *terminal = &grid->terminals[reach->begin[row] + at];
        if (is_in_reach(grid, customer, terminal))
            return terminal->number;
    }
}

static bool reaches_any(const struct rw_grid *grid, const struct rw_customer *customer) {
    struct rw_reach reach = rw_reach_of(grid, customer);
    for (uint32_t row = 0; row < reach.n_rows; row++)
        for (uint32_t i = 0; i < reach.count[row]; i++)
            if (is_in_reach(grid, customer, &grid->terminals[reach.begin[row] + i]))
                return true;
    return false;
}

/* ---- customers ------------------------------------------------------------------------------- */

static struct rw_customer draw_customer(const struct rw_grid *grid, uint64_t seed,
                                        uint32_t number) {
    struct rw_random random;
    rw_random_start(&random, seed, RW_RANDOM_CUSTOMER, number, 0);
    struct rw_customer customer;
    customer.x = RW_MAP_SIDE * rw_random_unit(&random);
    customer.y = RW_MAP_SIDE * rw_random_unit(&random);
    customer.mean_amount = AMOUNT_MEAN_LEAST + AMOUNT_MEAN_RANGE * rw_random_unit(&random);
    customer.rate = RATE_MAX * rw_random_unit(&random);
    if (!reaches_any(grid, &customer))
        customer.rate = 0.0; /* whoever reaches no terminal cannot pay */
    customer.none = rw_exp_minus(customer.rate);
    return customer;
}

bool rw_population_start(struct rw_simulation *simulation) {
    const struct rw_simulate_options *options = &simulation->options;
    simulation->customers = calloc(options->customers, sizeof *simulation->customers);
    if (!simulation->customers || !start_grid(&simulation->grid, options))
        return false;
    for (uint32_t i = 0; i < options->customers; i++)
        simulation->customers[i] = draw_customer(&simulation->grid, options->seed, i);
    return true;
}

void rw_population_free(struct rw_simulation *simulation) {
    free(simulation->customers);
    free(simulation->grid.begin);
    free(simulation->grid.terminals);
}

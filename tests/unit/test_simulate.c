/*
 * The simulation from inside: its random numbers, reach, leaks, windows and text.  What it is
 * like as a whole is compared with the Handbook in tests/cli/test_simulate.py.
 *
 * All seeds are fixed.  Limits of statistics are at most 1e-4 likely to be passed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include <fcntl.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "contract/contract.h"
#include "simulate/simulation.h"

/* ---- random numbers -------------------------------------------------------------------------- */

/* kat_vectors of Random123, the authors' own library. */
static void philox_gives_its_authors_numbers(void **state) {
    static const struct {
        uint32_t counter[4], key[2], block[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        uint32_t block[4];
        rw_philox(known[i].counter, known[i].key, block);
        assert_memory_equal(block, known[i].block, sizeof block);
    }
}

static void log_and_exp_are_those_of_mathematics(void **state) {
    uint64_t random = 1;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        double unit = (double)(random_bits(&random) >> 11) * 0x1p-53;
        double x = ldexp(unit, -(int)random_below(&random, 100));
        if (x > 0)
            assert_true(fabs(rw_ln(x) - log(x)) <= 4 * 0x1p-53 * fmax(fabs(log(x)), 0.5));
        assert_true(fabs(rw_exp_minus(4 * unit) / exp(-4 * unit) - 1) <= 32 * 0x1p-53);
    }
    assert_true(rw_ln(1.0) == 0.0 && rw_exp_minus(0.0) == 1.0);
}

/* Sum of (seen - expected)^2 / expected; for k cells, k + 4 sqrt(2 k) + 8 is rarely passed. */
static void assert_expected(const double *seen, const double *expected, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    if (sum > n + 4 * sqrt(2.0 * n) + 8)
        fail_msg("chi-square %g of %u cells", sum, n);
}

#define DRAWS 200000

static void normal_numbers_are_normal(void **state) {
    enum { CELLS = 24 }; /* from -3 to 3 in quarters, what is beyond in the outermost */
    double seen[CELLS] = {0}, expected[CELLS], product = 0;
    struct rw_random random;
    (void)state;
    rw_random_start(&random, 1, RW_RANDOM_DAY, 2, 3);
    for (int i = 0; i < DRAWS; i++) {
        double normals[2];
        rw_random_normals(&random, normals);
        product += normals[0] * normals[1];
        for (int k = 0; k < 2; k++)
            seen[(int)fmin(fmax((normals[k] + 3) * 4, 0), CELLS - 1)]++;
    }
    double below = 0;
    for (int i = 0; i < CELLS; i++) {
        double upto = i == CELLS - 1 ? 1 : erfc(-((i + 1) / 4.0 - 3) / sqrt(2)) / 2;
        expected[i] = 2.0 * DRAWS * (upto - below);
        below = upto;
    }
    assert_expected(seen, expected, CELLS);
    assert_true(fabs(product) < 4 * sqrt(DRAWS)); /* the two are independent */
}

static void counts_are_those_of_poisson(void **state) {
    static const double rates[] = {0.01, 0.5, 2.0, 4.0};
    (void)state;
    for (size_t r = 0; r < ARRAY_LENGTH(rates); r++) {
        double seen[RW_POISSON_MAX + 1] = {0}, expected[RW_POISSON_MAX + 1];
        double probability = exp(-rates[r]);
        uint32_t n = 0;
        struct rw_random random;
        rw_random_start(&random, 2, RW_RANDOM_DAY, (uint32_t)r, 0);
        for (int i = 0; i < DRAWS; i++)
            seen[rw_random_poisson(&random, rates[r], rw_exp_minus(rates[r]))]++;
        for (; DRAWS * probability > 5; probability *= rates[r] / ++n)
            expected[n] = DRAWS * probability;
        assert_expected(seen, expected, n);
    }
    struct rw_random random;
    rw_random_start(&random, 2, RW_RANDOM_DAY, 0, 0);
    for (int i = 0; i < DRAWS; i++)
        assert_int_equal(rw_random_poisson(&random, 0.0, 1.0), 0);
}

static void no_two_purposes_share_a_number(void **state) {
    uint64_t first[5 * 2 * 2 * 2];
    uint32_t n = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 2; seed++)
        for (int purpose = RW_RANDOM_CUSTOMER; purpose <= RW_RANDOM_LEAK; purpose++)
            for (uint32_t a = 0; a < 2; a++)
                for (uint32_t b = 0; b < 2; b++) {
                    struct rw_random random;
                    rw_random_start(&random, seed << 32, purpose, a, b);
                    first[n] = rw_random_bits(&random);
                    for (uint32_t i = 0; i < n; i++)
                        assert_true(first[i] != first[n]);
                    n++;
                }
}

/* ---- worlds ---------------------------------------------------------------------------------- */

static struct rw_simulation *start(struct rw_simulate_options options) {
    struct rw_simulation *simulation = NULL;
    rowan_error error;
    if (rw_simulate_start(&options, &simulation, &error) != ROWAN_OK)
        fail_msg("%s", error.what);
    return simulation;
}

static struct rw_simulate_options world(uint32_t customers, uint32_t terminals, uint32_t days,
                                        double radius) {
    struct rw_simulate_options options = rw_simulate_defaults();
    options.customers = customers, options.terminals = terminals;
    options.days = days, options.radius = radius;
    return options;
}

static bool near(const struct rw_customer *customer, const struct rw_terminal *terminal,
                 double radius) {
    double dx = customer->x - terminal->x, dy = customer->y - terminal->y;
    return dx * dx + dy * dy < radius * radius;
}

static void check_reach(double radius) {
    enum { TERMINALS = 2000, A_TERMINAL = 50 };
    struct rw_simulation *simulation = start(world(100, TERMINALS, 1, radius));
    for (uint32_t c = 0; c < 100; c++) {
        const struct rw_customer *customer = &simulation->customers[c];
        double seen[TERMINALS] = {0}, cells[TERMINALS], expected[TERMINALS];
        uint32_t n = 0;
        for (uint32_t i = 0; i < TERMINALS; i++)
            n += near(customer, &simulation->grid.terminals[i], radius);
        assert_true((n == 0) == (customer->rate == 0.0));
        if (n == 0)
            continue;
        struct rw_reach reach = rw_reach_of(&simulation->grid, customer);
        struct rw_random random;
        rw_random_start(&random, 9, RW_RANDOM_DAY, c, 0);
        for (uint32_t i = 0; i < n * A_TERMINAL; i++)
            seen[rw_reach_draw(&simulation->grid, customer, &reach, &random)]++;
        n = 0;
        for (uint32_t i = 0; i < TERMINALS; i++) {
            const struct rw_terminal *terminal = &simulation->grid.terminals[i];
            if (!near(customer, terminal, radius))
                assert_true(seen[terminal->number] == 0);
            else
                expected[n] = A_TERMINAL, cells[n++] = seen[terminal->number];
        }
        assert_expected(cells, expected, n);
    }
    rw_simulate_free(simulation);
}

/* Against all distances, for cells of every size and circles beyond every edge. */
static void terminals_in_reach_are_equally_likely(void **state) {
    static const double radii[] = {0.01, 1.0, 3.3, 5.0, 19.9, 50.0, 100.0, 142.0, 200.0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(radii); i++)
        check_reach(radii[i]);
}

/* ---- leaks ----------------------------------------------------------------------------------- */

static uint32_t count_candidates(const struct rw_simulation *simulation, uint32_t day,
                                 uint32_t *n_customers) {
    uint32_t n = 0;
    struct rw_row rows[RW_POISSON_MAX];
    *n_customers = 0;
    for (uint32_t c = 0; c < simulation->options.customers; c++)
        if (simulation->fraud.leaked_on[c] == day + 1) {
            ++*n_customers;
            for (uint32_t d = day; d < day + RW_LEAKED_DAYS && d < simulation->options.days; d++)
                n += rw_day_customer(simulation, c, d, rows);
        }
    return n;
}

static bool same_mark(struct rw_mark a, struct rw_mark b) {
    return a.customer == b.customer && a.index == b.index;
}

/* Each mark must be a transaction of a customer whose data leaked, and stand once. */
static uint32_t check_marks(const struct rw_simulation *simulation, uint32_t day) {
    uint32_t n = 0;
    struct rw_row rows[RW_POISSON_MAX];
    for (uint32_t d = day; d < day + RW_LEAKED_DAYS; d++) {
        const struct rw_marks *marks = &simulation->fraud.marks[d % RW_LEAKED_DAYS];
        n += marks->n;
        for (uint32_t i = 0; i < marks->n; i++) {
            struct rw_mark mark = marks->marks[i];
            assert_int_equal(simulation->fraud.leaked_on[mark.customer], day + 1);
            assert_true(mark.index < rw_day_customer(simulation, mark.customer, d, rows));
            for (uint32_t k = 0; k < i; k++)
                assert_false(same_mark(marks->marks[k], mark));
        }
    }
    return n;
}

static void a_third_of_the_leaked_transactions_is_marked(void **state) {
    static const uint32_t days[] = {183, 2, 6};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(days); i++) {
        struct rw_simulation *simulation = start(world(20000, 10000, days[i], 5));
        uint32_t n_customers;
        rw_fraud_begin(simulation, 0);
        uint32_t n_marks = check_marks(simulation, 0);
        assert_int_equal(n_marks, count_candidates(simulation, 0, &n_customers) / 3);
        assert_int_equal(n_customers, 12); /* 3 of 5000 */
        assert_true(n_marks > 0);
        rw_simulate_free(simulation);
    }
}

static void marked_transactions_have_five_times_their_amount(void **state) {
    (void)state;
    struct rw_simulation *simulation = start(world(20000, 10000, 3, 5)), *plain;
    struct rw_simulated seen;
    uint32_t n_leaked = 0;
    plain = start(world(20000, 10000, 3, 5));
    while (rw_simulate_next(simulation, &seen)) {
        struct rw_row rows[RW_POISSON_MAX];
        uint32_t n = rw_day_customer(plain, seen.customer - 1, seen.day, rows), n_equal = 0;
        uint32_t factor = seen.scenario == 3 ? 5 : 1, cents = (uint32_t)lround(100 * seen.amount);
        n_leaked += seen.scenario == 3;
        for (uint32_t i = 0; i < n; i++)
            n_equal += rw_row_cents(&rows[i]) * factor == cents &&
                       rows[i].terminal == seen.terminal - 1 && rows[i].second == seen.time % 86400;
        assert_true(n_equal >= 1 || (seen.scenario == 3 && cents % 25 == 0));
    }
    assert_true(n_leaked > 10);
    rw_simulate_free(simulation);
    rw_simulate_free(plain);
}

/* Nobody may be drawn on the last day: it would know the end of the stream. */
static void the_last_day_has_no_new_frauds(void **state) {
    (void)state;
    struct rw_simulation *simulation = start(world(20000, 10000, 1, 5));
    struct rw_simulated seen;
    while (rw_simulate_next(simulation, &seen))
        assert_true(seen.scenario <= 1);
    assert_false(rw_simulate_next(simulation, &seen)); /* and stays at its end */
    rw_simulate_free(simulation);
}

/* ---- windows --------------------------------------------------------------------------------- */

#define DAY_SECONDS 86400

static const int window_days[RW_SIMULATE_WINDOWS] = {1, 7, 30};

static void check_windows(const struct rw_simulated *all, uint32_t at) {
    const struct rw_simulated *now = &all[at];
    for (int w = 0; w < RW_SIMULATE_WINDOWS; w++) {
        uint32_t n_customer = 0, n_terminal = 0, frauds = 0;
        int64_t length = (int64_t)window_days[w] * DAY_SECONDS, known = now->time - 7 * DAY_SECONDS;
        double cents = 0;
        for (uint32_t i = 0; i <= at; i++) {
            if (all[i].customer == now->customer && all[i].time > now->time - length) {
                n_customer++;
                cents += round(100 * all[i].amount);
            }
            if (all[i].terminal == now->terminal && all[i].time <= known &&
                all[i].time > known - length) {
                n_terminal++;
                frauds += all[i].scenario > 0;
            }
        }
        assert_int_equal(now->customer_n[w], n_customer);
        assert_int_equal(now->terminal_n[w], n_terminal);
        assert_true(now->customer_mean[w] == cents / (100.0 * n_customer));
        assert_true(now->terminal_risk[w] == (n_terminal ? (double)frauds / n_terminal : 0.0));
    }
}

/* 3 terminals: windows are long, and seconds are shared, also at their edges. */
static void windows_hold_what_the_whole_past_says(void **state) {
    enum { MOST = 20000 };
    (void)state;
    struct rw_simulate_options options = world(100, 3, 50, 200);
    struct rw_simulation *simulation = start(options);
    struct rw_simulated *all = calloc(MOST, sizeof *all);
    uint32_t n = 0, shared = 0;
    assert_non_null(all);
    while (n < MOST && rw_simulate_next(simulation, &all[n])) {
        assert_int_equal(all[n].id, n);
        shared += n && all[n].time == all[n - 1].time;
        check_windows(all, n++);
    }
    assert_true(n > 5000 && n < MOST && shared > 5);
    free(all);
    rw_simulate_free(simulation);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void numbers_are_the_shortest_that_read_back(void **state) {
    uint64_t random = 4;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char bytes[RW_SIMULATED_TEXT_MAX + 8], shorter[40];
        struct rw_buffer out = {.data = bytes, .capacity = sizeof bytes};
        uint64_t n = random_below(&random, 300) + 1, cents = random_bits(&random) >> (24 + i % 40);
        struct rw_simulated row = {.customer_mean = {(double)cents / (100.0 * (double)n)}};
        double number = row.customer_mean[0];
        rw_simulated_csv(&row, "", false, &out);
        assert_false(out.failed);
        bytes[out.length] = '\0';
        const char *text = bytes;
        for (int comma = 0; comma < 7; comma++)
            text = strchr(text, ',') + 1;
        char *end;
        assert_true(strtod(text, &end) == number && *end == ',');
        int digits = 0; /* significant, without zeros at the end */
        for (int k = 1; k <= 17 && !digits; k++) {
            snprintf(shorter, sizeof shorter, "%.*e", k - 1, number);
            digits = strtod(shorter, NULL) == number ? k : 0;
        }
        int written = 0, zeros = 0;
        for (const char *c = text; c < end && *c != 'e'; c++)
            if (*c >= '0' && *c <= '9' && (written || *c != '0')) {
                written++;
                zeros = *c == '0' ? zeros + 1 : 0;
            }
        assert_true(number == 0 || written - zeros <= digits);
    }
}

static void text_that_has_no_room_fails_whole(void **state) {
    char bytes[100];
    struct rw_buffer out = {.data = bytes, .capacity = sizeof bytes};
    struct rw_simulated row = {.amount = 1};
    (void)state;
    rw_simulated_json(&row, "tx-", true, &out);
    assert_true(out.failed && out.length <= sizeof bytes);
}

/* The longest that can be. */
static void no_line_is_longer_than_its_bound(void **state) {
    const uint32_t most = UINT32_MAX;
    const double mean = 10737418.123456789;
    struct rw_simulated row = {.id = UINT64_MAX,
                               .customer = most,
                               .terminal = most,
                               .amount = 10737418.23,
                               .time = INT64_MAX,
                               .day = most,
                               .scenario = 3,
                               .customer_n = {most, most, most},
                               .customer_mean = {mean, mean, mean},
                               .terminal_n = {most, most, most},
                               .terminal_risk = {1e-5 / 3, 1e-5 / 3, 1e-5 / 3}};
    char bytes[2 * RW_SIMULATED_TEXT_MAX];
    struct rw_buffer out = {.data = bytes, .capacity = sizeof bytes};
    (void)state;
    rw_simulated_json(&row, "", true, &out);
    assert_true(!out.failed && out.length + 64 < RW_SIMULATED_TEXT_MAX);
}

static struct rw_contract *shipped_contract(void) {
    struct rw_contract *contract = NULL;
    char *bytes;
    size_t size;
    rowan_error error;
    assert_int_equal(
        rw_file_read(AT_FDCWD, "models/fraud/contract.json", 1 << 20, &bytes, &size, &error),
        ROWAN_OK);
    assert_int_equal(rw_contract_parse(bytes, size, &contract, &error), ROWAN_OK);
    free(bytes);
    return contract;
}

struct pool {
    char bytes[1 << 16];
    size_t used;
};

static void *lend_from_pool(void *context, size_t size) {
    struct pool *pool = context;
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof pool->bytes - pool->used)
        return NULL;
    pool->used += size;
    return pool->bytes + pool->used - size;
}

/* Amount, weekend, night, then the windows: what the contract reads is what was simulated. */
static void assert_features(const double *features, const struct rw_simulated *row) {
    assert_true(features[0] == row->amount);
    assert_true(features[1] == ((row->time / DAY_SECONDS + 3) % 7 >= 5));
    assert_true(features[2] == (row->time % DAY_SECONDS / 3600 <= 6));
    for (int w = 0; w < RW_SIMULATE_WINDOWS; w++) {
        assert_true(features[3 + 2 * w] == row->customer_n[w]);
        assert_true(features[4 + 2 * w] == row->customer_mean[w]);
        assert_true(features[9 + 2 * w] == row->terminal_n[w]);
        assert_true(features[10 + 2 * w] == row->terminal_risk[w]);
    }
}

static void the_default_contract_reads_what_was_simulated(void **state) {
    static struct pool pool;
    struct rw_memory memory = {lend_from_pool, &pool};
    struct rw_contract *contract = shipped_contract();
    struct rw_simulation *simulation = start(world(300, 50, 60, 30));
    struct rw_simulated row;
    uint32_t n = 0;
    (void)state;
    assert_int_equal(rw_contract_n_features(contract), 15);
    for (; rw_simulate_next(simulation, &row); n++) {
        char bytes[RW_SIMULATED_TEXT_MAX + 32];
        double features[15];
        rowan_error error;
        struct rw_buffer out = {.data = bytes, .capacity = sizeof bytes};
        rw_simulated_json(&row, "a\"b\n", n % 2, &out);
        assert_false(out.failed);
        pool.used = 0;
        if (rw_contract_decode(contract, bytes, out.length, &memory, features, &error) != ROWAN_OK)
            fail_msg("%.*s: %s %s", (int)out.length, bytes, error.where, error.what);
        assert_features(features, &row);
    }
    assert_true(n > 10000);
    rw_simulate_free(simulation);
    rw_contract_free(contract);
}

/* A change here is a change of what every seed means: it belongs into the change log. */
static void the_same_seed_gives_the_same_bytes_everywhere(void **state) {
    struct rw_simulation *simulation = start(world(1000, 2000, 50, 5));
    struct rw_simulated row;
    XXH64_state_t *hash = XXH64_createState();
    (void)state;
    XXH64_reset(hash, 0);
    while (rw_simulate_next(simulation, &row)) {
        char bytes[RW_SIMULATED_TEXT_MAX + 32];
        struct rw_buffer out = {.data = bytes, .capacity = sizeof bytes};
        rw_simulated_json(&row, "tx-", true, &out);
        XXH64_update(hash, out.data, out.length);
    }
    assert_int_equal(XXH64_digest(hash), UINT64_C(0x34869695f09536fb));
    XXH64_freeState(hash);
    rw_simulate_free(simulation);
}

/* ---- options --------------------------------------------------------------------------------- */

static void assert_refused(struct rw_simulate_options options, const char *name,
                           const char *bound) {
    struct rw_simulation *simulation = NULL;
    rowan_error error;
    assert_int_equal(rw_simulate_start(&options, &simulation, &error), ROWAN_ARGUMENT);
    assert_null(simulation);
    assert_says(&error, name);
    assert_says(&error, bound);
}

static void options_beyond_their_bounds_are_refused_by_name(void **state) {
    struct rw_simulate_options options = rw_simulate_defaults();
    (void)state;
    assert_refused(world(0, 1, 1, 5), "customers", "RW_SIMULATE_CUSTOMERS_MAX");
    assert_refused(world(RW_SIMULATE_CUSTOMERS_MAX + 1, 1, 1, 5), "customers",
                   "RW_SIMULATE_CUSTOMERS_MAX");
    assert_refused(world(1, 0, 1, 5), "terminals", "RW_SIMULATE_TERMINALS_MAX");
    assert_refused(world(1, 1, RW_SIMULATE_DAYS_MAX + 1, 5), "days", "RW_SIMULATE_DAYS_MAX");
    assert_refused(world(1, 1, 1, 0), "radius", "RW_SIMULATE_RADIUS_MAX");
    assert_refused(world(1, 1, 1, NAN), "radius", "RW_SIMULATE_RADIUS_MAX");
    options.start = -DAY_SECONDS;
    assert_refused(options, "start", "RW_SIMULATE_START_MAX");
    options.start = 1;
    assert_refused(options, "start", "00:00 UTC");
}

static void the_smallest_world_ends(void **state) {
    (void)state;
    struct rw_simulation *simulation = start(world(1, 1, RW_SIMULATE_DAYS_MAX, 200));
    struct rw_simulated row;
    uint32_t n = 0;
    while (rw_simulate_next(simulation, &row))
        n++;
    assert_true(n > 0 && row.day < RW_SIMULATE_DAYS_MAX);
    rw_simulate_free(simulation);
    rw_simulate_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_its_authors_numbers),
        cmocka_unit_test(log_and_exp_are_those_of_mathematics),
        cmocka_unit_test(normal_numbers_are_normal),
        cmocka_unit_test(counts_are_those_of_poisson),
        cmocka_unit_test(no_two_purposes_share_a_number),
        cmocka_unit_test(terminals_in_reach_are_equally_likely),
        cmocka_unit_test(a_third_of_the_leaked_transactions_is_marked),
        cmocka_unit_test(marked_transactions_have_five_times_their_amount),
        cmocka_unit_test(the_last_day_has_no_new_frauds),
        cmocka_unit_test(windows_hold_what_the_whole_past_says),
        cmocka_unit_test(numbers_are_the_shortest_that_read_back),
        cmocka_unit_test(text_that_has_no_room_fails_whole),
        cmocka_unit_test(no_line_is_longer_than_its_bound),
        cmocka_unit_test(the_default_contract_reads_what_was_simulated),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_everywhere),
        cmocka_unit_test(options_beyond_their_bounds_are_refused_by_name),
        cmocka_unit_test(the_smallest_world_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * simulate.h - card transactions of the Fraud Detection Handbook's kind, fast.
 *
 * Customers and terminals stand on a square; a customer pays at terminals in reach, around
 * an own mean amount, so many times a day.  Three kinds of fraud: 1 amounts above a limit,
 * 2 terminals that are compromised for 28 days, 3 customers whose card data leaked for 14
 * days (a third of their amounts times 5).  Transactions come in the order of time, with
 * the Handbook's window features of their own past.  The same seed gives the same bytes on
 * every machine.  The numbers are not those of the Handbook's random generator; the
 * distributions are, which tests compare.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SIMULATE_H
#define RW_SIMULATE_H

#include "base/base.h"

/* Bounds. */
#define RW_SIMULATE_CUSTOMERS_MAX 10000000u
#define RW_SIMULATE_TERMINALS_MAX 10000000u
#define RW_SIMULATE_DAYS_MAX      3650u
#define RW_SIMULATE_START_MAX     INT64_C(253370764800) /* 9999-01-01 */
#define RW_SIMULATE_RADIUS_MAX    200.0                 /* all of the square is in reach */

struct rw_simulate_options {
    uint64_t seed;      /* 0 */
    uint32_t customers; /* 5000 */
    uint32_t terminals; /* 10000 */
    uint32_t days;      /* 183; after them the stream has ended */
    int64_t start;      /* Unix time of day 0, 00:00 UTC, at least 0; 2018-04-01 */
    double radius;      /* reach of a customer on the square of 100 x 100, above 0; 5 */
};
/* The Handbook's own. */
struct rw_simulate_options rw_simulate_defaults(void);

#define RW_SIMULATE_WINDOWS 3 /* 1, 7 and 30 days */

struct rw_simulated {
    uint64_t id;       /* 0, 1, 2 ... in the order of time */
    uint32_t customer; /* from 1 */
    uint32_t terminal; /* from 1 */
    double amount;     /* rounded to cents */
    int64_t time;      /* Unix time, seconds */
    uint32_t day;      /* since start */
    uint8_t scenario;  /* 0: legitimate; 1, 2, 3: fraud.  The label. */
    /* The Handbook's features: windows end with this transaction (customer), or 7 days
     * before it (terminal). */
    uint32_t customer_n[RW_SIMULATE_WINDOWS];
    double customer_mean[RW_SIMULATE_WINDOWS];
    uint32_t terminal_n[RW_SIMULATE_WINDOWS];
    double terminal_risk[RW_SIMULATE_WINDOWS];
};

struct rw_simulation;

/* Takes all memory: about 1.4 kB a customer.  ROWAN_ARGUMENT: an option is out of its bounds,
 * which the error names; ROWAN_NO_MEMORY.  *simulation is owned by the caller. */
rowan_status rw_simulate_start(const struct rw_simulate_options *options,
                               struct rw_simulation **simulation, rowan_error *error);
/* The next transaction; false at the end of the last day. */
bool rw_simulate_next(struct rw_simulation *simulation, struct rw_simulated *transaction);
/* NULL is allowed. */
void rw_simulate_free(struct rw_simulation *simulation);

/* No line is longer than this, besides the id_prefix (write.c). */
#define RW_SIMULATED_TEXT_MAX 1024u

/* Appends the transaction as the default contract's JSON object, on one line, without an
 * end of line; id_prefix stands before the id ("tx-").  With `label` tx_fraud_scenario is
 * written, else it is absent.  The buffer needs room for RW_SIMULATED_TEXT_MAX and the
 * prefix, or memory to grow. */
void rw_simulated_json(const struct rw_simulated *transaction, const char *id_prefix, bool label,
                       struct rw_buffer *out);
/* Appends a CSV line with its end, in the contract's names and order; the header line if
 * transaction is NULL.  The prefix is written as it is: no commas or quotes. */
void rw_simulated_csv(const struct rw_simulated *transaction, const char *id_prefix, bool label,
                      struct rw_buffer *out);

#endif

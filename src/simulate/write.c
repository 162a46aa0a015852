/*
 * write.c - a transaction as JSON or CSV, in the names of the default contract.
 *
 * Amounts have two decimals.  Means and shares are the shortest decimals that read back as
 * the same number.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <yyjson.h>

#include "simulate/simulate.h"

/* ---- columns, in the order of the contract ----------------------------------------------- */

enum column { CUSTOMER, TERMINAL, AMOUNT, TIME, DAY, LABEL, WINDOWS, N_COLUMNS = 18 };

struct text {
    const char *data;
    size_t length;
};

/* What stands before a value, and the name alone. */
#define COLUMN(name)                                                                               \
    { {",\"" name "\":", sizeof(",\"" name "\":") - 1}, "," name }

static const struct {
    struct text json;
    const char *csv;
} columns[N_COLUMNS] = {
    COLUMN("customer_id"),
    COLUMN("terminal_id"),
    COLUMN("tx_amount"),
    COLUMN("tx_time_seconds"),
    COLUMN("tx_time_days"),
    COLUMN("tx_fraud_scenario"),
    COLUMN("customer_id_nb_tx_1day_window"),
    COLUMN("customer_id_avg_amount_1day_window"),
    COLUMN("customer_id_nb_tx_7day_window"),
    COLUMN("customer_id_avg_amount_7day_window"),
    COLUMN("customer_id_nb_tx_30day_window"),
    COLUMN("customer_id_avg_amount_30day_window"),
    COLUMN("terminal_id_nb_tx_1day_window"),
    COLUMN("terminal_id_risk_1day_window"),
    COLUMN("terminal_id_nb_tx_7day_window"),
    COLUMN("terminal_id_risk_7day_window"),
    COLUMN("terminal_id_nb_tx_30day_window"),
    COLUMN("terminal_id_risk_30day_window"),
};

static inline char *put_before(char *to, bool json, uint32_t column) {
    if (!json) {
        *to = ',';
        return to + 1;
    }
    memcpy(to, columns[column].json.data, columns[column].json.length);
    return to + columns[column].json.length;
}

/* ---- numbers ------------------------------------------------------------------------------- */

#define WHOLE_BYTES  20u /* digits of 2^64 */
#define NUMBER_BYTES 64u /* what yyjson asks for one number */
#define SMALL_SCALE  10000u
#define SMALL_DIGITS 4u
#define SMALL_MAX    1e10 /* with 4 decimals: 14 digits */

static char *put_whole(char *to, uint64_t number) {
    char digits[WHOLE_BYTES];
    char *const end = digits + sizeof digits, *at = end;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    size_t length = (size_t)(end - at);
    memcpy(to, at, length);
    return to + length;
}

/* The lowest `count` decimal digits of `number`, with zeros in front. */
static char *put_digits(char *to, uint64_t number, uint32_t count) {
    for (uint32_t i = count; i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
    return to + count;
}

static char *put_amount(char *to, double amount) {
    uint64_t cents = (uint64_t)(amount * 100.0 + 0.5);
    to = put_whole(to, cents / 100);
    *to++ = '.';
    return put_digits(to, cents % 100, 2);
}

static void *lend_block(void *context, size_t size) {
    return size <= NUMBER_BYTES ? context : NULL;
}

static void *lend_no_more(void *context, void *block, size_t old_size, size_t size) {
    (void)context, (void)block, (void)old_size, (void)size;
    return NULL;
}

static void take_nothing(void *context, void *block) {
    (void)context, (void)block;
}

static char *put_any(char *to, double number) {
    yyjson_alc lender = {lend_block, lend_no_more, take_nothing, to};
    yyjson_val value = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = number};
    size_t length = 0;
    yyjson_val_write_opts(&value, 0, &lender, &length, NULL);
    return to + length;
}

/* Many means and nearly all shares have at most 4 decimals.  Decimals of up to 15 digits are
 * all different doubles: where one of them is the number, no shorter one is. */
static char *put_number(char *to, double number) {
    uint64_t scaled = number < SMALL_MAX ? (uint64_t)(number * SMALL_SCALE + 0.5) : 0;
    if ((double)scaled / SMALL_SCALE != number)
        return put_any(to, number);
    to = put_whole(to, scaled / SMALL_SCALE);
    *to++ = '.';
    to = put_digits(to, scaled % SMALL_SCALE, SMALL_DIGITS);
    for (uint32_t i = 1; i < SMALL_DIGITS && to[-1] == '0'; i++)
        to--;
    return to;
}

/* ---- values ---------------------------------------------------------------------------------- */

static inline char *put_windows(char *to, bool json, uint32_t column, const uint32_t *n,
                                const double *numbers) {
    for (uint32_t w = 0; w < RW_SIMULATE_WINDOWS; w++) {
        to = put_whole(put_before(to, json, column + 2 * w), n[w]);
        to = put_number(put_before(to, json, column + 2 * w + 1), numbers[w]);
    }
    return to;
}

static inline char *put_values(char *to, bool json, const struct rw_simulated *transaction,
                               bool label) {
    to = put_whole(put_before(to, json, CUSTOMER), transaction->customer);
    to = put_whole(put_before(to, json, TERMINAL), transaction->terminal);
    to = put_amount(put_before(to, json, AMOUNT), transaction->amount);
    to = put_whole(put_before(to, json, TIME), (uint64_t)transaction->time);
    to = put_whole(put_before(to, json, DAY), transaction->day);
    if (label)
        to = put_whole(put_before(to, json, LABEL), transaction->scenario);
    to = put_windows(to, json, WINDOWS, transaction->customer_n, transaction->customer_mean);
    return put_windows(to, json, WINDOWS + 2 * RW_SIMULATE_WINDOWS, transaction->terminal_n,
                       transaction->terminal_risk);
}

/* ---- lines ---------------------------------------------------------------------------------- */

void rw_simulated_json(const struct rw_simulated *transaction, const char *id_prefix, bool label,
                       struct rw_buffer *out) {
    static const char opening[] = "{\"transaction_id\":\"";
    rw_buffer_add(out, opening, sizeof opening - 1);
    rw_buffer_json_escaped(out, id_prefix, strlen(id_prefix));
    if (!rw_buffer_reserve(out, RW_SIMULATED_TEXT_MAX - (sizeof opening - 1)))
        return;
    char *to = put_whole(out->data + out->length, transaction->id);
    *to++ = '"';
    to = put_values(to, true, transaction, label);
    *to++ = '}';
    out->length = (size_t)(to - out->data);
}

static void add_header(bool label, struct rw_buffer *out) {
    rw_buffer_text(out, "transaction_id");
    for (uint32_t i = 0; i < N_COLUMNS; i++)
        if (i != LABEL || label)
            rw_buffer_text(out, columns[i].csv);
    rw_buffer_text(out, "\n");
}

void rw_simulated_csv(const struct rw_simulated *transaction, const char *id_prefix, bool label,
                      struct rw_buffer *out) {
    if (!transaction) {
        add_header(label, out);
        return;
    }
    rw_buffer_text(out, id_prefix);
    if (!rw_buffer_reserve(out, RW_SIMULATED_TEXT_MAX))
        return;
    char *to = put_whole(out->data + out->length, transaction->id);
    to = put_values(to, false, transaction, label);
    *to++ = '\n';
    out->length = (size_t)(to - out->data);
}

/*
 * message.c - the next message of a run.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CUT_BYTES 2 /* of a message that is to be no JSON */

struct rw_load_messages {
    const char *id_prefix;
    struct rw_simulate_options world;
    struct rw_simulation *simulation;
    uint64_t count;
    double bad;
    uint64_t n_bad;
    bool envelope;
    char key[RW_LOAD_KEY_BYTES];
    char value[RW_LOAD_MESSAGE_BYTES];
};

/* ---- transactions --------------------------------------------------------------------- */

/* After its last day the simulation begins again, with the next seed. */
static rowan_status next_transaction(struct rw_load_messages *messages,
                                     struct rw_simulated *transaction, rowan_error *error) {
    if (rw_simulate_next(messages->simulation, transaction))
        return ROWAN_OK;
    rw_simulate_free(messages->simulation);
    messages->simulation = NULL;
    messages->world.seed++;
    rowan_status status = rw_simulate_start(&messages->world, &messages->simulation, error);
    if (status == ROWAN_OK && !rw_simulate_next(messages->simulation, transaction))
        status = rw_fail(error, ROWAN_ARGUMENT, "customers", NULL,
                         "the simulation gives no transactions");
    return status;
}

/* The first transaction after the warm-up is lost, which nobody misses. */
static rowan_status warm_up(struct rw_load_messages *messages, uint64_t days, rowan_error *error) {
    struct rw_simulated transaction = {0};
    rowan_status status = ROWAN_OK;
    while (status == ROWAN_OK && transaction.day < days)
        status = next_transaction(messages, &transaction, error);
    return status;
}

rowan_status rw_load_messages_open(const struct rw_load_options *options, const char *id_prefix,
                                   struct rw_load_messages **messages, rowan_error *error) {
    struct rw_load_messages *made = calloc(1, sizeof *made);
    *messages = made;
    if (!made)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for messages");
    made->id_prefix = id_prefix;
    made->bad = options->bad;
    made->envelope = options->envelope;
    made->world = rw_simulate_defaults();
    made->world.seed = options->seed;
    made->world.customers = (uint32_t)options->customers;
    made->world.terminals = (uint32_t)options->terminals;
    made->world.days = RW_SIMULATE_DAYS_MAX;
    rowan_status status = rw_simulate_start(&made->world, &made->simulation, error);
    if (status == ROWAN_OK)
        status = warm_up(made, options->warm_up, error);
    if (status != ROWAN_OK) {
        rw_load_messages_close(made);
        *messages = NULL;
    }
    return status;
}

void rw_load_messages_close(struct rw_load_messages *messages) {
    if (messages && messages->simulation)
        rw_simulate_free(messages->simulation);
    free(messages);
}

/* ---- text -------------------------------------------------------------------------------- */

static void add_envelope(const struct rw_load_messages *messages,
                         const struct rw_simulated *transaction, int64_t unix_us,
                         struct rw_buffer *out) {
    char date[32];
    struct tm utc;
    const time_t seconds = (time_t)(unix_us / 1000000);
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    const int length = (int)strlen(messages->id_prefix) - 1; /* without the last dash */
    rw_buffer_printf(out,
                     "{\"transaction_id\":\"%s%" PRIu64 "\",\"stream_timestamp\":\"%s.%06dZ\","
                     "\"producer_id\":\"%.*s\",\"data\":",
                     messages->id_prefix, transaction->id, date, (int)(unix_us % 1000000), length,
                     messages->id_prefix);
}

static void write_value(struct rw_load_messages *messages, const struct rw_simulated *transaction,
                        int64_t unix_us, struct rw_buffer *out) {
    if (messages->envelope)
        add_envelope(messages, transaction, unix_us, out);
    rw_simulated_json(transaction, messages->id_prefix, false, out);
    if (messages->envelope)
        rw_buffer_add(out, "}", 1);
}

/* ---- flaws -------------------------------------------------------------------------------- */

/* Message n is bad when the whole part of n times the share grows: evenly spread. */
static enum rw_load_flaw choose_flaw(struct rw_load_messages *messages) {
    const double asked = messages->bad * (double)messages->count;
    if ((double)messages->n_bad >= asked - 1e-9)
        return RW_LOAD_SOUND;
    return (enum rw_load_flaw)(RW_LOAD_NOT_JSON + messages->n_bad++ % (RW_LOAD_FLAWS - 1));
}

static void write_key(struct rw_load_messages *messages, const struct rw_simulated *transaction,
                      struct rw_load_message *message) {
    int length;
    if (message->flaw == RW_LOAD_TOMBSTONE)
        length = snprintf(messages->key, sizeof messages->key, "%s%" PRIu64, messages->id_prefix,
                          transaction->id);
    else
        length = snprintf(messages->key, sizeof messages->key, "%" PRIu32, transaction->customer);
    message->key = messages->key;
    message->key_length = (size_t)length;
}

rowan_status rw_load_messages_next(struct rw_load_messages *messages, int64_t unix_us,
                                   struct rw_load_message *message, rowan_error *error) {
    struct rw_simulated transaction;
    struct rw_buffer out = {.data = messages->value, .capacity = sizeof messages->value};
    rowan_status status = next_transaction(messages, &transaction, error);
    if (status != ROWAN_OK)
        return status;
    transaction.id = messages->count++;
    *message = (struct rw_load_message){.number = transaction.id,
                                        .scenario = transaction.scenario,
                                        .flaw = (uint8_t)choose_flaw(messages)};
    if (message->flaw == RW_LOAD_VIOLATION)
        transaction.amount = 0.0; /* the contract wants more than that */
    write_key(messages, &transaction, message);
    write_value(messages, &transaction, unix_us, &out);
    if (out.failed)
        return rw_fail(error, ROWAN_LIMIT, "message", NULL,
                       "a message is longer than %u bytes (RW_LOAD_MESSAGE_BYTES)",
                       RW_LOAD_MESSAGE_BYTES);
    const size_t cut = message->flaw == RW_LOAD_NOT_JSON ? CUT_BYTES : 0;
    message->value = message->flaw == RW_LOAD_TOMBSTONE ? NULL : out.data;
    message->value_length = message->value ? out.length - cut : 0;
    return ROWAN_OK;
}

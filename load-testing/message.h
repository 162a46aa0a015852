/*
 * message.h - the next message of a run: a simulated transaction as text, or a broken one.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_MESSAGE_H
#define RW_LOAD_MESSAGE_H

#include "load-testing/options.h"
#include "simulate/simulate.h"

#define RW_LOAD_MESSAGE_BYTES 4096u
#define RW_LOAD_KEY_BYTES     320u

/* What is wrong with a message, on purpose. */
enum rw_load_flaw {
    RW_LOAD_SOUND,
    RW_LOAD_NOT_JSON,  /* the last bytes are missing */
    RW_LOAD_VIOLATION, /* tx_amount 0 */
    RW_LOAD_TOMBSTONE, /* no value; the key is the transaction's id */
    RW_LOAD_FLAWS
};

struct rw_load_message {
    uint64_t number;  /* of the run, from 0 */
    uint8_t scenario; /* of the simulation: the truth */
    uint8_t flaw;     /* enum rw_load_flaw */
    char *key;
    size_t key_length;
    char *value; /* NULL: a tombstone */
    size_t value_length;
};

struct rw_load_messages;

/* Simulates the warm-up.  `id_prefix` stands before the number; it must outlive them. */
rowan_status rw_load_messages_open(const struct rw_load_options *options, const char *id_prefix,
                                   struct rw_load_messages **messages, rowan_error *error);
void rw_load_messages_close(struct rw_load_messages *messages);
/* The next message; it stays until the next call.  unix_us is for the envelope. */
rowan_status rw_load_messages_next(struct rw_load_messages *messages, int64_t unix_us,
                                   struct rw_load_message *message, rowan_error *error);

#endif

/*
 * ledger.c - what became of each message of a run that is verified.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/ledger.h"

#include <stdlib.h>

struct rw_load_record *rw_load_ledger_next(struct rw_load_ledger *ledger) {
    const uint64_t chunk = ledger->n / RW_LOAD_CHUNK;
    if (chunk >= RW_LOAD_CHUNKS)
        return NULL;
    if (!ledger->chunks[chunk])
        ledger->chunks[chunk] = calloc(RW_LOAD_CHUNK, sizeof **ledger->chunks);
    return ledger->chunks[chunk] ? &ledger->chunks[chunk][ledger->n % RW_LOAD_CHUNK] : NULL;
}

/* Release: whoever sees the number sees the record. */
void rw_load_ledger_publish(struct rw_load_ledger *ledger) {
    __atomic_store_n(&ledger->n, ledger->n + 1, __ATOMIC_RELEASE);
}

uint64_t rw_load_ledger_count(const struct rw_load_ledger *ledger) {
    return __atomic_load_n(&ledger->n, __ATOMIC_ACQUIRE);
}

struct rw_load_record *rw_load_ledger_at(const struct rw_load_ledger *ledger, uint64_t number) {
    if (number >= rw_load_ledger_count(ledger))
        return NULL;
    return &ledger->chunks[number / RW_LOAD_CHUNK][number % RW_LOAD_CHUNK];
}

void rw_load_ledger_free(struct rw_load_ledger *ledger) {
    for (uint64_t i = 0; i < RW_LOAD_CHUNKS; i++)
        free(ledger->chunks[i]);
    *ledger = (struct rw_load_ledger){0};
}

/*
 * ledger.h - what became of each message of a run that is verified.
 *
 * 16 bytes a message, in chunks that the sender allocates as it goes.  Each field has one
 * writer.  A record is complete before its message is sent, so that whoever sees the
 * message come back may read it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_LEDGER_H
#define RW_LOAD_LEDGER_H

#include "load-testing/message.h"

#define RW_LOAD_CHUNK  (1u << 16) /* records */
#define RW_LOAD_CHUNKS ((RW_LOAD_VERIFY_COUNT_MAX + RW_LOAD_CHUNK - 1) / RW_LOAD_CHUNK)

enum rw_load_risk { RW_LOAD_RISK_OTHER, RW_LOAD_LOW, RW_LOAD_MEDIUM, RW_LOAD_HIGH, RW_LOAD_RISKS };

struct rw_load_record {
    uint32_t sent_ms;   /* its timestamp, since the run began: the sender's, as the next two */
    uint8_t scenario;   /* the truth */
    uint8_t flaw;       /* enum rw_load_flaw */
    uint8_t failed;     /* not delivered, as far as the producer knows: the watch's */
    uint8_t scored;     /* how many predictions, up to 255: the reader's, as the rest */
    uint8_t dead;       /* how many dead letters, up to 255 */
    uint8_t risk;       /* enum rw_load_risk */
    uint8_t is_flagged; /* the probability is at or above the threshold */
    float probability;
};

struct rw_load_ledger {
    struct rw_load_record *chunks[RW_LOAD_CHUNKS];
    uint64_t n; /* records that are complete */
};

/* The next record, to be filled by the sender; NULL without memory or beyond the bound. */
struct rw_load_record *rw_load_ledger_next(struct rw_load_ledger *ledger);
/* The record that was filled may be read; call it before the message is sent. */
void rw_load_ledger_publish(struct rw_load_ledger *ledger);
/* From any thread; NULL if there is no such message. */
struct rw_load_record *rw_load_ledger_at(const struct rw_load_ledger *ledger, uint64_t number);
uint64_t rw_load_ledger_count(const struct rw_load_ledger *ledger);
void rw_load_ledger_free(struct rw_load_ledger *ledger);

#endif

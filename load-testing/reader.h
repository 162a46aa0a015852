/*
 * reader.h - reads predictions and dead letters back while the run goes on.
 *
 * A read_committed consumer of both topics, from the offsets at which they ended before the
 * run.  What it finds of this run it notes in the ledger.  It reads along from the begin, so
 * that the time at which it sees a message is the time at which a consumer of Rowan's
 * predictions sees it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_READER_H
#define RW_LOAD_READER_H

#include "load-testing/client.h"
#include "load-testing/histogram.h"
#include "load-testing/ledger.h"
#include "load-testing/timeline.h"

#define RW_LOAD_REASONS_MAX  16u /* different ones; more are counted as the last */
#define RW_LOAD_REASON_BYTES 64u

struct rw_load_reason {
    char name[RW_LOAD_REASON_BYTES]; /* header rowan-reason of a dead letter; "" without */
    uint64_t count;
};

/* What the ledger does not hold. */
struct rw_load_reading {
    uint64_t foreign;    /* messages that do not name this run */
    uint64_t unknown;    /* that name it, and a number that was not sent */
    uint64_t unreadable; /* predictions that are no JSON object with id and probability */
    uint64_t errors;     /* of the consumer */
    bool at_end;         /* read to the end that the topics had when all was found */
    /* us from a transaction's timestamp to the moment the reader had its prediction, of the
     * transactions of each phase of the schedule */
    struct rw_load_histogram visible[RW_LOAD_PHASES_MAX];
    /* us (whole ms) to the broker's timestamp of the prediction, where the output topic has
     * message.timestamp.type=LogAppendTime; predictions' own timestamps are those of their
     * transactions, and say nothing */
    struct rw_load_histogram appended;
    bool is_append_time;
    struct rw_load_reason reasons[RW_LOAD_REASONS_MAX];
    uint32_t n_reasons;
};

struct rw_load_reader;

/* Notes where the topics end; both must exist. */
rowan_status rw_load_reader_open(const struct rw_load_options *options, const char *id_prefix,
                                 const struct rw_load_clock *clock,
                                 const struct rw_load_timeline *timeline,
                                 struct rw_load_ledger *ledger, struct rw_load_reader **reader,
                                 rowan_error *error);
/* Starts the thread; the clock runs. */
rowan_status rw_load_reader_start(struct rw_load_reader *reader, rowan_error *error);
/* Different messages of this run found so far. */
uint64_t rw_load_reader_found(const struct rw_load_reader *reader);
/* Waits until `expected` messages are found and the topics are read to their ends of then,
 * `seconds` have passed, or `wait` says no; ends the thread. */
void rw_load_reader_finish(struct rw_load_reader *reader, uint64_t expected, double seconds,
                           bool (*wait)(void *context), void *context);
/* When it has finished. */
const struct rw_load_reading *rw_load_reader_reading(const struct rw_load_reader *reader);
/* Of all phases together. */
void rw_load_reading_visible(const struct rw_load_reading *reading,
                             struct rw_load_histogram *visible);
void rw_load_reader_close(struct rw_load_reader *reader);

#endif

/*
 * run.h - one run: its parts, and what came of it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_RUN_H
#define RW_LOAD_RUN_H

#include "load-testing/lag.h"
#include "load-testing/pace.h"
#include "load-testing/produce.h"
#include "load-testing/reader.h"
#include "load-testing/verdict.h"

#define RW_LOAD_ID_BYTES (RW_LOAD_PREFIX_MAX + 16u)

struct rw_load_run {
    const struct rw_load_options *options;
    char id_prefix[RW_LOAD_ID_BYTES]; /* "load-3fa9c01b22de-" */
    struct rw_load_clock clock;
    struct rw_load_timeline timeline;
    struct rw_load_messages *messages;
    struct rw_load_ledger *ledger; /* NULL without --verify */
    struct rw_load_reader *reader; /* NULL without --verify */
    struct rw_load_producer *producer;
    struct rw_load_lag *lag;
    uint32_t n_partitions;
    int64_t ended; /* ns: when sending ended; INT64_MAX before */
    struct rw_load_paced paced;
    /* when all acknowledgements are there */
    int64_t drained; /* ns since the begin */
    uint64_t acked, failed;
    int64_t verified; /* ns: when reading back ended */
    struct rw_load_verdict verdict;
    rowan_error error; /* why it ended early; status ROWAN_OK: it did not */
};

/* Makes all parts; nothing is sent.  On an error, rw_load_run_close frees what there is. */
rowan_status rw_load_run_open(struct rw_load_run *run, const struct rw_load_options *options,
                              rowan_error *error);
/* Sends, waits for the acknowledgements, and with --verify for the answers. */
rowan_status rw_load_run(struct rw_load_run *run, rowan_error *error);
/* Everything was sent and acknowledged. */
bool rw_load_run_is_complete(const struct rw_load_run *run);
/* Every message was answered exactly once, in the right topic; true without --verify. */
bool rw_load_run_is_verified(const struct rw_load_run *run);
void rw_load_run_close(struct rw_load_run *run);

#endif

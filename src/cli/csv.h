/*
 * csv.h - reads CSV as RFC 4180 defines it, record by record, in bounded memory.
 *
 * Cells are separated by commas; lines end with LF or CRLF; a cell in quotes may
 * hold commas, line ends and quotes written twice.  A byte-order mark at the start
 * and blank lines are skipped.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_CSV_H
#define RW_CLI_CSV_H

#include "base/base.h"

/* Bounds; each refused with an error that names it. */
#define RW_CSV_MAX_RECORD_BYTES ((size_t)4 << 20) /* of the cells of one record */
#define RW_CSV_MAX_COLUMNS      131072u           /* cells of one record */

/* Reads up to `size` bytes; 0 at the end, -1 on error with errno set. */
typedef ptrdiff_t (*rw_csv_source)(void *context, char *bytes, size_t size);

struct rw_csv_cell {
    const char *text; /* terminated with a zero byte, which is not counted */
    size_t length;
    bool quoted;
};

/* Lives until the next record is read. */
struct rw_csv_record {
    const struct rw_csv_cell *cells;
    size_t n_cells;
    uint64_t line; /* on which it begins, counted from 1 */
};

enum rw_csv_result {
    RW_CSV_RECORD, /* *record is filled in */
    RW_CSV_END,
    RW_CSV_BAD,  /* this record is broken; the next one can be read */
    RW_CSV_FATAL /* nothing more can be read */
};

struct rw_csv;

/* NULL without memory. */
struct rw_csv *rw_csv_open(rw_csv_source source, void *context);
void rw_csv_close(struct rw_csv *csv);

/* With RW_CSV_BAD and RW_CSV_FATAL record->line and *error say where and why. */
enum rw_csv_result rw_csv_next(struct rw_csv *csv, struct rw_csv_record *record,
                               rowan_error *error);

/* Bytes of the source that have been read into records, for a progress bar. */
uint64_t rw_csv_consumed(const struct rw_csv *csv);

/* Whether a cell must be quoted to be read back as it is. */
bool rw_csv_needs_quotes(const char *text, size_t length);

#endif

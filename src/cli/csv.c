/*
 * csv.c - the CSV reader: one pass, byte by byte, into two fixed buffers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES ((size_t)64 << 10)
#define NO_BYTE     (-1) /* the end, or a source that failed */

#define QUOTE_REMEDY "write the cell in quotes, and each quote inside of it twice"

struct rw_csv {
    rw_csv_source source;
    void *context;
    char *input; /* [INPUT_BYTES] */
    size_t position, filled;
    uint64_t consumed; /* bytes of earlier fillings of `input` */
    uint64_t line;     /* of the next byte */
    bool ended;
    int failure; /* errno of the source; 0: none */
    char *text;  /* [TEXT_BYTES], of the current record */
    size_t used;
    struct rw_csv_cell *cells; /* [RW_CSV_MAX_COLUMNS] */
    size_t n_cells;
    uint64_t record_line;
    rowan_error *error;
};

/* each cell has a zero byte behind it */
#define TEXT_BYTES (RW_CSV_MAX_RECORD_BYTES + RW_CSV_MAX_COLUMNS)

/* How a cell ended. */
enum ending { CELL_FOLLOWS, RECORD_ENDS, RECORD_IS_BAD, READING_ENDS };

/* ---- bytes ------------------------------------------------------------------ */

static bool fill(struct rw_csv *csv) {
    if (csv->ended)
        return false;
    csv->consumed += csv->filled;
    csv->position = csv->filled = 0;
    ptrdiff_t length = csv->source(csv->context, csv->input, INPUT_BYTES);
    if (length > 0) {
        csv->filled = (size_t)length;
        return true;
    }
    csv->failure = length < 0 ? errno : 0;
    csv->ended = true;
    return false;
}

static inline int peek(struct rw_csv *csv) {
    if (csv->position == csv->filled && !fill(csv))
        return NO_BYTE;
    return (unsigned char)csv->input[csv->position];
}

/* Takes the byte that `peek` has shown. */
static inline void take(struct rw_csv *csv) {
    csv->line += csv->input[csv->position++] == '\n';
}

static bool take_if(struct rw_csv *csv, int byte) {
    if (peek(csv) != byte)
        return false;
    take(csv);
    return true;
}

static void skip_line(struct rw_csv *csv) {
    for (int byte = peek(csv); byte != NO_BYTE; byte = peek(csv)) {
        take(csv);
        if (byte == '\n')
            return;
    }
}

/* Only whole marks are skipped; a part of one is text. */
static void skip_byte_order_mark(struct rw_csv *csv) {
    static const char mark[] = "\xEF\xBB\xBF";
    while (csv->filled < sizeof mark - 1 && !csv->ended) {
        ptrdiff_t more =
            csv->source(csv->context, csv->input + csv->filled, INPUT_BYTES - csv->filled);
        csv->failure = more < 0 ? errno : 0;
        csv->ended = more <= 0;
        csv->filled += more > 0 ? (size_t)more : 0;
    }
    if (csv->filled >= sizeof mark - 1 && memcmp(csv->input, mark, sizeof mark - 1) == 0)
        csv->position = sizeof mark - 1;
}

/* ---- errors ------------------------------------------------------------------- */

static enum ending fail(struct rw_csv *csv, enum ending ending, rowan_status status,
                        const char *remedy, const char *what) {
    char where[32];
    snprintf(where, sizeof where, "line %llu", (unsigned long long)csv->record_line);
    rw_fail(csv->error, status, where, remedy, "%s", what);
    if (ending == RECORD_IS_BAD)
        skip_line(csv);
    return ending;
}

static enum ending source_failed(struct rw_csv *csv) {
    return fail(csv, READING_ENDS, ROWAN_IO, NULL, strerror(csv->failure));
}

/* Inside of quotes nobody knows where the next record begins. */
static enum ending too_long(struct rw_csv *csv, bool in_quotes) {
    char what[96];
    snprintf(what, sizeof what, "the record is longer than RW_CSV_MAX_RECORD_BYTES (%zu)",
             RW_CSV_MAX_RECORD_BYTES);
    return fail(csv, in_quotes ? READING_ENDS : RECORD_IS_BAD, ROWAN_LIMIT,
                in_quotes ? "look for a quote that is never closed" : NULL, what);
}

static enum ending zero_byte(struct rw_csv *csv) {
    return fail(csv, RECORD_IS_BAD, ROWAN_MALFORMED,
                "save the file as UTF-8 text; UTF-16 looks like this", "there is a zero byte");
}

/* ---- cells --------------------------------------------------------------------- */

static bool add_byte(struct rw_csv *csv, int byte) {
    if (csv->used - csv->n_cells >= RW_CSV_MAX_RECORD_BYTES)
        return false;
    csv->text[csv->used++] = (char)byte;
    return true;
}

/* What stands between two cells or two records. */
static enum ending end_cell(struct rw_csv *csv) {
    int byte = peek(csv);
    if (byte == NO_BYTE)
        return csv->failure ? source_failed(csv) : RECORD_ENDS;
    if (byte != ',' && byte != '\n' && byte != '\r')
        return fail(csv, RECORD_IS_BAD, ROWAN_MALFORMED, QUOTE_REMEDY,
                    "a cell goes on behind its closing quote");
    take(csv);
    if (byte == ',')
        return CELL_FOLLOWS;
    if (byte == '\n' || take_if(csv, '\n') || peek(csv) == NO_BYTE)
        return RECORD_ENDS;
    return fail(csv, RECORD_IS_BAD, ROWAN_MALFORMED, "end lines with LF or CRLF",
                "a carriage return stands alone");
}

static enum ending read_plain(struct rw_csv *csv) {
    for (int byte = peek(csv);; byte = peek(csv)) {
        if (byte == NO_BYTE || byte == ',' || byte == '\n' || byte == '\r')
            return end_cell(csv);
        if (byte == '"')
            return fail(csv, RECORD_IS_BAD, ROWAN_MALFORMED, QUOTE_REMEDY,
                        "a quote stands inside of a cell without quotes");
        if (byte == '\0')
            return zero_byte(csv);
        take(csv);
        if (!add_byte(csv, byte))
            return too_long(csv, false);
    }
}

static enum ending read_quoted(struct rw_csv *csv) {
    take(csv); /* the opening quote */
    for (int byte = peek(csv); byte != NO_BYTE; byte = peek(csv)) {
        take(csv);
        if (byte == '"' && !take_if(csv, '"'))
            return end_cell(csv);
        if (byte == '\0')
            return zero_byte(csv);
        if (!add_byte(csv, byte))
            return too_long(csv, true);
    }
    if (csv->failure)
        return source_failed(csv);
    return fail(csv, READING_ENDS, ROWAN_MALFORMED, "close it",
                "a quote is opened and never closed");
}

static enum ending read_cell(struct rw_csv *csv) {
    if (csv->n_cells == RW_CSV_MAX_COLUMNS) {
        char what[96];
        snprintf(what, sizeof what, "more cells than RW_CSV_MAX_COLUMNS (%u)", RW_CSV_MAX_COLUMNS);
        return fail(csv, RECORD_IS_BAD, ROWAN_LIMIT, NULL, what);
    }
    size_t start = csv->used;
    bool quoted = peek(csv) == '"';
    enum ending ending = quoted ? read_quoted(csv) : read_plain(csv);
    csv->cells[csv->n_cells++] = (struct rw_csv_cell){csv->text + start, csv->used - start, quoted};
    csv->text[csv->used++] = '\0';
    return ending;
}

/* ---- records --------------------------------------------------------------------- */

static enum ending read_record(struct rw_csv *csv) {
    csv->used = csv->n_cells = 0;
    csv->record_line = csv->line;
    enum ending ending = CELL_FOLLOWS;
    while (ending == CELL_FOLLOWS)
        ending = read_cell(csv);
    return ending;
}

static bool is_blank(const struct rw_csv *csv) {
    return csv->n_cells == 1 && csv->cells[0].length == 0 && !csv->cells[0].quoted;
}

enum rw_csv_result rw_csv_next(struct rw_csv *csv, struct rw_csv_record *record,
                               rowan_error *error) {
    static const enum rw_csv_result results[] = {
        [RECORD_ENDS] = RW_CSV_RECORD, [RECORD_IS_BAD] = RW_CSV_BAD, [READING_ENDS] = RW_CSV_FATAL};
    enum ending ending;
    csv->error = error;
    do {
        if (peek(csv) == NO_BYTE && !csv->failure)
            return RW_CSV_END;
        ending = read_record(csv);
    } while (ending == RECORD_ENDS && is_blank(csv));
    *record = (struct rw_csv_record){csv->cells, csv->n_cells, csv->record_line};
    if (ending == READING_ENDS) {
        csv->ended = true;
        csv->position = csv->filled;
    }
    return results[ending];
}

/* ---- life -------------------------------------------------------------------------- */

struct rw_csv *rw_csv_open(rw_csv_source source, void *context) {
    struct rw_csv *csv = calloc(1, sizeof *csv);
    if (!csv)
        return NULL;
    csv->source = source;
    csv->context = context;
    csv->line = 1;
    csv->input = malloc(INPUT_BYTES);
    csv->text = malloc(TEXT_BYTES);
    csv->cells = malloc(RW_CSV_MAX_COLUMNS * sizeof *csv->cells);
    if (!csv->input || !csv->text || !csv->cells) {
        rw_csv_close(csv);
        return NULL;
    }
    skip_byte_order_mark(csv);
    return csv;
}

void rw_csv_close(struct rw_csv *csv) {
    if (!csv)
        return;
    free(csv->input);
    free(csv->text);
    free(csv->cells);
    free(csv);
}

uint64_t rw_csv_consumed(const struct rw_csv *csv) {
    return csv->consumed + csv->position;
}

bool rw_csv_needs_quotes(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r')
            return true;
    return false;
}

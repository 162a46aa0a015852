/*
 * fuzz_csv.c - any bytes as CSV: records within the bounds, or an error, and always an end.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "cli/csv.h"

#define READ_BYTES 7 /* a prime: records and quotes fall across two reads */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size, position;
};

static ptrdiff_t read_some(void *context, char *bytes, size_t size) {
    struct input *input = context;
    size_t length = input->size - input->position;
    length = length < READ_BYTES ? length : READ_BYTES;
    length = length < size ? length : size;
    if (length)
        memcpy(bytes, input->data + input->position, length);
    input->position += length;
    return (ptrdiff_t)length;
}

static void check(bool holds) {
    if (!holds)
        abort();
}

/* What a caller relies on: lines go up, cells end with a zero byte and hold no other. */
static void check_record(const struct rw_csv_record *record, uint64_t last_line) {
    check(record->line > last_line);
    check(record->n_cells > 0 && record->n_cells <= RW_CSV_MAX_COLUMNS);
    size_t total = 0;
    for (size_t i = 0; i < record->n_cells; i++) {
        const struct rw_csv_cell *cell = &record->cells[i];
        check(strlen(cell->text) == cell->length);
        check(cell->quoted || !rw_csv_needs_quotes(cell->text, cell->length));
        total += cell->length;
    }
    check(total <= RW_CSV_MAX_RECORD_BYTES);
}

static void check_error(const rowan_error *error) {
    check(error->status != ROWAN_OK && error->what[0] != '\0');
    check(strncmp(error->where, "line ", 5) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size, 0};
    struct rw_csv *csv = rw_csv_open(read_some, &input);
    if (!csv)
        return 0;
    struct rw_csv_record record;
    rowan_error error = {0};
    uint64_t last_line = 0;
    enum rw_csv_result result;
    while ((result = rw_csv_next(csv, &record, &error)) != RW_CSV_END) {
        if (result != RW_CSV_RECORD)
            check_error(&error);
        if (result == RW_CSV_FATAL)
            break;
        if (result == RW_CSV_RECORD)
            check_record(&record, last_line);
        last_line = record.line;
    }
    check(result == RW_CSV_FATAL || rw_csv_consumed(csv) == size);
    rw_csv_close(csv);
    return 0;
}

/*
 * scorer_columns.c - from the cells of a record to JSON values and features.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/scorer.h"

/* ---- header ---------------------------------------------------------------------- */

static bool is_named(const struct rw_csv_cell *cell, const char *name, size_t length) {
    return cell->length == length && memcmp(cell->text, name, length) == 0;
}

/* RW_NO_COLUMN if there is none; fails if there are two: which one is meant? */
static rowan_status find_column(const struct rw_csv_record *header, const char *name,
                                size_t *column, rowan_error *error) {
    size_t length = strlen(name);
    *column = RW_NO_COLUMN;
    for (size_t i = 0; i < header->n_cells; i++) {
        if (!is_named(&header->cells[i], name, length))
            continue;
        if (*column != RW_NO_COLUMN)
            return rw_fail(error, ROWAN_MALFORMED, NULL, "remove or rename one",
                           "columns %zu and %zu are both called %.80s", *column + 1, i + 1, name);
        *column = i;
    }
    return ROWAN_OK;
}

static rowan_status check_missing(const struct rw_scorer *scorer, rowan_error *error) {
    char bytes[ROWAN_ERROR_TEXT - 64];
    struct rw_buffer names = {.data = bytes, .capacity = sizeof bytes};
    size_t n_missing = 0;
    for (size_t i = 0; i < scorer->n_inputs; i++) {
        const struct rw_scorer_input *input = &scorer->inputs[i];
        if (!input->must_exist || input->column != RW_NO_COLUMN)
            continue;
        size_t length = strlen(input->name);
        if (names.length + length + 2 <= names.capacity) {
            rw_buffer_text(&names, n_missing ? ", " : "");
            rw_buffer_add(&names, input->name, length);
        }
        n_missing++;
    }
    if (n_missing == 0)
        return ROWAN_OK;
    return rw_fail(error, ROWAN_MISMATCH, NULL,
                   "the first line must name the columns, separated by commas",
                   "%zu required column%s missing: %.*s", n_missing,
                   n_missing == 1 ? " is" : "s are", (int)names.length, names.data);
}

static rowan_status find_id(struct rw_scorer *scorer, const struct rw_csv_record *header,
                            const char *id, rowan_error *error) {
    scorer->id_column = RW_NO_COLUMN;
    if (!id)
        return ROWAN_OK;
    return find_column(header, id, &scorer->id_column, error);
}

/* A model may have tens of thousands of features: sorted, each is found quickly. */
struct named_column {
    const struct rw_csv_cell *cell;
    size_t column;
};

static int compare_names(const char *a, size_t a_length, const char *b, size_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    if (order != 0 || a_length == b_length)
        return order;
    return a_length < b_length ? -1 : 1;
}

static int by_name(const void *a, const void *b) {
    const struct named_column *left = a, *right = b;
    int order =
        compare_names(left->cell->text, left->cell->length, right->cell->text, right->cell->length);
    return order ? order : (left->column > right->column) - (left->column < right->column);
}

/* First of the sorted columns that is not before `name`. */
static size_t lower_bound(const struct named_column *columns, size_t n, const char *name,
                          size_t length) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct rw_csv_cell *cell = columns[middle].cell;
        if (compare_names(cell->text, cell->length, name, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static rowan_status find_input(struct rw_scorer_input *input, const struct named_column *columns,
                               size_t n, rowan_error *error) {
    size_t length = strlen(input->name), at = lower_bound(columns, n, input->name, length);
    input->column = RW_NO_COLUMN;
    if (at == n || !is_named(columns[at].cell, input->name, length))
        return ROWAN_OK;
    input->column = columns[at].column;
    if (at + 1 < n && is_named(columns[at + 1].cell, input->name, length))
        return rw_fail(error, ROWAN_MALFORMED, NULL, "remove or rename one",
                       "columns %zu and %zu are both called %.80s", columns[at].column + 1,
                       columns[at + 1].column + 1, input->name);
    return ROWAN_OK;
}

static rowan_status find_inputs(struct rw_scorer *scorer, const struct rw_csv_record *header,
                                rowan_error *error) {
    struct named_column *columns = malloc(header->n_cells * sizeof *columns);
    if (!columns)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    for (size_t i = 0; i < header->n_cells; i++)
        columns[i] = (struct named_column){&header->cells[i], i};
    qsort(columns, header->n_cells, sizeof *columns, by_name);
    rowan_status status = ROWAN_OK;
    for (size_t i = 0; i < scorer->n_inputs && status == ROWAN_OK; i++)
        status = find_input(&scorer->inputs[i], columns, header->n_cells, error);
    free(columns);
    return status;
}

rowan_status rw_scorer_find_columns(struct rw_scorer *scorer, const struct rw_csv_record *header,
                                    const char *id, rowan_error *error) {
    rowan_status status = find_inputs(scorer, header, error);
    if (status == ROWAN_OK)
        status = check_missing(scorer, error);
    if (status == ROWAN_OK)
        status = find_id(scorer, header, id, error);
    scorer->n_columns = header->n_cells;
    return status;
}

/* ---- cells -------------------------------------------------------------------------- */

static struct rw_csv_cell trimmed(struct rw_csv_cell cell) {
    while (cell.length && (cell.text[0] == ' ' || cell.text[0] == '\t')) {
        cell.text++;
        cell.length--;
    }
    while (cell.length && (cell.text[cell.length - 1] == ' ' || cell.text[cell.length - 1] == '\t'))
        cell.length--;
    return cell;
}

static size_t count_digits(const char *text) {
    size_t n = 0;
    while (text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

/* The grammar of JSON: no sign +, no leading zeros, no hexadecimal, no nan. */
static bool is_number(struct rw_csv_cell cell) {
    const char *at = cell.text, *end = cell.text + cell.length;
    at += *at == '-';
    size_t whole = count_digits(at);
    if (whole == 0 || (whole > 1 && *at == '0'))
        return false;
    at += whole;
    if (*at == '.') {
        size_t digits = count_digits(at + 1);
        if (digits == 0)
            return false;
        at += 1 + digits;
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        size_t digits = count_digits(at);
        if (digits == 0)
            return false;
        at += digits;
    }
    return at == end;
}

/* ---- contract -------------------------------------------------------------------------- */

static void put_text(struct rw_buffer *json, struct rw_csv_cell cell) {
    rw_buffer_text(json, "\"");
    rw_buffer_json_escaped(json, cell.text, cell.length);
    rw_buffer_text(json, "\"");
}

/* What is neither a number nor a truth value goes as text, and the contract says
 * what it wanted instead.  Python writes True and False. */
static void put_value(struct rw_buffer *json, struct rw_csv_cell cell) {
    if (is_number(cell))
        rw_buffer_add(json, cell.text, cell.length);
    else if (is_named(&cell, "true", 4) || is_named(&cell, "True", 4))
        rw_buffer_text(json, "true");
    else if (is_named(&cell, "false", 5) || is_named(&cell, "False", 5))
        rw_buffer_text(json, "false");
    else
        put_text(json, cell);
}

void rw_scorer_put_json(const struct rw_scorer *scorer, const struct rw_csv_record *record,
                        struct rw_buffer *json) {
    const char *separator = "{\"";
    for (size_t i = 0; i < scorer->n_inputs; i++) {
        const struct rw_scorer_input *input = &scorer->inputs[i];
        if (input->column == RW_NO_COLUMN || record->cells[input->column].length == 0)
            continue;
        struct rw_csv_cell cell = record->cells[input->column];
        rw_buffer_text(json, separator);
        rw_buffer_json_escaped(json, input->name, strlen(input->name));
        rw_buffer_text(json, "\":");
        if (input->is_string)
            put_text(json, cell);
        else
            put_value(json, trimmed(cell));
        separator = ",\"";
    }
    rw_buffer_text(json, separator[0] == '{' ? "{}" : "}");
}

/* ---- bare model -------------------------------------------------------------------------- */

static bool parse_feature(struct rw_csv_cell cell, double *feature) {
    cell = trimmed(cell);
    *feature = NAN;
    if (cell.length == 0)
        return true; /* missing */
    if (!is_number(cell))
        return false;
    *feature = strtod(cell.text, NULL); /* never with a locale: none is set */
    return isfinite(*feature);
}

rowan_status rw_scorer_put_features(const struct rw_scorer *scorer,
                                    const struct rw_csv_record *record, double *features,
                                    rowan_error *error) {
    for (size_t i = 0; i < scorer->n_inputs; i++)
        if (!parse_feature(record->cells[scorer->inputs[i].column], &features[i]))
            return rw_fail(error, ROWAN_MISMATCH, scorer->inputs[i].name,
                           "correct the value, or leave the cell empty for a missing one",
                           "Input should be a finite number");
    return ROWAN_OK;
}

/*
 * lightgbm_text.h - the lines and numbers of LightGBM's text format.
 *
 * Nothing is copied: a text is a part of the file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LIGHTGBM_TEXT_H
#define RW_LIGHTGBM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RW_TEXT_NUMBER_MAX 63u /* characters of one number; LightGBM writes up to 24 */

/* Not terminated; data is NULL where there is none. */
struct rw_slice {
    const char *data;
    size_t length;
};

struct rw_lines {
    const char *next, *end;
};

/* The next line without its "\n" or "\r\n"; false at the end. */
bool rw_lines_next(struct rw_lines *lines, struct rw_slice *line);

bool rw_slice_is(struct rw_slice text, const char *word);
bool rw_slice_starts(struct rw_slice text, const char *prefix);
/* What stands behind `prefix`; no data without it. */
struct rw_slice rw_slice_after(struct rw_slice text, const char *prefix);
/* Takes the next word, up to `separator`, off *text; false if none is left.
 * Empty words are skipped, as LightGBM does it. */
bool rw_slice_word(struct rw_slice *text, char separator, struct rw_slice *word);
size_t rw_slice_count(struct rw_slice text, char separator);
/* What may stand in an error, and in a name. */
bool rw_slice_is_ascii(struct rw_slice text);

/* The whole text as one number; false if it is anything else.  A decimal point is a
 * point whatever the locale, and doubles are the nearest ones. */
bool rw_slice_i64(struct rw_slice text, int64_t *out);
bool rw_slice_f64(struct rw_slice text, double *out);
/* Exactly `count` numbers with spaces between. */
bool rw_slice_i64s(struct rw_slice text, size_t count, int64_t *out);
bool rw_slice_f64s(struct rw_slice text, size_t count, double *out);

#endif

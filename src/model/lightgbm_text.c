/*
 * lightgbm_text.c - the lines and numbers of LightGBM's text format.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/lightgbm_text.h"

#include <string.h>
#include <yyjson.h>

/* ---- lines and words ------------------------------------------------------------ */

bool rw_lines_next(struct rw_lines *lines, struct rw_slice *line) {
    if (lines->next >= lines->end)
        return false;
    size_t left = (size_t)(lines->end - lines->next);
    const char *newline = memchr(lines->next, '\n', left);
    *line = (struct rw_slice){lines->next, newline ? (size_t)(newline - lines->next) : left};
    lines->next = newline ? newline + 1 : lines->end;
    if (line->length && line->data[line->length - 1] == '\r')
        line->length--;
    return true;
}

bool rw_slice_is(struct rw_slice text, const char *word) {
    return text.length == strlen(word) && memcmp(text.data, word, text.length) == 0;
}

bool rw_slice_starts(struct rw_slice text, const char *prefix) {
    size_t length = strlen(prefix);
    return text.length >= length && memcmp(text.data, prefix, length) == 0;
}

struct rw_slice rw_slice_after(struct rw_slice text, const char *prefix) {
    size_t length = strlen(prefix);
    if (!rw_slice_starts(text, prefix))
        return (struct rw_slice){NULL, 0};
    return (struct rw_slice){text.data + length, text.length - length};
}

bool rw_slice_word(struct rw_slice *text, char separator, struct rw_slice *word) {
    while (text->length && text->data[0] == separator) {
        text->data++;
        text->length--;
    }
    if (text->length == 0)
        return false;
    size_t length = 1; /* words are short: faster than memchr */
    while (length < text->length && text->data[length] != separator)
        length++;
    *word = (struct rw_slice){text->data, length};
    text->data += length;
    text->length -= length;
    return true;
}

size_t rw_slice_count(struct rw_slice text, char separator) {
    if (text.length == 0)
        return 0;
    size_t count = text.data[0] != separator;
    for (size_t i = 1; i < text.length; i++) /* no state: the compiler counts in vectors */
        count += (text.data[i] != separator) & (text.data[i - 1] == separator);
    return count;
}

bool rw_slice_is_ascii(struct rw_slice text) {
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    return true;
}

/* ---- numbers ----------------------------------------------------------------------- */

#define DIGITS_MAX 18u /* 10^18 fits into 63 bits */

bool rw_slice_i64(struct rw_slice text, int64_t *out) {
    bool negative = text.length && text.data[0] == '-';
    size_t i = negative;
    if (i == text.length || text.length - i > DIGITS_MAX)
        return false;
    int64_t value = 0;
    for (; i < text.length; i++) {
        char digit = text.data[i];
        if (digit < '0' || digit > '9')
            return false;
        value = value * 10 + (digit - '0');
    }
    *out = negative ? -value : value;
    return true;
}

/* yyjson reads numbers without a look at the locale, which strtod does not. */
bool rw_slice_f64(struct rw_slice text, double *out) {
    char number[RW_TEXT_NUMBER_MAX + 1];
    if (text.length == 0 || text.length > RW_TEXT_NUMBER_MAX)
        return false;
    memcpy(number, text.data, text.length);
    number[text.length] = '\0';
    yyjson_val value;
    const char *end = yyjson_read_number(number, &value, YYJSON_READ_ALLOW_INF_AND_NAN, NULL, NULL);
    if (end != number + text.length)
        return false;
    *out = yyjson_get_num(&value);
    return true;
}

bool rw_slice_i64s(struct rw_slice text, size_t count, int64_t *out) {
    struct rw_slice word;
    for (size_t i = 0; i < count; i++)
        if (!rw_slice_word(&text, ' ', &word) || !rw_slice_i64(word, &out[i]))
            return false;
    return !rw_slice_word(&text, ' ', &word);
}

bool rw_slice_f64s(struct rw_slice text, size_t count, double *out) {
    struct rw_slice word;
    for (size_t i = 0; i < count; i++)
        if (!rw_slice_word(&text, ' ', &word) || !rw_slice_f64(word, &out[i]))
            return false;
    return !rw_slice_word(&text, ' ', &word);
}

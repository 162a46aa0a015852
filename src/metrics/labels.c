/*
 * labels.c - the text of a label set: any bytes in, clean escaped UTF-8 out.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "metrics/page.h"

#define REPLACEMENT       "\xEF\xBF\xBD" /* U+FFFD */
#define REPLACEMENT_BYTES 3u

struct text {
    char *bytes; /* [RW_LABEL_TEXT_MAX] */
    size_t length;
};

static void put(struct text *text, const char *bytes, size_t length) {
    if (length > RW_LABEL_TEXT_MAX - text->length)
        return; /* cannot be: a unit test adds up the longest label sets */
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static bool continues(const unsigned char *bytes, size_t n) {
    for (size_t i = 1; i <= n; i++)
        if ((bytes[i] & 0xC0) != 0x80) /* the final zero byte is none either */
            return false;
    return true;
}

/* Bytes of the character that starts here; 0: not UTF-8 (RFC 3629). */
static size_t character_bytes(const unsigned char *bytes) {
    unsigned char first = bytes[0], second = first ? bytes[1] : 0;
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return continues(bytes, 1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        bool overlong = first == 0xE0 && second < 0xA0;
        bool surrogate = first == 0xED && second > 0x9F;
        return !overlong && !surrogate && continues(bytes, 2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        bool overlong = first == 0xF0 && second < 0x90;
        bool beyond = first == 0xF4 && second > 0x8F;
        return !overlong && !beyond && continues(bytes, 3) ? 4 : 0;
    }
    return 0;
}

static void put_character(struct text *text, const char *at, size_t bytes) {
    if (*at == '\n')
        put(text, "\\n", 2);
    else if (*at == '"' || *at == '\\')
        put(text, (const char[2]){'\\', *at}, 2);
    else
        put(text, at, bytes);
}

/* Some readers of the text take other control characters for the end of a line. */
static bool is_control(char c) {
    unsigned char byte = (unsigned char)c;
    return (byte < 0x20 && c != '\n') || byte == 0x7F;
}

static void put_value(struct text *text, const char *value) {
    size_t written = 0; /* before escapes */
    while (*value) {
        size_t bytes = character_bytes((const unsigned char *)value);
        bool bad = bytes == 0 || is_control(*value);
        size_t width = bad ? REPLACEMENT_BYTES : bytes;
        if (written + width > RW_LABEL_VALUE_MAX)
            return;
        if (bad)
            put(text, REPLACEMENT, REPLACEMENT_BYTES);
        else
            put_character(text, value, bytes);
        written += width;
        value += bytes ? bytes : 1;
    }
}

size_t rw_label_text(enum rw_metric metric, const char *const values[],
                     char bytes[RW_LABEL_TEXT_MAX]) {
    struct text text = {.bytes = bytes};
    const char *name = rw_metric_defs[metric].labels;
    for (size_t i = 0; *name; i++) {
        size_t length = strcspn(name, ",");
        if (i > 0)
            put(&text, ",", 1);
        put(&text, name, length);
        put(&text, "=\"", 2);
        put_value(&text, values[i]);
        put(&text, "\"", 1);
        name += length + (name[length] == ',');
    }
    return text.length;
}

uint64_t rw_series_hash(uint32_t metric, const char *labels, size_t length) {
    return XXH3_64bits_withSeed(labels, length, metric);
}

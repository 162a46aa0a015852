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
    size_t left = strlen(value);
    while (left) {
        size_t bytes = rw_utf8_character(value, left);
        bool bad = bytes == 0 || is_control(*value);
        size_t width = bad ? REPLACEMENT_BYTES : bytes;
        if (written + width > RW_LABEL_VALUE_MAX)
            return;
        if (bad)
            put(text, REPLACEMENT, REPLACEMENT_BYTES);
        else
            put_character(text, value, bytes);
        written += width;
        const size_t step = bytes ? bytes : 1;
        value += step;
        left -= step;
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

/*
 * parse.c - the text of a key file to keys.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/keys.h"

#define HEX_DIGITS (2 * RW_KEY_DIGEST_BYTES)
#define FORM       "write: SHA-256-HEX CLASS NAME"

struct text {
    const char *at;
    size_t length;
};

struct parser {
    const char *next, *end;
    uint32_t line;
    struct rw_keys *keys;
    rowan_error *error;
};

static const char *const class_names[RW_KEY_CLASSES] = {
    [RW_KEY_LOW] = "low", [RW_KEY_NORMAL] = "normal", [RW_KEY_HIGH] = "high"};

const char *rw_key_class_name(enum rw_key_class class) {
    return class_names[class];
}

bool rw_key_class_find(const char *name, size_t length, enum rw_key_class *class) {
    for (int i = 0; i < RW_KEY_CLASSES; i++) {
        if (strlen(class_names[i]) != length || memcmp(class_names[i], name, length) != 0)
            continue;
        *class = (enum rw_key_class)i;
        return true;
    }
    return false;
}

static bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

bool rw_key_name_valid(const char *name, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!is_name_character(name[i]))
            return false;
    return length > 0 && length <= RW_KEY_NAME_MAX;
}

/* ---- a line ---------------------------------------------------------------------- */

#define LINE_TEXT_BYTES 16 /* "line 4294967295" */

static const char *line_text(uint32_t line, char text[LINE_TEXT_BYTES]) {
    snprintf(text, LINE_TEXT_BYTES, "line %u", line);
    return text;
}

static rowan_status fail(const struct parser *parser, uint32_t line, const char *remedy,
                         const char *what) {
    char where[LINE_TEXT_BYTES];
    return rw_fail(parser->error, ROWAN_MALFORMED, line_text(line, where), remedy, "%s", what);
}

static rowan_status fail_full(const struct parser *parser) {
    char where[LINE_TEXT_BYTES];
    return rw_fail(parser->error, ROWAN_LIMIT, line_text(parser->line, where), "remove keys",
                   "more than %u keys", RW_KEYS_MAX);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static struct text take_line(struct parser *parser) {
    struct text line = {parser->next, (size_t)(parser->end - parser->next)};
    const char *newline = memchr(line.at, '\n', line.length);
    if (newline)
        line.length = (size_t)(newline - line.at);
    parser->next += line.length + (newline != NULL);
    parser->line++;
    if (line.length && line.at[line.length - 1] == '\r')
        line.length--;
    return line;
}

/* The next word of the line, empty at its end. */
static struct text take_word(struct text *line) {
    size_t start = 0;
    while (start < line->length && is_blank(line->at[start]))
        start++;
    size_t end = start;
    while (end < line->length && !is_blank(line->at[end]))
        end++;
    struct text word = {line->at + start, end - start};
    *line = (struct text){line->at + end, line->length - end};
    return word;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse_digest(struct text hex, uint8_t *digest) {
    if (hex.length != HEX_DIGITS)
        return false;
    for (size_t i = 0; i < RW_KEY_DIGEST_BYTES; i++) {
        int high = hex_value(hex.at[2 * i]);
        int low = hex_value(hex.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* No word of the line is in a message: somebody may have put the key itself there. */
static rowan_status parse_key(const struct parser *parser, struct text digest, struct text line,
                              struct rw_key *key) {
    struct text class = take_word(&line);
    struct text name = take_word(&line);
    if (!parse_digest(digest, key->digest))
        return fail(parser, parser->line, FORM, "the digest must have 64 hexadecimal digits");
    if (!rw_key_class_find(class.at, class.length, &key->class))
        return fail(parser, parser->line, FORM, "the class must be high, normal or low");
    if (!rw_key_name_valid(name.at, name.length))
        return fail(parser, parser->line, FORM,
                    "the name must have 1 to 64 letters, digits, '_', '.' and '-'");
    if (take_word(&line).length)
        return fail(parser, parser->line, FORM, "something follows the name");
    memcpy(key->name, name.at, name.length);
    key->name[name.length] = '\0';
    key->line = parser->line;
    return ROWAN_OK;
}

/* ---- a file ---------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    const struct rw_key *left = a, *right = b;
    int order = memcmp(left->digest, right->digest, RW_KEY_DIGEST_BYTES);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

static rowan_status sort(const struct parser *parser) {
    struct rw_keys *keys = parser->keys;
    if (keys->n == 0)
        return ROWAN_OK;
    qsort(keys->keys, keys->n, sizeof *keys->keys, compare);
    for (size_t i = 1; i < keys->n; i++)
        if (memcmp(keys->keys[i - 1].digest, keys->keys[i].digest, RW_KEY_DIGEST_BYTES) == 0)
            return fail(parser, keys->keys[i].line, "remove one of the lines",
                        "this key was there before");
    return ROWAN_OK;
}

static rowan_status parse_lines(struct parser *parser) {
    while (parser->next < parser->end) {
        struct text line = take_line(parser);
        struct text first = take_word(&line);
        if (first.length == 0 || first.at[0] == '#')
            continue;
        if (parser->keys->n == RW_KEYS_MAX)
            return fail_full(parser);
        rowan_status status = parse_key(parser, first, line, &parser->keys->keys[parser->keys->n]);
        if (status != ROWAN_OK)
            return status;
        parser->keys->n++;
    }
    return sort(parser);
}

/* Room for as many keys as the file may have lines. */
static struct rw_keys *new_keys(const char *text, size_t size) {
    size_t lines = 1;
    for (size_t i = 0; i < size && lines < RW_KEYS_MAX; i++)
        lines += text[i] == '\n';
    struct rw_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return NULL;
    keys->keys = calloc(lines, sizeof *keys->keys);
    if (keys->keys)
        return keys;
    free(keys);
    return NULL;
}

rowan_status rw_keys_parse(const char *text, size_t size, struct rw_keys **keys,
                           rowan_error *error) {
    if (size > RW_KEYS_FILE_MAX)
        return rw_fail(error, ROWAN_LIMIT, NULL, NULL, "%zu bytes; at most %u are read", size,
                       RW_KEYS_FILE_MAX);
    struct parser parser = {.next = text, .end = text + size, .error = error};
    parser.keys = new_keys(text, size);
    if (!parser.keys)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for keys");
    rowan_status status = parse_lines(&parser);
    if (status == ROWAN_OK)
        *keys = parser.keys;
    else
        rw_keys_free(parser.keys);
    return status;
}

rowan_status rw_keys_load(const char *path, struct rw_keys **keys, rowan_error *error) {
    char *text;
    size_t size;
    rowan_status status = rw_file_read(AT_FDCWD, path, RW_KEYS_FILE_MAX, &text, &size, error);
    if (status != ROWAN_OK)
        return status;
    status = rw_keys_parse(text, size, keys, error);
    if (status != ROWAN_OK)
        rw_error_prefix(error, path);
    free(text);
    return status;
}

void rw_keys_free(struct rw_keys *keys) {
    if (!keys)
        return;
    free(keys->keys);
    free(keys);
}

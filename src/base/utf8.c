/*
 * utf8.c - UTF-8 as RFC 3629 has it: shortest forms, no surrogates, up to U+10FFFF.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/base.h"

/* Bytes of the character that begins so; 0: none does. */
static size_t sequence_length(unsigned char lead) {
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

static bool is_second_byte(unsigned char lead, unsigned char second) {
    unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    return second >= least && second <= most;
}

size_t rw_utf8_character(const void *text, size_t left) {
    const unsigned char *bytes = text;
    const size_t length = left ? sequence_length(bytes[0]) : 0;
    if (length == 0 || length > left)
        return 0;
    if (length > 1 && !is_second_byte(bytes[0], bytes[1]))
        return 0;
    for (size_t k = 2; k < length; k++)
        if ((bytes[k] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool rw_is_utf8(const void *text, size_t length) {
    const char *at = text;
    for (size_t n; length; at += n, length -= n)
        if (!(n = rw_utf8_character(at, length)))
            return false;
    return true;
}

/*
 * unit.h - what every unit test includes, and two small helpers.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef UNIT_H
#define UNIT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof *(array))

/* The error must say what the test expects, and not only fail. */
static inline void assert_says(const rowan_error *error, const char *expected) {
    char text[1024];
    rowan_error_text(error, text, sizeof text);
    if (!strstr(text, expected))
        fail_msg("\"%s\" does not say \"%s\"", text, expected);
}

/* Equal to the last bit; all NaN are equal. */
static inline bool same_bits(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

/* A copy at the end of its own block, so that a sanitizer sees a read beyond it. */
static inline char *exact_copy(const void *bytes, size_t size) {
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

/* A repeatable stream of numbers (splitmix64). */
static inline uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint32_t random_below(uint64_t *state, uint32_t bound) {
    return (uint32_t)(random_bits(state) % bound);
}

#endif

/*
 * similar.c - how far apart two names are, for "did you mean".
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "settings/settings.h"

#define NAME_MAX_COMPARED 63u /* longer names are like none */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Optimal string alignment: the distance of Damerau and Levenshtein in which no part of a name is
 * edited twice.  Three rows of the table of all pairs of beginnings are enough. */
size_t rw_edits(const char *one, const char *other, size_t limit) {
    const size_t n = strlen(one), m = strlen(other);
    if (n > NAME_MAX_COMPARED || m > NAME_MAX_COMPARED)
        return limit + 1;
    size_t rows[3][NAME_MAX_COMPARED + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        const size_t *before = rows[(i - 1) % 3];
        const size_t *two_before = rows[(i + 1) % 3];
        size_t *now = rows[i % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            const size_t change = one[i - 1] != other[j - 1];
            now[j] = least(least(before[j] + 1, now[j - 1] + 1), before[j - 1] + change);
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                now[j] = least(now[j], two_before[j - 2] + 1);
        }
    }
    return least(rows[n % 3][m], limit + 1);
}

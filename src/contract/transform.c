/*
 * transform.c - how a property becomes an input of the model.
 *
 * To add a transform: write its function and its row in `transforms`, a test in
 * tests/unit/test_contract_transform.c, and a line in docs/contract.md.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "contract/schema.h"

#define HOUR 3600
#define DAY  (24 * HOUR)
#define WEEK (7 * DAY)

/* 1970-01-01 was a Thursday, so weeks that start at Unix time 0 end with a Wednesday. */
enum { THURSDAY, FRIDAY, SATURDAY, SUNDAY };

/* Below it a double has all whole numbers, and int64_t has them too. */
#define WHOLE_LIMIT 9007199254740992.0 /* 2^53 */

/* fmod of glibc divides bit by bit, and took a third of a row's decoding. */
static int unix_remainder(double time, int period) {
    if (!(fabs(time) < WHOLE_LIMIT)) {
        double rest = fmod(time, period);
        return (int)(rest < 0 ? rest + period : rest);
    }
    int64_t whole = (int64_t)time;
    whole -= (double)whole > time; /* rounded down */
    int rest = (int)(whole % period);
    return rest < 0 ? rest + period : rest;
}

/* The Fraud Detection Handbook's is_weekend: Saturday or Sunday (UTC). */
static double weekend(double time) {
    int day = unix_remainder(time, WEEK) / DAY;
    return day == SATURDAY || day == SUNDAY ? 1.0 : 0.0;
}

/* The Fraud Detection Handbook's is_night: hours 0 to 6, so up to 06:59:59 (UTC). */
static double night(double time) {
    int hour = unix_remainder(time, DAY) / HOUR;
    return hour <= 6 ? 1.0 : 0.0;
}

#define NUMBERS (1u << RW_KIND_INTEGER | 1u << RW_KIND_NUMBER)
#define NAMES   (1u << RW_KIND_STRING | 1u << RW_KIND_BOOLEAN)
#define CODES   (NAMES | 1u << RW_KIND_NULL)

static const struct rw_transform transforms[] = {
    {"from", NULL, false, NUMBERS | CODES, "a number, a boolean or a string with an enum"},
    {"category", NULL, true, NUMBERS | NAMES, "a string, a number or a boolean"},
    {"weekend", weekend, false, NUMBERS, "a Unix time in seconds (integer or number)"},
    {"night", night, false, NUMBERS, "a Unix time in seconds (integer or number)"},
};

#define N_TRANSFORMS (sizeof transforms / sizeof *transforms)

const struct rw_transform *rw_transform_find(const char *key) {
    for (size_t i = 0; i < N_TRANSFORMS; i++)
        if (strcmp(transforms[i].key, key) == 0)
            return &transforms[i];
    return NULL;
}

void rw_transform_names(char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < N_TRANSFORMS && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", transforms[i].key);
}

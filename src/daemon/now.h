/*
 * now.h - Unix time as metrics have it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_DAEMON_NOW_H
#define RW_DAEMON_NOW_H

#include <time.h>

/* Seconds with their fraction. */
static inline double rw_unix_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif

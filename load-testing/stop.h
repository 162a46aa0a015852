/*
 * stop.h - Ctrl-C: the first ends sending, the second ends waiting.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_STOP_H
#define RW_LOAD_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* Catches SIGINT and SIGTERM on the thread that calls it; threads that it starts afterwards
 * get none. */
void rw_load_stop_catch(void);
/* Lets the calling thread get them again; call it when all threads were started. */
void rw_load_stop_listen(void);
bool rw_load_stop_asked(void);
bool rw_load_stop_asked_twice(void);
/* Sleeps until a time of the monotonic clock; shorter if it is asked to stop. */
void rw_load_sleep_until(int64_t monotonic_ns);

#endif

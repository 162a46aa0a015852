/*
 * log.h - one line an event on standard error: "2026-11-24T20:15:03.123Z warning thread 0: text".
 * Control characters of what came from outside are escaped.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_DAEMON_LOG_H
#define RW_DAEMON_LOG_H

/* syslog's numbers, as in conf/log-levels */
enum rw_log_level {
    RW_LOG_CRITICAL = 2,
    RW_LOG_ERROR = 3,
    RW_LOG_WARNING = 4,
    RW_LOG_NOTICE = 5,
    RW_LOG_INFO = 6,
    RW_LOG_DEBUG = 7
};

/* Lines above `level` are not written.  Call it before the first thread. */
void rw_log_level(int level);
/* Thread-safe; a line is one write(2). */
void rw_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

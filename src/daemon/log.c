/*
 * log.c - lines on standard error.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"

#define LINE_BYTES 2048 /* longer lines are cut */

static int limit = RW_LOG_INFO;

static const char *const names[] = {"critical", "critical", "critical", "error",
                                    "warning",  "notice",   "info",     "debug"};

#define N_LEVELS (int)(sizeof names / sizeof *names)

void rw_log_level(int level) {
    limit = level;
}

static size_t begin(char *line, int level) {
    struct timespec now;
    struct tm date;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &date);
    size_t length = strftime(line, LINE_BYTES, "%Y-%m-%dT%H:%M:%S", &date);
    const char *name = names[level < 0 ? 0 : level < N_LEVELS ? level : N_LEVELS - 1];
    return length + (size_t)snprintf(line + length, LINE_BYTES - length, ".%03dZ %s ",
                                     (int)(now.tv_nsec / 1000000), name);
}

/* What came from outside must not forge a line, or reach a terminal as an order. */
static void disarm(char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
}

void rw_log(int level, const char *format, ...) {
    if (level > limit)
        return;
    char line[LINE_BYTES + 1];
    const size_t start = begin(line, level);
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(line + start, LINE_BYTES - start, format, arguments);
    va_end(arguments);
    size_t length = written < 0 ? 0 : (size_t)written;
    if (length > LINE_BYTES - start - 1)
        length = LINE_BYTES - start - 1;
    disarm(line + start, length);
    line[start + length] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, start + length + 1);
    (void)ignored; /* nowhere is left to say it */
}

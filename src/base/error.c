/*
 * error.c - errors that say what, where and what to do.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "base/base.h"

static void copy_text(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from ? from : "");
}

bool rw_error_set(rowan_error *error, rowan_status status, const char *where, const char *remedy,
                  const char *what, ...) {
    if (!error)
        return false;
    char text[ROWAN_ERROR_TEXT]; /* `what` may quote the error that it replaces */
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    error->status = status;
    copy_text(error->where, sizeof error->where, where);
    copy_text(error->what, sizeof error->what, text);
    copy_text(error->remedy, sizeof error->remedy, remedy);
    return true;
}

void rw_error_prefix(rowan_error *error, const char *prefix) {
    if (!error)
        return;
    char where[2 * ROWAN_ERROR_WHERE + 2]; /* longer ones are cut at the end */
    snprintf(where, sizeof where, "%.*s%s%s", ROWAN_ERROR_WHERE - 1, prefix,
             error->where[0] ? ": " : "", error->where);
    where[ROWAN_ERROR_WHERE - 1] = '\0';
    memcpy(error->where, where, sizeof error->where);
}

const char *rowan_error_text(const rowan_error *error, char *text, size_t size) {
    if (size == 0)
        return text;
    bool where = error->where[0] != '\0', remedy = error->remedy[0] != '\0';
    snprintf(text, size, "%s%s%s%s%s%s", error->where, where ? ": " : "", error->what,
             remedy ? " (" : "", error->remedy, remedy ? ")" : "");
    return text;
}

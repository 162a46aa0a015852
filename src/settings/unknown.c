/*
 * unknown.c - variables that look like a setting and are none: somebody's typing error.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "settings/settings.h"

const char *rw_nearest_setting(const struct rw_setting *table, size_t n, const char *name,
                               size_t *edits) {
    const char *found = NULL;
    *edits = RW_MEANT_EDITS + 1;
    for (size_t i = 0; i < n; i++) {
        const size_t one = rw_edits(name, table[i].variable, RW_MEANT_EDITS);
        if (one < *edits) {
            *edits = one;
            found = table[i].variable;
        }
    }
    return found;
}

rowan_status rw_each_variable(char *const *environment,
                              rowan_status (*look_at)(const char *name, const char *value,
                                                      rowan_error *error),
                              rowan_error *error) {
    rowan_status status = ROWAN_OK;
    for (; *environment && status == ROWAN_OK; environment++) {
        char name[RW_VARIABLE_BYTES];
        const size_t length = strcspn(*environment, "=");
        if (length >= sizeof name || !(*environment)[length] || !(*environment)[length + 1])
            continue; /* empty: nobody set it */
        memcpy(name, *environment, length);
        name[length] = '\0';
        status = look_at(name, *environment + length + 1, error);
    }
    return status;
}

rowan_status rw_refuse_unknown(const char *name, const char *meant, const char *help,
                               rowan_error *error) {
    char remedy[RW_VARIABLE_BYTES + 64];
    if (meant)
        snprintf(remedy, sizeof remedy, "did you mean %s?", meant);
    else
        snprintf(remedy, sizeof remedy, "see %s", help);
    return rw_fail(error, ROWAN_ARGUMENT, name, remedy, "there is no such setting");
}

/*
 * settings.c - one setting: from the command line, the environment, or the table.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "settings/settings.h"

#define OPTION_TEXT 64

const char *rw_find_variable(char *const *environment, const char *name) {
    const size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

rowan_status rw_setting_read(const struct rw_setting *setting, const char *given,
                             char *const *environment, void *settings, rowan_error *error) {
    char option[OPTION_TEXT];
    snprintf(option, sizeof option, "--%s", setting->option ? setting->option : "");
    const char *source = given ? option : setting->variable;
    const char *value = given ? given : rw_find_variable(environment, setting->variable);
    /* As everywhere in the service, an empty variable is one that nobody set. */
    if (!value || (!given && !*value && !setting->is_name))
        value = setting->initial;
    if (!value)
        return ROWAN_OK;
    return setting->take(setting, value, source, (char *)settings + setting->field, error);
}

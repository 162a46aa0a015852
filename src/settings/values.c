/*
 * values.c - texts of the user, checked and stored as settings.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "settings/settings.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define CHOICES_TEXT 128 /* bytes of all names of a choice */

const struct rw_choice rw_switch[] = {{"0", 0}, {"1", 1}, {NULL, 0}};

/* ---- texts -------------------------------------------------------------------------- */

rowan_status rw_store_text(const char *value, const char *source, void *field, rowan_error *error) {
    char *copy = strdup(value);
    if (!copy)
        return rw_fail(error, ROWAN_NO_MEMORY, source, NULL, "no memory for its value");
    *(char **)field = copy;
    return ROWAN_OK;
}

rowan_status rw_take_text(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error) {
    if (!*value)
        return rw_fail(error, ROWAN_ARGUMENT, source, "give a value, or leave it out",
                       "the %s is empty", setting->argument);
    return rw_store_text(value, source, field, error);
}

rowan_status rw_take_instance(const struct rw_setting *setting, const char *value,
                              const char *source, void *field, rowan_error *error) {
    (void)setting;
    size_t length = strlen(value);
    if (length == 0 || length > RW_SETTINGS_NAME_MAX || strspn(value, NAME_LETTERS) < length)
        return rw_fail(error, ROWAN_ARGUMENT, source,
                       "give each replica a name of its own, such as its pod's",
                       "must be 1 to %u letters, digits, '_', '.' or '-'", RW_SETTINGS_NAME_MAX);
    return rw_store_text(value, source, field, error);
}

rowan_status rw_take_host_name(char **field, rowan_error *error) {
    char name[RW_SETTINGS_NAME_MAX + 1] = "";
    static const struct rw_setting host = {.argument = "NAME"};
    if (gethostname(name, sizeof name) != 0)
        name[0] = '\0';
    name[sizeof name - 1] = '\0';
    return rw_take_instance(&host, name, "REPLICA_ID is not set, and the host's name", field,
                            error);
}

/* ---- numbers and choices ------------------------------------------------------------ */

rowan_status rw_take_number(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error) {
    if (setting->word && strcmp(value, setting->word) == 0) {
        *(uint32_t *)field = 0;
        return ROWAN_OK;
    }
    size_t length = strlen(value);
    bool is_number = length > 0 && length < 10 && strspn(value, "0123456789") == length;
    unsigned long number = is_number ? strtoul(value, NULL, 10) : 0;
    if (!is_number || number < setting->low || number > setting->high)
        return rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                       "'%s' must be a number from %u to %u%s%s", value, setting->low,
                       setting->high, setting->word ? ", or " : "",
                       setting->word ? setting->word : "");
    *(uint32_t *)field = (uint32_t)number;
    return ROWAN_OK;
}

static void list_choices(const struct rw_choice *choices, char text[CHOICES_TEXT]) {
    size_t length = 0;
    text[0] = '\0';
    for (const struct rw_choice *one = choices; one->name && length < CHOICES_TEXT; one++)
        length += (size_t)snprintf(text + length, CHOICES_TEXT - length, "%s%s",
                                   one == choices ? "" : ", ", one->name);
}

rowan_status rw_take_choice(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error) {
    for (const struct rw_choice *one = setting->choices; one->name; one++)
        if (strcasecmp(one->name, value) == 0) {
            *(int *)field = one->value;
            return ROWAN_OK;
        }
    char choices[CHOICES_TEXT];
    list_choices(setting->choices, choices);
    return rw_fail(error, ROWAN_ARGUMENT, source, NULL, "'%s' must be one of: %s", value, choices);
}

rowan_status rw_take_switch(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error) {
    int chosen = 0;
    rowan_status status = rw_take_choice(setting, value, source, &chosen, error);
    if (status == ROWAN_OK)
        *(bool *)field = chosen;
    return status;
}

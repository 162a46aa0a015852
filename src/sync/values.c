/*
 * values.c - texts of the user that only rowan-sync takes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <strings.h>

#include "sync/settings.h"

static bool is_printable(const char *value) {
    for (; *value; value++)
        if ((unsigned char)*value <= ' ' || *value == 0x7f)
            return false;
    return true;
}

/* An address has a host, perhaps a port and a path; a password in it would stand in logs. */
static bool is_address(const char *value) {
    const char *host = strncasecmp(value, "http://", 7) == 0    ? value + 7
                       : strncasecmp(value, "https://", 8) == 0 ? value + 8
                                                                : NULL;
    return host && *host && *host != '/' && *host != ':' && is_printable(host) &&
           !strpbrk(host, "@?#\\\"<>") && strlen(value) <= RW_SYNC_URI_MAX;
}

rowan_status rw_take_address(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error) {
    (void)setting;
    if (!is_address(value))
        return rw_fail(error, ROWAN_ARGUMENT, source,
                       strchr(value, '@') ? "give name and password by variables of their own"
                                          : "write http://HOST:PORT or https://HOST",
                       "is no address of a server by HTTP");
    rowan_status status = rw_store_text(value, source, field, error);
    char *text = status == ROWAN_OK ? *(char **)field : NULL;
    for (size_t length = text ? strlen(text) : 0; length > 0 && text[length - 1] == '/'; length--)
        text[length - 1] = '\0';
    return status;
}

rowan_status rw_take_word(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error) {
    if (!*value || strlen(value) > RW_SYNC_NAME_MAX || strpbrk(value, "/:\\") ||
        !rw_is_utf8(value, strlen(value)) || strcspn(value, "\r\n\t\x7f") < strlen(value))
        return rw_fail(error, ROWAN_ARGUMENT, source, "write it as MLflow shows it",
                       "the %s must have 1 to %u bytes of text, without '/' and ':'",
                       setting->argument, RW_SYNC_NAME_MAX);
    return rw_store_text(value, source, field, error);
}

/* Never shown. */
rowan_status rw_take_secret(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error) {
    if (strlen(value) > RW_SYNC_SECRET_MAX || strcspn(value, "\r\n") < strlen(value))
        return rw_fail(error, ROWAN_ARGUMENT, source, "look for a newline at its end",
                       "the %s must have at most %u bytes, in one line", setting->argument,
                       RW_SYNC_SECRET_MAX);
    return rw_store_text(value, source, field, error);
}

rowan_status rw_take_version(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error) {
    (void)setting;
    const size_t length = strlen(value);
    if (length == 0 || length > 9 || strspn(value, "0123456789") < length || value[0] == '0')
        return rw_fail(error, ROWAN_ARGUMENT, source, "write the number that MLflow shows",
                       "'%s' is no version of a registered model", value);
    return rw_store_text(value, source, field, error);
}

rowan_status rw_take_link(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error) {
    size_t length = strlen(value);
    while (length > 1 && value[length - 1] == '/')
        length--; /* of "models/fraud/" the link is models/fraud */
    const char *name = memrchr(value, '/', length);
    name = name ? name + 1 : value;
    const size_t rest = length - (size_t)(name - value);
    if (rest == 0 || strncmp(name, "..", rest) == 0 || length > RW_SYNC_URI_MAX)
        return rw_fail(error, ROWAN_ARGUMENT, source, "give the path of the link",
                       "the %s must end with a name", setting->argument);
    rowan_status status = rw_store_text(value, source, field, error);
    if (status == ROWAN_OK)
        (*(char **)field)[length] = '\0';
    return status;
}

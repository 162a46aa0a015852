/*
 * values.c - texts of the user, checked and stored as settings.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stream/settings_table.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define CHOICES_TEXT 128 /* bytes of all names of a choice */

/* ---- texts -------------------------------------------------------------------------- */

static rowan_status store_text(const char *value, const char *source, void *field,
                               rowan_error *error) {
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
    return store_text(value, source, field, error);
}

/* Kafka's own rule (org.apache.kafka.common.internals.Topic): its error for a name that breaks
 * it would come from each broker, long after the start. */
rowan_status rw_take_topic(const struct rw_setting *setting, const char *value, const char *source,
                           void *field, rowan_error *error) {
    (void)setting;
    static const char remedy[] = "a topic has 1 to 249 letters, digits, '.', '_' or '-', and is "
                                 "not '.' or '..'";
    size_t length = strlen(value);
    if (length == 0)
        return rw_fail(error, ROWAN_ARGUMENT, source, remedy, "the name of the topic is empty");
    if (length > RW_STREAM_TOPIC_MAX)
        return rw_fail(error, ROWAN_LIMIT, source, remedy, "a topic's name of %zu bytes", length);
    size_t good = strspn(value, NAME_LETTERS);
    if (good < length)
        return rw_fail(error, ROWAN_ARGUMENT, source, remedy,
                       "Kafka takes no topic of this name: byte %zu of it", good + 1);
    if (strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
        return rw_fail(error, ROWAN_ARGUMENT, source, remedy, "'%s' is no topic for Kafka", value);
    return store_text(value, source, field, error);
}

/* Kafka takes any text; one with control characters would forge lines of logs. */
rowan_status rw_take_group(const struct rw_setting *setting, const char *value, const char *source,
                           void *field, rowan_error *error) {
    (void)setting;
    size_t length = strlen(value);
    bool is_good = length > 0 && length <= RW_STREAM_GROUP_MAX && rw_is_utf8(value, length);
    for (size_t i = 0; i < length && is_good; i++)
        is_good = !iscntrl((unsigned char)value[i]);
    if (!is_good)
        return rw_fail(error, ROWAN_ARGUMENT, source, "name the group, as in fraud-detection-group",
                       "a group has 1 to %u bytes of UTF-8 without control characters",
                       RW_STREAM_GROUP_MAX);
    return store_text(value, source, field, error);
}

rowan_status rw_take_instance(const struct rw_setting *setting, const char *value,
                              const char *source, void *field, rowan_error *error) {
    (void)setting;
    size_t length = strlen(value);
    if (length == 0 || length > RW_STREAM_INSTANCE_MAX || strspn(value, NAME_LETTERS) < length)
        return rw_fail(error, ROWAN_ARGUMENT, source,
                       "give each replica a name of its own, such as its pod's",
                       "must be 1 to %u letters, digits, '_', '.' or '-'", RW_STREAM_INSTANCE_MAX);
    return store_text(value, source, field, error);
}

/* ---- brokers ------------------------------------------------------------------------ */

static bool is_port(const char *text, size_t length) {
    unsigned port = 0;
    for (size_t i = 0; i < length; i++)
        if (i < 5 && isdigit((unsigned char)text[i]))
            port = 10 * port + (unsigned)(text[i] - '0');
        else
            return false;
    return length > 0 && port >= 1 && port <= 65535;
}

/* "host", "host:port" or "[IPv6]:port", with "SASL_SSL://" or the like in front if need be. */
static bool is_broker(const char *text, size_t length) {
    const char *scheme = memmem(text, length, "://", 3);
    if (scheme) {
        length -= (size_t)(scheme + 3 - text);
        text = scheme + 3;
    }
    for (size_t i = 0; i < length; i++)
        if (!isgraph((unsigned char)text[i]) || text[i] == '/')
            return false;
    const char *bracket = length > 0 && *text == '[' ? memchr(text, ']', length) : NULL;
    size_t host = bracket ? (size_t)(bracket + 1 - text) : 0;
    while (!bracket && host < length && text[host] != ':')
        host++;
    return host > 0 &&
           (host == length || (text[host] == ':' && is_port(text + host + 1, length - host - 1)));
}

/* librdkafka would take a broken list, and try for ever. */
rowan_status rw_take_brokers(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error) {
    (void)setting;
    unsigned number = 1;
    for (const char *at = value;; number++) {
        at += strspn(at, " ");
        size_t whole = strcspn(at, ","), length = whole;
        while (length > 0 && at[length - 1] == ' ')
            length--;
        if (!is_broker(at, length))
            return rw_fail(
                error, ROWAN_ARGUMENT, source,
                "write HOST:PORT, several with commas between: kafka-0:9092,kafka-1:9092",
                "broker %u of the list is no HOST:PORT", number);
        if (!at[whole])
            return store_text(value, source, field, error);
        at += whole + 1;
    }
}

/* ---- numbers and choices ------------------------------------------------------------ */

rowan_status rw_take_number(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error) {
    size_t length = strlen(value);
    bool is_number = length > 0 && length < 10 && strspn(value, "0123456789") == length;
    unsigned long number = is_number ? strtoul(value, NULL, 10) : 0;
    if (!is_number || number < setting->low || number > setting->high)
        return rw_fail(error, ROWAN_ARGUMENT, source, NULL, "'%s' must be a number from %u to %u",
                       value, setting->low, setting->high);
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

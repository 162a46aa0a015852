/*
 * values.c - names of Kafka and lists of brokers, checked and stored as settings.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <string.h>

#include "stream/settings_table.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* ---- names -------------------------------------------------------------------------- */

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
    return rw_store_text(value, source, field, error);
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
    return rw_store_text(value, source, field, error);
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
            return rw_store_text(value, source, field, error);
        at += whole + 1;
    }
}

/*
 * properties.c - the properties of librdkafka that the user gave: KAFKA_*, -X and -F.
 *
 * No value is ever part of an error: any of them may be a password.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/settings_table.h"

static const char prefix[] = "KAFKA_", file_suffix[] = "_FILE";

/* Variables that are there for others, and no typing errors.  A name that librdkafka knows is
 * never one of them. */
static const struct {
    const char *pattern, *reason;
} foreign[] = {
    /* Kafka's own scripts (bin/kafka-run-class.sh), and images with Kafka in them. */
    {"KAFKA_HOME", "where Kafka is installed"},
    {"KAFKA_VERSION", "which Kafka is installed"},
    {"KAFKA_OPTS", "options of Kafka's Java"},
    {"KAFKA_HEAP_OPTS", "options of Kafka's Java"},
    {"KAFKA_JVM_PERFORMANCE_OPTS", "options of Kafka's Java"},
    {"KAFKA_GC_LOG_OPTS", "options of Kafka's Java"},
    {"KAFKA_LOG4J_OPTS", "options of Kafka's Java"},
    {"KAFKA_JMX_*", "options of Kafka's Java"},
};

#define N_FOREIGN (sizeof foreign / sizeof *foreign)

static bool is_foreign(const char *variable) {
    if (rw_is_service_link(variable, "KAFKA"))
        return true;
    for (size_t i = 0; i < N_FOREIGN; i++)
        if (fnmatch(foreign[i].pattern, variable, 0) == 0)
            return true;
    return false;
}

static bool is_setting(const char *variable) {
    for (size_t i = 0; i < RW_STREAM_N_SETTINGS; i++)
        if (strcmp(rw_stream_table[i].variable, variable) == 0)
            return true;
    return false;
}

/* ---- one property ------------------------------------------------------------------- */

static void free_property(struct rw_property_set *property) {
    if (property->value) /* it may be a password: not for whoever gets the memory next */
        explicit_bzero(property->value, strlen(property->value));
    free(property->name);
    free(property->value);
    free(property->source);
}

void rw_properties_free(struct rw_stream_settings *settings) {
    for (uint32_t i = 0; i < settings->n_properties; i++)
        free_property(&settings->properties[i]);
    free(settings->properties);
    settings->properties = NULL;
    settings->n_properties = 0;
}

/* Takes "consumer." or "producer." off the name. */
static void split_whom(struct rw_property_set *property) {
    static const char *const prefixes[] = {
        [RW_FOR_CONSUMER] = "consumer.", [RW_FOR_PRODUCER] = "producer."};
    property->whom = RW_FOR_ALL;
    for (int whom = RW_FOR_CONSUMER; whom <= RW_FOR_PRODUCER; whom++) {
        size_t length = strlen(prefixes[whom]);
        if (strncmp(property->name, prefixes[whom], length) != 0)
            continue;
        memmove(property->name, property->name + length, strlen(property->name + length) + 1);
        property->whom = whom;
        return;
    }
}

static rowan_status check_property(const struct rw_property_set *property, rowan_error *error) {
    if (!*property->name)
        return rw_fail(error, ROWAN_ARGUMENT, property->source, "write NAME=...",
                       "the property has no name");
    if (!*property->value)
        return rw_fail(error, ROWAN_ARGUMENT, property->source,
                       "give a value, or leave the property out", "its value is empty");
    return ROWAN_OK;
}

/* Takes the three strings over, whatever comes of it; any of them may be NULL, without memory. */
static rowan_status add(struct rw_stream_settings *settings, struct rw_property_set *property,
                        rowan_error *error) {
    rowan_status status = ROWAN_OK;
    if (!property->name || !property->value || !property->source)
        status = rw_fail(error, ROWAN_NO_MEMORY, "properties", NULL, "no memory for them");
    else if (settings->n_properties == RW_STREAM_PROPERTIES_MAX)
        status = rw_fail(error, ROWAN_LIMIT, property->source, NULL, "more than %u properties",
                         RW_STREAM_PROPERTIES_MAX);
    if (status == ROWAN_OK) {
        split_whom(property);
        status = check_property(property, error);
    }
    if (status == ROWAN_OK)
        settings->properties[settings->n_properties++] = *property;
    else
        free_property(property);
    return status;
}

/* The file's text without one newline at its end, as editors and `echo` leave it.  Errors do not
 * show the path: it is a password where somebody took -F for -X. */
static rowan_status read_value(const char *path, const char *source, char **value,
                               rowan_error *error) {
    size_t size;
    rowan_status status = rw_file_read(AT_FDCWD, path, RW_STREAM_SECRET_MAX, value, &size, error);
    if (status != ROWAN_OK)
        return rw_fail(error, status, source, "look at the path that stands there", "its file: %s",
                       error ? error->what : "");
    if (size > 0 && (*value)[size - 1] == '\n')
        (*value)[--size] = '\0';
    if (strlen(*value) == size)
        return ROWAN_OK;
    explicit_bzero(*value, size);
    free(*value);
    *value = NULL;
    return rw_fail(error, ROWAN_MALFORMED, source, "write it as text", "its file has a zero byte");
}

/* Takes `property->name` and `property->source` over. */
static rowan_status add_text(struct rw_stream_settings *settings, struct rw_property_set *property,
                             bool is_file, const char *text, rowan_error *error) {
    rowan_status status = ROWAN_OK;
    if (!is_file)
        property->value = strdup(text);
    else if (property->source)
        status = read_value(text, property->source, &property->value, error);
    if (status == ROWAN_OK)
        return add(settings, property, error);
    free_property(property);
    return status;
}

/* ---- the environment ---------------------------------------------------------------- */

/* SASL_USERNAME: sasl.username */
static char *property_name(const char *text, size_t length) {
    char *name = strndup(text, length);
    for (char *at = name; at && *at; at++)
        *at = *at == '_' ? '.' : (char)tolower((unsigned char)*at);
    return name;
}

/* Without "consumer." or "producer.". */
static bool is_known(const struct rw_catalogue *catalogue, const char *name) {
    struct rw_catalogue_entry entry;
    if (strncmp(name, "consumer.", 9) == 0 || strncmp(name, "producer.", 9) == 0)
        name += 9;
    return rw_catalogue_find(catalogue, name, &entry);
}

static rowan_status add_variable(const struct rw_catalogue *catalogue, const char *variable,
                                 struct rw_stream_settings *settings, rowan_error *error) {
    const size_t length = strcspn(variable, "="), suffix = sizeof file_suffix - 1;
    const size_t begin = sizeof prefix - 1;
    char *source = strndup(variable, length);
    char *name = property_name(variable + begin, length - begin);
    if (!source || !name || is_setting(source) ||
        (!is_known(catalogue, name) && is_foreign(source))) {
        bool failed = !source || !name;
        free(source);
        free(name);
        return failed ? rw_fail(error, ROWAN_NO_MEMORY, "environment", NULL, "no memory for it")
                      : ROWAN_OK;
    }
    bool is_file = length > begin + suffix && !is_known(catalogue, name) &&
                   strncmp(variable + length - suffix, file_suffix, suffix) == 0;
    if (is_file)
        name[length - begin - suffix] = '\0';
    struct rw_property_set property = {.name = name, .source = source};
    return add_text(settings, &property, is_file, variable + length + 1, error);
}

/* What is for one client beats what is for all; the rest only makes the order the same every
 * time, whatever that of the environment. */
static int compare(const void *left, const void *right) {
    const struct rw_property_set *a = left, *b = right;
    if ((a->whom == RW_FOR_ALL) != (b->whom == RW_FOR_ALL))
        return a->whom == RW_FOR_ALL ? -1 : 1;
    int order = strcmp(a->name, b->name);
    return order ? order : (int)a->whom - (int)b->whom;
}

/* KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE: which one was meant? */
static rowan_status check_twice(const struct rw_stream_settings *settings, rowan_error *error) {
    for (uint32_t i = 1; i < settings->n_properties; i++)
        if (compare(&settings->properties[i - 1], &settings->properties[i]) == 0)
            return rw_fail(error, ROWAN_ARGUMENT, settings->properties[i].source,
                           "leave one of them out", "sets the same property as %s",
                           settings->properties[i - 1].source);
    return ROWAN_OK;
}

static rowan_status read_environment(char *const *environment, struct rw_stream_settings *settings,
                                     rowan_error *error) {
    struct rw_catalogue catalogue;
    rowan_status status = rw_catalogue_open(&catalogue, error);
    for (; status == ROWAN_OK && *environment; environment++)
        if (strncmp(*environment, prefix, sizeof prefix - 1) == 0 && strchr(*environment, '='))
            status = add_variable(&catalogue, *environment, settings, error);
    rw_catalogue_close(&catalogue);
    if (status != ROWAN_OK || settings->n_properties == 0)
        return status;
    qsort(settings->properties, settings->n_properties, sizeof *settings->properties, compare);
    return check_twice(settings, error);
}

/* ---- the command line ------------------------------------------------------------------------ */

static rowan_status add_option(struct rw_stream_settings *settings, bool is_file, const char *text,
                               rowan_error *error) {
    const char *letter = is_file ? "-F" : "-X";
    const char *equals = strchr(text, '=');
    if (!equals) /* the text is not shown: it may be the value alone */
        return rw_fail(error, ROWAN_ARGUMENT, letter,
                       is_file ? "write -F NAME=FILE" : "write -X NAME=VALUE", "has no '='");
    char *name = strndup(text, (size_t)(equals - text)), *source = NULL;
    if (name && asprintf(&source, "%s %s", letter, name) < 0)
        source = NULL;
    struct rw_property_set property = {.name = name, .source = source};
    return add_text(settings, &property, is_file, equals + 1, error);
}

rowan_status rw_properties_read(const struct rw_command_line *line, char *const *environment,
                                struct rw_stream_settings *settings, rowan_error *error) {
    settings->properties = calloc(RW_STREAM_PROPERTIES_MAX, sizeof *settings->properties);
    if (!settings->properties)
        return rw_fail(error, ROWAN_NO_MEMORY, "properties", NULL, "no memory for them");
    rowan_status status = read_environment(environment, settings, error);
    for (uint32_t i = 0; i < line->n_properties && status == ROWAN_OK; i++)
        status = add_option(settings, line->properties[i].is_file, line->properties[i].text, error);
    return status;
}

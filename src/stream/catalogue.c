/*
 * catalogue.c - which properties librdkafka has, who takes each, and which values.
 *
 * librdkafka tells it in one way only: it prints the table that its manual is made of
 * (CONFIGURATION.md).  Reading that one, and not a list of our own, is right for whatever
 * version is installed.  A line is "NAME | C/P | RANGE | DEFAULT | ..."; C/P is C, P or *.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/settings_table.h"

rowan_status rw_catalogue_open(struct rw_catalogue *catalogue, rowan_error *error) {
    size_t size;
    catalogue->text = NULL;
    FILE *file = open_memstream(&catalogue->text, &size);
    if (file) {
        rd_kafka_conf_properties_show(file);
        if (fclose(file) == 0)
            return ROWAN_OK;
    }
    rw_catalogue_close(catalogue);
    return rw_fail(error, ROWAN_NO_MEMORY, "librdkafka", NULL,
                   "no memory for the list of its properties");
}

void rw_catalogue_close(struct rw_catalogue *catalogue) {
    free(catalogue->text);
    catalogue->text = NULL;
}

/* The text between two bars without the blanks around it; `at` moves behind the second. */
static const char *next_column(const char **at, size_t *length) {
    const char *begin = *at + strspn(*at, " ");
    size_t whole = strcspn(begin, "|\n");
    *at = begin + whole + (begin[whole] == '|');
    while (whole > 0 && begin[whole - 1] == ' ')
        whole--;
    *length = whole;
    return begin;
}

static void read_entry(const char *at, struct rw_catalogue_entry *entry) {
    size_t length;
    const char *whom = next_column(&at, &length);
    bool is_all = length != 1 || *whom == '*';
    entry->consumer = is_all || *whom == 'C';
    entry->producer = is_all || *whom == 'P';
    const char *range = next_column(&at, &length);
    snprintf(entry->range, sizeof entry->range, "%.*s", (int)length, range);
}

static bool find(const char *text, const char *name, struct rw_catalogue_entry *entry) {
    const size_t name_length = strlen(name);
    for (const char *line = text; line && *line;) {
        const char *at = line;
        size_t length;
        const char *column = next_column(&at, &length);
        if (length == name_length && memcmp(column, name, length) == 0 && at[-1] == '|') {
            read_entry(at, entry);
            return true;
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return false;
}

bool rw_catalogue_find(const struct rw_catalogue *catalogue, const char *name,
                       struct rw_catalogue_entry *entry) {
    static const char topic[] = "topic."; /* rd_kafka_conf_set takes it in front of topics' */
    const size_t prefix = sizeof topic - 1;
    return find(catalogue->text, name, entry) ||
           (strncmp(name, topic, prefix) == 0 && find(catalogue->text, name + prefix, entry));
}

/*
 * settings_table.h - what the files behind settings.h share: the table, the command line, the
 * properties that the user gave.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_SETTINGS_TABLE_H
#define RW_STREAM_SETTINGS_TABLE_H

#include <stdio.h>

#include "settings/settings.h"
#include "stream/settings.h"

/* ---- the table ---------------------------------------------------------------------- */

extern const struct rw_choice rw_deliveries[];

#define RW_STREAM_N_SETTINGS 13
extern const struct rw_setting rw_stream_table[RW_STREAM_N_SETTINGS];

/* Values (values.c); `source` is the variable or the option that the value came from. */
rowan_status rw_take_brokers(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error);
rowan_status rw_take_topic(const struct rw_setting *setting, const char *value, const char *source,
                           void *field, rowan_error *error);
rowan_status rw_take_group(const struct rw_setting *setting, const char *value, const char *source,
                           void *field, rowan_error *error);

/* ---- the command line (command_line.c) ---------------------------------------------- */

struct rw_command_line {
    const char *values[RW_STREAM_N_SETTINGS]; /* as in the table; NULL: not given */
    struct {
        bool is_file; /* -F, not -X */
        const char *text;
    } properties[RW_STREAM_PROPERTIES_MAX];
    uint32_t n_properties;
    enum rw_stream_action action;
    enum { RW_TELL_NOTHING, RW_TELL_HELP, RW_TELL_VERSION, RW_TELL_SETTINGS, RW_TELL_EXAMPLE } tell;
};

/* Texts are those of argv, whose order may change. */
rowan_status rw_command_line_read(int argc, char **argv, struct rw_command_line *line,
                                  rowan_error *error);

/* ---- help (help.c) ------------------------------------------------------------------ */

void rw_stream_help(FILE *to);
void rw_stream_version(FILE *to);
/* The table in Markdown, for docs/kafka.md. */
void rw_stream_list_settings(FILE *to);
/* For .env.example. */
void rw_stream_env_example(FILE *to);

/* ---- properties of librdkafka ------------------------------------------------------- */

/* Appends those of the environment, then those of the command line (properties.c). */
rowan_status rw_properties_read(const struct rw_command_line *line, char *const *environment,
                                struct rw_stream_settings *settings, rowan_error *error);
void rw_properties_free(struct rw_stream_settings *settings);

/* The properties that this librdkafka has, as it lists them itself (catalogue.c). */
struct rw_catalogue {
    char *text;
};
struct rw_catalogue_entry {
    bool consumer, producer; /* who takes it */
    char range[200];         /* "0 .. 900000", "plaintext, ssl"; empty: it tells none */
};
rowan_status rw_catalogue_open(struct rw_catalogue *catalogue, rowan_error *error);
void rw_catalogue_close(struct rw_catalogue *catalogue);
/* False: it is not in the list (a few properties for tests are not). */
bool rw_catalogue_find(const struct rw_catalogue *catalogue, const char *name,
                       struct rw_catalogue_entry *entry);

#endif

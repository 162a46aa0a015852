/*
 * settings_table.h - what the files behind settings.h share: the table, the command line, the
 * properties that the user gave.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_STREAM_SETTINGS_TABLE_H
#define RW_STREAM_SETTINGS_TABLE_H

#include <stdio.h>

#include "stream/settings.h"

/* ---- the table ---------------------------------------------------------------------- */

struct rw_choice {
    const char *name; /* NULL: the end */
    int value;
};
extern const struct rw_choice rw_log_levels[]; /* conf/log-levels, compiled in */
extern const struct rw_choice rw_deliveries[];
extern const struct rw_choice rw_switch[];

struct rw_setting {
    const char *variable;            /* of the environment */
    const char *option;              /* without the dashes; NULL: it has none */
    const char *argument;            /* what stands for its value in the help */
    const char *initial;             /* the default; NULL: none, or what initial_text says */
    const char *initial_text;        /* in the help, where `initial` cannot say it */
    const char *text;                /* one line of plain text */
    const struct rw_choice *choices; /* of a value that is one of a few names */
    uint32_t low, high;              /* of a number; both 0: it is none */
    bool is_name;                    /* an empty value is a mistake, not the default */
    size_t field;                    /* its offset in struct rw_stream_settings */
    /* Checks `value` and stores it in `field` (a char *, a uint32_t or an int). */
    rowan_status (*take)(const struct rw_setting *setting, const char *value, const char *source,
                         void *field, rowan_error *error);
};

#define RW_STREAM_N_SETTINGS 13
extern const struct rw_setting rw_stream_table[RW_STREAM_N_SETTINGS];

/* Values (values.c); `source` is the variable or the option that the value came from. */
rowan_status rw_take_text(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error);
rowan_status rw_take_brokers(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error);
rowan_status rw_take_topic(const struct rw_setting *setting, const char *value, const char *source,
                           void *field, rowan_error *error);
rowan_status rw_take_group(const struct rw_setting *setting, const char *value, const char *source,
                           void *field, rowan_error *error);
rowan_status rw_take_instance(const struct rw_setting *setting, const char *value,
                              const char *source, void *field, rowan_error *error);
rowan_status rw_take_number(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error);
rowan_status rw_take_choice(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error);
rowan_status rw_take_switch(const struct rw_setting *setting, const char *value, const char *source,
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
    enum { RW_TELL_NOTHING, RW_TELL_HELP, RW_TELL_VERSION, RW_TELL_SETTINGS } tell;
};

/* Texts are those of argv, whose order may change. */
rowan_status rw_command_line_read(int argc, char **argv, struct rw_command_line *line,
                                  rowan_error *error);

/* ---- help (help.c) ------------------------------------------------------------------ */

void rw_stream_help(FILE *to);
void rw_stream_version(FILE *to);
/* The table in Markdown, for docs/kafka.md. */
void rw_stream_list_settings(FILE *to);

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

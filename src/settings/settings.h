/*
 * settings.h - the settings of a program: one table, out of which come the parser of values, the
 * help, the tables of docs/ and .env.example.
 *
 * A row has the variable, the default, the bounds and the meaning; a program has an array of rows
 * and a struct with a field for each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SETTINGS_H
#define RW_SETTINGS_H

#include <stdio.h>

#include "base/base.h"

#define RW_SETTINGS_NAME_MAX 253u /* bytes of a replica's name: a host's name */

struct rw_choice {
    const char *name; /* NULL: the end */
    int value;
};
extern const struct rw_choice rw_switch[]; /* 0, 1 */

struct rw_setting {
    const char *variable;            /* of the environment */
    const char *option;              /* without the dashes; NULL: it has none */
    const char *argument;            /* what stands for its value in the help */
    const char *initial;             /* the default; NULL: none, or what initial_text says */
    const char *initial_text;        /* in the help, where `initial` cannot say it */
    const char *text;                /* one line of plain text */
    const char *heading;             /* of the group that begins here; NULL: the group goes on */
    const struct rw_choice *choices; /* of a value that is one of a few names */
    const char *word;                /* of a number: "off" or the like, stored as 0 */
    uint32_t low, high;              /* of a number; both 0: it is none */
    bool is_name;                    /* an empty value is a mistake, not the default */
    size_t field;                    /* its offset in the program's struct */
    /* Checks `value` and stores it in `field` (a char *, a uint32_t, an int or a bool). */
    rowan_status (*take)(const struct rw_setting *setting, const char *value, const char *source,
                         void *field, rowan_error *error);
};

/* ---- reading (settings.c) ------------------------------------------------------------ */

/* The value of a variable; NULL: nobody set it. */
const char *rw_find_variable(char *const *environment, const char *name);
/* Stores one setting in the program's struct: `given` (of the command line; may be NULL) beats
 * the environment, which beats the default.  Without any of them the field stays as it is. */
rowan_status rw_setting_read(const struct rw_setting *setting, const char *given,
                             char *const *environment, void *settings, rowan_error *error);

/* ---- values (values.c); `source` is the variable or the option that one came from ----- */

rowan_status rw_take_text(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error);
rowan_status rw_take_number(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error);
rowan_status rw_take_choice(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error);
rowan_status rw_take_switch(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error);
/* REPLICA_ID. */
rowan_status rw_take_instance(const struct rw_setting *setting, const char *value,
                              const char *source, void *field, rowan_error *error);
/* REPLICA_ID where nobody set it. */
rowan_status rw_take_host_name(char **field, rowan_error *error);
/* A copy of `value`, for a `take` that has checked it. */
rowan_status rw_store_text(const char *value, const char *source, void *field, rowan_error *error);

/* ---- LOG_LEVEL (levels.c; conf/log-levels, compiled in) --------------------------------- */

extern const struct rw_choice rw_log_levels[]; /* values are syslog's, 2 to 7 */
/* nginx's word for the level of syslog. */
const char *rw_log_level_nginx(int level);

/* ---- names that are no setting ---------------------------------------------------------- */

/* One of the variables that Kubernetes gives each container for a service PREFIX or
 * PREFIX-SOMETHING of its namespace (foreign.c). */
bool rw_is_service_link(const char *variable, const char *prefix);
/* How many letters must be put in, left out, changed, or exchanged with their neighbour, to make
 * one name of the other; `limit` + 1 for more than `limit` (similar.c). */
size_t rw_edits(const char *one, const char *other, size_t limit);

#define RW_VARIABLE_BYTES 128u /* of a variable's name; longer ones are for others */
#define RW_MEANT_EDITS    3u   /* up to which a setting may be what was meant */

/* The setting of a table whose name is nearest, and how near it is; NULL, and more edits than
 * RW_MEANT_EDITS: none is (unknown.c). */
const char *rw_nearest_setting(const struct rw_setting *table, size_t n, const char *name,
                               size_t *edits);
/* Calls `look_at` for each variable that has a value, until one of them is refused. */
rowan_status rw_each_variable(char *const *environment,
                              rowan_status (*look_at)(const char *name, const char *value,
                                                      rowan_error *error),
                              rowan_error *error);
/* Refuses a name that is no setting: `meant` (may be NULL), or what `help` says. */
rowan_status rw_refuse_unknown(const char *name, const char *meant, const char *help,
                               rowan_error *error);

/* ---- texts made of the table (help.c) ----------------------------------------------------- */

/* Words in lines of at most 80 characters, each behind `indent` blanks. */
void rw_print_wrapped(FILE *to, int indent, const char *text);
/* For --help. */
void rw_settings_help(FILE *to, const struct rw_setting *table, size_t n);
/* Markdown, for docs/. */
void rw_settings_list(FILE *to, const struct rw_setting *table, size_t n);
/* For .env.example: each variable with its default, as a comment, below its meaning. */
void rw_settings_example(FILE *to, const struct rw_setting *table, size_t n);

#endif

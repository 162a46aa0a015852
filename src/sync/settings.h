/*
 * settings.h - what rowan-sync is told by its environment.
 *
 * One table in settings.c has every setting: variable, default, bounds, help.  --help, docs/sync.md
 * and .env.example come from it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SYNC_SETTINGS_H
#define RW_SYNC_SETTINGS_H

#include "settings/settings.h"

/* Bounds. */
#define RW_SYNC_NAME_MAX     255u   /* bytes of a model's name, an alias, a stage, a run id */
#define RW_SYNC_URI_MAX      2048u  /* bytes of an address that the user gives */
#define RW_SYNC_SECRET_MAX   8192u  /* bytes of a password or token */
#define RW_SYNC_KEEP_MAX     100u   /* versions */
#define RW_SYNC_INTERVAL_MAX 86400u /* s */
#define RW_SYNC_TIMEOUT_MAX  3600u  /* s */
#define RW_SYNC_DEADLINE_MAX 86400u /* s */
#define RW_SYNC_BYTES_MAX    (1u << 30)

enum rw_sync_by { RW_BY_ALIAS, RW_BY_STAGE, RW_BY_VERSION, RW_BY_RUN };

enum rw_sync_action { RW_SYNC_FOLLOW, RW_SYNC_ONCE, RW_SYNC_TOLD };

/* Texts are owned by the settings; NULL where nobody set them and there is no default. */
struct rw_sync_settings {
    enum rw_sync_action action;
    char *tracking_uri; /* without a slash at its end */
    char *name;
    char *alias, *stage, *version, *run; /* as they were given */
    enum rw_sync_by by;
    const char *wanted;                    /* the one of the four above that is followed */
    char reference[RW_SYNC_NAME_MAX + 16]; /* the same for people: "champion", "version:3" */
    char *username, *password, *token, *ca_file;
    char *s3_key, *s3_secret, *s3_session, *s3_region, *s3_endpoint;
    char *model_dir; /* the link */
    char *fallback, *contract;
    bool withdraw;                              /* back to the fallback when nobody is named */
    uint32_t keep, interval, timeout, deadline; /* versions, s, s, s */
    uint32_t max_bytes;                         /* of a model and its golden rows */
    char *metrics_dir;
    char *instance;
    int log_level;
};

#define RW_SYNC_DEADLINE      300u /* s; where nobody sets SYNC_DEADLINE */
#define RW_SYNC_DEADLINE_ONCE 60u  /* the same, with --once */

#define RW_SYNC_N_SETTINGS 27
extern const struct rw_setting rw_sync_table[RW_SYNC_N_SETTINGS];

/* Reads command line and environment, and checks what belongs together.  Prints what --help and
 * its like ask for.  On an error *settings is not to be used.  Not thread-safe (getopt). */
rowan_status rw_sync_settings_read(int argc, char **argv, char *const *environment,
                                   struct rw_sync_settings *settings, rowan_error *error);
void rw_sync_settings_free(struct rw_sync_settings *settings);

/* An error for a variable that looks like a setting and is none (unknown.c). */
rowan_status rw_sync_refuse_unknown(char *const *environment, rowan_error *error);

/* help.c */
void rw_sync_help(FILE *to);
void rw_sync_version(FILE *to);
void rw_sync_list_settings(FILE *to);
void rw_sync_env_example(FILE *to);

/* values.c */
rowan_status rw_take_address(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error);
rowan_status rw_take_word(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error);
rowan_status rw_take_secret(const struct rw_setting *setting, const char *value, const char *source,
                            void *field, rowan_error *error);
rowan_status rw_take_version(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error);
rowan_status rw_take_link(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error);

#endif

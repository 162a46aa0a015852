/*
 * serve.h - `rowan serve`: the environment becomes nginx.conf, and this process becomes nginx.
 *
 * A new setting is a row of table.c, a field here, and a word of conf/rowan.conf.in with its row
 * in words.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SERVE_H
#define RW_SERVE_H

#include "settings/settings.h"

/* Bounds. */
#define RW_SERVE_ENVIRONMENT_MAX 64u      /* bytes of ENVIRONMENT */
#define RW_SERVE_WORKERS_MAX     1024u    /* processes */
#define RW_SERVE_OPEN_FILES_MAX  65536u   /* of a process, where the system allows more */
#define RW_SERVE_TEMPLATE_MAX    1048576u /* bytes of conf/rowan.conf.in */
#define RW_SERVE_SAMPLE_ALL      10000u   /* ROWAN_ACCESS_LOG_SAMPLE=1, CHALLENGER_SHARE=100 */

/* Strings are owned by the settings.  Paths are absolute, and have nothing that nginx would read
 * as more than a path.  NULL where nobody set what has no default. */
struct rw_serve_settings {
    char *api_host;
    char *model_dir;
    char *challenger_dir;
    char *environment;
    char *access_log_file;
    char *instance; /* REPLICA_ID */
    char *api_keys;
    char *tls_certificate;
    char *tls_key;
    char *tls_client_ca;
    char *trusted_proxies;
    char *body_max; /* nginx's size: "8m" */
    char *body_buffer;
    char *runtime_dir;
    char *metrics_dir;
    char *share_dir;
    char *module; /* NULL: it is part of nginx */
    char *nginx;
    uint32_t api_port;
    uint32_t access_log_sample; /* ten-thousandths */
    uint32_t challenger_share;  /* ten-thousandths, as well */
    uint32_t rate_limit;        /* 0: off, as the next but one and shed_target */
    uint32_t rate_burst;
    uint32_t client_connections;
    uint32_t shed_target;
    uint32_t client_timeout;
    uint32_t workers; /* 0 in the table: auto; read: how many */
    uint32_t connections;
    int log_level;         /* syslog's 2..7 */
    int access_log;        /* 1: JSON */
    int tls_client_verify; /* 1: optional */
    bool model_optional;
    bool challenger_shadow;
    bool api_keys_required;
};

/* Warnings, for whoever speaks to the user. */
typedef void rw_serve_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads and proves everything that can be proved without nginx.  A variable that looks like a
 * setting and is none is an error.  On an error *settings is not to be used. */
rowan_status rw_serve_settings_read(char *const *environment, struct rw_serve_settings *settings,
                                    rowan_error *error);
void rw_serve_settings_free(struct rw_serve_settings *settings);

/* Fills the template of ROWAN_SHARE_DIR and writes the file NAME of RUNTIME_DIR; makes RUNTIME_DIR
 * where it is missing. */
rowan_status rw_serve_write(const struct rw_serve_settings *settings, const char *name,
                            rw_serve_say *say, rowan_error *error);
/* This process becomes nginx: returns only with an error. */
rowan_status rw_serve_start(const struct rw_serve_settings *settings, rowan_error *error);
/* `nginx -t` with the file NAME of RUNTIME_DIR.  ROWAN_MALFORMED: nginx has said what is wrong. */
rowan_status rw_serve_check(const struct rw_serve_settings *settings, const char *name,
                            rowan_error *error);

/* The table, for help, docs/http.md and .env.example. */
void rw_serve_help(FILE *to);
void rw_serve_list_settings(FILE *to);
void rw_serve_env_example(FILE *to);

#endif

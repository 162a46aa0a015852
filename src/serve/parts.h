/*
 * parts.h - what the files behind serve.h share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SERVE_PARTS_H
#define RW_SERVE_PARTS_H

#include <limits.h>

#include "serve/serve.h"

#define RW_SERVE_N_SETTINGS 34
extern const struct rw_setting rw_serve_table[RW_SERVE_N_SETTINGS];

/* ---- values (values.c) ----------------------------------------------------------------- */

typedef rowan_status rw_serve_take(const struct rw_setting *setting, const char *value,
                                   const char *source, void *field, rowan_error *error);
rw_serve_take rw_take_path;        /* made absolute */
rw_serve_take rw_take_file;        /* the same, of a file that can be read */
rw_serve_take rw_take_host;        /* API_HOST */
rw_serve_take rw_take_port;        /* a number, and not what Kubernetes puts there */
rw_serve_take rw_take_environment; /* ENVIRONMENT */
rw_serve_take rw_take_fraction;    /* ten-thousandths in a uint32_t */
rw_serve_take rw_take_percent;     /* hundredths of a percent in a uint32_t */
rw_serve_take rw_take_proxies;     /* TRUSTED_PROXIES */
rw_serve_take rw_take_size;        /* as nginx writes sizes */

/* ---- names (unknown.c) ------------------------------------------------------------------- */

/* Refuses a variable that looks like one of the table, and is not. */
rowan_status rw_serve_refuse_unknown(char *const *environment, rowan_error *error);

/* ---- the machine -------------------------------------------------------------------------- */

/* CPUs that this process may use: its affinity and the quota of its cgroups, of v1 or v2, rounded
 * up.  `groups` is /sys/fs/cgroup, `own` /proc/self/cgroup (cpus.c). */
uint32_t rw_serve_cpus(const char *groups, const char *own);
/* What the cgroups alone allow; UINT32_MAX: no quota. */
uint32_t rw_serve_quota(const char *groups, const char *own);

/* ---- rendering ---------------------------------------------------------------------------- */

/* nginx's directive `user`, in `to`; nothing where this process is not root.  Says what the user of
 * the workers cannot read (user.c). */
rowan_status rw_serve_user(const struct rw_serve_settings *settings, rw_serve_say *say, FILE *to,
                           rowan_error *error);
/* The folder that an absolute path is in. */
void rw_serve_parent(const char *path, char parent[PATH_MAX]);
/* Prints the value of a word of the template; false: there is no such word (words.c). */
bool rw_serve_word(const struct rw_serve_settings *settings, const char *name, size_t length,
                   FILE *to);
/* The template with its words filled in; malloc'ed, *size bytes and a zero (render.c). */
rowan_status rw_serve_render(const struct rw_serve_settings *settings, const char *user,
                             const char *text, char **filled, size_t *size, rowan_error *error);

/* The program NGINX; malloc'ed (start.c). */
rowan_status rw_serve_find_nginx(const struct rw_serve_settings *settings, char **path,
                                 rowan_error *error);

#endif

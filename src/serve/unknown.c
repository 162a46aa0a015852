/*
 * unknown.c - variables that look like a setting of rowan serve and are none.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "serve/parts.h"

static const char prefix[] = "ROWAN_";

/* With our prefix, and for others. */
static const char *const foreign[] = {
    "ROWAN_BUILD_DIR", /* where the project was built: bin/rowan-run, tests */
    "ROWAN_CC",        /* src/nginx/build.sh */
};

static bool is_foreign(const char *name) {
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strcmp(name, foreign[i]) == 0)
            return true;
    return rw_is_service_link(name, "ROWAN");
}

/* The name that this setting had once. */
static rowan_status refuse_former(const char *value, rowan_error *error) {
    return rw_fail(error, ROWAN_ARGUMENT, "ACCESS_LOG", NULL,
                   "has another name now: ROWAN_ACCESS_LOG=json and ROWAN_ACCESS_LOG_FILE=%s",
                   value);
}

static rowan_status look_at(const char *name, const char *value, rowan_error *error) {
    size_t edits;
    if (strcmp(name, "ACCESS_LOG") == 0)
        return refuse_former(value, error);
    const char *meant = rw_nearest_setting(rw_serve_table, RW_SERVE_N_SETTINGS, name, &edits);
    const bool is_ours = strncmp(name, prefix, sizeof prefix - 1) == 0;
    if (edits == 0 || (!is_ours && edits > 1) || is_foreign(name))
        return ROWAN_OK;
    return rw_refuse_unknown(name, meant, "rowan serve --help", error);
}

rowan_status rw_serve_refuse_unknown(char *const *environment, rowan_error *error) {
    return rw_each_variable(environment, look_at, error);
}

/*
 * unknown.c - variables that look like a setting and are none: somebody's typing error.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "serve/parts.h"

#define NAME_BYTES 128 /* of a variable; longer ones are for others */
#define FAR        3u  /* edits up to which a name of ours is worth a question */

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

/* The setting that is nearest, and how near it is. */
static const char *nearest(const char *name, size_t *edits) {
    const char *found = NULL;
    *edits = FAR + 1;
    for (size_t i = 0; i < RW_SERVE_N_SETTINGS; i++) {
        const size_t one = rw_edits(name, rw_serve_table[i].variable, FAR);
        if (one < *edits) {
            *edits = one;
            found = rw_serve_table[i].variable;
        }
    }
    return found;
}

static rowan_status refuse(const char *name, const char *meant, rowan_error *error) {
    char remedy[NAME_BYTES + 64];
    if (meant)
        snprintf(remedy, sizeof remedy, "did you mean %s?", meant);
    else
        snprintf(remedy, sizeof remedy, "see rowan serve --help");
    return rw_fail(error, ROWAN_ARGUMENT, name, remedy, "there is no such setting");
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
    const char *meant = nearest(name, &edits);
    const bool is_ours = strncmp(name, prefix, sizeof prefix - 1) == 0;
    if (edits == 0 || (!is_ours && edits > 1) || is_foreign(name))
        return ROWAN_OK;
    return refuse(name, meant, error);
}

rowan_status rw_serve_refuse_unknown(char *const *environment, rowan_error *error) {
    rowan_status status = ROWAN_OK;
    for (; *environment && status == ROWAN_OK; environment++) {
        char name[NAME_BYTES];
        const size_t length = strcspn(*environment, "=");
        if (length >= sizeof name || !(*environment)[length] || !(*environment)[length + 1])
            continue; /* empty: nobody set it */
        memcpy(name, *environment, length);
        name[length] = '\0';
        status = look_at(name, *environment + length + 1, error);
    }
    return status;
}

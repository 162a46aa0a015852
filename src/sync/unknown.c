/*
 * unknown.c - variables that look like a setting and are none: somebody's typing error.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "sync/settings.h"

#define NAME_BYTES 128 /* of a variable; longer ones are for others */
#define FAR        3u  /* edits up to which a name of ours is worth a question */
#define NEAR       1u  /* edits that are a typing error, in a name that is not ours alone */

static const char prefix[] = "SYNC_";

/* The setting that is nearest, and how near it is. */
static const char *nearest(const char *name, size_t *edits) {
    const char *found = NULL;
    *edits = FAR + 1;
    for (size_t i = 0; i < RW_SYNC_N_SETTINGS; i++) {
        const size_t one = rw_edits(name, rw_sync_table[i].variable, FAR);
        if (one < *edits) {
            *edits = one;
            found = rw_sync_table[i].variable;
        }
    }
    return found;
}

/* MLFLOW_* and AWS_* have many names that are none of ours. */
static rowan_status look_at(const char *name, rowan_error *error) {
    size_t edits;
    const char *meant = nearest(name, &edits);
    const bool is_ours =
        strncmp(name, prefix, sizeof prefix - 1) == 0 && !rw_is_service_link(name, "SYNC");
    if (edits == 0 || (!is_ours && edits > NEAR))
        return ROWAN_OK;
    char remedy[NAME_BYTES + 64];
    snprintf(remedy, sizeof remedy, meant ? "did you mean %s?" : "see rowan-sync --help", meant);
    return rw_fail(error, ROWAN_ARGUMENT, name, remedy, "there is no such setting");
}

rowan_status rw_sync_refuse_unknown(char *const *environment, rowan_error *error) {
    rowan_status status = ROWAN_OK;
    for (; *environment && status == ROWAN_OK; environment++) {
        char name[NAME_BYTES];
        const size_t length = strcspn(*environment, "=");
        if (length >= sizeof name || !(*environment)[length] || !(*environment)[length + 1])
            continue; /* empty: nobody set it */
        memcpy(name, *environment, length);
        name[length] = '\0';
        status = look_at(name, error);
    }
    return status;
}

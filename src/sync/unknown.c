/*
 * unknown.c - variables that look like a setting of rowan-sync and are none.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "sync/settings.h"

#define NEAR 1u /* edits that are a typing error, in a name that is not ours alone */

static const char prefix[] = "SYNC_";

/* MLFLOW_* and AWS_* have many names that are none of ours. */
static rowan_status look_at(const char *name, const char *value, rowan_error *error) {
    (void)value;
    size_t edits;
    const char *meant = rw_nearest_setting(rw_sync_table, RW_SYNC_N_SETTINGS, name, &edits);
    const bool is_ours =
        strncmp(name, prefix, sizeof prefix - 1) == 0 && !rw_is_service_link(name, "SYNC");
    if (edits == 0 || (!is_ours && edits > NEAR))
        return ROWAN_OK;
    return rw_refuse_unknown(name, meant, "rowan-sync --help", error);
}

rowan_status rw_sync_refuse_unknown(char *const *environment, rowan_error *error) {
    return rw_each_variable(environment, look_at, error);
}

/*
 * foreign.c - variables that Kubernetes sets, and nobody who configures the service.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fnmatch.h>
#include <string.h>

#include "settings/settings.h"

/* Kubernetes gives each container the addresses of the services of its namespace. */
static const struct {
    const char *pattern, *meaning;
} links[] = {
    {"_PORT", "tcp://ADDRESS:PORT of the service PREFIX"},
    {"_PORT_*", "the same in parts"},
    {"_SERVICE_HOST", "the address of the service PREFIX"},
    {"_SERVICE_PORT*", "its ports, with and without their names"},
    {"_*_PORT", "a service PREFIX-SOMETHING"},
    {"_*_PORT_[0-9]*", "the same in parts"},
    {"_*_SERVICE_HOST", "its address"},
    {"_*_SERVICE_PORT", "its first port"},
    {"_*_SERVICE_PORT_*", "its ports with names"},
};

bool rw_is_service_link(const char *variable, const char *prefix) {
    const size_t length = strlen(prefix);
    if (strncmp(variable, prefix, length) != 0)
        return false;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (fnmatch(links[i].pattern, variable + length, 0) == 0)
            return true;
    return false;
}

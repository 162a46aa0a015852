/*
 * levels.c - what LOG_LEVEL means to each program.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings/settings.h"

#define LEVEL(name, nginx, syslog) {name, syslog},
const struct rw_choice rw_log_levels[] = {
#include "log_levels.inc" /* made of conf/log-levels */
    {NULL, 0},
};
#undef LEVEL

#define LEVEL(name, nginx, syslog) {nginx, syslog},
static const struct rw_choice words[] = {
#include "log_levels.inc"
    {NULL, 0},
};
#undef LEVEL

const char *rw_log_level_nginx(int level) {
    const struct rw_choice *one = words;
    while (one[1].name && one->value != level)
        one++;
    return one->name;
}

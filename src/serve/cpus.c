/*
 * cpus.c - how many CPUs this process may use.
 *
 * A quota is the CPU time that a cgroup gets in a period; every group above has one of its own.
 * In a container the path that the kernel tells may be the host's, which is not mounted there: the
 * walk goes up from it, and ends at the root of the mount, which is the container's own group.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "serve/parts.h"

#define LINE_BYTES 4352 /* of /proc/self/cgroup: a path and the names of controllers */

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* ---- one group ------------------------------------------------------------------------------- */

/* Rounded up: half a CPU more is worth a process. */
static uint32_t to_cpus(long long quota, long long period) {
    if (quota <= 0 || period <= 0)
        return UINT32_MAX;
    const long long cpus = (quota - 1) / period + 1;
    return cpus < UINT32_MAX ? (uint32_t)cpus : UINT32_MAX;
}

/* The first numbers of a file; "max" is none. */
static int read_numbers(const char *dir, const char *name, long long numbers[2]) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    const int n = fscanf(file, "%19lld %19lld", &numbers[0], &numbers[1]);
    fclose(file);
    return n;
}

static uint32_t group_cpus(const char *dir) {
    long long two[2], period[2];
    if (read_numbers(dir, "cpu.max", two) == 2) /* v2 */
        return to_cpus(two[0], two[1]);
    if (read_numbers(dir, "cpu.cfs_quota_us", two) == 1 &&
        read_numbers(dir, "cpu.cfs_period_us", period) == 1) /* v1: -1 is no quota */
        return to_cpus(two[0], period[0]);
    return UINT32_MAX;
}

/* ---- from a group up to the root of its mount ------------------------------------------- */

static uint32_t walk(const char *mount, const char *group) {
    char dir[PATH_MAX];
    const size_t root = strlen(mount);
    /* ".." leads out of the namespace, to groups that are not mounted here */
    if (snprintf(dir, sizeof dir, "%s%s", mount, strstr(group, "..") ? "" : group) >=
        (int)sizeof dir)
        return UINT32_MAX;
    uint32_t cpus = group_cpus(dir);
    for (char *end; (end = strrchr(dir, '/')) != NULL && end >= dir + root;) {
        *end = '\0';
        cpus = least(cpus, group_cpus(dir));
    }
    return cpus;
}

static bool has_controller(const char *list, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* "0::/path" is v2, "4:cpu,cpuacct:/path" v1, mounted under the name of its controllers. */
static uint32_t line_cpus(const char *groups, char *line) {
    char mount[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return UINT32_MAX;
    *controllers++ = *path++ = '\0';
    if (!*controllers)
        return walk(groups, path);
    if (!has_controller(controllers, "cpu"))
        return UINT32_MAX;
    if (snprintf(mount, sizeof mount, "%s/%s", groups, controllers) >= (int)sizeof mount)
        return UINT32_MAX;
    return walk(mount, path);
}

uint32_t rw_serve_quota(const char *groups, const char *own) {
    char line[LINE_BYTES];
    uint32_t cpus = UINT32_MAX;
    FILE *file = fopen(own, "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        cpus = least(cpus, line_cpus(groups, line));
    }
    if (file)
        fclose(file);
    return cpus;
}

/* ---- the process ------------------------------------------------------------------------ */

static uint32_t affinity(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (uint32_t)CPU_COUNT(&set);
    const long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than a set holds */
    return online > 0 ? (uint32_t)online : 1;
}

uint32_t rw_serve_cpus(const char *groups, const char *own) {
    const uint32_t cpus = least(affinity(), rw_serve_quota(groups, own));
    return cpus > 0 ? cpus : 1;
}

/*
 * user.c - who nginx's workers are when the server is started as root.
 *
 * Workers give their rights up, if they can then still read new models and their own files.
 * What a user may read is asked of the kernel, by a child that has become that user.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/parts.h"

#define WORKERS_USER "www-data"
#define NAME_BYTES   64

struct identity {
    uid_t uid;
    gid_t gid;
    char group[NAME_BYTES];
};

/* ---- files of users ---------------------------------------------------------------------- */

/* Read here and not by getpwnam(3), which a static program cannot do without glibc's plug-ins. */
static bool find_user(const char *name, struct identity *identity) {
    FILE *file = fopen("/etc/passwd", "re");
    const struct passwd *entry = NULL;
    while (file && (entry = fgetpwent(file)) != NULL && strcmp(entry->pw_name, name) != 0)
        ;
    if (entry)
        *identity = (struct identity){.uid = entry->pw_uid, .gid = entry->pw_gid};
    if (file)
        fclose(file);
    return entry != NULL;
}

static void find_group(struct identity *identity) {
    FILE *file = fopen("/etc/group", "re");
    const struct group *entry = NULL;
    while (file && (entry = fgetgrent(file)) != NULL && entry->gr_gid != identity->gid)
        ;
    if (entry)
        snprintf(identity->group, sizeof identity->group, "%s", entry->gr_name);
    if (file)
        fclose(file);
}

/* ---- what a user may ------------------------------------------------------------------------ */

static bool may(const struct identity *identity, const char *path, int mode) {
    const pid_t child = fork();
    if (child == 0) {
        const gid_t gid = identity->gid;
        const uid_t uid = identity->uid;
        _exit(setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
              setresuid(uid, uid, uid) != 0 || access(path, mode) != 0);
    }
    int status;
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

void rw_serve_parent(const char *path, char parent[PATH_MAX]) {
    snprintf(parent, PATH_MAX, "%s", path);
    char *end = strrchr(parent, '/');
    if (end)
        end[end == parent] = '\0';
}

/* The first place that keeps the workers from being that user; NULL: none does. */
static const char *find_problem(const struct rw_serve_settings *settings,
                                const struct identity *identity, const char **name) {
    char metrics[PATH_MAX], pages[PATH_MAX + 8];
    /* nginx gives the folder itself to the workers. */
    rw_serve_parent(settings->metrics_dir, metrics);
    snprintf(pages, sizeof pages, "%s/pages", settings->share_dir);
    *name = "MODEL_DIR";
    if (exists(settings->model_dir) && !may(identity, settings->model_dir, R_OK | X_OK))
        return settings->model_dir;
    *name = "CHALLENGER_DIR";
    const char *challenger = settings->challenger_dir;
    if (challenger && exists(challenger) && !may(identity, challenger, R_OK | X_OK))
        return challenger;
    *name = "RUNTIME_DIR";
    if (!may(identity, settings->runtime_dir, X_OK))
        return settings->runtime_dir;
    *name = "METRICS_DIR";
    if (!may(identity, metrics, X_OK))
        return settings->metrics_dir;
    *name = "ROWAN_SHARE_DIR";
    if (exists(pages) && !may(identity, pages, R_OK | X_OK))
        return settings->share_dir;
    return NULL;
}

/* ---- the directive ---------------------------------------------------------------------- */

rowan_status rw_serve_user(const struct rw_serve_settings *settings, rw_serve_say *say, FILE *to,
                           rowan_error *error) {
    struct identity identity;
    if (geteuid() != 0)
        return ROWAN_OK;
    if (!find_user(WORKERS_USER, &identity))
        return rw_fail(error, ROWAN_ARGUMENT, "user", "start the server as a user who is not root",
                       "there is no user %s for nginx's workers", WORKERS_USER);
    find_group(&identity);
    const char *name, *problem = find_problem(settings, &identity, &name);
    if (problem) {
        say("%s: %s: the user %s cannot read it: nginx's workers keep the rights of root", name,
            problem, WORKERS_USER);
        fputs("user root root;", to);
        return ROWAN_OK;
    }
    if (settings->api_keys && !may(&identity, settings->api_keys, R_OK))
        say("API_KEYS: %s: the user %s cannot read it: nginx notices changes at a reload only",
            settings->api_keys, WORKERS_USER);
    fprintf(to, "user %s%s%s;", WORKERS_USER, *identity.group ? " " : "", identity.group);
    return ROWAN_OK;
}

/*
 * start.c - nginx in the place of this process, or as a child that tests a configuration.
 *
 * The start makes no test of its own: nginx reads configuration and model, and says itself what is
 * wrong with them.  Both would be done twice, and a start takes as long as the model.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/parts.h"

#define PATH_BYTES  (PATH_MAX + 32)
#define SEARCH_PATH "/usr/bin:/bin" /* where nobody set PATH */

/* ---- the program ----------------------------------------------------------------------------- */

static bool is_program(const char *path) {
    struct stat st; /* folders may be "executed", too */
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* In the folders of a list; Debian keeps nginx in /usr/sbin, which users do not have in PATH. */
static bool search(const char *list, const char *name, char path[PATH_MAX]) {
    for (;;) {
        const size_t length = strcspn(list, ":");
        const int written = snprintf(path, PATH_MAX, "%.*s/%s", (int)length, list, name);
        if (length > 0 && written < PATH_MAX && is_program(path))
            return true;
        if (!list[length])
            return false;
        list += length + 1;
    }
}

rowan_status rw_serve_find_nginx(const struct rw_serve_settings *settings, char **path,
                                 rowan_error *error) {
    char in_path[PATH_MAX];
    const char *name = settings->nginx, *list = getenv("PATH"), *found = NULL;
    if (strchr(name, '/'))
        found = is_program(name) ? name : NULL;
    else if (search(list && *list ? list : SEARCH_PATH, name, in_path) ||
             search("/usr/sbin", name, in_path))
        found = in_path;
    if (!found)
        return rw_fail(error, ROWAN_ARGUMENT, "NGINX", "install nginx, or name the program",
                       "%s: no such program", name);
    return rw_store_text(found, "NGINX", path, error);
}

/* ---- starting --------------------------------------------------------------------------- */

struct command {
    char *program;
    char configuration[PATH_BYTES];
    char *words[10];
};

static rowan_status compose(const struct rw_serve_settings *settings, const char *name,
                            struct command *command, rowan_error *error) {
    rowan_status status = rw_serve_find_nginx(settings, &command->program, error);
    snprintf(command->configuration, sizeof command->configuration, "%s/%s", settings->runtime_dir,
             name);
    char *const words[] = {
        "nginx", "-p", settings->runtime_dir, "-c", command->configuration, "-e", "stderr", NULL};
    memcpy(command->words, words, sizeof words);
    unsetenv("NGINX"); /* to nginx itself the variable means sockets that it inherits */
    return status;
}

static rowan_status fail_to_run(const char *program, int number, rowan_error *error) {
    char reason[128];
    return rw_fail(error, ROWAN_IO, "NGINX", NULL, "%s: cannot be run: %s", program,
                   strerror_r(number, reason, sizeof reason));
}

rowan_status rw_serve_start(const struct rw_serve_settings *settings, rowan_error *error) {
    struct command command;
    rowan_status status = compose(settings, "nginx.conf", &command, error);
    if (status != ROWAN_OK)
        return status;
    execv(command.program, command.words);
    status = fail_to_run(command.program, errno, error);
    free(command.program);
    return status;
}

static rowan_status wait_for(pid_t child, rowan_error *error) {
    int ended;
    while (waitpid(child, &ended, 0) < 0)
        if (errno != EINTR)
            return fail_to_run("nginx -t", errno, error);
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0)
        return ROWAN_OK;
    return rw_fail(error, ROWAN_MALFORMED, NULL, NULL, "nginx refuses to start, as it says above");
}

rowan_status rw_serve_check(const struct rw_serve_settings *settings, const char *name,
                            rowan_error *error) {
    struct command command;
    rowan_status status = compose(settings, name, &command, error);
    if (status != ROWAN_OK)
        return status;
    size_t n = 0;
    while (command.words[n])
        n++;
    command.words[n++] = "-t";
    command.words[n++] = "-q";
    command.words[n] = NULL;
    pid_t child;
    const int failed = posix_spawn(&child, command.program, NULL, NULL, command.words, environ);
    status = failed ? fail_to_run(command.program, failed, error) : wait_for(child, error);
    free(command.program);
    return status;
}

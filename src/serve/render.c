/*
 * render.c - the template, filled in and written to RUNTIME_DIR.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/parts.h"

#define WORD_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define PATH_BYTES   (PATH_MAX + 32)

/* ---- the template ------------------------------------------------------------------------- */

/* "USER" is found out, and no setting. */
static bool print_word(const struct rw_serve_settings *settings, const char *user, const char *name,
                       size_t length, FILE *to) {
    if (length != strlen("USER") || memcmp(name, "USER", length) != 0)
        return rw_serve_word(settings, name, length, to);
    fputs(user, to);
    return true;
}

static rowan_status fill(const struct rw_serve_settings *settings, const char *user,
                         const char *text, FILE *to, rowan_error *error) {
    for (const char *at = text; *at;) {
        const size_t plain = strcspn(at, "@");
        fwrite(at, 1, plain, to);
        at += plain;
        if (!*at)
            break;
        const size_t length = strspn(++at, WORD_LETTERS);
        if (at[length] != '@' || !print_word(settings, user, at, length, to))
            return rw_fail(error, ROWAN_MALFORMED, "rowan.conf.in",
                           "take the conf/ that belongs to this program", "there is no word @%.*s@",
                           (int)length, at);
        at += length + 1;
    }
    return ROWAN_OK;
}

rowan_status rw_serve_render(const struct rw_serve_settings *settings, const char *user,
                             const char *text, char **filled, size_t *size, rowan_error *error) {
    *filled = NULL;
    FILE *to = open_memstream(filled, size);
    if (!to)
        return rw_fail(error, ROWAN_NO_MEMORY, "nginx.conf", NULL, "no memory for it");
    rowan_status status = fill(settings, user, text, to, error);
    const bool failed = ferror(to);
    if ((fclose(to) != 0 || failed) && status == ROWAN_OK)
        status = rw_fail(error, ROWAN_NO_MEMORY, "nginx.conf", NULL, "no memory for it");
    if (status != ROWAN_OK) {
        free(*filled);
        *filled = NULL;
    }
    return status;
}

/* ---- folders --------------------------------------------------------------------------------- */

static rowan_status fail_folder(const char *name, const char *path, const char *what,
                                rowan_error *error) {
    char reason[128];
    return rw_fail(error, ROWAN_ARGUMENT, name, "make it, writable for this user", "%s: %s: %s",
                   path, what, strerror_r(errno, reason, sizeof reason));
}

static rowan_status check_folder(const char *name, const char *path, rowan_error *error) {
    struct stat st;
    if (stat(path, &st) != 0)
        return fail_folder(name, path, "cannot be looked at", error);
    if (!S_ISDIR(st.st_mode))
        return rw_fail(error, ROWAN_ARGUMENT, name, NULL, "%s: is no folder", path);
    if (access(path, W_OK | X_OK) != 0)
        return fail_folder(name, path, "cannot be written to", error);
    return ROWAN_OK;
}

/* Made if it is missing.  Others may pass: workers have another user. */
static rowan_status make_runtime(const char *path, rowan_error *error) {
    if (mkdir(path, 0700) == 0)
        (void)!chmod(path, 0711); /* whatever the umask; of another's folder the mode stays */
    else if (errno != EEXIST)
        return fail_folder("RUNTIME_DIR", path, "no such folder, and it cannot be made", error);
    return check_folder("RUNTIME_DIR", path, error);
}

/* nginx makes it, for its workers, where it is missing; what is in it stays. */
static rowan_status check_metrics(const char *path, rowan_error *error) {
    char parent[PATH_MAX];
    rw_serve_parent(path, parent);
    if (access(path, F_OK) == 0 || errno != ENOENT)
        return check_folder("METRICS_DIR", path, error);
    if (access(parent, W_OK | X_OK) != 0)
        return fail_folder("METRICS_DIR", path, "no such folder, and it cannot be made", error);
    return ROWAN_OK;
}

/* ---- nginx.conf ------------------------------------------------------------------------- */

static rowan_status find_user(const struct rw_serve_settings *settings, rw_serve_say *say,
                              char **user, rowan_error *error) {
    size_t size;
    *user = NULL;
    FILE *to = open_memstream(user, &size);
    rowan_status status = ROWAN_OK;
    if (to)
        status = rw_serve_user(settings, say, to, error);
    if (!to || fclose(to) != 0)
        return rw_fail(error, ROWAN_NO_MEMORY, "nginx.conf", NULL, "no memory for it");
    return status;
}

static rowan_status write_filled(const struct rw_serve_settings *settings, const char *user,
                                 const char *name, rowan_error *error) {
    char source[PATH_BYTES], target[PATH_BYTES], *text, *filled;
    size_t size;
    snprintf(source, sizeof source, "%s/conf/rowan.conf.in", settings->share_dir);
    snprintf(target, sizeof target, "%s/%s", settings->runtime_dir, name);
    rowan_status status =
        rw_file_read(AT_FDCWD, source, RW_SERVE_TEMPLATE_MAX, &text, &size, error);
    if (status != ROWAN_OK)
        return status;
    status = rw_serve_render(settings, user, text, &filled, &size, error);
    free(text);
    if (status != ROWAN_OK)
        return status;
    status = rw_file_replace(target, filled, size, error);
    free(filled);
    return status;
}

rowan_status rw_serve_write(const struct rw_serve_settings *settings, const char *name,
                            rw_serve_say *say, rowan_error *error) {
    char *user = NULL;
    rowan_status status = make_runtime(settings->runtime_dir, error);
    if (status == ROWAN_OK)
        status = check_metrics(settings->metrics_dir, error);
    if (status == ROWAN_OK)
        status = find_user(settings, say, &user, error);
    if (status == ROWAN_OK)
        status = write_filled(settings, user, name, error);
    free(user);
    return status;
}

/*
 * read.c - one pass over the pages of a directory, without a lock.
 *
 * The page of the dead is opened first.  Pages whose ids it lists are in it already.  If
 * it is still the same file at the end, no fold has shown itself meanwhile, and everything
 * was seen exactly once; if not, the pass starts again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics/page.h"

#define PASSES_MAX 64u /* each more means that a process has died within a pass */

struct pass {
    int dir_fd;
    struct rw_merge *merge;
    const struct rw_skipped *skipped; /* or NULL */
    struct rw_page_view retired;      /* no ids where there is none */
    size_t n_dead;
};

static void skip(const struct pass *pass, const char *name, rowan_error *error) {
    if (!pass->skipped)
        return;
    if (!error->where[0])
        rw_error_prefix(error, name);
    pass->skipped->report(pass->skipped->context, error);
}

static int compare_ids(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

bool rw_page_lists(const struct rw_page_view *retired, uint64_t id) {
    return retired->n_ids > 0 &&
           bsearch(&id, retired->ids, retired->n_ids, sizeof id, compare_ids) != NULL;
}

/* A copy under another name would count twice. */
rowan_status rw_page_view_file(const struct rw_page_file *file, const char *name,
                               struct rw_page_view *view, rowan_error *error) {
    rowan_status status = rw_page_view(file->bytes, file->size, view, error);
    char own[RW_PAGE_NAME_MAX];
    if (status == ROWAN_OK) {
        rw_page_name(view->id, RW_PAGE_SUFFIX, own);
        if (strcmp(name, own) != 0)
            status = rw_fail(error, ROWAN_MALFORMED, NULL, "remove the copy",
                             "the page calls itself %s", own);
    }
    return status;
}

/* Only what makes the whole pass useless is an error; a file that is no page is skipped. */
static rowan_status add_file(struct pass *pass, const char *name, rowan_error *error) {
    struct rw_page_file file;
    struct rw_page_view view;
    rowan_error why = {0};
    if (rw_page_file_open(pass->dir_fd, name, &file, &why) != ROWAN_OK) {
        skip(pass, name, &why);
        return ROWAN_OK;
    }
    if (file.fd < 0)
        return ROWAN_OK; /* folded since: the page of the dead is another one now */
    /* Asked before the cells are read: what a dead writer left is final. */
    enum rw_page_life life = rw_page_file_lives(file.fd) ? RW_PAGE_LIVES : RW_PAGE_IS_DEAD;
    pass->n_dead += life == RW_PAGE_IS_DEAD;
    rowan_status status = rw_page_view_file(&file, name, &view, &why);
    if (status == ROWAN_OK && !rw_page_lists(&pass->retired, view.id))
        status = rw_merge_page(pass->merge, &view, life, &why);
    rw_page_file_close(&file);
    if (status == ROWAN_LIMIT) {
        if (error)
            *error = why;
        return status;
    }
    if (status != ROWAN_OK)
        skip(pass, name, &why);
    return ROWAN_OK;
}

static rowan_status add_retired(struct pass *pass, const struct rw_page_file *file,
                                rowan_error *error) {
    rowan_error why = {0};
    pass->retired = (struct rw_page_view){0};
    if (file->fd < 0)
        return ROWAN_OK;
    rowan_status status = rw_page_view(file->bytes, file->size, &pass->retired, &why);
    struct rw_page_view records = pass->retired;
    if (status == ROWAN_OK)
        status = rw_merge_page(pass->merge, &records, RW_PAGE_IS_DEAD, &why);
    if (status == ROWAN_LIMIT && error)
        *error = why;
    else if (status != ROWAN_OK)
        skip(pass, RW_RETIRED_NAME, &why);
    return status == ROWAN_LIMIT ? status : ROWAN_OK;
}

static rowan_status add_living(struct pass *pass, rowan_error *error) {
    struct rw_names names;
    rowan_status status = rw_names_read(pass->dir_fd, RW_PAGE_SUFFIX, &names, error);
    for (size_t i = 0; i < names.count && status == ROWAN_OK; i++)
        status = add_file(pass, names.names[i], error);
    rw_names_free(&names);
    return status;
}

/* While `file` is open, no other file can have its inode. */
static bool is_still_there(int dir_fd, const struct rw_page_file *file) {
    struct stat st;
    if (fstatat(dir_fd, RW_RETIRED_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return file->fd < 0 && errno == ENOENT;
    return file->fd >= 0 && st.st_ino == file->inode && st.st_dev == file->device;
}

static rowan_status one_pass(struct pass *pass, bool *is_whole, rowan_error *error) {
    struct rw_page_file retired;
    rowan_status status = rw_page_file_open(pass->dir_fd, RW_RETIRED_NAME, &retired, error);
    if (status != ROWAN_OK)
        return status;
    status = add_retired(pass, &retired, error);
    if (status == ROWAN_OK)
        status = add_living(pass, error);
    *is_whole = is_still_there(pass->dir_fd, &retired);
    rw_page_file_close(&retired);
    return status;
}

static rowan_status read_whole(struct pass *pass, rowan_error *error) {
    for (unsigned i = 0; i < PASSES_MAX; i++) {
        bool is_whole = false;
        pass->n_dead = 0;
        rowan_status status = one_pass(pass, &is_whole, error);
        if (status != ROWAN_OK || is_whole)
            return status;
        rw_merge_free(pass->merge);
        rw_merge_init(pass->merge);
    }
    return rw_fail(error, ROWAN_IO, RW_RETIRED_NAME, "do processes end all the time?",
                   "changed during each of %u passes", PASSES_MAX);
}

rowan_status rw_metrics_read(const char *dir, struct rw_merge *merge, size_t *n_dead,
                             const struct rw_skipped *skipped, rowan_error *error) {
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        char reason[128];
        return rw_fail(error, ROWAN_IO, dir, "name the directory of the metrics pages",
                       "cannot open it: %s", strerror_r(errno, reason, sizeof reason));
    }
    struct pass pass = {.dir_fd = dir_fd, .merge = merge, .skipped = skipped};
    rowan_status status = read_whole(&pass, error);
    close(dir_fd);
    if (status != ROWAN_OK && error)
        rw_error_prefix(error, dir);
    *n_dead = pass.n_dead;
    return status;
}

rowan_status rw_metrics_expose(const char *dir, enum rw_metrics_format format,
                               struct rw_buffer *out, rowan_error *error) {
    struct rw_merge merge;
    size_t n_dead = 0;
    rw_merge_init(&merge);
    rowan_status status = rw_metrics_read(dir, &merge, &n_dead, NULL, error);
    if (status == ROWAN_OK)
        status = rw_metrics_text(&merge, format, out, error);
    rw_merge_free(&merge);
    if (n_dead > 0 || status == ROWAN_LIMIT)
        rw_metrics_fold(dir, NULL); /* what cannot be folded now is read, and tried again */
    return status;
}

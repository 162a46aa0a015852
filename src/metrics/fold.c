/*
 * fold.c - the pages of the dead become one page.
 *
 * Under a lock of the directory: (1) unlink what the last fold swallowed and could not
 * unlink; (2) write a new page of the dead, which lists the ids that it swallows; (3) rename
 * it over the old one; (4) unlink the files of those ids.  Killed anywhere, each count
 * stands once: before (3) in its own page, after it in the page of the dead, whose list
 * tells readers to leave the file alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "metrics/page.h"

#define RETIRED_NEW "retired" RW_NEW_SUFFIX

struct fold {
    int dir_fd;
    struct rw_merge merge;
    struct rw_page_view retired; /* of before */
    uint64_t *ids;               /* [RW_PAGES_MAX] that the new page lists */
    uint32_t n_ids;
    size_t n_swallowed; /* of them, now */
};

static rowan_status fail_errno(rowan_error *error, const char *verb) {
    char reason[128];
    return rw_fail(error, ROWAN_IO, RW_RETIRED_NAME, "check the directory and its permissions",
                   "cannot %s: %s", verb, strerror_r(errno, reason, sizeof reason));
}

static bool is_gone(int dir_fd, const char *name) {
    return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT;
}

/* ---- which pages --------------------------------------------------------------------- */

static bool is_whole(struct rw_page_view view) {
    struct rw_view series;
    int more;
    while ((more = rw_page_next(&view, &series)) > 0)
        ;
    return more == 0;
}

static rowan_status swallow(struct fold *fold, struct rw_page_view *view, rowan_error *error) {
    bool fits = fold->merge.bytes + view->size <= RW_RETIRED_BYTES && fold->n_ids < RW_PAGES_MAX;
    if (!fits || !is_whole(*view))
        return ROWAN_OK; /* stays a file, and is read as one */
    rowan_status status = rw_merge_page(&fold->merge, view, RW_PAGE_IS_DEAD, error);
    if (status != ROWAN_OK)
        return status;
    fold->ids[fold->n_ids++] = view->id;
    fold->n_swallowed++;
    return ROWAN_OK;
}

static rowan_status look_at(struct fold *fold, const char *name, const struct rw_page_file *file,
                            rowan_error *error) {
    struct rw_page_view view;
    if (rw_page_file_lives(file->fd))
        return ROWAN_OK;
    rowan_status status = rw_page_view_file(file, name, &view, NULL);
    if (status == ROWAN_MISMATCH)
        unlinkat(fold->dir_fd, name, 0); /* nobody of this version can read it */
    if (status != ROWAN_OK)
        return ROWAN_OK;
    if (!rw_page_lists(&fold->retired, view.id))
        return swallow(fold, &view, error);
    if (!is_gone(fold->dir_fd, name) && fold->n_ids < RW_PAGES_MAX)
        fold->ids[fold->n_ids++] = view.id;
    return ROWAN_OK;
}

static rowan_status look_at_all(struct fold *fold, rowan_error *error) {
    struct rw_names names;
    struct rw_page_file file;
    rowan_status status = rw_names_read(fold->dir_fd, RW_PAGE_SUFFIX, &names, error);
    if (status == ROWAN_LIMIT)
        status = ROWAN_OK; /* folding these makes room for the others */
    for (size_t i = 0; i < names.count && status == ROWAN_OK; i++) {
        if (rw_page_file_open(fold->dir_fd, names.names[i], &file, NULL) != ROWAN_OK || file.fd < 0)
            continue;
        status = look_at(fold, names.names[i], &file, error);
        rw_page_file_close(&file);
    }
    rw_names_free(&names);
    return status;
}

/* Left by processes that died while they made a page. */
static void remove_unfinished(int dir_fd) {
    struct rw_names names;
    rw_names_read(dir_fd, RW_NEW_SUFFIX, &names, NULL);
    for (size_t i = 0; i < names.count; i++) {
        int fd = openat(dir_fd, names.names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
            continue;
        if (!rw_page_file_lives(fd))
            unlinkat(dir_fd, names.names[i], 0);
        close(fd);
    }
    rw_names_free(&names);
}

/* ---- the new page of the dead ----------------------------------------------------------- */

static int compare_ids(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static char *put_record(char *at, const struct rw_sum *sum) {
    uint32_t n_cells = rw_metric_cells(sum->metric);
    struct rw_record record = {sum->metric, sum->label_bytes, sum->hash};
    memcpy(at, &record, sizeof record);
    memcpy(at + sizeof record, sum->labels, sum->label_bytes);
    memcpy(at + sizeof record + rw_padded(sum->label_bytes), sum->cells,
           n_cells * sizeof *sum->cells);
    return at + rw_record_bytes(sum->label_bytes, n_cells);
}

/* The page in memory, zeros between what is written; NULL without memory. */
static char *build(struct fold *fold, size_t *size) {
    size_t id_bytes = fold->n_ids * sizeof *fold->ids;
    *size = sizeof(struct rw_page_header) + id_bytes + fold->merge.bytes;
    char *bytes = calloc(1, *size);
    if (!bytes)
        return NULL;
    struct rw_page_header header = {
        .magic = RW_PAGE_MAGIC,
        .table = rw_metric_table_print(),
        .n_ids = fold->n_ids,
        .n_series = (uint32_t)fold->merge.n_sums,
        .used = *size,
    };
    memcpy(bytes, &header, sizeof header);
    qsort(fold->ids, fold->n_ids, sizeof *fold->ids, compare_ids);
    memcpy(bytes + sizeof header, fold->ids, id_bytes);
    char *at = bytes + sizeof header + id_bytes;
    for (size_t i = 0; i < fold->merge.n_slots; i++)
        if (fold->merge.slots[i])
            at = put_record(at, fold->merge.slots[i]);
    return bytes;
}

static bool write_fully(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
    }
    return true;
}

static rowan_status replace_retired(int dir_fd, const char *bytes, size_t size,
                                    rowan_error *error) {
    unlinkat(dir_fd, RETIRED_NEW, 0);
    int fd = openat(dir_fd, RETIRED_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail_errno(error, "make it");
    bool done =
        write_fully(fd, bytes, size) && renameat(dir_fd, RETIRED_NEW, dir_fd, RW_RETIRED_NAME) == 0;
    rowan_status status = done ? ROWAN_OK : fail_errno(error, "replace it");
    close(fd);
    return status;
}

static rowan_status show(struct fold *fold, rowan_error *error) {
    size_t size;
    char *bytes = build(fold, &size);
    if (!bytes)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the page of the dead");
    rowan_status status = replace_retired(fold->dir_fd, bytes, size, error);
    free(bytes);
    for (uint32_t i = 0; status == ROWAN_OK && i < fold->n_ids; i++) {
        char name[RW_PAGE_NAME_MAX];
        rw_page_name(fold->ids[i], RW_PAGE_SUFFIX, name);
        unlinkat(fold->dir_fd, name, 0); /* what stays is listed, and tried at the next fold */
    }
    return status;
}

/* ---- all of it --------------------------------------------------------------------------- */

/* A page of the dead that cannot be read (another version, damage) is begun anew. */
static rowan_status take_up_retired(struct fold *fold, const struct rw_page_file *file,
                                    rowan_error *error) {
    struct rw_page_view view;
    if (file->fd < 0 || rw_page_view(file->bytes, file->size, &view, NULL) != ROWAN_OK ||
        !is_whole(view))
        return ROWAN_OK;
    fold->retired = view;
    return rw_merge_page(&fold->merge, &view, RW_PAGE_IS_DEAD, error);
}

static rowan_status fold_locked(struct fold *fold, rowan_error *error) {
    struct rw_page_file retired;
    rowan_status status = rw_page_file_open(fold->dir_fd, RW_RETIRED_NAME, &retired, error);
    if (status != ROWAN_OK)
        return status;
    remove_unfinished(fold->dir_fd);
    status = take_up_retired(fold, &retired, error);
    if (status == ROWAN_OK)
        status = look_at_all(fold, error);
    if (status == ROWAN_OK && fold->n_swallowed > 0)
        status = show(fold, error);
    rw_page_file_close(&retired);
    return status;
}

static rowan_status fold_in(int dir_fd, rowan_error *error) {
    struct fold fold = {.dir_fd = dir_fd, .ids = malloc(RW_PAGES_MAX * sizeof(uint64_t))};
    if (!fold.ids)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for ids of pages");
    rw_merge_init(&fold.merge);
    rowan_status status = fold_locked(&fold, error);
    rw_merge_free(&fold.merge);
    free(fold.ids);
    return status;
}

rowan_status rw_metrics_fold(const char *dir, rowan_error *error) {
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return fail_errno(error, "open its directory");
    /* The directory itself is the lock: nothing to make, nothing that could be removed. */
    rowan_status status = ROWAN_OK;
    if (flock(dir_fd, LOCK_EX | LOCK_NB) == 0)
        status = fold_in(dir_fd, error);
    else if (errno != EWOULDBLOCK)
        status = fail_errno(error, "lock its directory");
    close(dir_fd);
    return status;
}

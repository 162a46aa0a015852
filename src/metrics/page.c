/*
 * page.c - the page of this process: made, locked for life, then shown.
 *
 * The lock is one of an open file description (F_OFD_SETLK).  It ends with the process
 * however that ends, means the same in every PID namespace, is not let go when other
 * descriptors of the file are closed, and can be asked for without being taken.  A child
 * of fork keeps it too, until it executes something or ends: open pages after the fork.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "metrics/page.h"

#define SLOTS 32768u /* more than twice the series that a page can hold */
_Static_assert(SLOTS / 2 > RW_PAGE_BYTES / (sizeof(struct rw_record) + sizeof(uint64_t)),
               "a table that is full is searched for ever");

#define ARENA_BYTES (SLOTS * (sizeof(void *) + sizeof(struct rw_entry)))
#define MAKE_TRIES  8u /* a folder may take a file that has no lock yet for a left-over */

static rowan_status fail_errno(rowan_error *error, const char *where, const char *verb,
                               const char *remedy) {
    char reason[128];
    return rw_fail(error, ROWAN_IO, where, remedy, "cannot %s: %s", verb,
                   strerror_r(errno, reason, sizeof reason));
}

/* ---- in memory ------------------------------------------------------------------------ */

static void set_bounds(struct rw_page *page, enum rw_metric metric) {
    const struct rw_metric_def *def = &rw_metric_defs[metric];
    for (uint32_t i = 0; i < def->n_bounds; i++)
        if (def->value == RW_SECONDS)
            page->bounds[metric][i] = (uint64_t)(def->bounds[i] * 1e9 + 0.5);
        else
            memcpy(&page->bounds[metric][i], &def->bounds[i], sizeof(uint64_t));
    page->unseen[metric] =
        (struct rw_series){page->unseen_cells, page->bounds[metric], def->n_bounds};
}

/* Over `bytes` [RW_PAGE_BYTES] of zeros. */
static struct rw_page *new_page(void *bytes, int fd, uint64_t id) {
    struct rw_page *page = calloc(1, sizeof *page);
    if (!page)
        return NULL;
    rw_arena_init(&page->arena, ARENA_BYTES);
    page->n_slots = SLOTS;
    page->slots = rw_arena_alloc(&page->arena, SLOTS, sizeof(struct rw_entry *));
    if (!page->slots) {
        free(page);
        return NULL;
    }
    page->fd = fd;
    page->header = bytes;
    *page->header = (struct rw_page_header){
        .magic = RW_PAGE_MAGIC,
        .table = rw_metric_table_print(),
        .id = id,
        .used = sizeof *page->header,
    };
    for (enum rw_metric metric = 0; metric < RW_METRICS; metric++)
        set_bounds(page, metric);
    /* The first two always find room: what follows may count on them. */
    page->dropped = rw_page_series(page, RW_METRIC_METRICS_DROPPED, NULL);
    rw_series_set(rw_page_series(page, RW_METRIC_METRICS_PAGES, NULL), 1);
    return page;
}

struct rw_page *rw_page_private(void) {
    void *bytes =
        mmap(NULL, RW_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return NULL;
    struct rw_page *page = new_page(bytes, -1, 0);
    if (!page)
        munmap(bytes, RW_PAGE_BYTES);
    return page;
}

void rw_page_close(struct rw_page *page) {
    if (!page)
        return;
    munmap(page->header, RW_PAGE_BYTES);
    if (page->fd >= 0)
        close(page->fd);
    rw_arena_free(&page->arena);
    free(page);
}

/* ---- in a file -------------------------------------------------------------------------- */

void rw_page_name(uint64_t id, const char *suffix, char name[RW_PAGE_NAME_MAX]) {
    snprintf(name, RW_PAGE_NAME_MAX, "%016llx%s", (unsigned long long)id, suffix);
}

/* Space is reserved now: a full disk is an error here, not a SIGBUS later. */
static void *reserve_and_map(int fd) {
    int number;
    do
        number = posix_fallocate(fd, 0, RW_PAGE_BYTES);
    while (number == EINTR);
    if (number != 0) {
        errno = number;
        return NULL;
    }
    void *bytes = mmap(NULL, RW_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return bytes == MAP_FAILED ? NULL : bytes;
}

/* The file under a name that no reader looks at, locked and whole. */
static struct rw_page *make_file(int dir_fd, const char *name, uint64_t id) {
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return NULL;
    void *bytes = rw_page_file_lock(fd) ? reserve_and_map(fd) : NULL;
    struct rw_page *page = bytes ? new_page(bytes, fd, id) : NULL;
    if (page)
        return page;
    int number = errno;
    if (bytes)
        munmap(bytes, RW_PAGE_BYTES);
    unlinkat(dir_fd, name, 0);
    close(fd);
    errno = number;
    return NULL;
}

/* NULL with errno; ENOENT: a folder took the file away before it was locked. */
static struct rw_page *try_make(int dir_fd) {
    uint64_t id;
    if (getrandom(&id, sizeof id, 0) != sizeof id)
        return NULL;
    char made[RW_PAGE_NAME_MAX], shown[RW_PAGE_NAME_MAX];
    rw_page_name(id, RW_NEW_SUFFIX, made);
    rw_page_name(id, RW_PAGE_SUFFIX, shown);
    struct rw_page *page = make_file(dir_fd, made, id);
    if (!page)
        return NULL;
    if (renameat(dir_fd, made, dir_fd, shown) == 0)
        return page;
    int number = errno;
    unlinkat(dir_fd, made, 0);
    rw_page_close(page);
    errno = number;
    return NULL;
}

rowan_status rw_page_open(const char *dir, struct rw_page **page, rowan_error *error) {
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return fail_errno(error, dir, "open the metrics directory", "make the directory");
    *page = NULL;
    for (unsigned i = 0; i < MAKE_TRIES && !*page; i++) {
        *page = try_make(dir_fd);
        if (!*page && errno != ENOENT && errno != EEXIST)
            break;
    }
    rowan_status status = ROWAN_OK;
    if (!*page)
        status = fail_errno(error, dir, "make a page of metrics",
                            "the directory must be writable and have 256 KiB free");
    close(dir_fd);
    if (*page)
        rw_metrics_fold(dir, NULL); /* what fails here stays to be read, and to the next fold */
    return status;
}

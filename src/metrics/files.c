/*
 * files.c - the files of a metrics directory: names, mapping, who is alive.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics/page.h"

static rowan_status fail_errno(rowan_error *error, const char *where, const char *verb) {
    char reason[128];
    return rw_fail(error, ROWAN_IO, where, "check the directory and its permissions",
                   "cannot %s: %s", verb, strerror_r(errno, reason, sizeof reason));
}

/* What cannot be a page gets no bytes; rw_page_view says so. */
static rowan_status map(struct rw_page_file *file, const char *name, rowan_error *error) {
    struct stat st;
    if (fstat(file->fd, &st) != 0)
        return fail_errno(error, name, "look at it");
    file->device = st.st_dev;
    file->inode = st.st_ino;
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct rw_page_header) ||
        st.st_size > (off_t)RW_RETIRED_FILE_BYTES)
        return ROWAN_OK;
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (bytes == MAP_FAILED)
        return fail_errno(error, name, "map it");
    file->bytes = bytes;
    file->size = (size_t)st.st_size;
    return ROWAN_OK;
}

/* ROWAN_OK with fd -1 where there is no such file. */
rowan_status rw_page_file_open(int dir_fd, const char *name, struct rw_page_file *file,
                               rowan_error *error) {
    *file = (struct rw_page_file){.fd = -1};
    /* O_NONBLOCK: a FIFO in the place of a page must not hang the reader */
    file->fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file->fd < 0)
        return errno == ENOENT ? ROWAN_OK : fail_errno(error, name, "open it");
    rowan_status status = map(file, name, error);
    if (status != ROWAN_OK)
        rw_page_file_close(file);
    return status;
}

void rw_page_file_close(struct rw_page_file *file) {
    if (file->bytes)
        munmap((void *)(uintptr_t)file->bytes, file->size);
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct rw_page_file){.fd = -1};
}

static struct flock whole_file(void) {
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

bool rw_page_file_lock(int fd) {
    struct flock lock = whole_file();
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Where locks do not work at all nobody counts as dead: nothing is folded, nothing lost. */
bool rw_page_file_lives(int fd) {
    struct flock lock = whole_file();
    return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/* ---- names ------------------------------------------------------------------------------ */

static bool ends_with(const char *name, const char *suffix) {
    size_t length = strlen(name), tail = strlen(suffix);
    return length >= tail && length < RW_PAGE_NAME_MAX && strcmp(name + length - tail, suffix) == 0;
}

static rowan_status collect(DIR *stream, const char *suffix, struct rw_names *names,
                            rowan_error *error) {
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (!ends_with(entry->d_name, suffix) || strcmp(entry->d_name, RW_RETIRED_NAME) == 0)
            continue;
        if (names->count == RW_PAGES_MAX)
            return rw_fail(error, ROWAN_LIMIT, NULL, "is the directory of this service alone?",
                           "more than %u files *%s", RW_PAGES_MAX, suffix);
        memcpy(names->names[names->count++], entry->d_name, strlen(entry->d_name) + 1);
    }
    return ROWAN_OK;
}

/* On ROWAN_LIMIT the names found so far are there, too. */
rowan_status rw_names_read(int dir_fd, const char *suffix, struct rw_names *names,
                           rowan_error *error) {
    *names = (struct rw_names){0};
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (!stream) {
        rowan_status status = fail_errno(error, NULL, "list the metrics directory");
        if (fd >= 0)
            close(fd);
        return status;
    }
    rowan_status status = ROWAN_OK;
    names->names = malloc(RW_PAGES_MAX * sizeof *names->names); /* touched as far as used */
    if (!names->names)
        status = rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for file names");
    else
        status = collect(stream, suffix, names, error);
    closedir(stream);
    return status;
}

void rw_names_free(struct rw_names *names) {
    free(names->names);
    *names = (struct rw_names){0};
}

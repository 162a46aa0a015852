/*
 * file.c - whole files, read under a bound and replaced by rename.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

#define TEMPORARY_NAME_MAX 4096

static rowan_status fail_errno(rowan_error *error, const char *path, const char *verb, int number) {
    char reason[128];
    const char *text = strerror_r(number, reason, sizeof reason);
    return rw_fail(error, ROWAN_IO, path, "check the path and its permissions", "cannot %s: %s",
                   verb, text);
}

/* Reads until the end of the file; a file that shrinks meanwhile is just shorter. */
static ssize_t read_fully(int fd, char *bytes, size_t size) {
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, bytes + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static rowan_status read_open(int fd, const char *path, size_t limit, char **bytes, size_t *size,
                              rowan_error *error) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(error, path, "stat", errno);
    if (!S_ISREG(st.st_mode))
        return rw_fail(error, ROWAN_IO, path, "give a regular file", "not a regular file");
    if ((uintmax_t)st.st_size > limit)
        return rw_fail(error, ROWAN_LIMIT, path, NULL, "%jd bytes; at most %zu are read",
                       (intmax_t)st.st_size, limit);
    char *data = malloc((size_t)st.st_size + 1);
    if (!data)
        return rw_fail(error, ROWAN_NO_MEMORY, path, NULL, "no memory for %jd bytes",
                       (intmax_t)st.st_size);
    ssize_t got = read_fully(fd, data, (size_t)st.st_size);
    if (got < 0) {
        int number = errno;
        free(data);
        return fail_errno(error, path, "read", number);
    }
    data[got] = '\0';
    *bytes = data;
    *size = (size_t)got;
    return ROWAN_OK;
}

rowan_status rw_file_read(int dir_fd, const char *path, size_t limit, char **bytes, size_t *size,
                          rowan_error *error) {
    /* O_NONBLOCK: a FIFO in the place of a file must not hang the reader */
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(error, path, "open", errno);
    rowan_status status = read_open(fd, path, limit, bytes, size, error);
    close(fd);
    return status;
}

static bool write_fully(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

rowan_status rw_file_replace(const char *path, const void *bytes, size_t size, rowan_error *error) {
    char temporary[TEMPORARY_NAME_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary)
        return rw_fail(error, ROWAN_ARGUMENT, path, NULL, "path is too long");
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return fail_errno(error, temporary, "create", errno);
    bool written = write_fully(fd, bytes, size) && fchmod(fd, 0644) == 0;
    int number = errno;
    if (close(fd) != 0 && written) {
        written = false;
        number = errno;
    }
    if (written && rename(temporary, path) == 0)
        return ROWAN_OK;
    if (written)
        number = errno;
    unlink(temporary);
    return fail_errno(error, path, "write", number);
}

/*
 * csv_file.c - opens, reads and closes the file under a CSV reader.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/csv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static ptrdiff_t read_fd(void *context, char *bytes, size_t size) {
    const struct rw_csv_file *file = context;
    ssize_t length;
    do
        length = read(file->fd, bytes, size);
    while (length < 0 && errno == EINTR);
    return length;
}

rowan_status rw_csv_file_open(struct rw_csv_file *file, const char *path, rowan_error *error) {
    bool is_standard = strcmp(path, "-") == 0;
    *file = (struct rw_csv_file){.name = is_standard ? "standard input" : path};
    file->fd = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0)
        return rw_fail(error, ROWAN_IO, path, NULL, "cannot be opened: %s", strerror(errno));
    file->csv = rw_csv_open(read_fd, file);
    return file->csv ? ROWAN_OK : rw_fail(error, ROWAN_NO_MEMORY, file->name, NULL, "no memory");
}

void rw_csv_file_close(struct rw_csv_file *file) {
    rw_csv_close(file->csv);
    if (file->fd > STDIN_FILENO)
        close(file->fd);
}

rowan_status rw_csv_file_header(struct rw_csv_file *file, struct rw_csv_record *header,
                                rowan_error *error) {
    *error = (rowan_error){0};
    if (rw_csv_next(file->csv, header, error) == RW_CSV_END)
        return rw_fail(error, ROWAN_MALFORMED, NULL, "the first line must name the columns",
                       "there is no header: the file is empty");
    return error->status;
}

/*
 * stamp.c - has a model directory changed?
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "modeldir/modeldir.h"

#define ENTRIES_MAX 64u /* looked at; a model directory has four files */

struct entry {
    uint64_t device, inode, size;
    int64_t seconds, nanoseconds;
};

static struct entry entry_of(const struct stat *st) {
    return (struct entry){.device = (uint64_t)st->st_dev,
                          .inode = (uint64_t)st->st_ino,
                          .size = (uint64_t)st->st_size,
                          .seconds = st->st_mtim.tv_sec,
                          .nanoseconds = st->st_mtim.tv_nsec};
}

/* Independent of the order in which the directory gives its entries. */
static uint64_t digest_files(DIR *dir) {
    uint64_t digest = 0;
    struct dirent *found;
    for (unsigned n = 0; n < ENTRIES_MAX && (found = readdir(dir)) != NULL;) {
        struct stat st;
        if (found->d_name[0] == '.' || fstatat(dirfd(dir), found->d_name, &st, 0) != 0)
            continue;
        struct entry entry = entry_of(&st);
        digest += XXH3_64bits_withSeed(&entry, sizeof entry,
                                       XXH3_64bits(found->d_name, strlen(found->d_name)));
        n++;
    }
    return digest;
}

static struct rw_modeldir_stamp stamp_of(DIR *dir) {
    struct rw_modeldir_stamp stamp = {0};
    if (!dir)
        return stamp;
    struct stat st;
    if (fstat(dirfd(dir), &st) == 0) {
        struct entry entry = entry_of(&st);
        stamp.digest = XXH3_64bits(&entry, sizeof entry) + digest_files(dir);
        stamp.digest += stamp.digest == 0; /* 0 says: no directory */
    }
    closedir(dir);
    return stamp;
}

struct rw_modeldir_stamp rw_modeldir_stamp(const char *path) {
    return stamp_of(opendir(path));
}

/* Opened anew: a copy of the descriptor would share its place in the list of names. */
struct rw_modeldir_stamp rw_modeldir_stamp_at(int dir_fd) {
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir && fd >= 0)
        close(fd);
    return stamp_of(dir);
}

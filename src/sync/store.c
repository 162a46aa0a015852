/*
 * store.c - versions on disk: begun, finished, kept, removed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "sync/store.h"

#define LOCK_NAME    ".lock"
#define SUFFIX       ".versions"
#define PART_SUFFIX  ".part"
#define PART_MAX     (RW_DIRECTORY_MAX + sizeof PART_SUFFIX + 2)
#define LISTED_MAX   1024u /* versions looked at, when old ones are removed */
#define FOLDER_MODE  0755
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static bool ends_with(const char *text, const char *suffix) {
    const size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

static void name_part(const char *version, char part[PART_MAX]) {
    snprintf(part, PART_MAX, ".%s%s", version, PART_SUFFIX);
}

/* A folder of the store holds files only. */
static void remove_folder(int at, const char *name) {
    int fd = openat(at, name, FOLDER_FLAGS | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(fd, entry->d_name, 0);
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    if (unlinkat(at, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        rw_log(RW_LOG_WARNING, "cannot remove %s: %s", name, strerror(errno));
}

/* ---- opening ------------------------------------------------------------------------------- */

/* Calls `visit` with each name of the folder. */
static void for_each(const struct rw_store *store, void (*visit)(void *, const char *),
                     void *context) {
    int fd = openat(store->fd, ".", FOLDER_FLAGS);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(context, entry->d_name);
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
}

static void sweep_one(void *context, const char *name) {
    struct rw_store *store = context;
    if (name[0] == '.' && ends_with(name, PART_SUFFIX)) {
        rw_log(RW_LOG_NOTICE, "sweeps %s, which was not finished", name);
        remove_folder(store->fd, name);
    }
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Hidden, so that it is nobody's MODEL_DIR. */
static void name_fresh_link(const struct rw_store *store, char name[RW_STORE_PATH_MAX]) {
    snprintf(name, RW_STORE_PATH_MAX, ".%.*s.swap", (int)(RW_STORE_PATH_MAX - sizeof SUFFIX),
             name_of(store->link));
}

static rowan_status fail(rowan_error *error, const char *where, const char *what) {
    return rw_fail(error, ROWAN_IO, where, "give rowan-sync a folder that it may write to",
                   "%s: %s", what, strerror(errno));
}

static rowan_status open_parent(struct rw_store *store, rowan_error *error) {
    char parent[RW_STORE_PATH_MAX];
    const char *slash = strrchr(store->link, '/');
    const size_t length = slash ? (size_t)(slash - store->link) : 0;
    snprintf(parent, sizeof parent, "%.*s", (int)length, store->link);
    const char *path = !slash ? "." : length ? parent : "/";
    store->parent_fd = open(path, FOLDER_FLAGS);
    return store->parent_fd >= 0 ? ROWAN_OK : fail(error, path, "cannot open the link's folder");
}

/* A directory in the link's place cannot be swapped. */
static rowan_status check_link(struct rw_store *store, rowan_error *error) {
    struct stat st;
    if (lstat(store->link, &st) == 0 && !S_ISLNK(st.st_mode))
        return rw_fail(error, ROWAN_ARGUMENT, "MODEL_DIR",
                       "give the path of a link, or of nothing yet",
                       "%.150s is no link: rowan-sync cannot swap it", store->link);
    return ROWAN_OK;
}

static rowan_status lock(struct rw_store *store, rowan_error *error) {
    store->lock_fd = openat(store->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->lock_fd < 0)
        return fail(error, store->versions, "cannot make a lock in it");
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ROWAN_OK;
    if (errno == EWOULDBLOCK)
        return rw_fail(error, ROWAN_ARGUMENT, "MODEL_DIR", "give each a link of its own",
                       "another rowan-sync swaps %.150s", store->link);
    return fail(error, store->versions, "cannot lock it");
}

rowan_status rw_store_open(const char *link, struct rw_store *store, rowan_error *error) {
    *store = (struct rw_store){.fd = -1, .parent_fd = -1, .lock_fd = -1};
    if (strlen(link) + sizeof SUFFIX + PART_MAX > RW_STORE_PATH_MAX)
        return rw_fail(error, ROWAN_ARGUMENT, "MODEL_DIR", NULL, "the path is too long");
    snprintf(store->link, sizeof store->link, "%s", link);
    snprintf(store->versions, sizeof store->versions, "%s" SUFFIX, link);
    rowan_status status = open_parent(store, error);
    if (status == ROWAN_OK)
        status = check_link(store, error);
    if (status == ROWAN_OK && mkdir(store->versions, FOLDER_MODE) != 0 && errno != EEXIST)
        status = fail(error, store->versions, "cannot make this folder");
    if (status == ROWAN_OK && (store->fd = open(store->versions, FOLDER_FLAGS)) < 0)
        status = fail(error, store->versions, "cannot open this folder");
    if (status == ROWAN_OK)
        status = lock(store, error);
    if (status != ROWAN_OK) {
        rw_store_close(store);
        return status;
    }
    char fresh[RW_STORE_PATH_MAX];
    name_fresh_link(store, fresh);
    unlinkat(store->parent_fd, fresh, 0);
    for_each(store, sweep_one, store);
    return ROWAN_OK;
}

void rw_store_close(struct rw_store *store) {
    const int fds[] = {store->fd, store->parent_fd, store->lock_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    store->fd = store->parent_fd = store->lock_fd = -1;
}

/* ---- a version ----------------------------------------------------------------------------- */

bool rw_store_begin(struct rw_store *store, const char *version, int *fd,
                    char path[RW_STORE_PATH_MAX], struct rw_trouble *trouble) {
    char part[PART_MAX];
    name_part(version, part);
    remove_folder(store->fd, part);
    snprintf(path, RW_STORE_PATH_MAX, "%.*s/%s", (int)(RW_STORE_PATH_MAX - PART_MAX - 2),
             store->versions, part);
    if (mkdirat(store->fd, part, FOLDER_MODE) != 0 ||
        (*fd = openat(store->fd, part, FOLDER_FLAGS)) < 0)
        return rw_trouble(trouble, path, "is there room beside MODEL_DIR?",
                          "cannot make this folder: %s", strerror(errno));
    return true;
}

/* The files have been synced one by one.  One that is damaged may be served: the two change
 * places at once, so that the link leads somewhere all the time. */
bool rw_store_finish(struct rw_store *store, const char *version, int fd,
                     struct rw_trouble *trouble) {
    char part[PART_MAX];
    name_part(version, part);
    struct stat st;
    const bool is_there = fstatat(store->fd, version, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (fsync(fd) != 0 ||
        renameat2(store->fd, part, store->fd, version, is_there ? RENAME_EXCHANGE : 0) != 0 ||
        fsync(store->fd) != 0)
        return rw_trouble(trouble, version, NULL, "cannot put the version in its place: %s",
                          strerror(errno));
    if (is_there)
        remove_folder(store->fd, part);
    return true;
}

void rw_store_drop(struct rw_store *store, const char *version) {
    char part[PART_MAX];
    name_part(version, part);
    remove_folder(store->fd, part);
}

bool rw_store_has(const struct rw_store *store, const char *version, char path[RW_STORE_PATH_MAX]) {
    struct stat st;
    snprintf(path, RW_STORE_PATH_MAX, "%.*s/%s", (int)(RW_STORE_PATH_MAX - PART_MAX - 2),
             store->versions, version);
    return fstatat(store->fd, version, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* ---- the link -------------------------------------------------------------------------------- */

void rw_store_served(const struct rw_store *store, char version[RW_DIRECTORY_MAX]) {
    char target[RW_STORE_PATH_MAX];
    ssize_t length = readlink(store->link, target, sizeof target - 1);
    const size_t folder = strlen(name_of(store->versions));
    version[0] = '\0';
    if (length <= (ssize_t)folder || strncmp(target, name_of(store->versions), folder) != 0 ||
        target[folder] != '/')
        return;
    target[length] = '\0';
    if (!strchr(target + folder + 1, '/'))
        snprintf(version, RW_DIRECTORY_MAX, "%s", target + folder + 1);
}

bool rw_store_serves(const struct rw_store *store) {
    struct stat st;
    return stat(store->link, &st) == 0 && S_ISDIR(st.st_mode);
}

bool rw_store_serves_file(const struct rw_store *store, const char *name) {
    char path[RW_STORE_PATH_MAX + RW_FILE_NAME_MAX + 2];
    snprintf(path, sizeof path, "%s/%s", store->link, name);
    return access(path, F_OK) == 0;
}

/* Whoever opens the link meets the one before or this one, and never none. */
static bool swap(struct rw_store *store, const char *target, struct rw_trouble *trouble) {
    char fresh[RW_STORE_PATH_MAX];
    name_fresh_link(store, fresh);
    unlinkat(store->parent_fd, fresh, 0);
    if (symlinkat(target, store->parent_fd, fresh) != 0 ||
        renameat(store->parent_fd, fresh, store->parent_fd, name_of(store->link)) != 0)
        return rw_trouble(trouble, store->link, NULL, "cannot swap the link: %s", strerror(errno));
    fsync(store->parent_fd);
    return true;
}

bool rw_store_swap(struct rw_store *store, const char *version, struct rw_trouble *trouble) {
    char target[RW_STORE_PATH_MAX + RW_DIRECTORY_MAX];
    snprintf(target, sizeof target, "%s/%s", name_of(store->versions), version);
    utimensat(store->fd, version, NULL, 0); /* now it is the youngest */
    return swap(store, target, trouble);
}

static bool make_absolute(const char *path, char target[RW_STORE_PATH_MAX],
                          struct rw_trouble *trouble) {
    target[0] = '\0';
    if (path[0] != '/' && !getcwd(target, RW_STORE_PATH_MAX))
        return rw_trouble(trouble, path, NULL, "where is it? %s", strerror(errno));
    const size_t length = strlen(target), left = RW_STORE_PATH_MAX - length;
    const int more = snprintf(target + length, left, "%s%s", path[0] == '/' ? "" : "/", path);
    if (more < 0 || (size_t)more >= left)
        return rw_trouble(trouble, path, NULL, "the path is too long");
    return true;
}

bool rw_store_leads_to(const struct rw_store *store, const char *path) {
    char target[RW_STORE_PATH_MAX], now[RW_STORE_PATH_MAX];
    struct rw_trouble trouble;
    const ssize_t length = readlink(store->link, now, sizeof now - 1);
    if (length < 0 || !make_absolute(path, target, &trouble))
        return false;
    now[length] = '\0';
    return strcmp(now, target) == 0;
}

bool rw_store_swap_to(struct rw_store *store, const char *path, struct rw_trouble *trouble) {
    char target[RW_STORE_PATH_MAX];
    return make_absolute(path, target, trouble) && swap(store, target, trouble);
}

/* ---- old versions ---------------------------------------------------------------------------- */

struct version {
    char name[RW_DIRECTORY_MAX];
    struct timespec changed;
};

struct versions {
    const struct rw_store *store;
    struct version *all;
    size_t n;
};

static void list_one(void *context, const char *name) {
    struct versions *versions = context;
    struct stat st;
    if (name[0] == '.' || strlen(name) >= RW_DIRECTORY_MAX || versions->n == LISTED_MAX ||
        fstatat(versions->store->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
        return;
    struct version *version = &versions->all[versions->n++];
    snprintf(version->name, sizeof version->name, "%s", name);
    version->changed = st.st_mtim;
}

static int youngest_first(const void *a, const void *b) {
    const struct timespec *one = &((const struct version *)a)->changed;
    const struct timespec *other = &((const struct version *)b)->changed;
    if (one->tv_sec != other->tv_sec)
        return one->tv_sec < other->tv_sec ? 1 : -1;
    return one->tv_nsec < other->tv_nsec ? 1 : one->tv_nsec > other->tv_nsec ? -1 : 0;
}

/* Half of one must never look like a version: after a crash it is swept. */
static void discard(struct rw_store *store, const char *name) {
    char part[PART_MAX];
    name_part(name, part);
    if (renameat(store->fd, name, store->fd, part) != 0)
        rw_log(RW_LOG_WARNING, "cannot remove %s: %s", name, strerror(errno));
    else
        remove_folder(store->fd, part);
}

void rw_store_keep(struct rw_store *store, uint32_t keep) {
    char served[RW_DIRECTORY_MAX];
    struct versions versions = {.store = store, .all = malloc(LISTED_MAX * sizeof(struct version))};
    if (!versions.all)
        return;
    rw_store_served(store, served);
    for_each(store, list_one, &versions);
    qsort(versions.all, versions.n, sizeof *versions.all, youngest_first);
    for (size_t i = keep; i < versions.n; i++)
        if (strcmp(versions.all[i].name, served) != 0) {
            rw_log(RW_LOG_INFO, "removes version %s: %u younger ones are kept",
                   versions.all[i].name, keep);
            discard(store, versions.all[i].name);
        }
    free(versions.all);
}

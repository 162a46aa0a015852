/*
 * program.c - the image's one program: nginx, rowan-stream, rowan-sync or rowan, as its name says.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Static programs of their own would each hold OpenSSL and the C library.  build-programs.sh
 * gives the main functions of all four these names.
 */
#include <grp.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include <jemalloc/jemalloc.h>

#define TEXT(number)    #number
#define TEXT_OF(number) TEXT(number)
#define ALL_ARENAS      "arena." TEXT_OF(MALLCTL_ARENAS_ALL)

int nginx_main(int argc, char *const *argv);
int rowan_main(int argc, char **argv);
int rowan_stream_main(int argc, char **argv);
int rowan_sync_main(int argc, char **argv);

/* The nginx module gives memory back by glibc's call after a flood; the allocator is another. */
int malloc_trim(size_t pad) {
    (void)pad;
    return mallctl(ALL_ARENAS ".purge", NULL, NULL, NULL, 0) == 0;
}

/* What nginx frees is the system's again at once. The master allocates while it loads a model
 * and then no more, so that by jemalloc's clock, which calls of it turn, it would keep it all. */
static void keep_nothing_freed(void) {
    ssize_t at_once = 0;
    mallctl("arenas.dirty_decay_ms", NULL, NULL, &at_once, sizeof at_once);
    mallctl("arena.0.dirty_decay_ms", NULL, NULL, &at_once, sizeof at_once);
}

/* nginx asks for the groups of its workers' user when root starts it. glibc's own asks every
 * service of nsswitch.conf, and a static program crashes in those that are libraries. Workers need
 * no group but their own. */
int initgroups(const char *user, gid_t group) {
    (void)user;
    return setgroups(1, &group);
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int main(int argc, char **argv) {
    const char *name = argc > 0 ? name_of(argv[0]) : "";
    if (strcmp(name, "nginx") == 0) {
        keep_nothing_freed();
        return nginx_main(argc, argv);
    }
    if (strcmp(name, "rowan-stream") == 0)
        return rowan_stream_main(argc, argv);
    if (strcmp(name, "rowan-sync") == 0)
        return rowan_sync_main(argc, argv);
    return rowan_main(argc, argv);
}

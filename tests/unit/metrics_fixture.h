/*
 * metrics_fixture.h - a metrics directory of a test, and what it adds up to.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef METRICS_FIXTURE_H
#define METRICS_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metrics/page.h"
#include "unit.h"

static char metrics_dir[64];

static inline int make_metrics_dir(void **state) {
    (void)state;
    strcpy(metrics_dir, "/tmp/rowan-metrics-XXXXXX");
    return mkdtemp(metrics_dir) ? 0 : -1;
}

static inline int remove_metrics_dir(void **state) {
    (void)state;
    DIR *dir = opendir(metrics_dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    return rmdir(metrics_dir);
}

static inline size_t files_ending(const char *suffix) {
    size_t n = 0;
    DIR *dir = opendir(metrics_dir);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name), tail = strlen(suffix);
        n += length >= tail && strcmp(entry->d_name + length - tail, suffix) == 0;
    }
    closedir(dir);
    return n;
}

static inline struct rw_page *open_page(void) {
    rowan_error error;
    struct rw_page *page;
    assert_int_equal(rw_page_open(metrics_dir, &page, &error), ROWAN_OK);
    return page;
}

/* The first cell of the sum of a metric without labels, or of one with these; -1: none. */
static inline int64_t sum_of(enum rw_metric metric, const char *const values[]) {
    struct rw_merge merge;
    rowan_error error;
    size_t n_dead;
    char labels[RW_LABEL_TEXT_MAX];
    size_t length = rw_label_text(metric, values, labels);
    int64_t found = -1;
    rw_merge_init(&merge);
    if (rw_metrics_read(metrics_dir, &merge, &n_dead, NULL, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    struct rw_sum **sums = rw_merge_sorted(&merge);
    for (size_t i = 0; i < merge.n_sums; i++)
        if (sums[i]->metric == metric && sums[i]->label_bytes == length &&
            memcmp(sums[i]->labels, labels, length) == 0)
            found = (int64_t)sums[i]->cells[0];
    rw_merge_free(&merge);
    return found;
}

static inline void *lend_from_arena(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

/* The exposition, to be freed. */
static inline char *exposed(enum rw_metrics_format format) {
    struct rw_arena arena;
    rowan_error error;
    rw_arena_init(&arena, SIZE_MAX);
    struct rw_memory memory = {lend_from_arena, &arena};
    struct rw_buffer text = {.memory = &memory};
    if (rw_metrics_expose(metrics_dir, format, &text, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    char *copy = strndup(text.data, text.length);
    if (!copy)
        abort();
    rw_arena_free(&arena);
    return copy;
}

#endif

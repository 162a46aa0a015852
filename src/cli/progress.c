/*
 * progress.c - one line that is drawn over and over.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DRAW_EVERY_MS 100
#define BAR_CELLS     40

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rw_progress_begin(struct rw_progress *progress, uint64_t total, bool wanted) {
    *progress = (struct rw_progress){.shown = wanted && isatty(STDERR_FILENO), .total = total};
    progress->last_draw = now_ms() - DRAW_EVERY_MS; /* the first update draws */
}

static void draw(struct rw_progress *progress, uint64_t bytes, uint64_t rows) {
    if (progress->total == 0) {
        fprintf(stderr, "\r%llu rows\033[K", (unsigned long long)rows);
        return;
    }
    double share = (double)bytes / (double)progress->total;
    share = share < 1.0 ? share : 1.0; /* the file grew meanwhile */
    int done = (int)(share * BAR_CELLS);
    char bar[BAR_CELLS + 1];
    memset(bar, '#', (size_t)done);
    memset(bar + done, '.', (size_t)(BAR_CELLS - done));
    bar[BAR_CELLS] = '\0';
    fprintf(stderr, "\r[%s] %3.0f %%  %llu rows\033[K", bar, 100.0 * share,
            (unsigned long long)rows);
}

void rw_progress_update(struct rw_progress *progress, uint64_t bytes, uint64_t rows) {
    if (!progress->shown)
        return;
    int64_t now = now_ms();
    if (now - progress->last_draw < DRAW_EVERY_MS)
        return;
    progress->last_draw = now;
    progress->drawn = true;
    draw(progress, bytes, rows);
    fflush(stderr);
}

void rw_progress_clear(struct rw_progress *progress) {
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}

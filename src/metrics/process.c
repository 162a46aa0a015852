/*
 * process.c - what this process uses: CPU, memory, file descriptors.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "metrics/page.h"

#define NS_PER_SECOND 1000000000u
#define STAT_BYTES    1024       /* of a file in /proc that is read */
#define START_FIELD   22         /* of /proc/self/stat, counted from 1 (proc(5)) */
#define SHORTEST_SPAN 100000000u /* ns; CPU time comes in ticks of the scheduler */

enum { CPU, MEMORY, START, FDS, MAX_FDS, CPU_PERCENT, N_SERIES };
_Static_assert(N_SERIES <= sizeof((struct rw_page *)0)->process / sizeof(struct rw_series *),
               "struct rw_page has a place for each");

static const enum rw_metric metrics[N_SERIES] = {
    [CPU] = RW_METRIC_PROCESS_CPU,         [MEMORY] = RW_METRIC_PROCESS_MEMORY,
    [START] = RW_METRIC_PROCESS_START,     [FDS] = RW_METRIC_PROCESS_FDS,
    [MAX_FDS] = RW_METRIC_PROCESS_MAX_FDS, [CPU_PERCENT] = RW_METRIC_MODEL_CPU,
};

/* CPU time that a page of this process has counted already: another page of the same
 * process goes on from there, a child of fork begins at nothing. */
static struct {
    pid_t pid;
    uint64_t ns;
} counted;

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A small file of /proc as text; "" if it cannot be read. */
static void read_proc(const char *path, char text[STAT_BYTES]) {
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, STAT_BYTES - 1);
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
}

/* ---- what is measured ------------------------------------------------------------------ */

static uint64_t timeval_ns(const struct timeval *time) {
    return (uint64_t)time->tv_sec * NS_PER_SECOND + (uint64_t)time->tv_usec * 1000;
}

static uint64_t cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);
}

static uint64_t resident_bytes(void) {
    char text[STAT_BYTES];
    unsigned long long pages = 0;
    read_proc("/proc/self/statm", text);
    if (sscanf(text, "%*u %llu", &pages) != 1)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t count_open_fds(void) {
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    uint64_t n = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n - 1; /* that of the directory itself */
}

/* Linux 6.2 and later say the number as the directory's size; before, it is 0. */
static uint64_t open_fds(void) {
    struct stat st;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (uint64_t)st.st_size;
    return count_open_fds();
}

static uint64_t max_fds(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

/* Field 2 is the program's name in parentheses, and may hold blanks and parentheses. */
static double process_start(void) {
    char text[STAT_BYTES];
    read_proc("/proc/self/stat", text);
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return seconds_of(CLOCK_REALTIME);
    double since_boot = (double)strtoull(at, NULL, 10) / (double)sysconf(_SC_CLK_TCK);
    return seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + since_boot;
}

/* ---- into the page ----------------------------------------------------------------------- */

static void count_cpu(struct rw_page *page, uint64_t used) {
    pid_t pid = getpid();
    if (counted.pid != pid) {
        counted.pid = pid;
        counted.ns = 0;
    }
    if (used > counted.ns) {
        rw_series_add(page->process[CPU], used - counted.ns);
        counted.ns = used;
    }
}

/* Over the samples kept: the last ten seconds where the caller comes once a second. */
static void set_cpu_percent(struct rw_page *page, uint64_t used) {
    struct rw_cpu_sample now = {(uint64_t)(seconds_of(CLOCK_MONOTONIC) * 1e9), used};
    uint64_t n = page->n_samples++;
    uint64_t oldest = n < RW_CPU_SAMPLES ? 0 : n % RW_CPU_SAMPLES;
    struct rw_cpu_sample then = n ? page->samples[oldest] : now;
    page->samples[n % RW_CPU_SAMPLES] = now;
    if (now.at - then.at >= SHORTEST_SPAN)
        rw_series_set_real(page->process[CPU_PERCENT],
                           100.0 * (double)(now.used - then.used) / (double)(now.at - then.at));
}

static void open_series(struct rw_page *page) {
    for (int i = 0; i < N_SERIES; i++)
        page->process[i] = rw_page_series(page, metrics[i], NULL);
    page->started = process_start();
}

void rw_page_refresh_process(struct rw_page *page, double started) {
    if (!page->process[CPU])
        open_series(page);
    uint64_t used = cpu_ns();
    count_cpu(page, used);
    set_cpu_percent(page, used);
    rw_series_set(page->process[MEMORY], resident_bytes());
    rw_series_set(page->process[FDS], open_fds());
    rw_series_set(page->process[MAX_FDS], max_fds());
    rw_series_set_real(page->process[START], started > 0 ? started : page->started);
}

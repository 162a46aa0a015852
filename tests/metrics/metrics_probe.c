/*
 * metrics_probe.c - a process that counts as it is told, a line at a time.
 *
 * usage: metrics_probe DIR
 *
 *   add METRIC N [VALUE]...       a counter or gauge
 *   set METRIC N [VALUE]...
 *   real METRIC X [VALUE]...      sets a real gauge
 *   ns METRIC N [VALUE]...        observes nanoseconds
 *   observe METRIC X [VALUE]...   observes a real number
 *   fold                          folds the pages of the dead
 *   used                          prints how many bytes of its page are used
 *
 * VALUE is a label value in hexadecimal ("-" for none).  Each line is answered by one.
 * The end of the input is the end of the process.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/page.h"

#define WORDS_MAX 8

static struct rw_page *page;

static void die(const char *what) {
    fprintf(stderr, "metrics_probe: %s\n", what);
    exit(1);
}

static enum rw_metric find(const char *name) {
    for (size_t i = 0; i < RW_METRICS; i++)
        if (strcmp(rw_metric_defs[i].name, name) == 0)
            return (enum rw_metric)i;
    die(name);
    return RW_METRICS;
}

/* In place. */
static void decode(char *hex) {
    char *out = hex;
    unsigned byte;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        *out++ = (char)byte;
    *out = '\0';
}

static int split(char *line, char *words[WORDS_MAX]) {
    int n = 0;
    for (char *word = strtok(line, " \n"); word && n < WORDS_MAX; word = strtok(NULL, " \n"))
        words[n++] = word;
    return n;
}

static void count(char *words[], int n) {
    if (n < 3)
        die("too few words");
    enum rw_metric metric = find(words[1]);
    for (int i = 3; i < n; i++)
        decode(words[i]);
    struct rw_series *series = rw_page_series(page, metric, (const char *const *)words + 3);
    if (strcmp(words[0], "add") == 0)
        rw_series_add(series, strtoull(words[2], NULL, 10));
    else if (strcmp(words[0], "set") == 0)
        rw_series_set(series, strtoull(words[2], NULL, 10));
    else if (strcmp(words[0], "real") == 0)
        rw_series_set_real(series, strtod(words[2], NULL));
    else if (strcmp(words[0], "ns") == 0)
        rw_series_observe_ns(series, strtoull(words[2], NULL, 10));
    else if (strcmp(words[0], "observe") == 0)
        rw_series_observe(series, strtod(words[2], NULL));
    else
        die(words[0]);
}

int main(int argc, char **argv) {
    rowan_error error;
    char line[4096], text[1024], *words[WORDS_MAX];
    if (argc != 2)
        die("usage: metrics_probe DIR");
    if (rw_page_open(argv[1], &page, &error) != ROWAN_OK)
        die(rowan_error_text(&error, text, sizeof text));
    puts("ready");
    for (fflush(stdout); fgets(line, sizeof line, stdin); fflush(stdout)) {
        int n = split(line, words);
        if (n == 1 && strcmp(words[0], "fold") == 0)
            puts(rw_metrics_fold(argv[1], NULL) == ROWAN_OK ? "ok" : "failed");
        else if (n == 1 && strcmp(words[0], "used") == 0)
            printf("%llu\n", (unsigned long long)page->header->used);
        else {
            count(words, n);
            puts("ok");
        }
    }
    return 0;
}

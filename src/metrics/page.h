/*
 * page.h - how a page lies in its file, and what the parts of metrics/ share.
 *
 * A page is a header, ids (only the page of the dead has some), then records one behind
 * the other.  A record never changes once it is counted in the header; its cells do.
 * Everything is 8-byte aligned, in the byte order of the machine: a page never leaves it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_METRICS_PAGE_H
#define RW_METRICS_PAGE_H

#include "metrics/metrics.h"

#define RW_PAGE_MAGIC  "rowanpg"
#define RW_PAGE_LAYOUT 1u

/* Bounds. */
#define RW_METRIC_SERIES_MAX 1024u       /* of one metric in a page of the living */
#define RW_LABEL_TEXT_MAX    1536u       /* bytes of all labels, escaped */
#define RW_RETIRED_BYTES     (4u << 20)  /* of the records of the page of the dead */
#define RW_MERGE_BYTES       (64u << 20) /* of the sums of one scrape */

/* Names in the directory. */
#define RW_PAGE_SUFFIX   ".page"
#define RW_NEW_SUFFIX    ".new" /* not yet a page; or its maker died */
#define RW_PAGE_NAME_MAX 32
#define RW_RETIRED_NAME  "retired.page"

struct rw_page_header {
    char magic[8];
    uint64_t table;    /* rw_metric_table_print of the program that wrote it */
    uint64_t id;       /* random; also the file's name, in hexadecimal */
    uint32_t n_ids;    /* pages that are in here, whose files may still be there */
    uint32_t n_series; /* stored with release, after the record is whole */
    uint64_t used;     /* bytes, stored before n_series */
};

#define RW_RETIRED_FILE_BYTES                                                                      \
    (sizeof(struct rw_page_header) + RW_PAGES_MAX * sizeof(uint64_t) + RW_RETIRED_BYTES)

struct rw_record {
    uint32_t metric;
    uint32_t label_bytes;
    uint64_t hash; /* of metric and label text */
    /* char label text[label_bytes], padded to 8; uint64_t cells[rw_metric_cells(metric)] */
};

static inline size_t rw_padded(size_t bytes) {
    return (bytes + 7) & ~(size_t)7;
}

static inline size_t rw_record_bytes(size_t label_bytes, uint32_t n_cells) {
    return sizeof(struct rw_record) + rw_padded(label_bytes) + n_cells * sizeof(uint64_t);
}

/* ---- the table (table.c) --------------------------------------------------------------- */

/* Equal for programs that agree on every metric. */
uint64_t rw_metric_table_print(void);
/* Cells of a series: 1, or those of a histogram with its sum. */
uint32_t rw_metric_cells(enum rw_metric metric);

/* ---- label text (labels.c) --------------------------------------------------------------- */

/* Writes `a="x",b="y"` for the labels of `metric`; gives back the length.  Values are cut
 * at RW_LABEL_VALUE_MAX bytes before a character, never inside; bytes that are no UTF-8,
 * and control characters but the newline, become U+FFFD. */
size_t rw_label_text(enum rw_metric metric, const char *const values[],
                     char text[RW_LABEL_TEXT_MAX]);
uint64_t rw_series_hash(uint32_t metric, const char *labels, size_t length);

/* ---- looking at the bytes of a page (view.c) ------------------------------------------------ */

/* One series of a page; points into its bytes. */
struct rw_view {
    enum rw_metric metric;
    uint64_t hash;
    const char *labels;
    uint32_t label_bytes;
    const uint64_t *cells; /* [rw_metric_cells(metric)], changing while one looks */
};

/* A page whose header has been checked against its size. */
struct rw_page_view {
    const unsigned char *bytes;
    size_t size; /* that are used */
    uint64_t id;
    const uint64_t *ids; /* [n_ids] */
    uint32_t n_ids;
    uint32_t n_left; /* series that rw_page_next has not given yet */
    size_t next;
};

/* ROWAN_MALFORMED: no page, or a broken one.  ROWAN_MISMATCH: of another version. */
rowan_status rw_page_view(const void *bytes, size_t size, struct rw_page_view *view,
                          rowan_error *error);
/* 1: the next series; 0: no more; -1: the rest is broken. */
int rw_page_next(struct rw_page_view *view, struct rw_view *series);

/* ---- the sums of many pages (merge.c) -------------------------------------------------------- */

struct rw_sum {
    enum rw_metric metric;
    uint32_t label_bytes;
    uint64_t hash;
    const char *labels;
    uint64_t *cells;
};

struct rw_merge {
    struct rw_arena arena;
    struct rw_sum **slots; /* [n_slots], open addressing, a power of two */
    size_t n_slots;
    size_t n_sums;
    size_t bytes; /* of the records that hold them */
};

/* Whose page it is: what ends with its process, and what stays. */
enum rw_page_life { RW_PAGE_LIVES, RW_PAGE_IS_DEAD };

void rw_merge_init(struct rw_merge *merge);
void rw_merge_free(struct rw_merge *merge);
/* Adds a page: all of it, or of the dead only counters and histograms.  A page that is
 * broken inside adds what stands before the break, and says so. */
rowan_status rw_merge_page(struct rw_merge *merge, struct rw_page_view *view,
                           enum rw_page_life life, rowan_error *error);
/* The sums by metric and label text; valid until more is merged.  NULL without memory. */
struct rw_sum **rw_merge_sorted(struct rw_merge *merge);

/* ---- files of a directory (files.c) ---------------------------------------------------------- */

/* A page's file, mapped for reading.  Mapped, not read: only a load of a whole cell
 * cannot be torn.  The file belongs to the service: nobody else may shorten it. */
struct rw_page_file {
    int fd; /* -1: there is none */
    const void *bytes;
    size_t size;
    uint64_t device, inode;
};

/* ROWAN_OK with fd -1 where there is no such file. */
rowan_status rw_page_file_open(int dir_fd, const char *name, struct rw_page_file *file,
                               rowan_error *error);
void rw_page_file_close(struct rw_page_file *file);
/* Takes the lock that says "its writer lives", for the life of the descriptor. */
bool rw_page_file_lock(int fd);
/* Does the writer of the page still hold its lock?  Asks; takes no lock. */
bool rw_page_file_lives(int fd);

/* The names in a directory that end with `suffix`, the page of the dead left out.
 * ROWAN_LIMIT: there are more than the RW_PAGES_MAX that were found. */
struct rw_names {
    char (*names)[RW_PAGE_NAME_MAX];
    size_t count;
};

rowan_status rw_names_read(int dir_fd, const char *suffix, struct rw_names *names,
                           rowan_error *error);
void rw_names_free(struct rw_names *names);
void rw_page_name(uint64_t id, const char *suffix, char name[RW_PAGE_NAME_MAX]);

/* ---- reading and folding (read.c, fold.c) ---------------------------------------------------- */

/* Told of each file that was left out, and why. */
struct rw_skipped {
    void (*report)(void *context, const rowan_error *error);
    void *context;
};

/* Is the page of this id in the page of the dead already? */
bool rw_page_lists(const struct rw_page_view *retired, uint64_t id);
/* As rw_page_view, of a file that must have the name of its id. */
rowan_status rw_page_view_file(const struct rw_page_file *file, const char *name,
                               struct rw_page_view *view, rowan_error *error);
/* Adds up the pages of `dir`.  *n_dead: pages that wait to be folded. */
rowan_status rw_metrics_read(const char *dir, struct rw_merge *merge, size_t *n_dead,
                             const struct rw_skipped *skipped, rowan_error *error);
/* Folds the pages of the dead, if no other process is at it. */
rowan_status rw_metrics_fold(const char *dir, rowan_error *error);
/* Writes what was added up. */
rowan_status rw_metrics_text(struct rw_merge *merge, enum rw_metrics_format format,
                             struct rw_buffer *out, rowan_error *error);

/* ---- the page of this process (page.c) ------------------------------------------------------- */

#define RW_CPU_SAMPLES 11u /* a second apart: ten seconds between the first and the last */

struct rw_cpu_sample {
    uint64_t at, used; /* nanoseconds */
};

struct rw_entry {
    struct rw_series series;
    uint64_t hash;
    const char *labels;
    uint32_t label_bytes;
    uint32_t metric;
};

struct rw_page {
    struct rw_page_header *header; /* mapped, or of a private page allocated */
    int fd;                        /* holds the lock; -1: private */
    struct rw_arena arena;
    struct rw_entry **slots; /* [n_slots], open addressing */
    size_t n_slots;
    uint32_t n_series[RW_METRICS];
    uint64_t bounds[RW_METRICS][RW_METRIC_BOUNDS_MAX];
    struct rw_series unseen[RW_METRICS]; /* where no room was */
    uint64_t unseen_cells[RW_METRIC_BOUNDS_MAX + 2];
    struct rw_series *dropped;
    /* process.c */
    struct rw_series *process[8];
    double started;
    struct rw_cpu_sample samples[RW_CPU_SAMPLES];
    uint64_t n_samples;
};

#endif

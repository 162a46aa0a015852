/*
 * series.c - the series of this process's page: found by their labels, made once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "metrics/page.h"

/* Where the entry is, or the empty slot where it belongs. */
static struct rw_entry **find_slot(struct rw_page *page, const struct rw_entry *wanted) {
    size_t i = wanted->hash & (page->n_slots - 1);
    for (;; i = (i + 1) & (page->n_slots - 1)) {
        struct rw_entry *entry = page->slots[i];
        if (!entry)
            return &page->slots[i];
        if (entry->hash == wanted->hash && entry->metric == wanted->metric &&
            entry->label_bytes == wanted->label_bytes &&
            memcmp(entry->labels, wanted->labels, wanted->label_bytes) == 0)
            return &page->slots[i];
    }
}

/* Appends the record, then publishes it: a reader sees all of it or nothing. */
static uint64_t *append(struct rw_page *page, struct rw_entry *entry) {
    struct rw_page_header *header = page->header;
    uint32_t n_cells = rw_metric_cells(entry->metric);
    size_t bytes = rw_record_bytes(entry->label_bytes, n_cells);
    if (page->n_series[entry->metric] == RW_METRIC_SERIES_MAX ||
        bytes > RW_PAGE_BYTES - header->used)
        return NULL;
    struct rw_record *record = (void *)((char *)header + header->used);
    *record = (struct rw_record){entry->metric, entry->label_bytes, entry->hash};
    char *labels = (char *)(record + 1);
    memcpy(labels, entry->labels, entry->label_bytes);
    entry->labels = labels;
    __atomic_store_n(&header->used, header->used + bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&header->n_series, header->n_series + 1, __ATOMIC_RELEASE);
    page->n_series[entry->metric]++;
    return (void *)(labels + rw_padded(entry->label_bytes));
}

static struct rw_series *make(struct rw_page *page, struct rw_entry **slot,
                              const struct rw_entry *wanted) {
    struct rw_entry *entry = rw_arena_alloc(&page->arena, 1, sizeof *entry);
    if (!entry)
        return NULL;
    *entry = *wanted;
    const struct rw_metric_def *def = &rw_metric_defs[entry->metric];
    entry->series =
        (struct rw_series){append(page, entry), page->bounds[entry->metric], def->n_bounds};
    if (!entry->series.cells)
        return NULL; /* the arena keeps the block; it is bounded, too */
    *slot = entry;
    return &entry->series;
}

struct rw_series *rw_page_series(struct rw_page *page, enum rw_metric metric,
                                 const char *const values[]) {
    char text[RW_LABEL_TEXT_MAX];
    size_t length = rw_label_text(metric, values, text);
    struct rw_entry wanted = {.hash = rw_series_hash(metric, text, length),
                              .labels = text,
                              .label_bytes = (uint32_t)length,
                              .metric = metric};
    struct rw_entry **slot = find_slot(page, &wanted);
    if (*slot)
        return &(*slot)->series;
    struct rw_series *series = make(page, slot, &wanted);
    if (series)
        return series;
    rw_series_add(page->dropped, 1);
    return &page->unseen[metric];
}

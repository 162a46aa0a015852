/*
 * view.c - the bytes of a page, believed only where they have been checked.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "metrics/page.h"

static rowan_status malformed(rowan_error *error, const char *what) {
    return rw_fail(error, ROWAN_MALFORMED, NULL, "remove the file if no process writes it", "%s",
                   what);
}

rowan_status rw_page_view(const void *bytes, size_t size, struct rw_page_view *view,
                          rowan_error *error) {
    const struct rw_page_header *header = bytes;
    if (size < sizeof *header || memcmp(header->magic, RW_PAGE_MAGIC, sizeof header->magic) != 0)
        return malformed(error, "not a page of metrics");
    if (header->table != rw_metric_table_print())
        return rw_fail(error, ROWAN_MISMATCH, NULL, "it goes when its process ends",
                       "a page of another version of the program");
    /* In this order: `used` covers the records that the count says. */
    uint32_t n_series = __atomic_load_n(&header->n_series, __ATOMIC_ACQUIRE);
    uint64_t used = __atomic_load_n(&header->used, __ATOMIC_RELAXED);
    if (used > size || header->n_ids > RW_PAGES_MAX ||
        used < sizeof *header + header->n_ids * sizeof(uint64_t))
        return malformed(error, "the header of a page does not agree with its size");
    *view = (struct rw_page_view){
        .bytes = bytes,
        .size = used,
        .id = header->id,
        .ids = (const uint64_t *)(header + 1),
        .n_ids = header->n_ids,
        .n_left = n_series,
        .next = sizeof *header + header->n_ids * sizeof(uint64_t),
    };
    return ROWAN_OK;
}

static bool record_is_whole(const struct rw_page_view *view, const struct rw_record *record) {
    size_t room = view->size - view->next;
    return room >= sizeof *record && record->metric < RW_METRICS &&
           record->label_bytes <= RW_LABEL_TEXT_MAX &&
           rw_record_bytes(record->label_bytes, rw_metric_cells(record->metric)) <= room;
}

int rw_page_next(struct rw_page_view *view, struct rw_view *series) {
    if (view->n_left == 0)
        return 0;
    const struct rw_record *record = (const void *)(view->bytes + view->next);
    if (!record_is_whole(view, record))
        return -1;
    const char *labels = (const char *)(record + 1);
    if (record->hash != rw_series_hash(record->metric, labels, record->label_bytes))
        return -1;
    *series = (struct rw_view){
        .metric = record->metric,
        .hash = record->hash,
        .labels = labels,
        .label_bytes = record->label_bytes,
        .cells = (const void *)(labels + rw_padded(record->label_bytes)),
    };
    view->next += rw_record_bytes(record->label_bytes, rw_metric_cells(record->metric));
    view->n_left--;
    return 1;
}

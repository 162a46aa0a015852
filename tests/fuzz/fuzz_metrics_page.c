/*
 * fuzz_metrics_page.c - bytes of a page's file, added up and written in both formats.
 *
 * The print of the table and the hashes of series are put right first: otherwise hardly
 * an input would get behind them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "metrics/page.h"

static void *lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

static void put_right(unsigned char *bytes, size_t size) {
    struct rw_page_header *header = (void *)bytes;
    if (size < sizeof *header)
        return;
    header->table = rw_metric_table_print();
    size_t at = sizeof *header + (header->n_ids % 8) * sizeof(uint64_t);
    while (at + sizeof(struct rw_record) <= size) {
        struct rw_record *record = (void *)(bytes + at);
        size_t room = size - at - sizeof *record;
        if (record->label_bytes > room || record->metric >= RW_METRICS)
            return;
        record->hash =
            rw_series_hash(record->metric, (const char *)(record + 1), record->label_bytes);
        at += rw_record_bytes(record->label_bytes, rw_metric_cells(record->metric));
    }
}

static void write_text(struct rw_merge *merge, enum rw_metrics_format format) {
    struct rw_arena arena;
    rw_arena_init(&arena, 64u << 20);
    struct rw_memory memory = {lend, &arena};
    struct rw_buffer text = {.memory = &memory};
    if (rw_metrics_text(merge, format, &text, NULL) != ROWAN_OK)
        abort();
    rw_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rw_merge merge;
    struct rw_page_view view;
    unsigned char *bytes = malloc(size ? size : 1); /* exact and aligned */
    if (size > 0)
        memcpy(bytes, data, size);
    put_right(bytes, size);
    rw_merge_init(&merge);
    for (enum rw_page_life life = RW_PAGE_LIVES; life <= RW_PAGE_IS_DEAD; life++)
        if (rw_page_view(bytes, size, &view, NULL) == ROWAN_OK) {
            rw_page_lists(&view, size);
            rw_merge_page(&merge, &view, life, NULL);
        }
    write_text(&merge, RW_PROMETHEUS_TEXT);
    write_text(&merge, RW_OPENMETRICS);
    rw_merge_free(&merge);
    free(bytes);
    return 0;
}

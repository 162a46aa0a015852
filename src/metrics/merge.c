/*
 * merge.c - the sums of many pages, found by metric and label text.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "metrics/page.h"

#define FIRST_SLOTS 1024u

void rw_merge_init(struct rw_merge *merge) {
    *merge = (struct rw_merge){0};
    rw_arena_init(&merge->arena, RW_MERGE_BYTES);
}

void rw_merge_free(struct rw_merge *merge) {
    rw_arena_free(&merge->arena);
    *merge = (struct rw_merge){0};
}

/* ---- finding --------------------------------------------------------------------------- */

static bool is_same(const struct rw_sum *sum, const struct rw_view *series) {
    return sum->hash == series->hash && sum->metric == series->metric &&
           sum->label_bytes == series->label_bytes &&
           memcmp(sum->labels, series->labels, series->label_bytes) == 0;
}

static struct rw_sum **find_slot(const struct rw_merge *merge, const struct rw_view *series) {
    size_t i = series->hash & (merge->n_slots - 1);
    while (merge->slots[i] && !is_same(merge->slots[i], series))
        i = (i + 1) & (merge->n_slots - 1);
    return &merge->slots[i];
}

/* Twice the slots; the old ones stay in the arena, which adds up to as much again. */
static bool grow(struct rw_merge *merge) {
    size_t n_slots = merge->n_slots ? 2 * merge->n_slots : FIRST_SLOTS;
    struct rw_sum **slots = rw_arena_alloc(&merge->arena, n_slots, sizeof(struct rw_sum *));
    if (!slots)
        return false;
    for (size_t i = 0; i < merge->n_slots; i++)
        if (merge->slots[i]) {
            size_t to = merge->slots[i]->hash & (n_slots - 1);
            while (slots[to])
                to = (to + 1) & (n_slots - 1);
            slots[to] = merge->slots[i];
        }
    merge->slots = slots;
    merge->n_slots = n_slots;
    return true;
}

/* One block for the sum, its cells and its labels. */
static struct rw_sum *add_sum(struct rw_merge *merge, const struct rw_view *series) {
    uint32_t n_cells = rw_metric_cells(series->metric);
    size_t cell_bytes = n_cells * sizeof(uint64_t);
    struct rw_sum *sum =
        rw_arena_alloc(&merge->arena, 1, sizeof *sum + cell_bytes + series->label_bytes);
    if (!sum)
        return NULL;
    uint64_t *cells = (uint64_t *)(sum + 1);
    char *labels = (char *)(cells + n_cells);
    memcpy(labels, series->labels, series->label_bytes);
    *sum = (struct rw_sum){.metric = series->metric,
                           .label_bytes = series->label_bytes,
                           .hash = series->hash,
                           .labels = labels,
                           .cells = cells};
    merge->n_sums++;
    merge->bytes += rw_record_bytes(series->label_bytes, n_cells);
    return sum;
}

/* ---- adding ---------------------------------------------------------------------------- */

static double as_real(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t as_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t combine(const struct rw_metric_def *def, uint64_t a, uint64_t b) {
    bool real = def->value == RW_REAL;
    if (def->merge == RW_SUM)
        return real ? as_bits(as_real(a) + as_real(b)) : a + b;
    /* A time of 0: the process of one page has not said it yet.  Of a count, 0 is the least:
     * one thread that is not ready. */
    if (def->merge == RW_MIN && real && (a == 0 || b == 0))
        return a | b;
    bool less = real ? as_real(a) < as_real(b) : (int64_t)a < (int64_t)b;
    return less == (def->merge == RW_MAX) ? b : a;
}

static void add_cells(struct rw_sum *sum, const uint64_t *cells, bool is_first) {
    const struct rw_metric_def *def = &rw_metric_defs[sum->metric];
    uint32_t n_counts = def->type == RW_HISTOGRAM ? def->n_bounds + 1 : 0;
    for (uint32_t i = 0; i < n_counts; i++)
        sum->cells[i] += __atomic_load_n(&cells[i], __ATOMIC_RELAXED);
    uint64_t value = __atomic_load_n(&cells[n_counts], __ATOMIC_RELAXED);
    sum->cells[n_counts] = is_first ? value : combine(def, sum->cells[n_counts], value);
}

static bool add_series(struct rw_merge *merge, const struct rw_view *series) {
    if (2 * merge->n_sums >= merge->n_slots && !grow(merge))
        return false;
    struct rw_sum **slot = find_slot(merge, series);
    bool is_first = !*slot;
    if (is_first)
        *slot = add_sum(merge, series);
    if (!*slot)
        return false;
    add_cells(*slot, series->cells, is_first);
    return true;
}

/* Gauges and infos end with their process. */
static bool outlives(enum rw_metric metric) {
    enum rw_metric_type type = rw_metric_defs[metric].type;
    return type == RW_COUNTER || type == RW_HISTOGRAM;
}

rowan_status rw_merge_page(struct rw_merge *merge, struct rw_page_view *view,
                           enum rw_page_life life, rowan_error *error) {
    struct rw_view series;
    int more;
    while ((more = rw_page_next(view, &series)) > 0)
        if ((life == RW_PAGE_LIVES || outlives(series.metric)) && !add_series(merge, &series))
            return rw_fail(error, ROWAN_LIMIT, NULL, "give fewer values to labels",
                           "more series than %u bytes hold", RW_MERGE_BYTES);
    if (more < 0)
        return rw_fail(error, ROWAN_MALFORMED, NULL, "remove the file if no process writes it",
                       "a broken record; what stands before it was counted");
    return ROWAN_OK;
}

/* ---- order ------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b) {
    const struct rw_sum *left = *(struct rw_sum *const *)a, *right = *(struct rw_sum *const *)b;
    if (left->metric != right->metric)
        return left->metric < right->metric ? -1 : 1;
    uint32_t length =
        left->label_bytes < right->label_bytes ? left->label_bytes : right->label_bytes;
    int order = memcmp(left->labels, right->labels, length);
    if (order != 0)
        return order;
    return (left->label_bytes > right->label_bytes) - (left->label_bytes < right->label_bytes);
}

struct rw_sum **rw_merge_sorted(struct rw_merge *merge) {
    struct rw_sum **sorted =
        rw_arena_alloc(&merge->arena, merge->n_sums + 1, sizeof(struct rw_sum *));
    if (!sorted)
        return NULL;
    size_t n = 0;
    for (size_t i = 0; i < merge->n_slots; i++)
        if (merge->slots[i])
            sorted[n++] = merge->slots[i];
    qsort(sorted, n, sizeof *sorted, compare);
    return sorted;
}

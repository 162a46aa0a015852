/*
 * text.c - sums as Prometheus text 0.0.4 and as OpenMetrics 1.0.
 *
 * Where the formats differ is in `struct dialect`.  Room is reserved a series at a time,
 * then written without further checks: a scrape writes tens of thousands of numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/page.h"

#define NS_DIGITS    9u
#define NS           1000000000u
#define LE_BYTES     24u /* of `le="0.00025"` */
#define LINE_EXTRA   96u /* of a line, beside name and labels: suffix, le, number */
#define HEADER_BYTES 512u

struct dialect {
    const char *counter_tail, *info_tail; /* what a family's name leaves out */
    const char *info_type;
    bool has_units;
    const char *end;
};

static const struct dialect dialects[] = {
    [RW_PROMETHEUS_TEXT] = {"", "", "gauge", false, ""},
    [RW_OPENMETRICS] = {"_total", "_info", "info", true, "# EOF\n"},
};

/* One metric while its series are written. */
struct family {
    const struct rw_metric_def *def;
    size_t name_bytes;
    char le[RW_METRIC_BOUNDS_MAX + 1][LE_BYTES];
    size_t le_bytes[RW_METRIC_BOUNDS_MAX + 1];
};

/* ---- numbers -------------------------------------------------------------------------- */

static char *put(char *at, const char *text, size_t length) {
    memcpy(at, text, length);
    return at + length;
}

static char *put_count(char *at, uint64_t value) {
    char digits[20], *first = digits + sizeof digits;
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(at, first, (size_t)(digits + sizeof digits - first));
}

/* Exact: no double comes between. */
static char *put_seconds(char *at, uint64_t ns) {
    at = put_count(at, ns / NS);
    uint64_t rest = ns % NS;
    if (rest == 0)
        return at;
    *at++ = '.';
    size_t length = NS_DIGITS;
    for (; rest % 10 == 0; rest /= 10)
        length--;
    for (size_t i = length; i-- > 0; rest /= 10)
        at[i] = (char)('0' + rest % 10);
    return at + length;
}

/* The shortest of 15 and 17 digits that is the same double. */
static char *put_real(char *at, double value) {
    if (!isfinite(value)) {
        const char *name = isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
        return put(at, name, strlen(name));
    }
    int length = snprintf(at, LINE_EXTRA / 2, "%.15g", value);
    if (strtod(at, NULL) != value)
        length = snprintf(at, LINE_EXTRA / 2, "%.17g", value);
    return at + length;
}

static char *put_value(char *at, const struct rw_metric_def *def, uint64_t cell) {
    if (def->value == RW_REAL) {
        double value;
        memcpy(&value, &cell, sizeof value);
        return put_real(at, value);
    }
    /* A gauge below zero is a fault of its writer; shown as what it is. */
    if (def->type == RW_GAUGE && (int64_t)cell < 0) {
        *at++ = '-';
        cell = -cell;
    }
    return def->value == RW_SECONDS ? put_seconds(at, cell) : put_count(at, cell);
}

/* ---- a family ---------------------------------------------------------------------------- */

/* OpenMetrics' canonical form, in both formats: a series keeps its name whoever scrapes. */
static void set_le(struct family *family) {
    for (uint32_t i = 0; i <= family->def->n_bounds; i++) {
        char number[LE_BYTES] = "+Inf";
        if (i < family->def->n_bounds) {
            snprintf(number, sizeof number, "%.15g", family->def->bounds[i]);
            if (!strpbrk(number, ".e"))
                snprintf(number, sizeof number, "%.1f", family->def->bounds[i]);
        }
        family->le_bytes[i] = (size_t)snprintf(family->le[i], LE_BYTES, "le=\"%.17s\"", number);
    }
}

static size_t without_tail(const char *name, const char *tail) {
    size_t length = strlen(name), tail_length = strlen(tail);
    bool ends = length > tail_length && strcmp(name + length - tail_length, tail) == 0;
    return ends ? length - tail_length : length;
}

static bool ends_with_unit(const char *name, size_t length, const char *unit) {
    size_t tail = strlen(unit);
    return tail > 0 && length > tail + 1 && name[length - tail - 1] == '_' &&
           memcmp(name + length - tail, unit, tail) == 0;
}

static void put_header(struct rw_buffer *out, const struct rw_metric_def *def,
                       const struct dialect *dialect) {
    static const char *const types[] = {"counter", "gauge", "histogram", NULL};
    const char *tail = def->type == RW_COUNTER ? dialect->counter_tail
                       : def->type == RW_INFO  ? dialect->info_tail
                                               : "";
    const char *type = def->type == RW_INFO ? dialect->info_type : types[def->type];
    int length = (int)without_tail(def->name, tail);
    rw_buffer_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", length, def->name, def->help, length,
                     def->name, type);
    if (dialect->has_units && ends_with_unit(def->name, (size_t)length, def->unit))
        rw_buffer_printf(out, "# UNIT %.*s %s\n", length, def->name, def->unit);
}

/* ---- series -------------------------------------------------------------------------------- */

static char *put_name(char *at, const struct family *family, const char *suffix,
                      const struct rw_sum *sum) {
    at = put(at, family->def->name, family->name_bytes);
    at = put(at, suffix, strlen(suffix));
    if (sum->label_bytes > 0) {
        *at++ = '{';
        at = put(at, sum->labels, sum->label_bytes);
        *at++ = '}';
    }
    *at++ = ' ';
    return at;
}

/* `name_bucket{labels,` is the same for each bucket: written once, then copied. */
static char *put_buckets(char *at, const struct family *family, const struct rw_sum *sum,
                         uint64_t *count) {
    char *prefix = at;
    at = put(at, family->def->name, family->name_bytes);
    at = put(at, "_bucket{", 8);
    at = put(at, sum->labels, sum->label_bytes);
    if (sum->label_bytes > 0)
        *at++ = ',';
    size_t prefix_bytes = (size_t)(at - prefix);
    *count = 0;
    for (uint32_t i = 0; i <= family->def->n_bounds; i++) {
        if (i > 0)
            at = put(at, prefix, prefix_bytes);
        at = put(at, family->le[i], family->le_bytes[i]);
        *at++ = '}';
        *at++ = ' ';
        at = put_count(at, *count += sum->cells[i]);
        *at++ = '\n';
    }
    return at;
}

static char *put_histogram(char *at, const struct family *family, const struct rw_sum *sum) {
    uint64_t count;
    at = put_buckets(at, family, sum, &count);
    at = put_name(at, family, "_sum", sum);
    at = put_value(at, family->def, sum->cells[family->def->n_bounds + 1]);
    *at++ = '\n';
    at = put_name(at, family, "_count", sum);
    at = put_count(at, count);
    *at++ = '\n';
    return at;
}

static size_t series_room(const struct family *family, size_t label_bytes) {
    size_t lines = family->def->type == RW_HISTOGRAM ? family->def->n_bounds + 3 : 1;
    return lines * (family->name_bytes + label_bytes + LINE_EXTRA);
}

static void put_series(struct rw_buffer *out, const struct family *family,
                       const struct rw_sum *sum) {
    if (family->def->type == RW_INFO && sum->cells[0] == 0)
        return; /* no longer true */
    if (!rw_buffer_reserve(out, series_room(family, sum->label_bytes)))
        return;
    char *at = out->data + out->length;
    if (family->def->type == RW_HISTOGRAM) {
        at = put_histogram(at, family, sum);
    } else {
        at = put_name(at, family, "", sum);
        at = put_value(at, family->def, sum->cells[0]);
        *at++ = '\n';
    }
    out->length = (size_t)(at - out->data);
}

/* What nobody has counted yet is 0, where its one series is known.  The smallest of nothing
 * is no number. */
static bool starts_at_zero(const struct rw_metric_def *def) {
    return !*def->labels && def->merge != RW_MIN;
}

static void put_family(struct rw_buffer *out, enum rw_metric metric, const struct dialect *dialect,
                       struct rw_sum *const *sums, size_t n) {
    struct family family = {.def = &rw_metric_defs[metric],
                            .name_bytes = strlen(rw_metric_defs[metric].name)};
    put_header(out, family.def, dialect);
    if (family.def->type == RW_HISTOGRAM)
        set_le(&family);
    uint64_t zeros[RW_METRIC_BOUNDS_MAX + 2] = {0};
    struct rw_sum nothing = {.metric = metric, .labels = "", .cells = zeros};
    if (n == 0 && starts_at_zero(family.def))
        put_series(out, &family, &nothing);
    for (size_t i = 0; i < n; i++)
        put_series(out, &family, sums[i]);
}

/* Room for all, so that the buffer need not grow: an upper bound that is soon computed. */
static size_t text_room(struct rw_sum *const *sums, size_t n) {
    size_t room = RW_METRICS * (size_t)HEADER_BYTES;
    for (size_t i = 0; i < n; i++) {
        const struct rw_metric_def *def = &rw_metric_defs[sums[i]->metric];
        struct family family = {.def = def, .name_bytes = strlen(def->name)};
        room += series_room(&family, sums[i]->label_bytes);
    }
    return room;
}

rowan_status rw_metrics_text(struct rw_merge *merge, enum rw_metrics_format format,
                             struct rw_buffer *out, rowan_error *error) {
    struct rw_sum **sums = rw_merge_sorted(merge);
    if (!sums || !rw_buffer_reserve(out, text_room(sums, merge->n_sums)))
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the text of metrics");
    size_t at = 0;
    for (enum rw_metric metric = 0; metric < RW_METRICS; metric++) {
        size_t first = at;
        while (at < merge->n_sums && sums[at]->metric == metric)
            at++;
        put_family(out, metric, &dialects[format], sums + first, at - first);
    }
    rw_buffer_text(out, dialects[format].end);
    if (out->failed)
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the text of metrics");
    return ROWAN_OK;
}

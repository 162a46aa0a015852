/*
 * negotiate.c - which format an Accept header asks for (RFC 9110, 12.5.1).
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <strings.h>

#include "metrics/metrics.h"

const char *rw_metrics_media_type(enum rw_metrics_format format) {
    return format == RW_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                    : "text/plain; version=0.0.4; charset=utf-8";
}

struct span {
    const char *at, *end;
};

/* How much a client wants a format: its weight in thousandths, and whether it named it. */
struct wish {
    unsigned weight, specificity;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static struct span trim(struct span text) {
    while (text.at < text.end && is_blank(*text.at))
        text.at++;
    while (text.at < text.end && is_blank(text.end[-1]))
        text.end--;
    return text;
}

/* Takes what stands before the next separator outside of quotes. */
static struct span take(struct span *rest, char separator) {
    struct span part = *rest;
    bool quoted = false;
    const char *at = rest->at;
    for (; at < rest->end && (quoted || *at != separator); at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (quoted && *at == '\\' && at + 1 < rest->end)
            at++;
    }
    part.end = at;
    rest->at = at < rest->end ? at + 1 : at;
    return trim(part);
}

static bool is(struct span text, const char *word) {
    size_t length = strlen(word);
    return (size_t)(text.end - text.at) == length && strncasecmp(text.at, word, length) == 0;
}

static struct span unquote(struct span text) {
    if (text.end - text.at >= 2 && text.at[0] == '"' && text.end[-1] == '"')
        return (struct span){text.at + 1, text.end - 1};
    return text;
}

/* "1", "0.75": in thousandths; what is no weight asks for nothing. */
static unsigned weight_of(struct span text) {
    if (text.at == text.end || (*text.at != '0' && *text.at != '1'))
        return 0;
    unsigned weight = *text.at++ == '1' ? 1000 : 0;
    if (text.at < text.end && *text.at++ != '.')
        return 0;
    for (unsigned unit = 100; text.at < text.end; text.at++, unit /= 10) {
        if (*text.at < '0' || *text.at > '9' || unit == 0)
            return 0;
        weight += (unsigned)(*text.at - '0') * unit;
    }
    return weight > 1000 ? 0 : weight;
}

static bool can_give(struct span version, bool openmetrics) {
    if (openmetrics) /* readers of 0.0.1 read 1.0.0 */
        return is(version, "1.0.0") || is(version, "0.0.1");
    return is(version, "0.0.4") || is(version, "1.0.0");
}

/* What one media range says about a format; specificity 0: nothing. */
static struct wish wish_of(struct span range, bool openmetrics) {
    struct wish wish = {.weight = 1000};
    struct span type = take(&range, ';');
    if (is(type, openmetrics ? "application/openmetrics-text" : "text/plain"))
        wish.specificity = 3;
    else if (is(type, openmetrics ? "application/*" : "text/*"))
        wish.specificity = 2;
    else if (is(type, "*/*"))
        wish.specificity = 1;
    while (range.at < range.end) {
        struct span value = take(&range, ';');
        struct span name = take(&value, '=');
        value = unquote(value);
        if (is(name, "q"))
            wish.weight = weight_of(trim(value));
        else if (is(name, "version") && !can_give(value, openmetrics))
            wish.specificity = 0;
    }
    return wish;
}

/* Of the ranges that match, the most specific one counts; of equal ones the largest. */
static struct wish wish_for(struct span accept, bool openmetrics) {
    struct wish best = {0};
    while (accept.at < accept.end) {
        struct wish wish = wish_of(take(&accept, ','), openmetrics);
        if (wish.specificity > best.specificity ||
            (wish.specificity == best.specificity && wish.weight > best.weight))
            best = wish;
    }
    return best.specificity ? best : (struct wish){0};
}

enum rw_metrics_format rw_metrics_negotiate(const char *accept, size_t length) {
    if (length == 0)
        return RW_PROMETHEUS_TEXT;
    struct span all = {accept, accept + length};
    struct wish openmetrics = wish_for(all, true), text = wish_for(all, false);
    /* Equal weights: the format that was named; of two named ones the simpler. */
    bool preferred = openmetrics.weight > text.weight ||
                     (openmetrics.weight == text.weight && openmetrics.weight > 0 &&
                      openmetrics.specificity > text.specificity);
    return preferred ? RW_OPENMETRICS : RW_PROMETHEUS_TEXT;
}

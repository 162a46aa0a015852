/*
 * probe.c - is rowan-stream alive, is it ready?
 *
 * The answer is in the pages that its threads write: no port, no signal, and a thread that
 * hangs cannot answer for itself.  The gauges of a process that has ended are gone with it,
 * and a gauge that nobody has is 0: without a rowan-stream there is no heartbeat.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"
#include "daemon/now.h"
#include "stream/probe.h"

#define TEXT_MAX ((size_t)64 << 20) /* of all metrics of the directory */

static void *lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

/* Of a gauge without labels, which has one line: "NAME VALUE". */
static double gauge(const char *text, enum rw_metric metric) {
    const char *name = rw_metric_defs[metric].name;
    const size_t length = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtod(line + length, NULL);
    }
    return 0;
}

static bool judge_life(const char *text, const char *dir, rowan_error *error) {
    double heartbeat = gauge(text, RW_METRIC_STREAM_HEARTBEAT);
    double age = rw_unix_seconds() - heartbeat;
    if (heartbeat <= 0)
        rw_error_set(error, ROWAN_MISMATCH, dir, "is it the directory of a rowan-stream that runs?",
                     "no rowan-stream writes metrics there");
    else if (age > RW_STREAM_HEARTBEAT_MAX)
        rw_error_set(error, ROWAN_MISMATCH, dir, NULL,
                     "a scoring thread has not moved for %.1f s; %.0f s are allowed", age,
                     RW_STREAM_HEARTBEAT_MAX);
    else
        return true;
    return false;
}

static bool judge_readiness(const char *text, const char *dir, rowan_error *error) {
    if (gauge(text, RW_METRIC_STREAM_READY) != 1)
        rw_error_set(error, ROWAN_MISMATCH, dir, NULL,
                     "a scoring thread waits for a model or for its place in the group");
    else if (gauge(text, RW_METRIC_KAFKA_BROKER_UP) != 1)
        rw_error_set(error, ROWAN_MISMATCH, dir, NULL, "the broker does not answer");
    else
        return true;
    return false;
}

bool rw_stream_probe(const struct rw_stream_settings *settings, rowan_error *error) {
    const char *dir = settings->metrics_dir;
    if (!dir) {
        rw_error_set(error, ROWAN_MISMATCH, NULL, "name the one that rowan-stream writes to",
                     "a probe needs a metrics directory");
        return false;
    }
    struct rw_arena arena;
    rw_arena_init(&arena, TEXT_MAX);
    struct rw_memory memory = {lend, &arena};
    struct rw_buffer text = {.memory = &memory};
    bool holds = rw_metrics_expose(dir, RW_PROMETHEUS_TEXT, &text, error) == ROWAN_OK;
    rw_buffer_add(&text, "", 1);
    if (holds && text.failed) {
        rw_error_set(error, ROWAN_NO_MEMORY, dir, NULL, "the metrics have more than %zu bytes",
                     TEXT_MAX);
        holds = false;
    }
    holds = holds && judge_life(text.data, dir, error);
    if (holds && settings->action == RW_STREAM_PROBE_READY)
        holds = judge_readiness(text.data, dir, error);
    rw_arena_free(&arena);
    return holds;
}

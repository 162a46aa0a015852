/*
 * report_json.c - what a run was, as JSON.  Times are milliseconds, unless a name says
 * otherwise; null where there is nothing to say.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/report_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static double ms_of_us(uint64_t us) {
    return (double)us / 1e3;
}

static double ms_of_ns(int64_t ns) {
    return (double)ns / 1e6;
}

/* ---- small things ----------------------------------------------------------------------- */

/* "name":, with a comma where something stands before. */
static void name(struct rw_buffer *out, const char *text) {
    const char last = out->length ? out->data[out->length - 1] : '{';
    if (last != '{' && last != '[')
        rw_buffer_add(out, ",", 1);
    rw_buffer_printf(out, "\"%s\":", text);
}

/* A name that came from outside. */
static void escaped_name(struct rw_buffer *out, const char *text) {
    const char last = out->data[out->length - 1];
    rw_buffer_text(out, last == '{' ? "\"" : ",\"");
    rw_buffer_json_escaped(out, text, strlen(text));
    rw_buffer_text(out, "\":");
}

static void count(struct rw_buffer *out, const char *text, uint64_t value) {
    name(out, text);
    rw_buffer_printf(out, "%" PRIu64, value);
}

static void real(struct rw_buffer *out, const char *text, double value) {
    name(out, text);
    if (isfinite(value))
        rw_buffer_printf(out, "%.10g", value);
    else
        rw_buffer_text(out, "null");
}

static void truth(struct rw_buffer *out, const char *text, bool value) {
    name(out, text);
    rw_buffer_text(out, value ? "true" : "false");
}

static void string(struct rw_buffer *out, const char *text, const char *value) {
    name(out, text);
    rw_buffer_add(out, "\"", 1);
    rw_buffer_json_escaped(out, value, strlen(value));
    rw_buffer_add(out, "\"", 1);
}

static void open_object(struct rw_buffer *out, const char *text) {
    name(out, text);
    rw_buffer_add(out, "{", 1);
}

/* The next one of an array. */
static void open_row(struct rw_buffer *out) {
    if (out->length && out->data[out->length - 1] == '}')
        rw_buffer_add(out, ",", 1);
    rw_buffer_add(out, "{", 1);
}

static void open_array(struct rw_buffer *out, const char *text) {
    name(out, text);
    rw_buffer_add(out, "[", 1);
}

static void close(struct rw_buffer *out, const char *bracket) {
    rw_buffer_add(out, bracket, 1);
}

static void histogram(struct rw_buffer *out, const char *text,
                      const struct rw_load_histogram *values) {
    open_object(out, text);
    count(out, "n", values->n);
    if (values->n > 0) {
        real(out, "mean", rw_load_histogram_mean(values) / 1e3);
        real(out, "p50", ms_of_us(rw_load_histogram_at(values, 0.5)));
        real(out, "p90", ms_of_us(rw_load_histogram_at(values, 0.9)));
        real(out, "p99", ms_of_us(rw_load_histogram_at(values, 0.99)));
        real(out, "p999", ms_of_us(rw_load_histogram_at(values, 0.999)));
        real(out, "max", ms_of_us(values->max));
    }
    close(out, "}");
}

/* ---- sending -------------------------------------------------------------------------------- */

static void add_run(struct rw_buffer *out, const struct rw_load_run *run) {
    char id[RW_LOAD_ID_BYTES];
    memcpy(id, run->id_prefix, sizeof id);
    id[strlen(id) - 1] = '\0'; /* the dash */
    string(out, "run", id);
    string(out, "version", ROWAN_VERSION);
    string(out, "topic", run->options->stream.input);
    count(out, "partitions", run->n_partitions);
    count(out, "started_unix_ms", (uint64_t)run->clock.start_unix_ms);
    truth(out, "complete", rw_load_run_is_complete(run));
    name(out, "verified");
    rw_buffer_text(out, !run->reader ? "null" : rw_load_run_is_verified(run) ? "true" : "false");
    truth(out, "stopped", run->paced.stopped);
    count(out, "sent", run->paced.sent);
    count(out, "acknowledged", run->acked);
    count(out, "failed", run->failed);
    count(out, "owed", run->paced.owed);
    count(out, "bytes", rw_load_producer_bytes(run->producer));
    real(out, "sending_seconds", ms_of_ns(run->paced.ended) / 1e3);
    real(out, "acknowledged_seconds", ms_of_ns(run->drained) / 1e3);
}

static void add_pace(struct rw_buffer *out, const struct rw_load_run *run) {
    const struct rw_load_precision precision = rw_load_precision(run);
    name(out, "timetable");
    if (run->options->schedule.unpaced) {
        rw_buffer_text(out, "null");
        return;
    }
    rw_buffer_add(out, "{", 1);
    count(out, "batches", run->paced.ticks);
    count(out, "late_batches", run->paced.late_ticks);
    real(out, "late_max", ms_of_ns(run->paced.late_max));
    real(out, "late_max_at_seconds", ms_of_ns(run->paced.late_max_at) / 1e3);
    count(out, "overtime_messages", run->paced.in_overtime);
    count(out, "whole_seconds", precision.n_seconds);
    real(out, "worst_second_share", precision.worst);
    count(out, "worst_second", precision.worst_at);
    close(out, "}");
}

static void add_phases(struct rw_buffer *out, const struct rw_load_run *run) {
    const struct rw_load_schedule *schedule = &run->options->schedule;
    open_array(out, "phases");
    for (uint32_t i = 0; i < schedule->n_phases; i++) {
        const struct rw_load_phase *phase = &schedule->phases[i];
        open_row(out);
        real(out, "rate", schedule->unpaced ? (double)NAN : phase->rate);
        count(out, "burst", phase->burst);
        real(out, "begin_seconds", ms_of_ns(phase->begin) / 1e3);
        real(out, "end_seconds", ms_of_ns(phase->end) / 1e3);
        if (!schedule->unpaced)
            count(out, "asked", phase->count);
        count(out, "sent", run->paced.in_phase[i]);
        histogram(out, "acknowledged",
                  rw_load_watch_latencies(rw_load_producer_watch(run->producer), i));
        if (run->reader)
            histogram(out, "visible", &rw_load_reader_reading(run->reader)->visible[i]);
        close(out, "}");
    }
    close(out, "]");
}

static void add_errors(struct rw_buffer *out, const char *text, const struct rw_load_error *errors,
                       uint32_t n) {
    open_object(out, text);
    for (uint32_t i = 0; i < n; i++)
        count(out, rd_kafka_err2name(errors[i].code), errors[i].count);
    close(out, "}");
}

static void add_seconds(struct rw_buffer *out, const struct rw_load_run *run) {
    const uint32_t n = rw_load_report_seconds(run);
    open_array(out, "seconds");
    for (uint32_t i = 0; i < n; i++) {
        const struct rw_load_second *second = &run->timeline.seconds[i];
        open_row(out);
        if (!run->options->schedule.unpaced)
            count(out, "asked", rw_load_report_asked(run, i));
        count(out, "sent", second->sent);
        count(out, "acknowledged", second->acked);
        count(out, "failed", second->failed);
        real(out, "p50", second->acked ? ms_of_us(second->p50_us) : (double)NAN);
        real(out, "p99", second->acked ? ms_of_us(second->p99_us) : (double)NAN);
        real(out, "max", second->acked ? ms_of_us(second->max_us) : (double)NAN);
        real(out, "late", ms_of_ns(second->late_ns));
        real(out, "lag", second->lag == RW_LOAD_LAG_UNKNOWN ? (double)NAN : (double)second->lag);
        if (run->reader)
            count(out, "found", second->found);
        close(out, "}");
    }
    close(out, "]");
}

/* ---- verification ---------------------------------------------------------------------------- */

static void add_answers(struct rw_buffer *out, const struct rw_load_run *run,
                        const struct rw_load_reading *reading) {
    const struct rw_load_verdict *verdict = &run->verdict;
    count(out, "once", verdict->once);
    count(out, "predictions", verdict->scored);
    count(out, "dead_letters", verdict->dead);
    count(out, "missing", verdict->missing);
    count(out, "doubled", verdict->doubled);
    count(out, "misplaced", verdict->misplaced);
    count(out, "unknown", reading->unknown);
    count(out, "unreadable", reading->unreadable);
    count(out, "undelivered", verdict->lost);
    count(out, "undelivered_answered", verdict->undead);
    count(out, "foreign", reading->foreign);
    truth(out, "read_to_end", reading->at_end);
    real(out, "ended_seconds", ms_of_ns(run->verified) / 1e3);
    open_object(out, "reasons");
    for (uint32_t i = 0; i < reading->n_reasons; i++) {
        escaped_name(out, reading->reasons[i].name);
        rw_buffer_printf(out, "%" PRIu64, reading->reasons[i].count);
    }
    close(out, "}");
    struct rw_load_histogram visible;
    rw_load_reading_visible(reading, &visible);
    histogram(out, "visible", &visible);
    if (reading->is_append_time)
        histogram(out, "appended", &reading->appended);
}

static void add_detection(struct rw_buffer *out, const struct rw_load_run *run) {
    static const char *const risks[RW_LOAD_RISKS] = {"other", "low", "medium", "high"};
    const struct rw_load_verdict *verdict = &run->verdict;
    open_object(out, "detection");
    real(out, "threshold", run->options->threshold);
    count(out, "true_fraud", verdict->true_fraud);
    count(out, "false_fraud", verdict->false_fraud);
    count(out, "true_legitimate", verdict->true_legitimate);
    count(out, "false_legitimate", verdict->false_legitimate);
    real(out, "auc", verdict->auc);
    open_array(out, "scenarios");
    for (uint32_t i = 0; i < RW_LOAD_SCENARIOS; i++) {
        open_row(out);
        count(out, "scenario", i);
        count(out, "predictions", verdict->n_scenario[i]);
        count(out, "flagged", verdict->flagged_scenario[i]);
        close(out, "}");
    }
    close(out, "]");
    open_object(out, "risk_levels");
    for (uint32_t i = 0; i < RW_LOAD_RISKS; i++) {
        open_object(out, risks[i]);
        count(out, "legitimate", verdict->risk[i][0]);
        count(out, "fraud", verdict->risk[i][1]);
        close(out, "}");
    }
    close(out, "}");
    close(out, "}");
}

/* ---- the document ---------------------------------------------------------------------------- */

static void add_document(struct rw_buffer *out, const struct rw_load_run *run) {
    const struct rw_load_watch *watch = rw_load_producer_watch(run->producer);
    const struct rw_load_error *errors;
    rw_buffer_add(out, "{", 1);
    add_run(out, run);
    add_pace(out, run);
    uint32_t n = rw_load_watch_delivery_errors(watch, &errors);
    add_errors(out, "delivery_errors", errors, n);
    n = rw_load_watch_client_errors(watch, &errors);
    add_errors(out, "client_errors", errors, n);
    add_phases(out, run);
    if (run->reader) {
        open_object(out, "verification");
        add_answers(out, run, rw_load_reader_reading(run->reader));
        add_detection(out, run);
        close(out, "}");
    }
    add_seconds(out, run);
    rw_buffer_text(out, "}\n");
}

rowan_status rw_load_report_json(const struct rw_load_run *run, rowan_error *error) {
    return rw_load_report_write(run, run->options->json_file, add_document, error);
}

/*
 * report.c - what a run was, as text.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/report_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- figures that all reports need ------------------------------------------------------- */

uint64_t rw_load_report_asked(const struct rw_load_run *run, uint32_t second) {
    const struct rw_load_schedule *schedule = &run->options->schedule;
    const int64_t begin = (int64_t)second * RW_LOAD_SECOND_NS;
    if (schedule->unpaced)
        return run->timeline.seconds[second].sent;
    return rw_load_schedule_due(schedule, begin + RW_LOAD_SECOND_NS) -
           rw_load_schedule_due(schedule, begin);
}

uint32_t rw_load_report_seconds(const struct rw_load_run *run) {
    const int64_t end = run->verified > run->drained ? run->verified : run->drained;
    const int64_t n = (end + RW_LOAD_SECOND_NS - 1) / RW_LOAD_SECOND_NS;
    return n < run->timeline.n ? (uint32_t)n : run->timeline.n;
}

struct rw_load_precision rw_load_precision(const struct rw_load_run *run) {
    struct rw_load_precision precision = {0};
    const int64_t end = rw_load_schedule_end(&run->options->schedule);
    const int64_t last = run->paced.ended < end ? run->paced.ended : end;
    if (run->options->schedule.unpaced)
        return precision;
    for (uint32_t i = 0; i < last / RW_LOAD_SECOND_NS; i++) {
        const uint64_t asked = rw_load_report_asked(run, i), sent = run->timeline.seconds[i].sent;
        if (asked == 0)
            continue;
        const double share = (double)sent / (double)asked - 1.0;
        if (precision.n_seconds++ == 0 || fabs(share) > fabs(precision.worst)) {
            precision.worst = share;
            precision.worst_at = i;
            precision.worst_asked = asked;
            precision.worst_sent = sent;
        }
    }
    return precision;
}

/* ---- files -------------------------------------------------------------------------------- */

#define FILE_BYTES_MAX ((size_t)256 << 20) /* of the arena behind a text that grows */

static void *lend(void *context, size_t size) {
    return rw_arena_alloc(context, 1, size);
}

rowan_status rw_load_report_write(const struct rw_load_run *run, const char *path,
                                  void (*add)(struct rw_buffer *out, const struct rw_load_run *run),
                                  rowan_error *error) {
    if (!path)
        return ROWAN_OK;
    struct rw_arena arena;
    rw_arena_init(&arena, FILE_BYTES_MAX);
    const struct rw_memory memory = {lend, &arena};
    struct rw_buffer out = {.memory = &memory};
    add(&out, run);
    rowan_status status =
        out.failed ? rw_fail(error, ROWAN_NO_MEMORY, path, NULL, "no memory for the report")
                   : rw_file_replace(path, out.data, out.length, error);
    rw_arena_free(&arena);
    return status;
}

/* ---- text ------------------------------------------------------------------------------------ */

static double seconds(int64_t ns) {
    return (double)ns / RW_LOAD_SECOND_NS;
}

static double ms(uint64_t us) {
    return (double)us / 1e3;
}

static void print_head(const struct rw_load_run *run) {
    const struct rw_load_options *options = run->options;
    printf("run             %.*s\n", (int)sizeof run->id_prefix, run->id_prefix);
    printf("topic           %s, %" PRIu32 " partitions\n", options->stream.input,
           run->n_partitions);
    printf("messages        %" PRIu64 " sent, %" PRIu64 " acknowledged, %" PRIu64 " failed",
           run->paced.sent, run->acked, run->failed);
    if (run->paced.owed > 0)
        printf(", %" PRIu64 " owed and not sent", run->paced.owed);
    if (run->paced.sent > 0)
        printf("; %.0f bytes each",
               (double)rw_load_producer_bytes(run->producer) / (double)run->paced.sent);
    printf("\ntime            %.3f s sending, %.3f s to the last acknowledgement\n",
           seconds(run->paced.ended), seconds(run->drained));
    if (run->drained > 0)
        printf("rate            %.0f messages/s sent, %.0f acknowledged\n",
               (double)run->paced.sent / seconds(run->paced.ended),
               (double)run->acked / seconds(run->drained));
}

static void print_pace(const struct rw_load_run *run) {
    const struct rw_load_paced *paced = &run->paced;
    const struct rw_load_precision precision = rw_load_precision(run);
    if (run->options->schedule.unpaced)
        return;
    printf("timetable       latest batch %.3f ms after its time (at %.3f s); "
           "%" PRIu64 " of %" PRIu64 " batches 1 ms or more\n",
           (double)paced->late_max / 1e6, seconds(paced->late_max_at), paced->late_ticks,
           paced->ticks);
    if (precision.n_seconds > 0)
        printf("worst second    %+.3f %% (%" PRIu64 " of %" PRIu64 " messages in second %" PRIu32
               ")\n",
               100.0 * precision.worst, precision.worst_sent, precision.worst_asked,
               precision.worst_at + 1);
    if (paced->in_overtime > 0)
        printf("overtime        %" PRIu64 " messages after the end of the schedule\n",
               paced->in_overtime);
}

void rw_load_print_histogram(const char *name, const struct rw_load_histogram *histogram) {
    printf("%-15s ", name);
    if (histogram->n == 0) {
        printf("none\n");
        return;
    }
    printf("mean %.2f  p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f ms\n",
           rw_load_histogram_mean(histogram) / 1e3, ms(rw_load_histogram_at(histogram, 0.5)),
           ms(rw_load_histogram_at(histogram, 0.9)), ms(rw_load_histogram_at(histogram, 0.99)),
           ms(rw_load_histogram_at(histogram, 0.999)), ms(histogram->max));
}

static void print_phases(const struct rw_load_run *run) {
    const struct rw_load_schedule *schedule = &run->options->schedule;
    const struct rw_load_watch *watch = rw_load_producer_watch(run->producer);
    for (uint32_t i = 0; i < schedule->n_phases; i++) {
        const struct rw_load_phase *phase = &schedule->phases[i];
        int64_t end = phase->end < run->paced.ended ? phase->end : run->paced.ended;
        const double lasted = seconds(end - phase->begin);
        char name[32];
        if (lasted <= 0.0)
            continue;
        snprintf(name, sizeof name, "phase %" PRIu32, i + 1);
        printf("%-15s ", name);
        if (!schedule->unpaced)
            printf("asked %.2f, ", (double)phase->count / seconds(phase->end - phase->begin));
        printf("sent %.2f messages/s for %.3f s\n", (double)run->paced.in_phase[i] / lasted,
               lasted);
        rw_load_print_histogram("  acknowledged", rw_load_watch_latencies(watch, i));
    }
}

static void print_errors(const char *name, const struct rw_load_error *errors, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        printf("%-15s %s: %" PRIu64 " (%s)\n", name, rd_kafka_err2name(errors[i].code),
               errors[i].count, rd_kafka_err2str(errors[i].code));
}

static void print_all_errors(const struct rw_load_run *run) {
    const struct rw_load_watch *watch = rw_load_producer_watch(run->producer);
    const struct rw_load_error *errors;
    uint32_t n = rw_load_watch_delivery_errors(watch, &errors);
    print_errors("not delivered", errors, n);
    n = rw_load_watch_client_errors(watch, &errors);
    print_errors("client error", errors, n);
    if (run->error.status != ROWAN_OK) {
        char text[1024];
        printf("ended early     %s\n", rowan_error_text(&run->error, text, sizeof text));
    } else if (run->paced.stopped) {
        printf("ended early     by a signal\n");
    }
}

void rw_load_report_text(const struct rw_load_run *run) {
    print_head(run);
    print_pace(run);
    print_phases(run);
    print_all_errors(run);
    if (run->reader)
        rw_load_report_verify(run);
    printf("result          %s", rw_load_run_is_complete(run) ? "complete" : "INCOMPLETE");
    if (run->reader)
        printf(", %s", rw_load_run_is_verified(run) ? "verified" : "NOT VERIFIED");
    printf("\n");
}

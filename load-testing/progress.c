/*
 * progress.c - a line a second on standard error.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* So long after a second's end its acknowledgements have been added up. */
#define AFTER_NS   300000000
#define LINE_BYTES 256

static void add_rates(struct rw_buffer *line, const struct rw_load_run *run,
                      const struct rw_load_second *slot, int64_t second) {
    const struct rw_load_schedule *schedule = &run->options->schedule;
    const int64_t begin = second * RW_LOAD_SECOND_NS;
    const uint32_t phase = rw_load_schedule_phase(schedule, begin);
    rw_buffer_printf(line, "%6" PRId64 " s", second + 1);
    if (begin >= rw_load_schedule_end(schedule) || begin >= rw_load_get(run->ended))
        rw_buffer_text(line, "  after");
    else
        rw_buffer_printf(line, "  phase %" PRIu32 "/%" PRIu32, phase + 1, schedule->n_phases);
    if (!schedule->unpaced)
        rw_buffer_printf(line, "  asked %" PRIu64,
                         rw_load_schedule_due(schedule, begin + RW_LOAD_SECOND_NS) -
                             rw_load_schedule_due(schedule, begin));
    rw_buffer_printf(line, "  sent %" PRIu64 "  acked %" PRIu64, rw_load_get(slot->sent),
                     rw_load_get(slot->acked));
}

static void add_times(struct rw_buffer *line, const struct rw_load_second *slot) {
    if (rw_load_get(slot->acked) > 0)
        rw_buffer_printf(line, "  p50 %.1f ms  p99 %.1f ms",
                         (double)rw_load_get(slot->p50_us) / 1e3,
                         (double)rw_load_get(slot->p99_us) / 1e3);
    rw_buffer_printf(line, "  late %.1f ms", (double)rw_load_get(slot->late_ns) / 1e6);
}

static void write_line(const struct rw_load_run *run, int64_t second) {
    char text[LINE_BYTES];
    struct rw_buffer line = {.data = text, .capacity = sizeof text};
    const struct rw_load_second *slot =
        rw_load_timeline_at(&run->timeline, second * RW_LOAD_SECOND_NS);
    add_rates(&line, run, slot, second);
    add_times(&line, slot);
    rw_buffer_printf(&line, "  failed %" PRIu64,
                     rw_load_watch_failed(rw_load_producer_watch(run->producer)));
    const int64_t lag = rw_load_lag_now(run->lag);
    if (lag != RW_LOAD_LAG_UNKNOWN)
        rw_buffer_printf(&line, "  lag %" PRId64, lag);
    if (run->reader)
        rw_buffer_printf(&line, "  found %" PRIu64, rw_load_reader_found(run->reader));
    rw_buffer_text(&line, "\n");
    const ssize_t ignored = write(STDERR_FILENO, line.data, line.length);
    (void)ignored; /* a report follows, whoever reads along */
}

static void turn(void *context) {
    struct rw_load_progress *progress = context;
    const int64_t settled = rw_load_elapsed(&progress->run->clock) - AFTER_NS;
    for (; (progress->next + 1) * RW_LOAD_SECOND_NS <= settled; progress->next++)
        write_line(progress->run, progress->next);
}

rowan_status rw_load_progress_start(struct rw_load_progress *progress,
                                    const struct rw_load_run *run, rowan_error *error) {
    *progress = (struct rw_load_progress){.run = run};
    rowan_status status = rw_ticker_start(&progress->ticker, turn, progress, error);
    progress->runs = status == ROWAN_OK;
    return status;
}

void rw_load_progress_stop(struct rw_load_progress *progress) {
    if (progress->runs)
        rw_ticker_stop(&progress->ticker);
}

/*
 * report.h - what a run was: as text, as JSON, as a drawing.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_REPORT_H
#define RW_LOAD_REPORT_H

#include "load-testing/run.h"

/* How closely the timetable was kept, over the whole seconds within it. */
struct rw_load_precision {
    uint32_t n_seconds; /* 0: none can be judged */
    double worst;       /* largest share by which a second differed: sent / asked - 1 */
    uint32_t worst_at;  /* that second, from 0 */
    uint64_t worst_asked, worst_sent;
};
struct rw_load_precision rw_load_precision(const struct rw_load_run *run);

/* Seconds of the timeline that something happened in. */
uint32_t rw_load_report_seconds(const struct rw_load_run *run);
/* Messages that were due in a second; those that were sent, where nothing was asked. */
uint64_t rw_load_report_asked(const struct rw_load_run *run, uint32_t second);

/* Text on standard output. */
void rw_load_report_text(const struct rw_load_run *run);
/* Writes options->json_file and options->svg_file, where they are set. */
rowan_status rw_load_report_json(const struct rw_load_run *run, rowan_error *error);
rowan_status rw_load_report_svg(const struct rw_load_run *run, rowan_error *error);

#endif

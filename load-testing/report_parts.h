/*
 * report_parts.h - what the files of the report share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_REPORT_PARTS_H
#define RW_LOAD_REPORT_PARTS_H

#include "load-testing/report.h"

/* One line: name, mean, percentiles, maximum in ms. */
void rw_load_print_histogram(const char *name, const struct rw_load_histogram *histogram);
/* Builds a text in memory and writes the file; without a path it does nothing. */
rowan_status rw_load_report_write(const struct rw_load_run *run, const char *path,
                                  void (*add)(struct rw_buffer *out, const struct rw_load_run *run),
                                  rowan_error *error);
/* Of a run with --verify (report_verify.c). */
void rw_load_report_verify(const struct rw_load_run *run);

#endif

/*
 * main.c - kafka-load-test.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <unistd.h>

#include "load-testing/report.h"
#include "daemon/log.h"

enum { COMPLETE = 0, INCOMPLETE = 1, USAGE = 2 };

static void say(const rowan_error *error) {
    char text[1024];
    fprintf(stderr, "kafka-load-test: %s\n", rowan_error_text(error, text, sizeof text));
}

static bool write_reports(const struct rw_load_run *run) {
    rowan_error error;
    bool written = true;
    rw_load_report_text(run);
    if (rw_load_report_json(run, &error) != ROWAN_OK) {
        say(&error);
        written = false;
    }
    if (rw_load_report_svg(run, &error) != ROWAN_OK) {
        say(&error);
        written = false;
    }
    return fflush(stdout) == 0 && written;
}

static int run_with(const struct rw_load_options *options) {
    struct rw_load_run run;
    rowan_error error = {0};
    int result = INCOMPLETE;
    rw_log_level(options->stream.log_level);
    rowan_status status = rw_load_run_open(&run, options, &error);
    if (status == ROWAN_OK)
        status = rw_load_run(&run, &error);
    if (status != ROWAN_OK)
        say(&error);
    else if (write_reports(&run) && rw_load_run_is_complete(&run) && rw_load_run_is_verified(&run))
        result = COMPLETE;
    rw_load_run_close(&run);
    return result;
}

int main(int argc, char **argv) {
    struct rw_load_options options;
    rowan_error error = {0};
    int result = USAGE;
    if (rw_load_options_read(argc, argv, environ, &options, &error) != ROWAN_OK)
        say(&error);
    else if (options.action == RW_LOAD_TOLD)
        result = fflush(stdout) == 0 ? COMPLETE : INCOMPLETE;
    else
        result = run_with(&options);
    rw_load_options_free(&options);
    return result;
}

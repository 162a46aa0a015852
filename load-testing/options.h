/*
 * options.h - what kafka-load-test is told.
 *
 * One table in options.c has every option: name, default, bounds, help.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_OPTIONS_H
#define RW_LOAD_OPTIONS_H

#include "load-testing/schedule.h"
#include "stream/settings.h"

#define RW_LOAD_VERIFY_COUNT_MAX 20000000u /* messages of a run with --verify: 16 bytes each */
#define RW_LOAD_PREFIX_MAX       64u       /* characters of --id-prefix */

enum rw_load_action { RW_LOAD_RUN, RW_LOAD_TOLD };

/* Strings are those of the command line. */
struct rw_load_options {
    enum rw_load_action action; /* RW_LOAD_TOLD: --help or --version was printed */
    /* Brokers, topics, group and properties of librdkafka, read as rowan-stream reads its own:
     * environment, then command line.  The rest of it is not used. */
    struct rw_stream_settings stream;
    const char *id_prefix;
    const char *compression; /* NULL: librdkafka's property, or lz4 */
    const char *json_file;   /* NULL: none */
    const char *svg_file;    /* NULL: none */
    struct rw_load_schedule schedule;
    uint64_t seed;
    uint64_t customers;
    uint64_t terminals;
    uint64_t warm_up; /* days */
    double bad;       /* share of messages that are broken, 0 to 1 */
    double threshold; /* of the decision */
    double verify_timeout;
    bool envelope;
    bool verify;
    bool quiet;
};

/* Reads command line and environment.  On an error *options is not to be used.  Not
 * thread-safe (getopt). */
rowan_status rw_load_options_read(int argc, char **argv, char *const *environment,
                                  struct rw_load_options *options, rowan_error *error);
void rw_load_options_free(struct rw_load_options *options);

#endif

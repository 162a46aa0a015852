/*
 * command_line.c - the words after `rowan-stream`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <getopt.h>
#include <string.h>

#include "stream/settings_table.h"

/* What getopt_long gives for an option that is no single letter. */
enum { OPTION_VERSION = 256, OPTION_LIST, OPTION_EXAMPLE, OPTION_SETTING };

#define N_LONG (RW_STREAM_N_SETTINGS + 5) /* help, version, list-settings, env-example, the end */

static const char remedy[] = "see rowan-stream --help";

static void list_options(struct option options[N_LONG]) {
    size_t n = 0;
    for (int i = 0; i < RW_STREAM_N_SETTINGS; i++)
        if (rw_stream_table[i].option)
            options[n++] = (struct option){rw_stream_table[i].option, required_argument, NULL,
                                           OPTION_SETTING + i};
    options[n++] = (struct option){"help", no_argument, NULL, 'h'};
    options[n++] = (struct option){"version", no_argument, NULL, OPTION_VERSION};
    options[n++] = (struct option){"list-settings", no_argument, NULL, OPTION_LIST};
    options[n++] = (struct option){"env-example", no_argument, NULL, OPTION_EXAMPLE};
    options[n] = (struct option){0};
}

/* Names no value: what stands behind a "=" may be a password that met a wrong option. */
static rowan_status refuse(int found, const char *word, rowan_error *error) {
    const int length = (int)strcspn(word, "=");
    if (found == ':' && word[0] == '-')
        return rw_fail(error, ROWAN_ARGUMENT, "command line", remedy,
                       "the option %.*s needs a value", length, word);
    if (optopt > 0 && optopt < OPTION_VERSION && strncmp(word, "--", 2) != 0)
        return rw_fail(error, ROWAN_ARGUMENT, "command line", remedy, "there is no option -%c",
                       optopt);
    if (optopt > 0)
        return rw_fail(error, ROWAN_ARGUMENT, "command line", remedy,
                       "the option %.*s takes no value", length, word);
    return rw_fail(error, ROWAN_ARGUMENT, "command line", remedy, "there is no option %.*s", length,
                   word);
}

static rowan_status add_property(struct rw_command_line *line, bool is_file, rowan_error *error) {
    if (line->n_properties == RW_STREAM_PROPERTIES_MAX)
        return rw_fail(error, ROWAN_LIMIT, "command line", NULL, "more than %u properties",
                       RW_STREAM_PROPERTIES_MAX);
    line->properties[line->n_properties].is_file = is_file;
    line->properties[line->n_properties++].text = optarg;
    return ROWAN_OK;
}

static rowan_status take_option(struct rw_command_line *line, int found, const char *word,
                                rowan_error *error) {
    switch (found) {
    case 'h':
        line->tell = RW_TELL_HELP;
        return ROWAN_OK;
    case OPTION_VERSION:
        line->tell = RW_TELL_VERSION;
        return ROWAN_OK;
    case OPTION_LIST:
        line->tell = RW_TELL_SETTINGS;
        return ROWAN_OK;
    case OPTION_EXAMPLE:
        line->tell = RW_TELL_EXAMPLE;
        return ROWAN_OK;
    case 'X':
    case 'F':
        return add_property(line, found == 'F', error);
    default:
        if (found < OPTION_SETTING)
            return refuse(found, word, error);
        line->values[found - OPTION_SETTING] = optarg;
        return ROWAN_OK;
    }
}

static rowan_status take_action(struct rw_command_line *line, int n, char *const *words,
                                rowan_error *error) {
    line->action = RW_STREAM_RUN;
    if (n == 0)
        return ROWAN_OK;
    if (strcmp(words[0], "live") == 0)
        line->action = RW_STREAM_PROBE_LIVE;
    else if (strcmp(words[0], "ready") == 0)
        line->action = RW_STREAM_PROBE_READY;
    else /* it may be the value of an option that was forgotten: not shown */
        return rw_fail(error, ROWAN_ARGUMENT, "command line", remedy,
                       "an argument that is no option must be live or ready");
    if (n > 1)
        return rw_fail(error, ROWAN_ARGUMENT, "command line", remedy, "something follows %s",
                       words[0]);
    return ROWAN_OK;
}

rowan_status rw_command_line_read(int argc, char **argv, struct rw_command_line *line,
                                  rowan_error *error) {
    struct option options[N_LONG];
    list_options(options);
    memset(line, 0, sizeof *line);
    optind = 0; /* glibc: start anew */
    opterr = 0;
    while (line->tell == RW_TELL_NOTHING) {
        int found = getopt_long(argc, argv, ":hX:F:", options, NULL);
        if (found < 0)
            return take_action(line, argc - optind, argv + optind, error);
        rowan_status status = take_option(line, found, argv[optind - 1], error);
        if (status != ROWAN_OK)
            return status;
    }
    line->action = RW_STREAM_TOLD;
    return ROWAN_OK;
}

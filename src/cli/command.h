/*
 * command.h - a subcommand of `rowan`, its options, and how it speaks.
 *
 * A new subcommand is one file that defines one struct rw_command, and one line in
 * the table of main.c.  Parsing and --help come from the description.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_COMMAND_H
#define RW_CLI_COMMAND_H

#include <stdio.h>

#include "base/base.h"

enum rw_exit {
    RW_EXIT_OK = 0,
    RW_EXIT_REFUSED = 1, /* the model or the data */
    RW_EXIT_USAGE = 2    /* the command line */
};

/* Exactly one of `flag` and `value` is set. */
struct rw_option {
    const char *name;     /* without the dashes */
    const char *argument; /* what stands for its value in the help */
    const char *text;     /* one or more lines of the help */
    bool *flag;
    const char **value;
};

#define RW_OPERANDS_MAX 8

struct rw_command {
    const char *name;
    const char *summary;  /* one line, without a full stop */
    const char *operands; /* as in the synopsis: "DIR|MODEL" */
    int n_operands;
    int n_optional; /* of them, the last ones: NULL where not given */
    const char *description;
    const struct rw_option *options; /* ends with a row without name */
    void (*settings)(FILE *to);      /* prints those of the environment; NULL: it has none */
    const char *exit_status;
    const char *examples;
    enum rw_exit (*run)(const char *const *operands);
};

extern const struct rw_command rw_command_bench;
extern const struct rw_command rw_command_explain;
extern const struct rw_command rw_command_inspect;
extern const struct rw_command rw_command_key;
extern const struct rw_command rw_command_metrics;
extern const struct rw_command rw_command_score;
extern const struct rw_command rw_command_serve;
extern const struct rw_command rw_command_simulate;
extern const struct rw_command rw_command_verify;

/* Parses what follows the name of the command and runs it (options.c). */
enum rw_exit rw_command_run(const struct rw_command *command, int argc, char **argv);

/* ---- speaking (output.c) ---------------------------------------------------- */

/* Writes "rowan: where: what (remedy)" to standard error. */
void rw_say_error(const rowan_error *error);
void rw_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Text of a file or of a caller: control characters cannot reach the terminal. */
void rw_print_text(const char *text);
/* How golden rows equal the library's numbers: "equal bit for bit". */
void rw_print_equality(uint32_t ulps);
/* Flushes standard output; RW_EXIT_REFUSED with a message if it could not be written. */
enum rw_exit rw_finish_output(void);

#endif

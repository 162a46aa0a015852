/*
 * csv_file.h - a CSV file, or standard input, as a subcommand is given it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_CSV_FILE_H
#define RW_CLI_CSV_FILE_H

#include "cli/csv.h"

struct rw_csv_file {
    const char *name; /* for messages */
    int fd;
    struct rw_csv *csv;
};

/* "-" is standard input.  Close it in any case. */
rowan_status rw_csv_file_open(struct rw_csv_file *file, const char *path, rowan_error *error);
void rw_csv_file_close(struct rw_csv_file *file);

/* Reads the record that names the columns. */
rowan_status rw_csv_file_header(struct rw_csv_file *file, struct rw_csv_record *header,
                                rowan_error *error);

#endif

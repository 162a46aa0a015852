/*
 * scorer.h - CSV records to scores: which column feeds what, and batches of rows.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_CLI_SCORER_H
#define RW_CLI_SCORER_H

#include <stdio.h>

#include "cli/csv.h"
#include "modeldir/modeldir.h"

#define RW_SCORER_BATCH_ROWS   1000u               /* scored at once */
#define RW_SCORER_BATCH_VALUES ((size_t)4 << 20)   /* most features of a batch: 32 MiB */
#define RW_SCORER_ROW_MEMORY   ((size_t)512 << 20) /* to decode one record */
#define RW_NO_COLUMN           SIZE_MAX

/* What a column can feed: a property of the contract, or a feature of a bare model. */
struct rw_scorer_input {
    const char *name;
    bool is_string;
    bool must_exist; /* its column */
    size_t column;   /* RW_NO_COLUMN: the file has none */
};

struct rw_scorer {
    const char *path;
    rowan_model *model;
    struct rw_served *served; /* NULL: a bare model */
    rowan_model_info info;
    struct rw_scorer_input *inputs;
    size_t n_inputs;
    size_t n_columns; /* of the header */
    size_t id_column; /* RW_NO_COLUMN: rows are named by their lines */

    /* the batch */
    size_t capacity, n_rows;
    double *features; /* [capacity][n_features] */
    double *outputs;  /* [capacity][n_outputs] */
    char **ids;       /* [capacity], in id_arena; NULL without an id column */
    uint64_t *lines;  /* [capacity] */
    struct rw_arena id_arena;
};

/* Loads a model directory (proved) or a model file. */
rowan_status rw_scorer_open(struct rw_scorer *scorer, const char *path, rowan_error *error);
void rw_scorer_close(struct rw_scorer *scorer);

/* Finds the columns in the header; `id` (may be NULL) names the id's column. */
rowan_status rw_scorer_bind(struct rw_scorer *scorer, const struct rw_csv_record *header,
                            const char *id, rowan_error *error);

/* Decodes a record into the batch; on failure the batch is as before, and the error
 * says the column but not the line.  Never call it on a full batch. */
rowan_status rw_scorer_add(struct rw_scorer *scorer, const struct rw_csv_record *record,
                           rowan_error *error);
bool rw_scorer_is_full(const struct rw_scorer *scorer);
/* Empties the batch. */
void rw_scorer_clear(struct rw_scorer *scorer);

/* Writes the header of the result; scores the batch, writes its rows, empties it. */
void rw_scorer_write_header(const struct rw_scorer *scorer, const struct rw_csv_record *header,
                            FILE *to);
rowan_status rw_scorer_flush(struct rw_scorer *scorer, FILE *to, rowan_error *error);

void rw_scorer_write_id(const struct rw_scorer *scorer, size_t row, FILE *to);
void rw_write_cell(FILE *to, const char *text);
/* The shortest decimal that reads back as the same number; nothing for an infinity. */
void rw_write_number(FILE *to, double number, bool is_float32);

/* ---- columns (scorer_columns.c) ---------------------------------------------- */

rowan_status rw_scorer_find_columns(struct rw_scorer *scorer, const struct rw_csv_record *header,
                                    const char *id, rowan_error *error);
/* One record as the JSON object of a request, for the contract. */
void rw_scorer_put_json(const struct rw_scorer *scorer, const struct rw_csv_record *record,
                        struct rw_buffer *json);
/* One record as the features of a bare model. */
rowan_status rw_scorer_put_features(const struct rw_scorer *scorer,
                                    const struct rw_csv_record *record, double *features,
                                    rowan_error *error);

#endif

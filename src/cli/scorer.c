/*
 * scorer.c - loads, batches, scores, writes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/scorer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "contract/schema.h" /* the id's property, and thresholds in the model's precision */

#define NUMBER_MEMORY 512 /* yyjson takes less to write one number */

/* ---- opening ------------------------------------------------------------------------ */

static bool is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static rowan_status load(struct rw_scorer *scorer, rowan_error *error) {
    if (!is_directory(scorer->path))
        return rowan_model_load(scorer->path, NULL, &scorer->model, error);
    rowan_status status = rw_served_load(scorer->path, &scorer->served, NULL, error);
    if (status == ROWAN_OK)
        scorer->model = scorer->served->model;
    return status;
}

static void list_properties(struct rw_scorer *scorer) {
    for (uint32_t i = 0; i < scorer->n_inputs; i++) {
        struct rw_scorer_input *input = &scorer->inputs[i];
        input->name = rw_contract_property(scorer->served->contract, i, &input->is_string,
                                           &input->must_exist);
    }
}

static void list_features(struct rw_scorer *scorer) {
    for (uint32_t i = 0; i < scorer->n_inputs; i++)
        scorer->inputs[i] = (struct rw_scorer_input){
            .name = rowan_model_feature_name(scorer->model, i), .must_exist = true};
}

static bool alloc_inputs(struct rw_scorer *scorer) {
    scorer->n_inputs = scorer->served ? rw_contract_n_properties(scorer->served->contract)
                                      : scorer->info.n_features;
    scorer->inputs = calloc(scorer->n_inputs ? scorer->n_inputs : 1, sizeof *scorer->inputs);
    return scorer->inputs != NULL;
}

static bool alloc_batch(struct rw_scorer *scorer) {
    size_t n_features = scorer->info.n_features, fitting = RW_SCORER_BATCH_VALUES / n_features;
    scorer->capacity = fitting < RW_SCORER_BATCH_ROWS ? fitting : RW_SCORER_BATCH_ROWS;
    scorer->features = calloc(scorer->capacity * n_features, sizeof *scorer->features);
    scorer->outputs = calloc(scorer->capacity * scorer->info.n_outputs, sizeof *scorer->outputs);
    scorer->ids = calloc(scorer->capacity, sizeof *scorer->ids);
    scorer->lines = calloc(scorer->capacity, sizeof *scorer->lines);
    rw_arena_init(&scorer->id_arena, SIZE_MAX);
    return scorer->features && scorer->outputs && scorer->ids && scorer->lines;
}

rowan_status rw_scorer_open(struct rw_scorer *scorer, const char *path, rowan_error *error) {
    *scorer = (struct rw_scorer){.path = path, .id_column = RW_NO_COLUMN};
    rowan_status status = load(scorer, error);
    if (status != ROWAN_OK)
        return status;
    rowan_model_describe(scorer->model, &scorer->info);
    if (!alloc_inputs(scorer) || !alloc_batch(scorer)) {
        rw_scorer_close(scorer);
        return rw_fail(error, ROWAN_NO_MEMORY, path, NULL, "no memory for a batch of rows");
    }
    if (scorer->served)
        list_properties(scorer);
    else
        list_features(scorer);
    return ROWAN_OK;
}

void rw_scorer_close(struct rw_scorer *scorer) {
    rw_arena_free(&scorer->id_arena);
    free(scorer->inputs);
    free(scorer->features);
    free(scorer->outputs);
    free(scorer->ids);
    free(scorer->lines);
    if (scorer->served)
        rw_served_free(scorer->served); /* and its model */
    else
        rowan_model_free(scorer->model);
    *scorer = (struct rw_scorer){0};
}

rowan_status rw_scorer_bind(struct rw_scorer *scorer, const struct rw_csv_record *header,
                            const char *id, rowan_error *error) {
    const struct rw_contract *contract = scorer->served ? scorer->served->contract : NULL;
    const char *wanted = id;
    if (!wanted && contract && contract->id != RW_NO_PROPERTY)
        wanted = contract->properties[contract->id].name;
    rowan_status status = rw_scorer_find_columns(scorer, header, wanted, error);
    if (status == ROWAN_OK && id && scorer->id_column == RW_NO_COLUMN)
        return rw_fail(error, ROWAN_MISMATCH, NULL, "name one of the header with --id",
                       "there is no column %.80s", id);
    return status;
}

/* ---- rows in --------------------------------------------------------------------------- */

static void *arena_lend(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

static rowan_status decode(const struct rw_scorer *scorer, const struct rw_csv_record *record,
                           double *features, rowan_error *error) {
    struct rw_arena arena;
    rw_arena_init(&arena, RW_SCORER_ROW_MEMORY);
    struct rw_memory memory = {arena_lend, &arena};
    struct rw_buffer json = {.memory = &memory};
    rw_scorer_put_json(scorer, record, &json);
    rowan_status status = json.failed ? rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory")
                                      : rw_contract_decode(scorer->served->contract, json.data,
                                                           json.length, &memory, features, error);
    rw_arena_free(&arena);
    if (status == ROWAN_MALFORMED) /* all but the cells' own bytes is well formed */
        return rw_fail(error, status, NULL, "save the file as UTF-8", "a cell is not valid UTF-8");
    return status;
}

static rowan_status keep_id(struct rw_scorer *scorer, const struct rw_csv_record *record,
                            rowan_error *error) {
    scorer->lines[scorer->n_rows] = record->line;
    if (scorer->id_column == RW_NO_COLUMN)
        return ROWAN_OK;
    const struct rw_csv_cell *id = &record->cells[scorer->id_column];
    char *copy = rw_arena_strndup(&scorer->id_arena, id->text, id->length);
    scorer->ids[scorer->n_rows] = copy;
    return copy ? ROWAN_OK : rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
}

rowan_status rw_scorer_add(struct rw_scorer *scorer, const struct rw_csv_record *record,
                           rowan_error *error) {
    if (record->n_cells != scorer->n_columns)
        return rw_fail(error, ROWAN_MALFORMED, NULL,
                       "write one cell for each column, empty where a value is missing",
                       "%zu cells, the header has %zu", record->n_cells, scorer->n_columns);
    double *features = scorer->features + scorer->n_rows * scorer->info.n_features;
    rowan_status status = scorer->served ? decode(scorer, record, features, error)
                                         : rw_scorer_put_features(scorer, record, features, error);
    if (status == ROWAN_OK)
        status = keep_id(scorer, record, error);
    if (status == ROWAN_OK)
        scorer->n_rows++;
    return status;
}

bool rw_scorer_is_full(const struct rw_scorer *scorer) {
    return scorer->n_rows == scorer->capacity;
}

void rw_scorer_clear(struct rw_scorer *scorer) {
    scorer->n_rows = 0;
    rw_arena_free(&scorer->id_arena);
}

/* ---- rows out ---------------------------------------------------------------------------- */

void rw_write_cell(FILE *to, const char *text) {
    if (!rw_csv_needs_quotes(text, strlen(text))) {
        fputs(text, to);
        return;
    }
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

void rw_write_number(FILE *to, double number, bool is_float32) {
    char memory[NUMBER_MEMORY], *text;
    yyjson_alc pool;
    yyjson_val value = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = number};
    if (!yyjson_alc_pool_init(&pool, memory, sizeof memory))
        return;
    text =
        yyjson_val_write_opts(&value, is_float32 ? YYJSON_WRITE_FP_TO_FLOAT : 0, &pool, NULL, NULL);
    if (text)
        fputs(text, to);
}

static void write_number(const struct rw_scorer *scorer, double number, FILE *to) {
    rw_write_number(to, number, scorer->info.results == ROWAN_FLOAT32);
}

static const char *risk_level(const struct rw_contract *contract, double score) {
    return score >= contract->high ? "high" : score >= contract->medium ? "medium" : "low";
}

static void write_contract_row(const struct rw_scorer *scorer, const double *outputs, FILE *to) {
    const struct rw_contract *contract = scorer->served->contract;
    double score = outputs[contract->column];
    fputc(',', to);
    write_number(scorer, score, to);
    fputc(',', to);
    if (contract->is_probability) {
        fputs(risk_level(contract, score), to);
        fputc(',', to);
    }
    rw_write_cell(to, contract->settings.version);
}

void rw_scorer_write_id(const struct rw_scorer *scorer, size_t row, FILE *to) {
    if (scorer->id_column != RW_NO_COLUMN)
        rw_write_cell(to, scorer->ids[row]);
    else
        fprintf(to, "%llu", (unsigned long long)scorer->lines[row]);
}

static void write_row(const struct rw_scorer *scorer, size_t row, FILE *to) {
    const double *outputs = scorer->outputs + row * scorer->info.n_outputs;
    rw_scorer_write_id(scorer, row, to);
    if (scorer->served) {
        write_contract_row(scorer, outputs, to);
    } else {
        for (uint32_t i = 0; i < scorer->info.n_outputs; i++) {
            fputc(',', to);
            write_number(scorer, outputs[i], to);
        }
    }
    fputc('\n', to);
}

void rw_scorer_write_header(const struct rw_scorer *scorer, const struct rw_csv_record *header,
                            FILE *to) {
    if (scorer->id_column != RW_NO_COLUMN)
        rw_write_cell(to, header->cells[scorer->id_column].text);
    else
        fputs("line", to);
    if (scorer->served)
        fputs(scorer->served->contract->is_probability
                  ? ",fraud_probability,risk_level,model_version"
                  : ",score,model_version",
              to);
    else if (scorer->info.n_outputs == 1)
        fputs(",prediction", to);
    else
        for (uint32_t i = 0; i < scorer->info.n_outputs; i++)
            fprintf(to, ",prediction_%u", i);
    fputc('\n', to);
}

rowan_status rw_scorer_flush(struct rw_scorer *scorer, FILE *to, rowan_error *error) {
    rowan_status status = rowan_predict_f64(scorer->model, scorer->features, scorer->n_rows,
                                            ROWAN_RESPONSE, scorer->outputs, error);
    for (size_t row = 0; row < scorer->n_rows && status == ROWAN_OK; row++)
        write_row(scorer, row, to);
    rw_scorer_clear(scorer);
    return status;
}

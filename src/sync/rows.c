/*
 * rows.c - golden rows for a model that has none: requests that its contract allows, with the
 * scores that Rowan gives them.
 *
 * They show that the model can be loaded and scores what the contract lets in.  Whether it gives
 * the numbers of the library that trained it they cannot show.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "sync/assemble.h"

#define ROWS_MADE   3u
#define TEXT_MAX    256u               /* bytes of a text that a schema may ask for here */
#define STEP        7.0                /* from one row's numbers to the next one's */
#define MOST_WHOLE  9007199254740992.0 /* 2^53 */
#define ARENA_LIMIT ((size_t)4 << 20)

/* ---- a request that the schema allows ---------------------------------------------------- */

static bool has_type(yyjson_val *schema, const char *name) {
    yyjson_val *type = yyjson_obj_get(schema, "type"), *one;
    size_t i, n;
    if (yyjson_equals_str(type, name))
        return true;
    yyjson_arr_foreach(type, i, n, one) {
        if (yyjson_equals_str(one, name))
            return true;
    }
    return false;
}

static double number_for(yyjson_val *schema, unsigned row) {
    yyjson_val *low = yyjson_obj_get(schema, "minimum"),
               *above = yyjson_obj_get(schema, "exclusiveMinimum"),
               *high = yyjson_obj_get(schema, "maximum"),
               *below = yyjson_obj_get(schema, "exclusiveMaximum");
    double number = 1 + STEP * row;
    if (yyjson_is_num(low) && number < yyjson_get_num(low))
        number = yyjson_get_num(low);
    if (yyjson_is_num(above) && number <= yyjson_get_num(above))
        number = yyjson_get_num(above) + 1;
    if (yyjson_is_num(high) && number > yyjson_get_num(high))
        number = yyjson_get_num(high);
    if (yyjson_is_num(below) && number >= yyjson_get_num(below))
        number = yyjson_get_num(below) - 1;
    return number;
}

/* Beyond these a double says no whole number exactly. */
static int64_t whole(double number) {
    return (int64_t)(number > MOST_WHOLE    ? MOST_WHOLE
                     : number < -MOST_WHOLE ? -MOST_WHOLE
                                            : number);
}

static yyjson_mut_val *text_for(yyjson_mut_doc *document, yyjson_val *schema) {
    char text[TEXT_MAX + 1];
    size_t length = (size_t)yyjson_get_uint(yyjson_obj_get(schema, "minLength"));
    length = length == 0 ? 1 : length > TEXT_MAX ? TEXT_MAX : length;
    memset(text, 'x', length);
    return yyjson_mut_strncpy(document, text, length);
}

static yyjson_mut_val *value_for(yyjson_mut_doc *document, yyjson_val *schema, unsigned row) {
    yyjson_val *choices = yyjson_obj_get(schema, "enum");
    const size_t n_choices = yyjson_arr_size(choices);
    if (n_choices > 0)
        return yyjson_val_mut_copy(document, yyjson_arr_get(choices, row % n_choices));
    if (has_type(schema, "string"))
        return text_for(document, schema);
    if (has_type(schema, "integer"))
        return yyjson_mut_sint(document, whole(number_for(schema, row)));
    if (has_type(schema, "number"))
        return yyjson_mut_real(document, number_for(schema, row));
    return has_type(schema, "boolean") ? yyjson_mut_bool(document, row % 2)
                                       : yyjson_mut_null(document);
}

/* All properties: a model may need each of them. */
static yyjson_mut_val *request_for(yyjson_mut_doc *document, yyjson_val *contract, unsigned row) {
    yyjson_mut_val *request = yyjson_mut_obj(document);
    size_t i, n;
    yyjson_val *name, *schema;
    yyjson_obj_foreach(yyjson_obj_get(contract, "properties"), i, n, name, schema) {
        yyjson_mut_obj_add(request, yyjson_val_mut_copy(document, name),
                           value_for(document, schema, row));
    }
    return request;
}

/* ---- its score --------------------------------------------------------------------------- */

struct scorer {
    struct rw_contract *contract;
    rowan_model *model;
    struct rw_rows *rows;
};

static bool open_scorer(struct rw_assembly *assembly, const char *json, size_t size,
                        struct scorer *scorer) {
    char *bytes = NULL;
    rowan_error *error = &assembly->trouble->error;
    assembly->trouble->reason = RW_REFUSED_CONTRACT;
    if (rw_contract_parse(json, size, &scorer->contract, error) != ROWAN_OK)
        return false;
    const struct rw_contract_settings *settings = rw_contract_settings(scorer->contract);
    const rowan_load_options options = {.iterations = settings->iterations};
    assembly->trouble->reason = RW_FAILED;
    if (rw_file_read(assembly->fd, settings->model_file, ROWAN_MAX_MODEL_BYTES, &bytes, &size,
                     error) != ROWAN_OK)
        return false;
    assembly->trouble->reason = RW_REFUSED_FORMAT;
    bool well = rowan_model_load_memory(bytes, size, settings->model_file, &options, &scorer->model,
                                        error) == ROWAN_OK;
    free(bytes);
    if (!well)
        return false;
    assembly->trouble->reason = RW_REFUSED_CONTRACT;
    if (rw_contract_bind(scorer->contract, scorer->model, error) != ROWAN_OK)
        return false;
    scorer->rows = rw_rows_new(scorer->contract, scorer->model, 1);
    return scorer->rows || rw_trouble(assembly->trouble, RW_GOLDEN_NAME, NULL, "no memory");
}

static void close_scorer(struct scorer *scorer) {
    rw_rows_free(scorer->rows);
    rowan_model_free(scorer->model);
    rw_contract_free(scorer->contract);
}

static bool score(struct rw_assembly *assembly, struct scorer *scorer, const char *request,
                  struct rw_buffer *lines) {
    assembly->trouble->reason = RW_REFUSED_CONTRACT;
    rw_rows_clear(scorer->rows);
    if (rw_rows_add(scorer->rows, request, strlen(request), &assembly->trouble->error) != ROWAN_OK)
        return false; /* a contract that wants more than is made here: it needs real golden rows */
    if (!rw_rows_score(scorer->rows))
        return rw_trouble(assembly->trouble, RW_GOLDEN_NAME, NULL, "no memory");
    rw_buffer_text(lines, "{\"request\": ");
    rw_buffer_text(lines, request);
    rw_buffer_printf(lines, ", \"fraud_probability\": %.17g}\n",
                     rw_rows_probability(scorer->rows, 0));
    return true;
}

static bool score_rows(struct rw_assembly *assembly, struct scorer *scorer, yyjson_val *contract,
                       struct rw_buffer *lines) {
    for (unsigned row = 0; row < ROWS_MADE; row++) {
        yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = document ? request_for(document, contract, row) : NULL;
        char *request = root ? yyjson_mut_val_write(root, 0, NULL) : NULL;
        bool well = request ? score(assembly, scorer, request, lines)
                            : rw_trouble(assembly->trouble, RW_GOLDEN_NAME, NULL, "no memory");
        free(request);
        yyjson_mut_doc_free(document);
        if (!well)
            return false;
    }
    return !lines->failed || rw_trouble(assembly->trouble, RW_GOLDEN_NAME, NULL, "no memory");
}

static void *arena_memory(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

bool rw_assemble_rows(struct rw_assembly *assembly) {
    char *json;
    size_t size;
    struct scorer scorer = {0};
    struct rw_arena arena;
    assembly->trouble->reason = RW_FAILED;
    if (rw_file_read(assembly->fd, RW_CONTRACT_NAME, RW_CONTRACT_MAX_BYTES, &json, &size,
                     &assembly->trouble->error) != ROWAN_OK)
        return false;
    rw_arena_init(&arena, ARENA_LIMIT);
    struct rw_memory memory = {arena_memory, &arena};
    struct rw_buffer lines = {.memory = &memory};
    yyjson_doc *document = yyjson_read(json, size, 0);
    bool well = document && open_scorer(assembly, json, size, &scorer) &&
                score_rows(assembly, &scorer, yyjson_doc_get_root(document), &lines) &&
                rw_assembly_write(assembly, RW_GOLDEN_NAME, lines.data, lines.length);
    close_scorer(&scorer);
    yyjson_doc_free(document);
    rw_arena_free(&arena);
    free(json);
    return well;
}

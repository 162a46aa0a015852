/*
 * lightgbm_names.c - features of LightGBM's text: names, kinds, names of categories.
 *
 * Python ends a file with pandas_categorical: for each category column of the frame
 * the list of its categories; the code of a category is its place in the list.  The
 * lists carry no column: they are the categorical features, in their order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model/lightgbm_names.h"

#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#define SAVE_AGAIN "save the model again with LightGBM's save_model"
#define PANDAS     "pandas_categorical"

struct reader {
    const struct rw_lightgbm_feature_texts *texts;
    struct rw_forest *forest;
    struct rw_forest_feature *features;
    struct rw_slice *infos;
    struct rw_slice parameter; /* [categorical_feature: ...] */
    struct rw_slice pandas;
    rowan_error *error;
};

static rowan_status malformed(const struct reader *reader, const char *where, const char *what) {
    return rw_fail(reader->error, ROWAN_MALFORMED, where, SAVE_AGAIN, "%s", what);
}

static rowan_status no_memory(const struct reader *reader) {
    return rw_fail(reader->error, ROWAN_LIMIT, NULL, NULL,
                   "takes more memory than its size allows");
}

/* ---- names ---------------------------------------------------------------------------- */

static rowan_status read_names(const struct reader *reader) {
    struct rw_slice names = reader->texts->names, infos = reader->texts->infos;
    for (uint32_t i = 0; i < reader->forest->n_features; i++) {
        struct rw_slice name;
        rw_slice_word(&names, ' ', &name);
        rw_slice_word(&infos, ' ', &reader->infos[i]);
        if (memchr(name.data, '\0', name.length))
            return malformed(reader, "feature_names", "has a zero byte");
        reader->features[i].name = rw_arena_strndup(&reader->forest->arena, name.data, name.length);
        if (!reader->features[i].name)
            return no_memory(reader);
    }
    return ROWAN_OK;
}

/* ---- kinds ------------------------------------------------------------------------------ */

static void take_lines_behind_trees(struct reader *reader) {
    struct rw_lines lines = reader->texts->behind_trees;
    struct rw_slice line;
    while (rw_lines_next(&lines, &line)) {
        struct rw_slice parameter = rw_slice_after(line, "[categorical_feature: ");
        struct rw_slice pandas = rw_slice_after(line, PANDAS ":");
        if (parameter.length && parameter.data[parameter.length - 1] == ']')
            reader->parameter = (struct rw_slice){parameter.data, parameter.length - 1};
        if (pandas.data)
            reader->pandas = pandas;
    }
}

/* "[minimum:maximum]", "none" for a feature that no tree could use, or "7:0:3". */
static bool is_category_list(struct rw_slice info) {
    return info.data[0] != '[' && !rw_slice_is(info, "none");
}

static void set_kinds(const struct reader *reader) {
    for (uint32_t i = 0; i < reader->forest->n_features; i++)
        reader->features[i].kind =
            is_category_list(reader->infos[i]) ? ROWAN_CATEGORICAL : ROWAN_NUMERIC;
    /* a categorical column with one category is "none"; the parameters still name it */
    struct rw_slice rest = reader->parameter, word;
    int64_t id;
    while (rw_slice_word(&rest, ',', &word))
        if (rw_slice_i64(word, &id) && id >= 0 && id < reader->forest->n_features &&
            rw_slice_is(reader->infos[id], "none"))
            reader->features[id].kind = ROWAN_CATEGORICAL;
}

/* ---- categories --------------------------------------------------------------------------- */

static const char *category_name(const struct reader *reader, yyjson_val *value) {
    struct rw_arena *arena = &reader->forest->arena;
    if (yyjson_is_bool(value))
        return yyjson_get_bool(value) ? "true" : "false";
    const char *text = yyjson_is_str(value) ? yyjson_get_str(value) : yyjson_get_raw(value);
    return rw_arena_strndup(arena, text, yyjson_get_len(value));
}

static bool can_be_named(yyjson_val *value) {
    if (yyjson_is_str(value))
        return strlen(yyjson_get_str(value)) == yyjson_get_len(value);
    return yyjson_is_bool(value) || yyjson_is_raw(value);
}

static rowan_status read_list(const struct reader *reader, yyjson_val *list,
                              struct rw_forest_feature *feature) {
    size_t i, n;
    yyjson_val *value;
    const char **names =
        rw_arena_alloc(&reader->forest->arena, yyjson_arr_size(list), sizeof *names);
    if (!names && yyjson_arr_size(list))
        return no_memory(reader);
    yyjson_arr_foreach(list, i, n, value) {
        if (!can_be_named(value))
            return malformed(reader, PANDAS, "has a category that is no string, number or boolean");
        names[i] = category_name(reader, value);
        if (!names[i])
            return no_memory(reader);
    }
    feature->categories = names;
    feature->n_categories = (uint32_t)n;
    return ROWAN_OK;
}

/* Whether all codes that training saw have a name: else the list is another column's. */
static bool covers(yyjson_val *list, struct rw_slice info) {
    struct rw_slice code;
    int64_t value;
    while (is_category_list(info) && rw_slice_word(&info, ':', &code))
        if (!rw_slice_i64(code, &value) || value >= (int64_t)yyjson_arr_size(list))
            return false;
    return true;
}

/* An ordered category column is numeric to LightGBM, and a column of integers may be
 * categorical: then the file does not say whose the lists are, and none is taken. */
static bool are_the_categorical_features(const struct reader *reader, yyjson_val *lists) {
    yyjson_arr_iter iterator = yyjson_arr_iter_with(lists);
    for (uint32_t i = 0; i < reader->forest->n_features; i++) {
        if (reader->features[i].kind != ROWAN_CATEGORICAL)
            continue;
        yyjson_val *list = yyjson_arr_iter_next(&iterator);
        if (!list || !covers(list, reader->infos[i]))
            return false;
    }
    return !yyjson_arr_iter_has_next(&iterator);
}

static rowan_status read_lists(const struct reader *reader, yyjson_val *lists) {
    size_t i, n;
    yyjson_val *list;
    if (yyjson_is_null(lists))
        return ROWAN_OK;
    if (!yyjson_is_arr(lists))
        return malformed(reader, PANDAS, "is not a list of lists");
    yyjson_arr_foreach(lists, i, n, list) if (!yyjson_is_arr(list)) return malformed(
        reader, PANDAS, "is not a list of lists");
    if (!are_the_categorical_features(reader, lists))
        return ROWAN_OK;
    rowan_status status = ROWAN_OK;
    yyjson_arr_iter iterator = yyjson_arr_iter_with(lists);
    for (uint32_t f = 0; status == ROWAN_OK && f < reader->forest->n_features; f++)
        if (reader->features[f].kind == ROWAN_CATEGORICAL)
            status = read_list(reader, yyjson_arr_iter_next(&iterator), &reader->features[f]);
    return status;
}

static rowan_status read_categories(const struct reader *reader) {
    if (!reader->pandas.data)
        return ROWAN_OK; /* not saved by Python */
    yyjson_doc *document =
        yyjson_read_opts((char *)(uintptr_t)reader->pandas.data, reader->pandas.length,
                         YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
    if (!document)
        return malformed(reader, PANDAS, "is not JSON");
    rowan_status status = read_lists(reader, yyjson_doc_get_root(document));
    yyjson_doc_free(document);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------ */

rowan_status rw_lightgbm_read_features(const struct rw_lightgbm_feature_texts *texts,
                                       struct rw_forest *forest, rowan_error *error) {
    struct reader reader = {.texts = texts, .forest = forest, .error = error};
    if (rw_slice_count(texts->names, ' ') != forest->n_features)
        return malformed(&reader, "feature_names", "does not agree with max_feature_idx");
    if (rw_slice_count(texts->infos, ' ') != forest->n_features)
        return malformed(&reader, "feature_infos", "does not agree with max_feature_idx");
    reader.features = rw_arena_alloc(&forest->arena, forest->n_features, sizeof *reader.features);
    reader.infos = rw_arena_alloc(&forest->arena, forest->n_features, sizeof *reader.infos);
    if (!reader.features || !reader.infos)
        return no_memory(&reader);
    rowan_status status = read_names(&reader);
    if (status != ROWAN_OK)
        return status;
    take_lines_behind_trees(&reader);
    set_kinds(&reader);
    forest->features = reader.features;
    return read_categories(&reader);
}

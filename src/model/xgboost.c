/*
 * xgboost.c - models of XGBoost 1.6 to 3.x, as JSON or UBJSON.
 *
 * Both encodings hold the same document.  Child ids are read as they stand in the
 * file (XGBoost itself assumes right = left + 1).  What Rowan does not compute is
 * refused by name: gblinear, vector leaves, unknown objectives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/document.h"
#include "model/format.h"
#include "model/xgboost_objective.h"
#include "model/xgboost_tree.h"

#define SAVE_AGAIN   "save the model again with XGBoost's save_model"
#define NUMBER_CHARS 64 /* of one base score */

struct reader {
    const struct rw_value *learner;
    const struct rw_value *booster; /* holds the trees: gbtree's "model" */
    const struct rw_value *weights; /* DART's weight_drop, or NULL */
    struct rw_forest *forest;
    const rowan_load_options *options;
    rowan_error *error;
};

static rowan_status malformed(const struct reader *reader, const char *where, const char *what) {
    return rw_fail(reader->error, ROWAN_MALFORMED, where, SAVE_AGAIN, "%s", what);
}

static rowan_status no_memory(const struct reader *reader) {
    return rw_fail(reader->error, ROWAN_LIMIT, NULL, NULL,
                   "takes more memory than its size allows");
}

static char *duplicate(const struct reader *reader, const struct rw_value *text) {
    return rw_arena_strndup(&reader->forest->arena, text->text, text->count);
}

/* "major.minor.patch" of the XGBoost that wrote the file; it decides details. */
static rowan_status read_version(const struct reader *reader, const struct rw_value *root,
                                 int64_t version[3]) {
    if (!rw_value_i64s(rw_value_get(root, "version"), 3, version))
        return malformed(reader, "/version", "is not the version of XGBoost: three numbers");
    char text[80]; /* three numbers of up to 20 characters fit */
    int length = snprintf(text, sizeof text, "xgboost %lld.%lld.%lld", (long long)version[0],
                          (long long)version[1], (long long)version[2]);
    reader->forest->producer = rw_arena_strndup(&reader->forest->arena, text, (size_t)length);
    return reader->forest->producer ? ROWAN_OK : no_memory(reader);
}

static bool since(const int64_t version[3], int64_t major, int64_t minor) {
    return version[0] > major || (version[0] == major && version[1] >= minor);
}

static rowan_status read_booster(struct reader *reader) {
    const struct rw_value *booster = rw_value_get(reader->learner, "gradient_booster");
    const struct rw_value *name = rw_value_get(booster, "name");
    if (!name || name->type != RW_STRING)
        return malformed(reader, "/learner/gradient_booster/name", "is missing");
    reader->forest->booster = duplicate(reader, name);
    if (!reader->forest->booster)
        return no_memory(reader);
    if (strcmp(reader->forest->booster, "gbtree") == 0) {
        reader->booster = rw_value_get(booster, "model");
    } else if (strcmp(reader->forest->booster, "dart") == 0) {
        reader->booster = rw_value_at(booster, "gbtree/model");
        reader->weights = rw_value_get(booster, "weight_drop");
    } else {
        return rw_fail(reader->error, ROWAN_UNSUPPORTED, "/learner/gradient_booster/name",
                       "train with booster gbtree or dart", "booster %.64s is not supported",
                       reader->forest->booster);
    }
    return reader->booster ? ROWAN_OK
                           : malformed(reader, "/learner/gradient_booster/model", "is missing");
}

static rowan_status read_count(const struct reader *reader, const char *path, int64_t limit,
                               bool required, int64_t *count) {
    const struct rw_value *value = rw_value_at(reader->learner, path);
    if (!value && !required)
        return ROWAN_OK;
    if (!rw_value_i64(value, count) || *count < 0 || *count > limit)
        return malformed(reader, path, "is not a number in range");
    return ROWAN_OK;
}

static rowan_status read_sizes(const struct reader *reader) {
    struct rw_forest *forest = reader->forest;
    int64_t n_features = 0, n_classes = 0, n_targets = 1;
    rowan_status status = read_count(reader, "learner_model_param/num_feature", ROWAN_MAX_FEATURES,
                                     true, &n_features);
    if (status == ROWAN_OK)
        status = read_count(reader, "learner_model_param/num_class", ROWAN_MAX_OUTPUTS, false,
                            &n_classes);
    if (status == ROWAN_OK)
        status = read_count(reader, "learner_model_param/num_target", ROWAN_MAX_OUTPUTS, false,
                            &n_targets);
    if (status != ROWAN_OK)
        return status;
    int64_t n_groups = n_classes > n_targets ? n_classes : n_targets;
    forest->n_features = (uint32_t)n_features;
    forest->n_groups = n_groups > 1 ? (uint32_t)n_groups : 1;
    return ROWAN_OK;
}

/* One number of "5E-1" or "[5E-1,2E-1]"; returns what follows it, or NULL. */
static const char *parse_base_score(const char *text, float *score) {
    char *end;
    *score = strtof(text, &end);
    return end == text || !isfinite(*score) ? NULL : end;
}

static rowan_status parse_base_scores(const struct reader *reader, const char *text, float *scores,
                                      uint32_t *n_scores) {
    const char *const where = "/learner/learner_model_param/base_score";
    bool list = *text == '[';
    text += list;
    *n_scores = 0;
    do {
        if (*n_scores == reader->forest->n_groups)
            return malformed(reader, where, "has more numbers than the model has outputs");
        text = parse_base_score(text, &scores[(*n_scores)++]);
        if (!text)
            return malformed(reader, where, "is not a finite number");
    } while (list && *text++ == ',');
    if ((list && text[-1] != ']') || *text != '\0')
        return malformed(reader, where, "is not a number or a list of numbers");
    return ROWAN_OK;
}

/* base_score is stored as a response; the sum of the trees starts from its margin. */
static rowan_status read_base_scores(const struct reader *reader,
                                     const struct rw_xgboost_objective *objective, bool clamp) {
    struct rw_forest *forest = reader->forest;
    const struct rw_value *value = rw_value_at(reader->learner, "learner_model_param/base_score");
    float *scores = rw_arena_alloc(&forest->arena, forest->n_groups, sizeof *scores);
    double *base = rw_arena_alloc(&forest->arena, forest->n_groups, sizeof *base);
    if (!scores || !base)
        return no_memory(reader);
    if (!value || value->type != RW_STRING ||
        value->count > (size_t)NUMBER_CHARS * forest->n_groups)
        return malformed(reader, "/learner/learner_model_param/base_score", "is not a string");
    const char *text = duplicate(reader, value);
    if (!text)
        return no_memory(reader);
    uint32_t n_scores;
    rowan_status status = parse_base_scores(reader, text, scores, &n_scores);
    if (status != ROWAN_OK)
        return status;
    if (n_scores != 1 && n_scores != forest->n_groups)
        return malformed(reader, "/learner/learner_model_param/base_score",
                         "has fewer numbers than the model has outputs");
    for (uint32_t i = n_scores; i < forest->n_groups; i++)
        scores[i] = scores[0]; /* before 3.1 there was one for all outputs */
    for (uint32_t i = 0; i < forest->n_groups; i++)
        base[i] = (double)rw_xgboost_base_margin(objective->base, scores[i], clamp);
    forest->base = base;
    return ROWAN_OK;
}

static rowan_status read_objective(const struct reader *reader,
                                   const struct rw_xgboost_objective **objective) {
    const struct rw_value *name = rw_value_at(reader->learner, "objective/name");
    if (!name || name->type != RW_STRING)
        return malformed(reader, "/learner/objective/name", "is missing");
    *objective = rw_xgboost_objective_find(name->text, name->count);
    if (!*objective)
        return rw_fail(reader->error, ROWAN_UNSUPPORTED, "/learner/objective/name", NULL,
                       "objective %.*s is not supported", name->count < 64 ? (int)name->count : 64,
                       name->text);
    reader->forest->objective = (*objective)->name;
    reader->forest->link = (*objective)->link;
    reader->forest->arithmetic = RW_ARITHMETIC_XGBOOST;
    return ROWAN_OK;
}

static const char *feature_name(const struct reader *reader, const struct rw_value *value,
                                uint32_t index) {
    if (value && value->type == RW_STRING)
        return duplicate(reader, value);
    char text[16];
    int length = snprintf(text, sizeof text, "f%u", index);
    return rw_arena_strndup(&reader->forest->arena, text, (size_t)length);
}

/* Names and types are optional; where they are, there is one for each feature. */
static rowan_status read_features(const struct reader *reader) {
    struct rw_forest *forest = reader->forest;
    const struct rw_value *names = rw_value_get(reader->learner, "feature_names");
    const struct rw_value *types = rw_value_get(reader->learner, "feature_types");
    uint32_t n_names = rw_value_count(names), n_types = rw_value_count(types);
    if ((n_names && n_names != forest->n_features) || (n_types && n_types != forest->n_features))
        return malformed(reader, "/learner/feature_names", "do not match num_feature");
    struct rw_forest_feature *features =
        rw_arena_alloc(&forest->arena, forest->n_features, sizeof *features);
    if (!features)
        return no_memory(reader);
    const struct rw_value *name = n_names ? names->child : NULL;
    const struct rw_value *type = n_types ? types->child : NULL;
    for (uint32_t i = 0; i < forest->n_features; i++) {
        features[i].name = feature_name(reader, name, i);
        if (!features[i].name)
            return no_memory(reader);
        bool categorical =
            type && type->type == RW_STRING && type->count == 1 && type->text[0] == 'c';
        features[i].kind = categorical ? ROWAN_CATEGORICAL : ROWAN_NUMERIC;
        name = name ? name->next : NULL;
        type = type ? type->next : NULL;
    }
    forest->features = features;
    return ROWAN_OK;
}

/* Early stopping leaves the best round as an attribute, in text. */
static void read_best_iteration(const struct reader *reader) {
    int64_t best;
    const struct rw_value *value = rw_value_at(reader->learner, "attributes/best_iteration");
    if (rw_value_i64(value, &best) && best >= 0 && best < INT32_MAX)
        reader->forest->best_iteration = (int32_t)best;
}

static int64_t rounds_wanted(const struct reader *reader) {
    if (reader->options->iterations == ROWAN_ITERATIONS_BEST)
        return (int64_t)reader->forest->best_iteration + 1; /* 0, that is all, without one */
    return reader->options->iterations;
}

static rowan_status read_rounds(const struct reader *reader, int64_t **starts, uint32_t *n_starts) {
    const struct rw_value *indptr = rw_value_get(reader->booster, "iteration_indptr");
    *n_starts = rw_value_count(indptr);
    *starts = rw_arena_alloc(&reader->forest->arena, (size_t)*n_starts + 1, sizeof **starts);
    if (!*starts)
        return no_memory(reader);
    if (indptr && !rw_value_i64s(indptr, *n_starts, *starts))
        return malformed(reader, "model/iteration_indptr", "is not a list of numbers");
    return ROWAN_OK;
}

/* Before 2.0 the file does not say where a round starts: all rounds are equal. */
static rowan_status old_trees_a_round(const struct reader *reader, int64_t *trees) {
    int64_t parallel = 1;
    const struct rw_value *value =
        rw_value_at(reader->booster, "gbtree_model_param/num_parallel_tree");
    if (value && (!rw_value_i64(value, &parallel) || parallel < 1 || parallel > ROWAN_MAX_TREES))
        return malformed(reader, "gbtree_model_param/num_parallel_tree", "is out of range");
    *trees = parallel * reader->forest->n_groups;
    return ROWAN_OK;
}

/* How many of the file's trees take part. */
static rowan_status read_trees_used(const struct reader *reader) {
    struct rw_forest *forest = reader->forest;
    int64_t rounds = rounds_wanted(reader), used, a_round = 1, *starts;
    uint32_t n_starts;
    forest->n_trees = forest->n_trees_in_file;
    if (rounds <= 0)
        return ROWAN_OK;
    rowan_status status = read_rounds(reader, &starts, &n_starts);
    if (status == ROWAN_OK)
        status = old_trees_a_round(reader, &a_round);
    if (status != ROWAN_OK)
        return status;
    if (n_starts)
        used = rounds < n_starts ? starts[rounds] : -1;
    else
        used = rounds * a_round;
    if (used < 0 || used > forest->n_trees_in_file)
        return rw_fail(reader->error, ROWAN_MISMATCH, "iterations", "ask for fewer, or \"all\"",
                       "the model has fewer than %lld rounds", (long long)rounds);
    forest->n_trees = (uint32_t)used;
    return ROWAN_OK;
}

/* Trees stand in the file in any order: each carries its id. */
static rowan_status read_tree_at(const struct reader *reader, const struct rw_value *value,
                                 uint32_t position, struct rw_tree *trees,
                                 struct rw_xgboost_categories *categories) {
    int64_t id = position;
    const struct rw_value *stated = rw_value_get(value, "id");
    if (stated && (!rw_value_i64(stated, &id) || id < 0 || id >= reader->forest->n_trees_in_file))
        return malformed(reader, "model/trees", "a tree's id is out of range");
    if (trees[id].n_nodes)
        return malformed(reader, "model/trees", "two trees have the same id");
    return rw_xgboost_read_tree(value, (uint32_t)id, &reader->forest->arena, &trees[id], categories,
                                reader->error);
}

static rowan_status read_groups(const struct reader *reader, struct rw_tree *trees) {
    struct rw_forest *forest = reader->forest;
    uint32_t n = forest->n_trees_in_file;
    int64_t *groups = rw_arena_alloc(&forest->arena, n, sizeof *groups);
    float *weights = rw_arena_alloc(&forest->arena, n, sizeof *weights);
    if (!groups || !weights)
        return no_memory(reader);
    if (!rw_value_i64s(rw_value_get(reader->booster, "tree_info"), n, groups))
        return malformed(reader, "model/tree_info", "does not give one output for each tree");
    if (reader->weights && !rw_value_f32s(reader->weights, n, weights))
        return malformed(reader, "weight_drop", "does not give one weight for each tree");
    for (uint32_t i = 0; i < n; i++) {
        if (groups[i] < 0 || groups[i] >= forest->n_groups)
            return malformed(reader, "model/tree_info", "names an output that does not exist");
        trees[i].group = (uint32_t)groups[i];
        trees[i].weight = reader->weights ? weights[i] : 1.0f;
    }
    return ROWAN_OK;
}

static rowan_status read_trees(const struct reader *reader) {
    struct rw_forest *forest = reader->forest;
    const struct rw_value *array = rw_value_get(reader->booster, "trees");
    if (!array || array->type != RW_ARRAY)
        return malformed(reader, "model/trees", "is not a list of trees");
    if (array->count > ROWAN_MAX_TREES)
        return rw_fail(reader->error, ROWAN_LIMIT, "model/trees", NULL,
                       "%u trees; ROWAN_MAX_TREES is %u", array->count, ROWAN_MAX_TREES);
    forest->n_trees_in_file = array->count;
    struct rw_tree *trees = rw_arena_alloc(&forest->arena, array->count, sizeof *trees);
    struct rw_xgboost_categories categories = {0};
    if (!trees)
        return no_memory(reader);
    uint32_t position = 0;
    for (const struct rw_value *tree = array->child; tree; tree = tree->next) {
        rowan_status status = read_tree_at(reader, tree, position++, trees, &categories);
        if (status != ROWAN_OK)
            return status;
    }
    forest->trees = trees;
    forest->categories = categories.words;
    forest->n_category_words = categories.n_words;
    return read_groups(reader, trees);
}

static rowan_status read_learner(struct reader *reader, const int64_t version[3]) {
    const struct rw_xgboost_objective *objective = NULL;
    rowan_status status = read_booster(reader);
    if (status == ROWAN_OK)
        status = read_sizes(reader);
    if (status == ROWAN_OK)
        status = read_objective(reader, &objective);
    if (status == ROWAN_OK)
        status = read_base_scores(reader, objective, since(version, 3, 2));
    if (status == ROWAN_OK)
        status = read_features(reader);
    if (status == ROWAN_OK)
        status = read_trees(reader);
    if (status != ROWAN_OK)
        return status;
    read_best_iteration(reader);
    return read_trees_used(reader);
}

static rowan_status read_model(const struct rw_value *root, const rowan_load_options *options,
                               struct rw_forest *forest, rowan_error *error) {
    struct reader reader = {.learner = rw_value_get(root, "learner"),
                            .forest = forest,
                            .options = options,
                            .error = error};
    if (!reader.learner)
        return rw_fail(error, ROWAN_UNSUPPORTED, "/learner", SAVE_AGAIN,
                       "is missing: not a model of XGBoost");
    int64_t version[3];
    rowan_status status = read_version(&reader, root, version);
    return status == ROWAN_OK ? read_learner(&reader, version) : status;
}

static rowan_status read_json(const char *bytes, size_t size, const rowan_load_options *options,
                              struct rw_forest *forest, rowan_error *error) {
    struct rw_document document;
    rowan_status status = rw_document_read_json(bytes, size, &forest->arena, &document, error);
    if (status != ROWAN_OK)
        return status;
    status = read_model(document.root, options, forest, error);
    rw_document_free(&document);
    return status;
}

static rowan_status read_ubjson(const char *bytes, size_t size, const rowan_load_options *options,
                                struct rw_forest *forest, rowan_error *error) {
    struct rw_document document;
    rowan_status status = rw_document_read_ubjson(bytes, size, &forest->arena, &document, error);
    return status == ROWAN_OK ? read_model(document.root, options, forest, error) : status;
}

/* An object either way: in JSON a quote or white space follows, in UBJSON a marker. */
static bool starts_object(const char *bytes, size_t size, const char *followers) {
    return size >= 2 && bytes[0] == '{' && bytes[1] != '\0' && strchr(followers, bytes[1]) != NULL;
}

static bool recognize_json(const char *bytes, size_t size) {
    return starts_object(bytes, size, "\" \t\r\n}");
}

static bool recognize_ubjson(const char *bytes, size_t size) {
    return starts_object(bytes, size, "iUIlL$#N");
}

const struct rw_format rw_format_xgboost_json = {"xgboost-json", recognize_json, read_json};
const struct rw_format rw_format_xgboost_ubjson = {"xgboost-ubjson", recognize_ubjson, read_ubjson};

/*
 * onnx.c - models of ONNX: tree ensembles, and tabular pipelines around them.
 *
 * The graph's inputs are the features, in their order.  One output is the model's
 * response: the probabilities of a classifier, the value of a regressor; what it does
 * not need is not read.  A tree ensemble on the row itself becomes a plain forest, all
 * else a graph (src/graph/).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest/forest.h"
#include "forest/image.h"
#include "model/onnx_trees.h"

#define SAVE_AGAIN "convert the model again"

/* ---- recognition ------------------------------------------------------------------------ */

/* Field 1 of the message, ir_version, a small number; then another of its fields. */
static bool recognize(const char *bytes, size_t size) {
    static const unsigned char tags[] = {0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72};
    return size >= 4 && bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 0x40 &&
           memchr(tags, (unsigned char)bytes[2], sizeof tags) != NULL;
}

/* ---- inputs ------------------------------------------------------------------------------- */

struct inputs {
    struct rw_forest_feature *features;
    uint32_t n_features, capacity;
    struct rw_onnx_names **names; /* [n_features]: of a string's codes, or NULL */
};

static bool is_initializer(const Onnx__GraphProto *graph, const char *name) {
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (strcmp(rw_onnx_text(graph->initializer[i]->name), name) == 0)
            return true;
    return false;
}

static rowan_status bad_input(const struct rw_onnx *onnx, const char *name, const char *what) {
    return rw_onnx_fail(onnx, ROWAN_UNSUPPORTED, name,
                        "convert with inputs of known type and width: [None, columns] or [None, 1]",
                        what);
}

/* The columns of an input: [N, columns], [N, 1] or [N]. */
static rowan_status input_width(const struct rw_onnx *onnx, const Onnx__ValueInfoProto *info,
                                int32_t *type, uint32_t *rank, uint32_t *width) {
    const Onnx__TypeProto *declared = info->type;
    const char *name = rw_onnx_text(info->name);
    if (!declared || declared->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !declared->tensor_type->shape)
        return bad_input(onnx, name, "input is no tensor of known shape");
    const Onnx__TensorShapeProto *shape = declared->tensor_type->shape;
    *type = declared->tensor_type->elem_type;
    *rank = (uint32_t)shape->n_dim;
    *width = 1;
    if (shape->n_dim < 1 || shape->n_dim > 2)
        return bad_input(onnx, name, "input is no table");
    if (shape->n_dim == 2) {
        const Onnx__TensorShapeProto__Dimension *columns = shape->dim[1];
        if (columns->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ||
            columns->dim_value < 1 || columns->dim_value > ROWAN_MAX_FEATURES)
            return bad_input(onnx, name, "input has no number of columns, or too many");
        *width = (uint32_t)columns->dim_value;
    }
    return ROWAN_OK;
}

/* One matrix: f0, f1 ...; several inputs: their names, with a number where they are wide. */
static const char *feature_name(const struct rw_onnx *onnx, const char *input, uint32_t width,
                                uint32_t column, bool only) {
    char text[32];
    struct rw_arena *arena = &onnx->forest->arena;
    if (width == 1 && (!only || *input))
        return rw_arena_strndup(arena, input, strlen(input));
    const int length = snprintf(text, sizeof text, only ? "f%u" : "[%u]", column);
    if (only)
        return rw_arena_strndup(arena, text, (size_t)length);
    const size_t size = strlen(input) + (size_t)length + 1;
    char *name = rw_arena_alloc(arena, size, 1);
    if (name)
        snprintf(name, size, "%s%s", input, text);
    return name;
}

static rowan_status add_features(const struct rw_onnx *onnx, struct inputs *inputs,
                                 const char *name, uint32_t width, bool string, bool only) {
    if (width > inputs->capacity - inputs->n_features)
        return rw_onnx_fail(onnx, ROWAN_LIMIT, name, NULL,
                            "input has more features than ROWAN_MAX_FEATURES allows");
    for (uint32_t i = 0; i < width; i++) {
        const uint32_t at = inputs->n_features++;
        inputs->features[at].name = feature_name(onnx, name, width, i, only);
        inputs->features[at].kind = string ? ROWAN_CATEGORICAL : ROWAN_NUMERIC;
        if (!inputs->features[at].name)
            return rw_onnx_no_memory(onnx);
        if (!string)
            continue;
        inputs->names[at] = rw_arena_alloc(&onnx->forest->arena, 1, sizeof **inputs->names);
        if (!inputs->names[at])
            return rw_onnx_no_memory(onnx);
        inputs->names[at]->arena = &onnx->forest->arena;
    }
    return ROWAN_OK;
}

static bool can_be_read(int32_t type) {
    return type == RW_ONNX_FLOAT || type == RW_ONNX_DOUBLE || type == RW_ONNX_INT64 ||
           type == RW_ONNX_INT32 || type == RW_ONNX_BOOL || type == RW_ONNX_STRING;
}

static rowan_status read_input(struct rw_onnx *onnx, const Onnx__ValueInfoProto *info, bool only,
                               struct inputs *inputs) {
    int32_t type = 0;
    uint32_t rank = 0, width = 0;
    const char *name = rw_onnx_text(info->name);
    rowan_status status = input_width(onnx, info, &type, &rank, &width);
    if (status == ROWAN_OK && !can_be_read(type))
        status = bad_input(onnx, name, "input has a type that is not computed with");
    const uint32_t first = inputs->n_features;
    if (status == ROWAN_OK)
        status = add_features(onnx, inputs, name, width, type == RW_ONNX_STRING, only);
    if (status != ROWAN_OK)
        return status;
    struct rw_onnx_value value;
    const struct rw_graph_new added = {
        .code = RW_GRAPH_INPUT, .type = rw_onnx_graph_type(type), .width = width, .detail = first};
    status = rw_onnx_add(onnx, &added, type, &value);
    value.rank = rank;
    value.codes = type == RW_ONNX_STRING ? inputs->names + first : NULL;
    onnx->builder.rows64 = onnx->builder.rows64 || type == RW_ONNX_DOUBLE;
    return status == ROWAN_OK ? rw_onnx_define(onnx, name, &value) : status;
}

static uint64_t declared_features(const struct rw_onnx *onnx) {
    uint64_t total = 0;
    for (size_t i = 0; i < onnx->graph->n_input; i++) {
        const Onnx__TypeProto *type = onnx->graph->input[i]->type;
        const bool table = type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
                           type->tensor_type->shape && type->tensor_type->shape->n_dim == 2;
        const int64_t columns = table ? type->tensor_type->shape->dim[1]->dim_value : 1;
        total += columns > 0 && columns <= ROWAN_MAX_FEATURES ? (uint64_t)columns : 1;
    }
    return total;
}

static rowan_status read_inputs(struct rw_onnx *onnx, struct inputs *inputs) {
    const Onnx__GraphProto *graph = onnx->graph;
    const uint64_t declared = declared_features(onnx);
    size_t n_inputs = 0;
    if (graph->n_input > ROWAN_MAX_FEATURES || graph->n_initializer > RW_ONNX_MAX_NODES)
        return rw_fail(onnx->error, ROWAN_LIMIT, NULL, NULL, "too many inputs or initializers");
    inputs->capacity = declared > ROWAN_MAX_FEATURES ? ROWAN_MAX_FEATURES : (uint32_t)declared;
    inputs->features =
        rw_arena_alloc(&onnx->forest->arena, inputs->capacity, sizeof *inputs->features);
    inputs->names = rw_arena_alloc(&onnx->forest->arena, inputs->capacity, sizeof *inputs->names);
    if (!inputs->features || !inputs->names)
        return rw_onnx_no_memory(onnx);
    for (size_t i = 0; i < graph->n_input; i++)
        n_inputs += !is_initializer(graph, rw_onnx_text(graph->input[i]->name));
    rowan_status status = ROWAN_OK;
    for (size_t i = 0; i < graph->n_input && status == ROWAN_OK; i++)
        if (!is_initializer(graph, rw_onnx_text(graph->input[i]->name)))
            status = read_input(onnx, graph->input[i], n_inputs == 1, inputs);
    onnx->forest->features = inputs->features;
    onnx->forest->n_features = onnx->builder.n_features = inputs->n_features;
    return status;
}

/* Codes got their names while the graph was read. */
static void name_categories(const struct inputs *inputs) {
    for (uint32_t i = 0; i < inputs->n_features; i++)
        if (inputs->names[i]) {
            inputs->features[i].n_categories = inputs->names[i]->count;
            inputs->features[i].categories = inputs->names[i]->names;
        }
}

static rowan_status read_initializers(struct rw_onnx *onnx) {
    const Onnx__GraphProto *graph = onnx->graph;
    if (graph->n_sparse_initializer)
        return rw_fail(onnx->error, ROWAN_UNSUPPORTED, "sparse_initializer", SAVE_AGAIN,
                       "sparse constants are not read");
    for (size_t i = 0; i < graph->n_initializer; i++) {
        struct rw_onnx_value value;
        rowan_status status = rw_onnx_tensor(onnx, graph->initializer[i], &value);
        if (status == ROWAN_OK)
            status = rw_onnx_define(onnx, graph->initializer[i]->name, &value);
        if (status != ROWAN_OK)
            return status;
    }
    return ROWAN_OK;
}

/* ---- outputs --------------------------------------------------------------------------------- */

static bool is_float_tensor(const Onnx__ValueInfoProto *info) {
    return info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
           (info->type->tensor_type->elem_type == RW_ONNX_FLOAT ||
            info->type->tensor_type->elem_type == RW_ONNX_DOUBLE);
}

/* What ZipMap gives: a map for each row. */
static bool is_map(const Onnx__GraphProto *graph, const char *name) {
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_output; k++)
            if (strcmp(rw_onnx_text(graph->node[i]->output[k]), name) == 0)
                return strcmp(rw_onnx_text(graph->node[i]->op_type), "ZipMap") == 0;
    return false;
}

/* The response: maps of probabilities; else the output named so; else the last of floats.
 * Labels are integers or strings, and Spark's are floats in front of the probabilities. */
static rowan_status choose_output(struct rw_onnx *onnx, const char **name) {
    const Onnx__GraphProto *graph = onnx->graph;
    int best = 0;
    for (size_t i = 0; i < graph->n_output; i++) {
        const Onnx__ValueInfoProto *info = graph->output[i];
        const char *own = rw_onnx_text(info->name);
        int rank = 0;
        if (is_map(graph, own))
            rank = 3;
        else if (is_float_tensor(info) && strstr(own, "prob"))
            rank = 2;
        else if (is_float_tensor(info))
            rank = 1;
        if (rank && rank >= best) {
            best = rank;
            *name = own;
        }
    }
    onnx->is_classifier = best > 1 || (best == 1 && graph->n_output > 1);
    if (best == 0)
        return rw_fail(onnx->error, ROWAN_UNSUPPORTED, "outputs", SAVE_AGAIN,
                       "none of the graph's outputs is a tensor of floats or a ZipMap");
    return ROWAN_OK;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* The last output of a classifier is what is wanted, a label is not. */
static bool mark_wanted(const struct rw_onnx_names *wanted, const Onnx__NodeProto *node) {
    for (size_t i = 0; i < node->n_output; i++)
        if (rw_onnx_names_find(wanted, rw_onnx_text(node->output[i])) != RW_ONNX_NO_NAME)
            return true;
    return false;
}

/* Backwards from the response: what is needed for it. */
static rowan_status prune(const struct rw_onnx *onnx, const char *response, bool *needed) {
    const Onnx__GraphProto *graph = onnx->graph;
    struct rw_onnx_names wanted = {.arena = &onnx->forest->arena};
    if (rw_onnx_names_add(&wanted, response) == RW_ONNX_NO_NAME)
        return rw_onnx_no_memory(onnx);
    for (size_t i = graph->n_node; i-- > 0;) {
        const Onnx__NodeProto *node = graph->node[i];
        needed[i] = mark_wanted(&wanted, node);
        for (size_t k = 0; needed[i] && k < node->n_input; k++)
            if (rw_onnx_names_add(&wanted, rw_onnx_text(node->input[k])) == RW_ONNX_NO_NAME)
                return rw_onnx_no_memory(onnx);
    }
    return ROWAN_OK;
}

static rowan_status lower_node(struct rw_onnx *onnx, const Onnx__NodeProto *node) {
    const struct rw_onnx_operator *operator= rw_onnx_operator_find(onnx, node);
    if (!operator) {
        const int64_t version = *rw_onnx_text(node->domain) ? onnx->opset_ml : onnx->opset;
        return rw_onnx_unsupported(onnx, node, "this operator of opset %lld is not computed",
                                   (long long)version);
    }
    return operator->lower(onnx, node);
}

static rowan_status lower_nodes(struct rw_onnx *onnx, const char *response) {
    const Onnx__GraphProto *graph = onnx->graph;
    if (graph->n_node > RW_ONNX_MAX_NODES)
        return rw_fail(onnx->error, ROWAN_LIMIT, "graph", NULL,
                       "%zu nodes; RW_ONNX_MAX_NODES is %u", graph->n_node, RW_ONNX_MAX_NODES);
    bool *needed = rw_arena_alloc(&onnx->forest->arena, graph->n_node, sizeof *needed);
    rowan_status status = needed ? prune(onnx, response, needed) : rw_onnx_no_memory(onnx);
    for (size_t i = 0; i < graph->n_node && status == ROWAN_OK; i++)
        if (needed[i])
            status = lower_node(onnx, graph->node[i]);
    return status;
}

/* ---- the model ------------------------------------------------------------------------------- */

/* A forest whose features are no one's to name. */
static rowan_status compile_forest(struct rw_onnx *onnx, struct rw_forest *forest) {
    struct rw_forest_feature *features =
        rw_arena_alloc(&onnx->forest->arena, forest->n_features, sizeof *features);
    if (!features)
        return rw_onnx_no_memory(onnx);
    for (uint32_t i = 0; i < forest->n_features; i++)
        features[i].name = "";
    forest->features = features;
    forest->format = forest->producer = forest->objective = forest->booster = "";
    forest->link = ROWAN_LINK_IDENTITY;
    void *image;
    size_t size;
    rowan_status status = rw_image_compile(forest, NULL, 0, &image, &size, onnx->error);
    if (status != ROWAN_OK)
        return status;
    const uint32_t index = rw_graph_add_forest(&onnx->builder, image, size);
    free(image);
    return index == RW_GRAPH_NO_VALUE ? rw_onnx_no_memory(onnx) : ROWAN_OK;
}

static rowan_status make_graph(struct rw_onnx *onnx, const struct rw_onnx_value *response) {
    struct rw_forest *forest = onnx->forest;
    rowan_status status = ROWAN_OK;
    for (struct rw_onnx_trees *trees = onnx->trees; trees && status == ROWAN_OK;
         trees = trees->next) {
        forest->n_trees_in_file += trees->description.n_trees_in_file;
        status = compile_forest(onnx, &trees->description);
    }
    if (status != ROWAN_OK)
        return status;
    forest->arithmetic =
        response->type == RW_ONNX_DOUBLE ? RW_ARITHMETIC_ONNX64 : RW_ARITHMETIC_ONNX;
    forest->link =
        onnx->is_classifier && response->width > 1 ? ROWAN_LINK_PROBABILITIES : ROWAN_LINK_IDENTITY;
    forest->n_groups = response->width;
    forest->booster = "graph";
    return rw_graph_finish(&onnx->builder, response->op, &forest->program, &forest->program_size,
                           onnx->error);
}

/* Trees on the row itself, with nothing before or behind them. */
static bool is_plain(const struct rw_onnx *onnx, const struct rw_onnx_value *response) {
    const struct rw_onnx_trees *trees = onnx->trees;
    if (!trees || trees->next || !trees->plain || trees->result != response->op)
        return false;
    const struct rw_graph_op *input = rw_graph_built(&onnx->builder, trees->input);
    return input->code == RW_GRAPH_INPUT && input->width == onnx->forest->n_features;
}

/* By ONNX's text trees answer in float, whatever they add in.  A file may ask for double
 * up to the answer, as the library has it that its trees came from: docs/formats.md. */
static bool wants_double(const Onnx__ModelProto *model) {
    for (size_t i = 0; i < model->n_metadata_props; i++)
        if (strcmp(rw_onnx_text(model->metadata_props[i]->key), "rowan.arithmetic") == 0)
            return strcmp(rw_onnx_text(model->metadata_props[i]->value), "float64") == 0;
    return false;
}

static void make_plain(struct rw_onnx *onnx) {
    struct rw_forest *forest = onnx->forest;
    const struct rw_forest *trees = &onnx->trees->description;
    forest->arithmetic = trees->arithmetic;
    forest->link = trees->link;
    if (!onnx->is_classifier && forest->link == ROWAN_LINK_PROBABILITIES)
        forest->link = ROWAN_LINK_IDENTITY;
    if (onnx->is_classifier && forest->link == ROWAN_LINK_IDENTITY && trees->n_groups > 1)
        forest->link = ROWAN_LINK_PROBABILITIES; /* averages of shares, from a regressor */
    forest->n_groups = trees->n_groups;
    forest->divisor = trees->divisor;
    forest->offset = trees->offset;
    forest->trees = trees->trees;
    forest->n_trees = trees->n_trees;
    forest->n_trees_in_file = trees->n_trees_in_file;
    forest->booster = "trees";
    if (forest->arithmetic == RW_ARITHMETIC_ONNX64 && wants_double(onnx->model))
        forest->arithmetic = RW_ARITHMETIC_LIGHTGBM;
}

static rowan_status read_texts(struct rw_onnx *onnx) {
    char text[160];
    const Onnx__ModelProto *model = onnx->model;
    int length = snprintf(text, sizeof text, "%.64s%s%.64s", rw_onnx_text(model->producer_name),
                          *rw_onnx_text(model->producer_version) ? " " : "",
                          rw_onnx_text(model->producer_version));
    onnx->forest->producer = rw_arena_strndup(&onnx->forest->arena, text, (size_t)length);
    const char *objective = onnx->trees ? onnx->trees->name : "pipeline";
    onnx->forest->objective = rw_arena_strndup(&onnx->forest->arena, objective, strlen(objective));
    return onnx->forest->producer && onnx->forest->objective ? ROWAN_OK : rw_onnx_no_memory(onnx);
}

static void read_opsets(struct rw_onnx *onnx) {
    for (size_t i = 0; i < onnx->model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *opset = onnx->model->opset_import[i];
        const char *domain = rw_onnx_text(opset->domain);
        if (strcmp(domain, "ai.onnx.ml") == 0)
            onnx->opset_ml = opset->version;
        else if (!*domain || strcmp(domain, "ai.onnx") == 0)
            onnx->opset = opset->version;
    }
}

static rowan_status read_graph(struct rw_onnx *onnx, const rowan_load_options *options) {
    struct inputs inputs = {0};
    const char *response = NULL;
    if (!onnx->graph)
        return rw_fail(onnx->error, ROWAN_MALFORMED, NULL, SAVE_AGAIN, "the model has no graph");
    if (options->iterations != ROWAN_ITERATIONS_ALL)
        return rw_fail(onnx->error, ROWAN_UNSUPPORTED, "iterations", "use all iterations",
                       "a model of ONNX has no boosting rounds to choose from");
    read_opsets(onnx);
    rowan_status status = read_initializers(onnx);
    if (status == ROWAN_OK)
        status = read_inputs(onnx, &inputs);
    if (status == ROWAN_OK)
        status = choose_output(onnx, &response);
    if (status == ROWAN_OK)
        status = lower_nodes(onnx, response);
    if (status != ROWAN_OK)
        return status;
    name_categories(&inputs);
    const uint32_t number = rw_onnx_names_find(&onnx->names, response);
    if (number >= onnx->n_values || !onnx->values[number].defined ||
        onnx->values[number].constant || onnx->values[number].type == RW_ONNX_STRING)
        return rw_onnx_fail(onnx, ROWAN_MALFORMED, response, SAVE_AGAIN,
                            "output of the graph is not computed");
    status = read_texts(onnx);
    if (status != ROWAN_OK)
        return status;
    if (!is_plain(onnx, &onnx->values[number]))
        return make_graph(onnx, &onnx->values[number]);
    make_plain(onnx);
    return ROWAN_OK;
}

static rowan_status read(const char *bytes, size_t size, const rowan_load_options *options,
                         struct rw_forest *forest, rowan_error *error) {
    Onnx__ModelProto *model;
    rowan_status status = rw_onnx_message_unpack(bytes, size, &model, error);
    if (status != ROWAN_OK)
        return status;
    struct rw_onnx onnx = {.model = model,
                           .graph = model->graph,
                           .forest = forest,
                           .builder = {.arena = &forest->arena},
                           .names = {.arena = &forest->arena},
                           .opset = 1,
                           .opset_ml = 1,
                           .error = error};
    onnx.last_trees = &onnx.trees;
    status = read_graph(&onnx, options);
    rw_onnx_message_free(model);
    return status;
}

const struct rw_format rw_format_onnx = {"onnx", recognize, read};

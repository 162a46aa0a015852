/*
 * mlmodel.c - MLmodel, the YAML that describes a model of MLflow's: which libraries can load it,
 * and out of which file.
 *
 * Read as events, without a tree: aliases are never followed, so that nothing can grow.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <yaml.h>

#include "sync/listing.h"

static const char *const flavours[RW_FLAVOURS] = {[RW_FLAVOUR_XGBOOST] = "xgboost",
                                                  [RW_FLAVOUR_LIGHTGBM] = "lightgbm",
                                                  [RW_FLAVOUR_ONNX] = "onnx"};

/* Depths of mappings: 1 the document's, 2 that of "flavors", 3 that of one flavour. */
enum { TOP = 1, FLAVOURS = 2, FLAVOUR = 3 };

struct reader {
    struct rw_mlmodel *to;
    unsigned depth;
    bool in_flavours;   /* inside of the value of "flavors" */
    bool expects_value; /* in a mapping of depth 1 to 3: a key has been read */
    char key[4][64];    /* of each of these depths; "" for longer ones */
    rowan_error *error;
};

static int flavour_of(const char *name) {
    for (int i = 0; i < RW_FLAVOURS; i++)
        if (strcmp(flavours[i], name) == 0)
            return i;
    return -1;
}

static void name_other(struct rw_mlmodel *to, const char *name) {
    const size_t length = strlen(to->others);
    if (*name && strcmp(name, "python_function") != 0)
        snprintf(to->others + length, sizeof to->others - length, "%s%s", length ? ", " : "", name);
}

static void take_key(struct reader *reader, const char *text, size_t length) {
    char *key = reader->key[reader->depth];
    key[0] = '\0';
    if (length < sizeof reader->key[0] && !memchr(text, '\0', length)) {
        memcpy(key, text, length);
        key[length] = '\0';
    }
    if (reader->depth == TOP)
        reader->in_flavours = strcmp(key, "flavors") == 0;
    if (reader->depth != FLAVOURS || !reader->in_flavours)
        return;
    const int flavour = flavour_of(key);
    if (flavour >= 0)
        reader->to->has[flavour] = true;
    else
        name_other(reader->to, key);
}

static rowan_status take_value(struct reader *reader, const char *text, size_t length) {
    const bool is_data = reader->depth == FLAVOUR && reader->in_flavours &&
                         strcmp(reader->key[FLAVOUR], "data") == 0;
    const int flavour = is_data ? flavour_of(reader->key[FLAVOURS]) : -1;
    if (flavour < 0)
        return ROWAN_OK;
    if (!rw_name_is_plain(text, length))
        return rw_fail(reader->error, ROWAN_MISMATCH, "MLmodel", "log the model again",
                       "its file '%.*s' is no name of a file beside it",
                       length > 80 ? 80 : (int)length, text);
    memcpy(reader->to->data[flavour], text, length);
    reader->to->data[flavour][length] = '\0';
    return ROWAN_OK;
}

static rowan_status take_scalar(struct reader *reader, const yaml_event_t *event) {
    const char *text = (const char *)event->data.scalar.value;
    const size_t length = event->data.scalar.length;
    if (reader->depth < TOP || reader->depth > FLAVOUR)
        return ROWAN_OK;
    const bool is_value = reader->expects_value;
    reader->expects_value = !is_value;
    if (is_value)
        return take_value(reader, text, length);
    take_key(reader, text, length);
    return ROWAN_OK;
}

static rowan_status go_in(struct reader *reader) {
    if (++reader->depth > RW_MLMODEL_DEPTH)
        return rw_fail(reader->error, ROWAN_LIMIT, "MLmodel", NULL, "is nested deeper than %u",
                       RW_MLMODEL_DEPTH);
    reader->expects_value = false;
    return ROWAN_OK;
}

/* What ended was a value, in the mapping around it. */
static void go_out(struct reader *reader) {
    reader->depth -= reader->depth > 0;
    reader->expects_value = false;
}

static rowan_status take_event(struct reader *reader, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reader, event);
    case YAML_ALIAS_EVENT:
        reader->expects_value = !reader->expects_value;
        return ROWAN_OK;
    case YAML_MAPPING_START_EVENT:
        return go_in(reader);
    case YAML_SEQUENCE_START_EVENT: /* nothing that matters is in a list: out of every depth */
        reader->depth += FLAVOUR;
        return go_in(reader);
    case YAML_SEQUENCE_END_EVENT:
        go_out(reader);
        reader->depth -= reader->depth >= FLAVOUR ? FLAVOUR : 0;
        return ROWAN_OK;
    case YAML_MAPPING_END_EVENT:
        go_out(reader);
        return ROWAN_OK;
    default:
        return ROWAN_OK;
    }
}

static rowan_status read_events(yaml_parser_t *parser, struct reader *reader) {
    for (bool is_over = false; !is_over;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return rw_fail(reader->error, ROWAN_MALFORMED, "MLmodel", "log the model again",
                           "is no YAML (line %zu: %s)", parser->problem_mark.line + 1,
                           parser->problem ? parser->problem : "?");
        is_over = event.type == YAML_STREAM_END_EVENT;
        rowan_status status = take_event(reader, &event);
        yaml_event_delete(&event);
        if (status != ROWAN_OK)
            return status;
    }
    return ROWAN_OK;
}

rowan_status rw_mlmodel_parse(const char *yaml, size_t size, struct rw_mlmodel *mlmodel,
                              rowan_error *error) {
    yaml_parser_t parser;
    struct reader reader = {.to = mlmodel, .error = error};
    *mlmodel = (struct rw_mlmodel){0};
    if (!yaml_parser_initialize(&parser))
        return rw_fail(error, ROWAN_NO_MEMORY, "MLmodel", NULL, "no memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, size);
    rowan_status status = read_events(&parser, &reader);
    yaml_parser_delete(&parser);
    return status;
}

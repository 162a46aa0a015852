/*
 * inspect.c - `rowan inspect`: what is this model?
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <yyjson.h>

#include "cli/command.h"
#include "forest/link.h"
#include "modeldir/modeldir.h"

struct subject {
    const char *path;
    rowan_model *model;
    struct rw_served *served; /* NULL: a file without a contract */
    size_t n_golden;
    rowan_model_info info;
};

static bool as_json;

/* ---- text --------------------------------------------------------------------- */

static void print_row(const char *name, const char *value) {
    printf("%-16s", name);
    rw_print_text(value);
    printf("\n");
}

static const char *kind_name(rowan_feature_kind kind) {
    return kind == ROWAN_CATEGORICAL ? "categorical" : "numeric";
}

static void print_contract(const struct subject *subject) {
    const struct rw_contract_settings *settings = subject->served->settings;
    print_row("contract", settings->model);
    print_row("version", settings->version);
    print_row("model file", settings->model_file);
    printf("%-16smedium %g, high %g, decision %g\n", "thresholds", settings->medium, settings->high,
           settings->decision);
    printf("%-16s%zu rows ", "golden", subject->n_golden);
    rw_print_equality(settings->golden_ulps);
    printf("\n");
}

static void print_model(const rowan_model_info *info) {
    print_row("format", info->format);
    print_row("producer", info->producer);
    print_row("objective", info->objective);
    print_row("booster", info->booster);
    print_row("link", rw_link_name(info->link));
    printf("%-16s%" PRIu32 "\n", "outputs", info->n_outputs);
    printf("%-16s%" PRIu32 " used, %" PRIu32 " in the file\n", "trees", info->n_trees_used,
           info->n_trees);
    printf("%-16s%" PRIu64 ", %" PRIu64 " of them leaves\n", "nodes", info->n_nodes,
           info->n_leaves);
    printf("%-16s%" PRIu32 "\n", "depth", info->max_depth);
    if (info->best_iteration >= 0)
        printf("%-16s%" PRId32 "\n", "best iteration", info->best_iteration);
    printf("%-16s%" PRIu64 " bytes\n", "image", info->image_bytes);
    printf("%-16s%016" PRIx64 "\n", "fingerprint", info->fingerprint);
    print_row("kernel", info->kernel);
    print_row("contributions", info->has_contributions ? "yes" : "no");
}

static enum rw_exit print_text(const struct subject *subject) {
    print_row("path", subject->path);
    if (subject->served)
        print_contract(subject);
    print_model(&subject->info);
    printf("%-16s%" PRIu32 "\n", "features", subject->info.n_features);
    for (uint32_t i = 0; i < subject->info.n_features; i++) {
        printf("  %5" PRIu32 "  %-11s  ", i,
               kind_name(rowan_model_feature_kind(subject->model, i)));
        rw_print_text(rowan_model_feature_name(subject->model, i));
        printf("\n");
    }
    return RW_EXIT_OK;
}

/* ---- JSON ----------------------------------------------------------------------- */

static void add_contract(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct subject *subject) {
    const struct rw_contract_settings *settings = subject->served->settings;
    yyjson_mut_val *contract = yyjson_mut_obj_add_obj(doc, root, "contract");
    yyjson_mut_obj_add_str(doc, contract, "model", settings->model);
    yyjson_mut_obj_add_str(doc, contract, "version", settings->version);
    yyjson_mut_obj_add_str(doc, contract, "type", settings->type);
    yyjson_mut_obj_add_str(doc, contract, "model_file", settings->model_file);
    yyjson_mut_val *thresholds = yyjson_mut_obj_add_obj(doc, contract, "thresholds");
    yyjson_mut_obj_add_real(doc, thresholds, "medium", settings->medium);
    yyjson_mut_obj_add_real(doc, thresholds, "high", settings->high);
    yyjson_mut_obj_add_real(doc, thresholds, "decision", settings->decision);
    yyjson_mut_obj_add_uint(doc, root, "golden_rows", subject->n_golden);
}

static void add_model(yyjson_mut_doc *doc, yyjson_mut_val *root, const rowan_model_info *info) {
    yyjson_mut_obj_add_str(doc, root, "format", info->format);
    yyjson_mut_obj_add_str(doc, root, "producer", info->producer);
    yyjson_mut_obj_add_str(doc, root, "objective", info->objective);
    yyjson_mut_obj_add_str(doc, root, "booster", info->booster);
    yyjson_mut_obj_add_str(doc, root, "link", rw_link_name(info->link));
    yyjson_mut_obj_add_uint(doc, root, "outputs", info->n_outputs);
    yyjson_mut_obj_add_uint(doc, root, "trees", info->n_trees);
    yyjson_mut_obj_add_uint(doc, root, "trees_used", info->n_trees_used);
    yyjson_mut_obj_add_uint(doc, root, "nodes", info->n_nodes);
    yyjson_mut_obj_add_uint(doc, root, "leaves", info->n_leaves);
    yyjson_mut_obj_add_uint(doc, root, "depth", info->max_depth);
    if (info->best_iteration >= 0)
        yyjson_mut_obj_add_int(doc, root, "best_iteration", info->best_iteration);
    else
        yyjson_mut_obj_add_null(doc, root, "best_iteration");
    yyjson_mut_obj_add_uint(doc, root, "image_bytes", info->image_bytes);
    char fingerprint[17]; /* as text: JSON readers lose the low bits of 64 */
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, info->fingerprint);
    yyjson_mut_obj_add_strcpy(doc, root, "fingerprint", fingerprint);
    yyjson_mut_obj_add_str(doc, root, "kernel", info->kernel);
    yyjson_mut_obj_add_bool(doc, root, "contributions", info->has_contributions);
}

static void add_features(yyjson_mut_doc *doc, yyjson_mut_val *root, const rowan_model *model,
                         uint32_t n_features) {
    yyjson_mut_val *features = yyjson_mut_obj_add_arr(doc, root, "features");
    for (uint32_t i = 0; i < n_features; i++) {
        yyjson_mut_val *feature = yyjson_mut_arr_add_obj(doc, features);
        yyjson_mut_obj_add_str(doc, feature, "name", rowan_model_feature_name(model, i));
        yyjson_mut_obj_add_str(doc, feature, "kind", kind_name(rowan_model_feature_kind(model, i)));
    }
}

static enum rw_exit print_json(const struct subject *subject) {
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "path", subject->path);
    if (subject->served)
        add_contract(doc, root, subject);
    add_model(doc, root, &subject->info);
    add_features(doc, root, subject->model, subject->info.n_features);
    yyjson_write_err error = {0};
    char *text = yyjson_mut_write_opts(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL, NULL, &error);
    if (text)
        puts(text);
    else
        rw_say("%s: cannot be written as JSON: %s", subject->path,
               error.msg ? error.msg : "no memory");
    free(text);
    yyjson_mut_doc_free(doc);
    return text ? RW_EXIT_OK : RW_EXIT_REFUSED;
}

/* ---- command ------------------------------------------------------------------------ */

static bool is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static rowan_status load(struct subject *subject, rowan_error *error) {
    rowan_status status;
    if (is_directory(subject->path)) {
        status = rw_served_load(subject->path, &subject->served, &subject->n_golden, error);
        subject->model = status == ROWAN_OK ? subject->served->model : NULL;
    } else {
        status = rowan_model_load(subject->path, NULL, &subject->model, error);
    }
    if (status == ROWAN_OK)
        rowan_model_describe(subject->model, &subject->info);
    return status;
}

static void unload(struct subject *subject) {
    if (subject->served)
        rw_served_free(subject->served); /* and its model */
    else
        rowan_model_free(subject->model);
}

static enum rw_exit inspect(const char *const *operands) {
    struct subject subject = {.path = operands[0]};
    rowan_error error;
    if (load(&subject, &error) != ROWAN_OK) {
        rw_say_error(&error);
        return RW_EXIT_REFUSED;
    }
    enum rw_exit result = as_json ? print_json(&subject) : print_text(&subject);
    unload(&subject);
    return result;
}

static const struct rw_option options[] = {
    {"json", NULL, "Print one JSON object instead of text.", &as_json, NULL},
    {0},
};

const struct rw_command rw_command_inspect = {
    .name = "inspect",
    .summary = "says what a model is: objective, features, trees, size",
    .operands = "DIR|MODEL",
    .n_operands = 1,
    .description =
        "Loads the model directory DIR or the model file MODEL and prints its format,\n"
        "the library that wrote it, objective, booster and link function, the number of\n"
        "trees in the file and of those that take part in a prediction, nodes, leaves,\n"
        "depth, the iteration that early stopping recorded, the size and fingerprint of\n"
        "the compiled model, the kernel that scores on this CPU, whether rowan explain can\n"
        "explain it, and every feature with its kind.  Models with equal fingerprints are\n"
        "equal.\n"
        "\n"
        "A directory is proved first, as rowan verify does; its contract's name, version\n"
        "and thresholds and the number of golden rows are printed too.",
    .options = options,
    .exit_status = "0   success\n"
                   "1   the model was refused\n"
                   "2   the command line was wrong",
    .examples = "rowan inspect models/fraud\n"
                "rowan inspect --json models/fraud/model.ubj",
    .run = inspect,
};

/*
 * plain.c - models that MLflow's own flavours have logged: the operator's contract makes a model
 * directory of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "daemon/log.h"
#include "sync/assemble.h"

static const struct {
    const char *type;     /* x-rowan.type */
    const char *files[4]; /* what the flavour calls its file, if MLmodel does not say */
} flavours[RW_FLAVOURS] = {
    [RW_FLAVOUR_XGBOOST] = {"XGBoost", {"model.ubj", "model.json", "model.xgb", NULL}},
    [RW_FLAVOUR_LIGHTGBM] = {"LightGBM", {"model.lgb", "model.txt", NULL}},
    [RW_FLAVOUR_ONNX] = {"ONNX", {"model.onnx", NULL}},
};

static const char unproved[] =
    "This model came without golden rows. rowan-sync has made golden.jsonl with the model itself:\n"
    "it proves nothing. Log golden.jsonl beside the model (docs/sync.md).\n";

/* ---- which flavour ------------------------------------------------------------------------ */

static bool read_mlmodel(struct rw_assembly *assembly, struct rw_mlmodel *mlmodel) {
    char *bytes;
    size_t size;
    if (!rw_listing_find(&assembly->listing, RW_MLMODEL_NAME))
        return rw_refuse(assembly->trouble, RW_REFUSED_INCOMPLETE, "artifact",
                         "log contract.json, golden.jsonl and the model's file",
                         "has neither contract.json nor MLmodel");
    if (!rw_assembly_take(assembly, RW_MLMODEL_NAME, RW_MLMODEL_MAX))
        return false;
    rowan_error *error = &assembly->trouble->error;
    assembly->trouble->reason = RW_FAILED;
    if (rw_file_read(assembly->fd, RW_MLMODEL_NAME, RW_MLMODEL_MAX, &bytes, &size, error) !=
        ROWAN_OK)
        return false;
    rowan_status status = rw_mlmodel_parse(bytes, size, mlmodel, error);
    free(bytes);
    if (status != ROWAN_OK)
        assembly->trouble->reason = status == ROWAN_MISMATCH ? RW_REFUSED_NAME : RW_REFUSED_FORMAT;
    return status == ROWAN_OK;
}

/* RW_FLAVOURS: none. */
static enum rw_flavour choose(const struct rw_mlmodel *mlmodel) {
    int flavour = 0;
    while (flavour < RW_FLAVOURS && !mlmodel->has[flavour])
        flavour++;
    return (enum rw_flavour)flavour;
}

static bool refuse_flavour(const struct rw_assembly *assembly, const struct rw_mlmodel *mlmodel) {
    return rw_refuse(assembly->trouble, RW_REFUSED_FORMAT, RW_MLMODEL_NAME,
                     "log model.onnx, contract.json and golden.jsonl beside it, as "
                     "`python -m rowan_training export` writes them",
                     "Rowan does not read its flavours (%s)",
                     mlmodel->others[0] ? mlmodel->others : "none");
}

static const char *find_file(const struct rw_assembly *assembly, const struct rw_mlmodel *mlmodel,
                             enum rw_flavour flavour) {
    if (mlmodel->data[flavour][0])
        return mlmodel->data[flavour];
    for (const char *const *name = flavours[flavour].files; *name; name++)
        if (rw_listing_find(&assembly->listing, *name))
            return *name;
    return flavours[flavour].files[0];
}

/* ---- the contract ------------------------------------------------------------------------------
 */

static bool set_text(yyjson_mut_doc *document, yyjson_mut_val *object, const char *key,
                     const char *text) {
    yyjson_mut_obj_remove_key(object, key);
    return yyjson_mut_obj_add_strcpy(document, object, key, text);
}

/* x-rowan of the operator's contract, with what this version is. */
static char *edit(yyjson_doc *read, const char *version, const char *model, const char *type,
                  size_t *size) {
    char *text = NULL;
    yyjson_mut_doc *document = yyjson_doc_mut_copy(read, NULL);
    yyjson_mut_val *rowan =
        document ? yyjson_mut_obj_get(yyjson_mut_doc_get_root(document), "x-rowan") : NULL;
    if (yyjson_mut_is_obj(rowan) && set_text(document, rowan, "version", version) &&
        set_text(document, rowan, "model_file", model) && set_text(document, rowan, "type", type))
        text = yyjson_mut_write(document, YYJSON_WRITE_PRETTY, size);
    yyjson_mut_doc_free(document);
    return text;
}

static bool write_contract(struct rw_assembly *assembly, const char *model, const char *type) {
    char *bytes;
    size_t size;
    const char *path = assembly->settings->contract;
    assembly->trouble->reason = RW_REFUSED_CONTRACT;
    if (rw_file_read(AT_FDCWD, path, RW_CONTRACT_MAX_BYTES, &bytes, &size,
                     &assembly->trouble->error) != ROWAN_OK) {
        rw_error_prefix(&assembly->trouble->error, "SYNC_CONTRACT");
        return false;
    }
    yyjson_doc *read = yyjson_read(bytes, size, 0);
    char *text = read ? edit(read, assembly->named->version, model, type, &size) : NULL;
    yyjson_doc_free(read);
    free(bytes);
    if (!text)
        return rw_refuse(assembly->trouble, RW_REFUSED_CONTRACT, "SYNC_CONTRACT",
                         "docs/contract.md shows one", "%.200s is no contract with x-rowan", path);
    bool well = rw_assembly_write(assembly, RW_CONTRACT_NAME, text, size);
    free(text);
    return well;
}

/* ---- golden rows ------------------------------------------------------------------------- */

static bool add_golden(struct rw_assembly *assembly) {
    if (rw_listing_find(&assembly->listing, RW_GOLDEN_NAME))
        return rw_assembly_take(assembly, RW_GOLDEN_NAME, RW_GOLDEN_BYTES_MAX);
    if (!rw_assemble_rows(assembly))
        return false;
    rw_log(RW_LOG_WARNING,
           "version %s has no golden.jsonl: its golden rows are Rowan's own, and prove nothing",
           assembly->named->version);
    return rw_assembly_write(assembly, RW_UNPROVED_NAME, unproved, sizeof unproved - 1);
}

bool rw_assemble_plain(struct rw_assembly *assembly) {
    struct rw_mlmodel mlmodel;
    if (!read_mlmodel(assembly, &mlmodel))
        return false;
    const enum rw_flavour flavour = choose(&mlmodel);
    if (flavour == RW_FLAVOURS)
        return refuse_flavour(assembly, &mlmodel);
    if (!assembly->settings->contract)
        return rw_refuse(assembly->trouble, RW_REFUSED_CONTRACT, "artifact",
                         "log contract.json and golden.jsonl beside the model, or set "
                         "SYNC_CONTRACT to a contract for it",
                         "has no contract.json: nobody says what its features are");
    const char *model = find_file(assembly, &mlmodel, flavour);
    return rw_assembly_take(assembly, model, RW_MODEL_BYTES_MAX) &&
           write_contract(assembly, model, flavours[flavour].type) && add_golden(assembly);
}

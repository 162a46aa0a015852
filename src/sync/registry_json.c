/*
 * registry_json.c - answers of MLflow's REST.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "sync/listing.h"

static const char not_mlflow[] = "does MLFLOW_TRACKING_URI lead to an MLflow server?";

/* ---- values ------------------------------------------------------------------------------ */

static rowan_status read_json(const char *json, size_t size, yyjson_doc **document,
                              rowan_error *error) {
    yyjson_read_err fault;
    /* Without the flag of reading in place, yyjson does not write into its input. */
    *document = yyjson_read_opts((char *)(uintptr_t)json, size, 0, NULL, &fault);
    if (!*document)
        return rw_fail(error, ROWAN_MALFORMED, "answer", not_mlflow,
                       "is no JSON (byte %zu: %s): '%.*s'", fault.pos, fault.msg,
                       size > 40 ? 40 : (int)size, json);
    if (!yyjson_is_obj(yyjson_doc_get_root(*document))) {
        yyjson_doc_free(*document);
        return rw_fail(error, ROWAN_MALFORMED, "answer", not_mlflow, "is no JSON object");
    }
    return ROWAN_OK;
}

/* A text of the object, or a number as MLflow writes them too; "" where it is not there. */
static rowan_status take_text(yyjson_val *object, const char *key, char *text, size_t size,
                              rowan_error *error) {
    yyjson_val *value = yyjson_obj_get(object, key);
    text[0] = '\0';
    if (yyjson_is_uint(value)) {
        snprintf(text, size, "%llu", (unsigned long long)yyjson_get_uint(value));
        return ROWAN_OK;
    }
    if (!value || yyjson_is_null(value))
        return ROWAN_OK;
    const char *found = yyjson_get_str(value);
    if (!found || strlen(found) != yyjson_get_len(value) || strlen(found) >= size)
        return rw_fail(error, ROWAN_MALFORMED, key, not_mlflow, "is no text of at most %zu bytes",
                       size - 1);
    memcpy(text, found, strlen(found) + 1);
    return ROWAN_OK;
}

/* A number, which may be written as text. */
static uint64_t number_of(yyjson_val *value, uint64_t otherwise) {
    if (yyjson_is_uint(value))
        return yyjson_get_uint(value);
    const char *text = yyjson_get_str(value);
    if (!text || !*text || strlen(text) > 18 || strspn(text, "0123456789") < strlen(text))
        return otherwise;
    return strtoull(text, NULL, 10);
}

static rowan_status missing(const char *key, rowan_error *error) {
    return rw_fail(error, ROWAN_MALFORMED, key, not_mlflow, "is missing in the answer");
}

/* ---- a registered version ------------------------------------------------------------------ */

static rowan_status take_tag(yyjson_val *version, const char *name, char *text, size_t size,
                             rowan_error *error) {
    size_t i, n;
    yyjson_val *tag;
    text[0] = '\0';
    yyjson_arr_foreach(yyjson_obj_get(version, "tags"), i, n, tag) {
        if (yyjson_equals_str(yyjson_obj_get(tag, "key"), name))
            return take_text(tag, "value", text, size, error);
    }
    return ROWAN_OK;
}

static rowan_status take_version(yyjson_val *version, struct rw_registered *to,
                                 rowan_error *error) {
    rowan_status status = take_text(version, "version", to->version, sizeof to->version, error);
    if (status == ROWAN_OK && !rw_name_is_plain(to->version, strlen(to->version)))
        return rw_fail(error, ROWAN_MALFORMED, "version", not_mlflow, "is no version's number");
    if (status == ROWAN_OK)
        status = take_text(version, "run_id", to->run, sizeof to->run, error);
    if (status == ROWAN_OK)
        status = take_text(version, "source", to->source, sizeof to->source, error);
    if (status == ROWAN_OK)
        status = take_tag(version, "rowan.sha256", to->sha256, sizeof to->sha256, error);
    to->created = number_of(yyjson_obj_get(version, "creation_timestamp"), 0);
    yyjson_val *ready = yyjson_obj_get(version, "status");
    to->is_ready = !ready || yyjson_equals_str(ready, "READY");
    return status;
}

rowan_status rw_registered_parse(const char *json, size_t size, struct rw_registered *registered,
                                 rowan_error *error) {
    yyjson_doc *document;
    *registered = (struct rw_registered){0};
    rowan_status status = read_json(json, size, &document, error);
    if (status != ROWAN_OK)
        return status;
    yyjson_val *root = yyjson_doc_get_root(document);
    yyjson_val *one = yyjson_obj_get(root, "model_version");
    yyjson_val *many = yyjson_obj_get(root, "model_versions");
    /* Of no versions MLflow gives an empty object. */
    const bool is_none = yyjson_obj_size(root) == 0 || (many && yyjson_arr_size(many) == 0);
    if (!one)
        one = yyjson_arr_get_first(many);
    if (yyjson_is_obj(one))
        status = take_version(one, registered, error);
    else if (!is_none)
        status = missing("model_version", error);
    yyjson_doc_free(document);
    return status;
}

/* ---- where artifacts lie ------------------------------------------------------------------- */

static rowan_status take_uri(yyjson_val *object, char uri[RW_ARTIFACT_MAX + 1],
                             rowan_error *error) {
    rowan_status status = take_text(object, "artifact_uri", uri, RW_ARTIFACT_MAX + 1, error);
    return status == ROWAN_OK && !*uri ? missing("artifact_uri", error) : status;
}

rowan_status rw_artifact_uri_parse(const char *json, size_t size, char uri[RW_ARTIFACT_MAX + 1],
                                   rowan_error *error) {
    yyjson_doc *document;
    rowan_status status = read_json(json, size, &document, error);
    if (status != ROWAN_OK)
        return status;
    status = take_uri(yyjson_doc_get_root(document), uri, error);
    yyjson_doc_free(document);
    return status;
}

rowan_status rw_run_parse(const char *json, size_t size, struct rw_run *run, rowan_error *error) {
    yyjson_doc *document;
    *run = (struct rw_run){0};
    rowan_status status = read_json(json, size, &document, error);
    if (status != ROWAN_OK)
        return status;
    yyjson_val *found = yyjson_obj_get(yyjson_doc_get_root(document), "run");
    status = take_uri(yyjson_obj_get(found, "info"), run->artifact_uri, error);
    yyjson_val *models = yyjson_obj_get(yyjson_obj_get(found, "outputs"), "model_outputs");
    if (status == ROWAN_OK)
        status = take_text(yyjson_arr_get_last(models), "model_id", run->model_id,
                           sizeof run->model_id, error);
    yyjson_doc_free(document);
    return status;
}

rowan_status rw_logged_model_parse(const char *json, size_t size, char uri[RW_ARTIFACT_MAX + 1],
                                   rowan_error *error) {
    yyjson_doc *document;
    rowan_status status = read_json(json, size, &document, error);
    if (status != ROWAN_OK)
        return status;
    yyjson_val *model = yyjson_obj_get(yyjson_doc_get_root(document), "model");
    status = take_uri(yyjson_obj_get(model, "info"), uri, error);
    yyjson_doc_free(document);
    return status;
}

/* ---- listings -------------------------------------------------------------------------------- */

static rowan_status take_file(yyjson_val *file, struct rw_listing *listing, rowan_error *error) {
    if (yyjson_is_true(yyjson_obj_get(file, "is_dir")))
        return rw_listing_count(listing, error);
    yyjson_val *path = yyjson_obj_get(file, "path");
    if (!yyjson_is_str(path))
        return missing("path", error);
    return rw_listing_add(listing, yyjson_get_str(path), yyjson_get_len(path),
                          number_of(yyjson_obj_get(file, "file_size"), RW_SIZE_UNKNOWN), error);
}

rowan_status rw_artifacts_parse(const char *json, size_t size, struct rw_listing *listing,
                                rowan_error *error) {
    yyjson_doc *document;
    size_t i, n;
    yyjson_val *file;
    rowan_status status = read_json(json, size, &document, error);
    if (status != ROWAN_OK)
        return status;
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(document), "files"), i, n, file) {
        if (status == ROWAN_OK)
            status = take_file(file, listing, error);
    }
    yyjson_doc_free(document);
    return status;
}

/* ---- errors ------------------------------------------------------------------------------------
 */

bool rw_registry_error_parse(const char *json, size_t size, char *text, size_t text_size) {
    yyjson_doc *document;
    if (read_json(json, size, &document, NULL) != ROWAN_OK)
        return false;
    yyjson_val *root = yyjson_doc_get_root(document);
    const char *code = yyjson_get_str(yyjson_obj_get(root, "error_code"));
    const char *message = yyjson_get_str(yyjson_obj_get(root, "message"));
    if (code)
        snprintf(text, text_size, "%s: %s", code, message ? message : "no more is said");
    yyjson_doc_free(document);
    return code != NULL;
}

/* ---- digests -----------------------------------------------------------------------------------
 */

static int nibble(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(yyjson_val *value, unsigned char sha256[RW_SHA256_HEX / 2]) {
    const char *hex = yyjson_get_str(value);
    if (!hex || yyjson_get_len(value) != RW_SHA256_HEX)
        return false;
    for (size_t i = 0; i < RW_SHA256_HEX / 2; i++) {
        const int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        sha256[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static rowan_status take_digest(yyjson_val *key, yyjson_val *value, struct rw_digests *digests,
                                rowan_error *error) {
    struct rw_digest *digest = &digests->digests[digests->n];
    const char *name = yyjson_get_str(key);
    const size_t length = yyjson_get_len(key);
    if (digests->n == RW_DIGESTS_MAX)
        return rw_fail(error, ROWAN_LIMIT, "tag rowan.sha256", NULL, "names more than %u files",
                       RW_DIGESTS_MAX);
    if (!rw_name_is_plain(name, length) || !take_hex(value, digest->sha256))
        return rw_fail(error, ROWAN_MALFORMED, "tag rowan.sha256",
                       "write {\"model.ubj\": \"64 hexadecimal digits\", ...}",
                       "has no file's name and SHA-256 at '%.40s'", name);
    memcpy(digest->name, name, length);
    digest->name[length] = '\0';
    digests->n++;
    return ROWAN_OK;
}

rowan_status rw_digests_parse(const char *json, size_t size, struct rw_digests *digests,
                              rowan_error *error) {
    yyjson_doc *document;
    size_t i, n;
    yyjson_val *key, *value;
    *digests = (struct rw_digests){0};
    rowan_status status = read_json(json, size, &document, error);
    if (status != ROWAN_OK)
        return status;
    yyjson_obj_foreach(yyjson_doc_get_root(document), i, n, key, value) {
        if (status == ROWAN_OK)
            status = take_digest(key, value, digests, error);
    }
    yyjson_doc_free(document);
    return status;
}

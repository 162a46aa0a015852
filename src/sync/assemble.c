/*
 * assemble.c - downloads a model directory, file by file, each of them checked.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/assemble.h"

#define FILE_FLAGS (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define FILE_MODE  0644

/* ---- one file ------------------------------------------------------------------------------ */

static bool close_synced(int fd, const char *name, struct rw_trouble *trouble) {
    const bool synced = fsync(fd) == 0;
    const int number = errno;
    if (close(fd) == 0 && synced)
        return true;
    return rw_http_explain_write(name, synced ? errno : number, trouble);
}

static int create(const struct rw_assembly *assembly, const char *name) {
    int fd = openat(assembly->fd, name, FILE_FLAGS, FILE_MODE);
    if (fd < 0)
        (void)rw_http_explain_write(name, errno, assembly->trouble);
    return fd;
}

static const struct rw_digest *find_digest(const struct rw_digests *digests, const char *name) {
    for (size_t i = 0; i < digests->n; i++)
        if (strcmp(digests->digests[i].name, name) == 0)
            return &digests->digests[i];
    return NULL;
}

/* MLmodel is written by MLflow after the digests: the only file that need not have one. */
static bool check_digest(const struct rw_assembly *assembly, const char *name,
                         const struct rw_http_file *file) {
    const struct rw_digest *digest = find_digest(&assembly->digests, name);
    if (!assembly->named->sha256[0] || (!digest && strcmp(name, RW_MLMODEL_NAME) == 0))
        return true;
    if (!digest)
        return rw_refuse(assembly->trouble, RW_REFUSED_CHECKSUM, name,
                         "register the model again, or correct the tag",
                         "has no digest in the version's tag rowan.sha256");
    if (memcmp(digest->sha256, file->sha256, sizeof digest->sha256) != 0)
        return rw_refuse(assembly->trouble, RW_REFUSED_CHECKSUM, name,
                         "somebody has changed it since: register the model again",
                         "has other bytes than the version's tag rowan.sha256 says");
    return true;
}

/* Not every server tells a length; a listing does. */
static bool check_size(const struct rw_assembly *assembly, const struct rw_entry_file *listed,
                       const struct rw_http_file *file) {
    if (listed->size == RW_SIZE_UNKNOWN || listed->size == file->size)
        return true;
    return rw_refuse(assembly->trouble, RW_REFUSED_INCOMPLETE, listed->name, NULL,
                     "came with %llu bytes, and the listing says %llu",
                     (unsigned long long)file->size, (unsigned long long)listed->size);
}

static bool is_within(const struct rw_assembly *assembly, const struct rw_entry_file *listed,
                      uint64_t limit) {
    const uint64_t size = listed->size == RW_SIZE_UNKNOWN ? 0 : listed->size;
    if (size > limit)
        return rw_refuse(assembly->trouble, RW_REFUSED_TOO_LARGE, listed->name,
                         "SYNC_MAX_BYTES is for a model and its golden rows",
                         "has %llu bytes; it may have %llu", (unsigned long long)size,
                         (unsigned long long)limit);
    return rw_http_has_room(assembly->fd, size) ||
           rw_http_explain_write(listed->name, ENOSPC, assembly->trouble);
}

bool rw_assembly_take(struct rw_assembly *assembly, const char *name, uint64_t limit) {
    struct rw_http_file file;
    const struct rw_entry_file *listed = rw_listing_find(&assembly->listing, name);
    if (!listed)
        return rw_refuse(assembly->trouble, RW_REFUSED_INCOMPLETE, name,
                         "register the model again, whole", "is missing in the artifact");
    const bool is_bulk = limit > RW_SMALL_FILE_MAX;
    if (is_bulk && limit > assembly->left)
        limit = assembly->left;
    if (!is_within(assembly, listed, limit))
        return false;
    int fd = create(assembly, name);
    if (fd < 0)
        return false;
    bool well = rw_artifact_download(assembly->http, assembly->settings, &assembly->artifact, name,
                                     fd, limit, &file, assembly->trouble);
    if (!well)
        close(fd);
    else
        well = close_synced(fd, name, assembly->trouble);
    if (!well || !check_size(assembly, listed, &file) || !check_digest(assembly, name, &file))
        return false;
    if (is_bulk)
        assembly->left -= file.size;
    return true;
}

bool rw_assembly_write(struct rw_assembly *assembly, const char *name, const char *text,
                       size_t size) {
    int fd = create(assembly, name);
    if (fd < 0)
        return false;
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            const int number = errno;
            close(fd);
            return rw_http_explain_write(name, number, assembly->trouble);
        }
        text += n;
        size -= (size_t)n;
    }
    return close_synced(fd, name, assembly->trouble);
}

/* ---- a model directory ------------------------------------------------------------------------
 */

static bool read_digests(struct rw_assembly *assembly) {
    const char *tag = assembly->named->sha256;
    if (!*tag || rw_digests_parse(tag, strlen(tag), &assembly->digests,
                                  &assembly->trouble->error) == ROWAN_OK)
        return true;
    assembly->trouble->reason = RW_REFUSED_CHECKSUM;
    return false;
}

/* The contract says which file is the model; a name that reaches out is refused by its parser. */
static bool find_model(struct rw_assembly *assembly, char name[RW_FILE_NAME_MAX + 1]) {
    char *bytes;
    size_t size;
    struct rw_contract *contract;
    rowan_error *error = &assembly->trouble->error;
    if (rw_file_read(assembly->fd, RW_CONTRACT_NAME, RW_CONTRACT_MAX_BYTES, &bytes, &size, error) !=
        ROWAN_OK) {
        assembly->trouble->reason = RW_FAILED;
        return false;
    }
    rowan_status status = rw_contract_parse(bytes, size, &contract, error);
    free(bytes);
    if (status != ROWAN_OK) {
        assembly->trouble->reason =
            strstr(error->where, "model_file") ? RW_REFUSED_NAME : RW_REFUSED_CONTRACT;
        rw_error_prefix(error, RW_CONTRACT_NAME);
        return false;
    }
    const char *model = rw_contract_settings(contract)->model_file;
    const bool is_plain = rw_name_is_plain(model, strlen(model));
    if (is_plain)
        memcpy(name, model, strlen(model) + 1);
    else
        (void)rw_refuse(assembly->trouble, RW_REFUSED_NAME, RW_CONTRACT_NAME, NULL,
                        "its model_file is no plain name of at most %u bytes", RW_FILE_NAME_MAX);
    rw_contract_free(contract);
    return is_plain;
}

static bool assemble_directory(struct rw_assembly *assembly) {
    char model[RW_FILE_NAME_MAX + 1];
    if (!rw_assembly_take(assembly, RW_CONTRACT_NAME, RW_CONTRACT_MAX_BYTES) ||
        !find_model(assembly, model))
        return false;
    if (strcmp(model, RW_CONTRACT_NAME) == 0 || strcmp(model, RW_GOLDEN_NAME) == 0 ||
        strcmp(model, RW_MLMODEL_NAME) == 0 || strcmp(model, RW_UNPROVED_NAME) == 0)
        return rw_refuse(assembly->trouble, RW_REFUSED_NAME, RW_CONTRACT_NAME, NULL,
                         "its model_file %s is no model", model);
    if (!rw_assembly_take(assembly, model, RW_MODEL_BYTES_MAX) ||
        !rw_assembly_take(assembly, RW_GOLDEN_NAME, RW_GOLDEN_BYTES_MAX))
        return false;
    return !rw_listing_find(&assembly->listing, RW_MLMODEL_NAME) ||
           rw_assembly_take(assembly, RW_MLMODEL_NAME, RW_MLMODEL_MAX);
}

/* ---- from the registry's answer ------------------------------------------------------------- */

static bool list(struct rw_assembly *assembly, const char *uri) {
    return rw_artifact_parse(uri, assembly->settings, &assembly->artifact, assembly->trouble) &&
           rw_artifact_list(assembly->http, assembly->settings, &assembly->artifact,
                            &assembly->listing, assembly->trouble);
}

/* MLflow 2 logs a model among the run's artifacts, MLflow 3 beside them. */
static bool find_files(struct rw_assembly *assembly) {
    char uri[RW_ARTIFACT_MAX + 1];
    if (!rw_registry_locate(assembly->http, assembly->settings, assembly->named, uri,
                            assembly->trouble) ||
        !list(assembly, uri))
        return false;
    if (assembly->listing.n_seen == 0 && assembly->named->model_id[0]) {
        rw_listing_free(&assembly->listing);
        return rw_registry_logged_model(assembly->http, assembly->settings, assembly->named, uri,
                                        assembly->trouble) &&
               list(assembly, uri);
    }
    return true;
}

static bool assemble(struct rw_assembly *assembly) {
    if (!read_digests(assembly) || !find_files(assembly))
        return false;
    if (rw_listing_find(&assembly->listing, RW_CONTRACT_NAME))
        return assemble_directory(assembly);
    return rw_assemble_plain(assembly);
}

bool rw_assemble(struct rw_http *http, const struct rw_sync_settings *settings,
                 const struct rw_named *named, int fd, struct rw_trouble *trouble) {
    struct rw_assembly assembly = {.http = http,
                                   .settings = settings,
                                   .named = named,
                                   .left = settings->max_bytes,
                                   .fd = fd,
                                   .trouble = trouble};
    bool well = assemble(&assembly);
    rw_listing_free(&assembly.listing);
    return well;
}

/*
 * modeldir.c - reads, compiles and proves a model directory.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "modeldir/modeldir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forest/model.h"
#include "model/format.h"

#define CONTRACT_FILE "contract.json"
#define GOLDEN_FILE   "golden.jsonl"

struct file {
    char *bytes;
    size_t size;
};

struct loader {
    const char *path; /* for errors */
    int dir_fd;       /* the link is resolved once: all files are of one version */
    struct file contract_file, model_file, golden_file;
    struct rw_contract *contract;
    rowan_error *error;
};

static rowan_status at(const struct loader *loader, const char *name, rowan_status status) {
    if (status != ROWAN_OK) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", loader->path, name);
        rw_error_prefix(loader->error, path);
    }
    return status;
}

static rowan_status read_file(struct loader *loader, const char *name, size_t limit,
                              struct file *file) {
    rowan_status status =
        rw_file_read(loader->dir_fd, name, limit, &file->bytes, &file->size, loader->error);
    if (status != ROWAN_OK && loader->error)
        loader->error->where[0] = '\0'; /* the name is put in front of it anyway */
    return at(loader, name, status);
}

static rowan_status read_contract(struct loader *loader) {
    rowan_status status =
        read_file(loader, CONTRACT_FILE, RW_CONTRACT_MAX_BYTES, &loader->contract_file);
    if (status != ROWAN_OK)
        return status;
    return at(loader, CONTRACT_FILE,
              rw_contract_parse(loader->contract_file.bytes, loader->contract_file.size,
                                &loader->contract, loader->error));
}

/* A name only: a contract must not reach outside of its directory. */
static rowan_status check_model_name(const struct loader *loader, const char *name) {
    if (!name || !*name || strchr(name, '/') || name[0] == '.')
        return at(loader, CONTRACT_FILE,
                  rw_fail(loader->error, ROWAN_MALFORMED, "/x-rowan/model_file",
                          "name a file of the same directory", "is not a plain file name"));
    return ROWAN_OK;
}

static rowan_status compile(struct loader *loader, struct rw_modeldir_image *image) {
    const struct rw_contract_settings *settings = rw_contract_settings(loader->contract);
    rowan_status status = check_model_name(loader, settings->model_file);
    if (status == ROWAN_OK)
        status =
            read_file(loader, settings->model_file, ROWAN_MAX_MODEL_BYTES, &loader->model_file);
    if (status != ROWAN_OK)
        return status;
    rowan_load_options options = {.iterations = settings->iterations};
    return at(loader, settings->model_file,
              rw_model_compile(loader->model_file.bytes, loader->model_file.size, &options,
                               loader->contract_file.bytes, loader->contract_file.size,
                               &image->bytes, &image->size, loader->error));
}

/* The model borrows the image's bytes for the time of the proof. */
static rowan_status prove(struct loader *loader, struct rw_modeldir_image *image) {
    rowan_model model = {0};
    rowan_status status = rw_image_open(image->bytes, image->size, &model.image, loader->error);
    if (status != ROWAN_OK)
        return status;
    model.kernel = rw_kernel_choose(&model.image);
    status = at(loader, CONTRACT_FILE, rw_contract_bind(loader->contract, &model, loader->error));
    if (status == ROWAN_OK)
        status = read_file(loader, GOLDEN_FILE, RW_GOLDEN_MAX_BYTES, &loader->golden_file);
    if (status != ROWAN_OK)
        return status;
    return at(loader, GOLDEN_FILE,
              rw_contract_check_golden(loader->contract, &model, loader->golden_file.bytes,
                                       loader->golden_file.size, &image->n_golden, loader->error));
}

rowan_status rw_modeldir_load(const char *path, struct rw_modeldir_image *image,
                              rowan_error *error) {
    *image = (struct rw_modeldir_image){0};
    struct loader loader = {.path = path, .error = error};
    loader.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (loader.dir_fd < 0)
        return rw_fail(error, ROWAN_IO, path, "give the path of a model directory",
                       "cannot open the directory: %s", strerror(errno));
    struct rw_modeldir_stamp stamp = rw_modeldir_stamp_at(loader.dir_fd);
    rowan_status status = read_contract(&loader);
    if (status == ROWAN_OK)
        status = compile(&loader, image);
    if (status == ROWAN_OK)
        status = prove(&loader, image);
    rw_contract_free(loader.contract);
    free(loader.contract_file.bytes);
    free(loader.model_file.bytes);
    free(loader.golden_file.bytes);
    close(loader.dir_fd);
    if (status != ROWAN_OK)
        rw_modeldir_image_free(image);
    image->stamp = stamp;
    return status;
}

void rw_modeldir_image_free(struct rw_modeldir_image *image) {
    free(image->bytes);
    *image = (struct rw_modeldir_image){0};
}

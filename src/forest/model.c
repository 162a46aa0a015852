/*
 * model.c - the life of a rowan_model: from bytes or a mapped file, and its description.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forest/link.h"
#include "forest/program.h"

static void release(void *bytes, size_t size, bool mapped) {
    if (mapped)
        munmap(bytes, size);
    else
        free(bytes);
}

static rowan_status adopt(void *bytes, size_t size, bool mapped, rowan_model **model,
                          rowan_error *error) {
    rowan_model *adopted = calloc(1, sizeof *adopted);
    rowan_status status = adopted ? rw_image_open(bytes, size, &adopted->image, error)
                                  : rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    if (status != ROWAN_OK) {
        free(adopted);
        release(bytes, size, mapped);
        return status;
    }
    adopted->bytes = bytes;
    adopted->size = size;
    adopted->mapped = mapped;
    adopted->kernel = rw_kernel_choose(&adopted->image);
    adopted->walker = rw_contribution_walker_choose();
    *model = adopted;
    return ROWAN_OK;
}

rowan_status rw_model_from_image(void *bytes, size_t size, rowan_model **model,
                                 rowan_error *error) {
    return adopt(bytes, size, false, model, error);
}

static void *map_file(const char *path, size_t *size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    if (fd < 0)
        return MAP_FAILED;
    struct stat st;
    void *bytes = MAP_FAILED;
    if (fstat(fd, &st) == 0) {
        *size = (size_t)st.st_size;
        /* an empty file cannot be mapped: EINVAL */
        bytes = mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
    }
    int number = errno;
    close(fd);
    errno = number;
    return bytes;
}

rowan_status rowan_model_map_image(const char *path, rowan_model **model, rowan_error *error) {
    size_t size = 0;
    void *bytes = map_file(path, &size);
    if (bytes == MAP_FAILED)
        return rw_fail(error, ROWAN_IO, path, "check the path and its permissions",
                       "cannot map the image: %s", strerror(errno));
    rowan_status status = adopt(bytes, size, true, model, error);
    if (status != ROWAN_OK)
        rw_error_prefix(error, path);
    return status;
}

rowan_status rowan_model_save_image(const rowan_model *model, const char *path,
                                    rowan_error *error) {
    return rw_file_replace(path, model->bytes, model->size, error);
}

void rowan_model_free(rowan_model *model) {
    if (!model)
        return;
    release(model->bytes, model->size, model->mapped);
    free(model);
}

void rowan_model_describe(const rowan_model *model, rowan_model_info *info) {
    const struct rw_image_header *header = model->image.header;
    const char *strings = model->image.strings;
    *info = (rowan_model_info){
        .format = strings + header->format_name,
        .producer = strings + header->producer,
        .objective = strings + header->objective,
        .booster = strings + header->booster,
        .link = (rowan_link)header->link,
        .n_features = header->n_features,
        .n_groups = header->n_groups,
        .n_outputs = rw_link_outputs((rowan_link)header->link, header->n_groups),
        .n_trees = header->n_trees_in_file,
        .n_trees_used = header->n_trees,
        .n_nodes = header->n_nodes,
        .n_leaves = header->n_leaves,
        .max_depth = header->max_depth,
        .best_iteration = header->best_iteration,
        .image_bytes = header->bytes,
        .fingerprint = header->checksum,
        .kernel = model->image.program ? rw_program_graph.name : model->kernel->name,
        .rows = model->image.rows64 ? ROWAN_FLOAT64 : ROWAN_FLOAT32,
        .results = model->image.sums64 ? ROWAN_FLOAT64 : ROWAN_FLOAT32,
        .has_contributions = model->image.contributions.bias != NULL,
    };
}

const char *rowan_model_feature_name(const rowan_model *model, uint32_t index) {
    if (index >= model->image.header->n_features)
        return "";
    return model->image.strings + model->image.features[index].name;
}

rowan_feature_kind rowan_model_feature_kind(const rowan_model *model, uint32_t index) {
    if (index >= model->image.header->n_features)
        return ROWAN_NUMERIC;
    return (rowan_feature_kind)model->image.features[index].kind;
}

uint32_t rowan_model_category_count(const rowan_model *model, uint32_t index) {
    return index < model->image.header->n_features ? model->image.features[index].n_names : 0;
}

const char *rowan_model_category_name(const rowan_model *model, uint32_t index, uint32_t code) {
    if (code >= rowan_model_category_count(model, index))
        return NULL;
    return model->image.strings +
           model->image.names[model->image.features[index].names_begin + code];
}

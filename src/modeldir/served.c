/*
 * served.c - a model that can answer requests: image, contract, OpenAPI document.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "forest/model.h"
#include "modeldir/modeldir.h"

#define OPENAPI_MEMORY_MAX ((size_t)64 << 20)

static void *arena_memory(void *context, size_t size) {
    return rw_arena_alloc(context, size, 1);
}

static rowan_status render_openapi(struct rw_served *served, rowan_error *error) {
    struct rw_arena arena;
    rw_arena_init(&arena, OPENAPI_MEMORY_MAX);
    struct rw_memory memory = {arena_memory, &arena};
    struct rw_buffer text = {.memory = &memory};
    rw_contract_openapi(served->contract, &text);
    if (!text.failed)
        served->openapi = malloc(text.length ? text.length : 1);
    if (served->openapi) {
        memcpy(served->openapi, text.data, text.length);
        served->openapi_size = text.length;
    }
    rw_arena_free(&arena);
    return served->openapi
               ? ROWAN_OK
               : rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory for the OpenAPI document");
}

/* Takes ownership of `model`, also when it fails. */
static rowan_status serve(rowan_model *model, struct rw_served **out, rowan_error *error) {
    struct rw_served *served = calloc(1, sizeof *served);
    if (!served) {
        rowan_model_free(model);
        return rw_fail(error, ROWAN_NO_MEMORY, NULL, NULL, "no memory");
    }
    served->model = model;
    served->image_size = model->size;
    rowan_status status = rw_contract_parse(model->image.attachment, model->image.attachment_size,
                                            &served->contract, error);
    if (status == ROWAN_OK)
        status = rw_contract_bind(served->contract, model, error);
    if (status == ROWAN_OK)
        status = render_openapi(served, error);
    if (status != ROWAN_OK) {
        rw_served_free(served);
        return status;
    }
    served->settings = rw_contract_settings(served->contract);
    *out = served;
    return ROWAN_OK;
}

rowan_status rw_served_publish(const struct rw_modeldir_image *image, const char *path,
                               rowan_error *error) {
    return rw_file_replace(path, image->bytes, image->size, error);
}

rowan_status rw_served_map(const char *path, struct rw_served **served, rowan_error *error) {
    rowan_model *model;
    rowan_status status = rowan_model_map_image(path, &model, error);
    return status == ROWAN_OK ? serve(model, served, error) : status;
}

rowan_status rw_served_keep(struct rw_modeldir_image *image, struct rw_served **served,
                            rowan_error *error) {
    rowan_model *model;
    rowan_status status = rw_model_from_image(image->bytes, image->size, &model, error);
    *image = (struct rw_modeldir_image){0}; /* the bytes are the model's, or freed */
    return status == ROWAN_OK ? serve(model, served, error) : status;
}

rowan_status rw_served_load(const char *path, struct rw_served **served, size_t *n_golden,
                            rowan_error *error) {
    struct rw_modeldir_image image;
    rowan_status status = rw_modeldir_load(path, &image, error);
    if (status != ROWAN_OK)
        return status;
    if (n_golden)
        *n_golden = image.n_golden;
    return rw_served_keep(&image, served, error);
}

void rw_served_free(struct rw_served *served) {
    if (!served)
        return;
    rw_contract_free(served->contract);
    rowan_model_free(served->model);
    free(served->openapi);
    free(served);
}

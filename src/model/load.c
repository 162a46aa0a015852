/*
 * load.c - the table of formats, and loading by content.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdlib.h>

#include "forest/image.h"
#include "forest/model.h"
#include "model/format.h"

/* A format's reader may take this much memory for each byte of the file, and this
 * much in any case. */
#define READER_BYTES_PER_BYTE 32u
#define READER_BYTES_ALWAYS   ((size_t)1 << 20)

static const struct rw_format *const formats[] = {
    &rw_format_lightgbm,
    &rw_format_onnx,
    &rw_format_xgboost_json,
    &rw_format_xgboost_ubjson,
};

static const struct rw_format *recognize(const char *bytes, size_t size) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->recognize(bytes, size))
            return formats[i];
    return NULL;
}

rowan_status rw_model_compile(const char *bytes, size_t size, const rowan_load_options *options,
                              const void *attachment, size_t attachment_size, void **image,
                              size_t *image_size, rowan_error *error) {
    static const rowan_load_options defaults = {.iterations = ROWAN_ITERATIONS_ALL};
    if (size > ROWAN_MAX_MODEL_BYTES)
        return rw_fail(error, ROWAN_LIMIT, NULL, NULL, "%zu bytes; ROWAN_MAX_MODEL_BYTES is %zu",
                       size, ROWAN_MAX_MODEL_BYTES);
    if (options && options->iterations < ROWAN_ITERATIONS_BEST)
        return rw_fail(error, ROWAN_ARGUMENT, "iterations",
                       "use ROWAN_ITERATIONS_ALL, ROWAN_ITERATIONS_BEST or a number of rounds",
                       "%d is no number of rounds", options->iterations);
    const struct rw_format *format = recognize(bytes, size);
    if (!format)
        return rw_fail(error, ROWAN_UNSUPPORTED, "byte 0",
                       "save it with XGBoost's save_model as .ubj or .json, or with "
                       "LightGBM's save_model, or convert it to .onnx",
                       "not a model format that Rowan reads");
    struct rw_forest forest = {.format = format->name, .best_iteration = -1};
    rw_arena_init(&forest.arena, size * READER_BYTES_PER_BYTE + READER_BYTES_ALWAYS);
    rowan_status status = format->read(bytes, size, options ? options : &defaults, &forest, error);
    if (status == ROWAN_OK)
        status = rw_image_compile(&forest, attachment, attachment_size, image, image_size, error);
    rw_arena_free(&forest.arena);
    return status;
}

rowan_status rowan_model_load_memory(const void *bytes, size_t size, const char *name,
                                     const rowan_load_options *options, rowan_model **model,
                                     rowan_error *error) {
    void *image;
    size_t image_size;
    rowan_status status =
        rw_model_compile(bytes, size, options, NULL, 0, &image, &image_size, error);
    if (status == ROWAN_OK)
        status = rw_model_from_image(image, image_size, model, error);
    if (status != ROWAN_OK && name)
        rw_error_prefix(error, name);
    return status;
}

rowan_status rowan_model_load(const char *path, const rowan_load_options *options,
                              rowan_model **model, rowan_error *error) {
    char *bytes;
    size_t size;
    rowan_status status = rw_file_read(AT_FDCWD, path, ROWAN_MAX_MODEL_BYTES, &bytes, &size, error);
    if (status != ROWAN_OK)
        return status;
    status = rowan_model_load_memory(bytes, size, path, options, model, error);
    free(bytes);
    return status;
}

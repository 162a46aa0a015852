/*
 * format.h - a model format: how to recognize and how to read it.
 *
 * A new format is one file that defines one struct rw_format, and one line in the
 * table of load.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_FORMAT_H
#define RW_FORMAT_H

#include "forest/forest.h"

struct rw_format {
    const char *name;
    /* Looks at the first bytes only. */
    bool (*recognize)(const char *bytes, size_t size);
    /* Fills *forest; everything it points to is in forest->arena (initialized by the
     * caller) or constant.  Ids need not be checked: rw_image_compile does. */
    rowan_status (*read)(const char *bytes, size_t size, const rowan_load_options *options,
                         struct rw_forest *forest, rowan_error *error);
};

extern const struct rw_format rw_format_lightgbm;
extern const struct rw_format rw_format_onnx;
extern const struct rw_format rw_format_xgboost_json;
extern const struct rw_format rw_format_xgboost_ubjson;

/* Reads a model of any known format into an image (malloc'ed). */
rowan_status rw_model_compile(const char *bytes, size_t size, const rowan_load_options *options,
                              const void *attachment, size_t attachment_size, void **image,
                              size_t *image_size, rowan_error *error);

#endif

/*
 * predict.c - rows in, responses out, block by block, without allocation.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "forest/link.h"
#include "forest/model.h"

#define MARGINS_MAX 4096u /* of one block: 16 KiB of stack */
_Static_assert(MARGINS_MAX >= ROWAN_MAX_OUTPUTS, "one row always fits");

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Rows a block, so that its margins and both forms of its rows fit on the stack. */
static size_t block_rows(const struct rw_image_header *header) {
    size_t rows = smaller(RW_BLOCK_ROWS, MARGINS_MAX / header->n_groups);
    size_t fitting = RW_BLOCK_VALUES / (2 * (size_t)header->n_features);
    return smaller(rows, fitting ? fitting : 1);
}

static void score_block(const rowan_model *model, const float *rows, size_t n_rows,
                        rowan_output output, double *out) {
    const struct rw_image *image = &model->image;
    const uint32_t n_groups = image->header->n_groups;
    float margins[MARGINS_MAX];
    for (size_t row = 0; row < n_rows; row++)
        memcpy(margins + row * n_groups, image->base, n_groups * sizeof *margins);
    model->kernel->score(image, rows, n_rows, margins);
    rowan_link link =
        output == ROWAN_MARGIN ? ROWAN_LINK_IDENTITY : (rowan_link)image->header->link;
    const uint32_t n_out = rw_link_outputs(link, n_groups);
    for (size_t row = 0; row < n_rows; row++)
        rw_link_apply(link, margins + row * n_groups, n_groups, out + row * n_out);
}

static size_t outputs(const rowan_model *model, rowan_output output) {
    const struct rw_image_header *header = model->image.header;
    return output == ROWAN_MARGIN ? header->n_groups
                                  : rw_link_outputs((rowan_link)header->link, header->n_groups);
}

static rowan_status check(const rowan_model *model, const void *rows, size_t n_rows,
                          rowan_output output, const double *out, rowan_error *error) {
    if (!model || (n_rows && (!rows || !out)))
        return rw_fail(error, ROWAN_ARGUMENT, NULL, NULL, "model, rows and out must not be NULL");
    if (output != ROWAN_RESPONSE && output != ROWAN_MARGIN)
        return rw_fail(error, ROWAN_ARGUMENT, NULL, "use ROWAN_RESPONSE or ROWAN_MARGIN",
                       "unknown kind of output");
    return ROWAN_OK;
}

rowan_status rowan_predict_f32(const rowan_model *model, const float *rows, size_t n_rows,
                               rowan_output output, double *out, rowan_error *error) {
    rowan_status status = check(model, rows, n_rows, output, out, error);
    if (status != ROWAN_OK)
        return status;
    const struct rw_image_header *header = model->image.header;
    const size_t block = block_rows(header), width = outputs(model, output);
    while (n_rows > 0) {
        size_t now = smaller(n_rows, block);
        score_block(model, rows, now, output, out);
        rows += now * header->n_features;
        out += now * width;
        n_rows -= now;
    }
    return ROWAN_OK;
}

rowan_status rowan_predict_f64(const rowan_model *model, const double *rows, size_t n_rows,
                               rowan_output output, double *out, rowan_error *error) {
    rowan_status status = check(model, rows, n_rows, output, out, error);
    if (status != ROWAN_OK)
        return status;
    float rounded[ROWAN_MAX_FEATURES];
    const size_t n_features = model->image.header->n_features;
    const size_t block = smaller(RW_BLOCK_ROWS, ROWAN_MAX_FEATURES / n_features);
    const size_t width = outputs(model, output);
    while (n_rows > 0) {
        size_t now = smaller(n_rows, block);
        for (size_t i = 0; i < now * n_features; i++)
            rounded[i] = (float)rows[i];
        status = rowan_predict_f32(model, rounded, now, output, out, error);
        if (status != ROWAN_OK)
            return status;
        rows += now * n_features;
        out += now * width;
        n_rows -= now;
    }
    return ROWAN_OK;
}

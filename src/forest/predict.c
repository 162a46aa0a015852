/*
 * predict.c - rows in, responses out, block by block, without allocation.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "forest/link.h"
#include "forest/model.h"
#include "forest/program.h"

#define SUMS_MAX 4096u /* of one block: 32 KiB of stack */
_Static_assert(SUMS_MAX >= ROWAN_MAX_OUTPUTS, "one row always fits");

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Rows a block, so that its sums fit on the stack. */
size_t rw_forest_block_rows(const struct rw_image_header *header) {
    return smaller(RW_BLOCK_ROWS, SUMS_MAX / header->n_groups);
}

union sums {
    float f32[SUMS_MAX];
    double f64[SUMS_MAX];
};

static void start_sums(const struct rw_image *image, size_t n_rows, union sums *sums) {
    const size_t n_groups = image->header->n_groups, n = n_rows * n_groups;
    if (n == 1) {
        if (image->sums64)
            sums->f64[0] = image->base[0];
        else
            sums->f32[0] = (float)image->base[0];
    } else if (n_groups == 1 && image->sums64) {
        for (size_t i = 0; i < n; i++)
            sums->f64[i] = image->base[0];
    } else if (n_groups == 1) {
        for (size_t i = 0; i < n; i++)
            sums->f32[i] = (float)image->base[0];
    } else {
        for (size_t i = 0, group = 0; i < n; i++, group = group + 1 < n_groups ? group + 1 : 0)
            if (image->sums64)
                sums->f64[i] = image->base[group];
            else
                sums->f32[i] = (float)image->base[group];
    }
}

/* (sum / divisor) + offset, in the precision of the sums. */
static double margin(const struct rw_image *image, const union sums *sums, size_t at,
                     size_t group) {
    const double divisor = image->header->divisor;
    const double offset = image->offset ? image->offset[group] : 0.0;
    if (image->sums64) {
        double sum = divisor == 1.0 ? sums->f64[at] : sums->f64[at] / divisor;
        return image->offset ? sum + offset : sum;
    }
    float sum = divisor == 1.0 ? sums->f32[at] : sums->f32[at] / (float)divisor;
    return (double)(image->offset ? sum + (float)offset : sum);
}

static void finish_margins(const struct rw_image *image, const union sums *sums, size_t n_rows,
                           double *margins) {
    const size_t n_groups = image->header->n_groups, n = n_rows * n_groups;
    if (image->header->divisor != 1.0 || image->offset) {
        for (size_t i = 0; i < n; i++)
            margins[i] = margin(image, sums, i, i % n_groups);
    } else if (n == 1) {
        margins[0] = image->sums64 ? sums->f64[0] : (double)sums->f32[0];
    } else if (image->sums64) {
        memcpy(margins, sums->f64, n * sizeof *margins);
    } else {
        for (size_t i = 0; i < n; i++)
            margins[i] = (double)sums->f32[i];
    }
}

void rw_forest_margins(const struct rw_image *image, const struct rw_kernel *kernel,
                       const struct rw_block *block, double *margins) {
    union sums sums;
    start_sums(image, block->n_rows, &sums);
    kernel->score(image, block, &sums);
    finish_margins(image, &sums, block->n_rows, margins);
}

static void score_block(const rowan_model *model, const struct rw_block *block, rowan_output output,
                        double *out) {
    const struct rw_image_header *header = model->image.header;
    const rowan_link link = output == ROWAN_MARGIN ? ROWAN_LINK_IDENTITY : (rowan_link)header->link;
    double narrowed[SUMS_MAX]; /* where a link gives less than it takes */
    const bool same_width = rw_link_outputs(link, header->n_groups) == header->n_groups;
    double *margins = same_width ? out : narrowed;
    rw_forest_margins(&model->image, model->kernel, block, margins);
    const struct rw_link_input input = {link, header->link_scale, margins, block->n_rows,
                                        header->n_groups};
    rw_link_apply((enum rw_arithmetic)header->arithmetic, &input, out);
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
    if (model->image.program) {
        rw_program_graph.score(&model->image, rows, false, n_rows, out);
        return ROWAN_OK;
    }
    if (n_rows == 1) { /* what a server does: no division */
        const struct rw_block row = {.f32 = rows, .n_rows = 1};
        score_block(model, &row, output, out);
        return ROWAN_OK;
    }
    const struct rw_image_header *header = model->image.header;
    const size_t most = rw_forest_block_rows(header), width = outputs(model, output);
    while (n_rows > 0) {
        const struct rw_block block = {.f32 = rows, .n_rows = smaller(n_rows, most)};
        score_block(model, &block, output, out);
        rows += block.n_rows * header->n_features;
        out += block.n_rows * width;
        n_rows -= block.n_rows;
    }
    return ROWAN_OK;
}

static void predict_rounded(const rowan_model *model, const double *rows, size_t n_rows,
                            rowan_output output, double *out) {
    float rounded[ROWAN_MAX_FEATURES];
    const struct rw_image_header *header = model->image.header;
    const size_t n_features = header->n_features, width = outputs(model, output);
    const size_t most = smaller(rw_forest_block_rows(header), ROWAN_MAX_FEATURES / n_features);
    while (n_rows > 0) {
        const struct rw_block block = {.f32 = rounded, .n_rows = smaller(n_rows, most)};
        for (size_t i = 0; i < block.n_rows * n_features; i++)
            rounded[i] = (float)rows[i];
        score_block(model, &block, output, out);
        rows += block.n_rows * n_features;
        out += block.n_rows * width;
        n_rows -= block.n_rows;
    }
}

static void predict_double(const rowan_model *model, const double *rows, size_t n_rows,
                           rowan_output output, double *out) {
    const struct rw_image_header *header = model->image.header;
    const size_t most = rw_forest_block_rows(header), width = outputs(model, output);
    while (n_rows > 0) {
        const struct rw_block block = {.f64 = rows, .n_rows = smaller(n_rows, most)};
        score_block(model, &block, output, out);
        rows += block.n_rows * header->n_features;
        out += block.n_rows * width;
        n_rows -= block.n_rows;
    }
}

rowan_status rowan_predict_f64(const rowan_model *model, const double *rows, size_t n_rows,
                               rowan_output output, double *out, rowan_error *error) {
    rowan_status status = check(model, rows, n_rows, output, out, error);
    if (status != ROWAN_OK)
        return status;
    if (model->image.program)
        rw_program_graph.score(&model->image, rows, true, n_rows, out);
    else if (model->image.rows64)
        predict_double(model, rows, n_rows, output, out);
    else
        predict_rounded(model, rows, n_rows, output, out);
    return ROWAN_OK;
}

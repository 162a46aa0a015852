/*
 * contributions.c - rows in, contributions out, without allocation.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest/contributions.h"

#include <string.h>

#include "forest/model.h"

static const struct rw_contribution_walker *const walkers[] = {
#if defined(__x86_64__)
    &rw_contribution_walker_avx2,
#endif
    &rw_contribution_walker_portable,
};

#define N_WALKERS (sizeof walkers / sizeof *walkers)

const struct rw_contribution_walker *rw_contribution_walker_at(size_t index) {
    return index < N_WALKERS ? walkers[index] : NULL;
}

const struct rw_contribution_walker *rw_contribution_walker_choose(void) {
    for (size_t i = 0; i < N_WALKERS; i++)
        if (walkers[i]->fits())
            return walkers[i];
    return &rw_contribution_walker_portable;
}

static rowan_status check(const rowan_model *model, const void *rows, size_t n_rows,
                          const double *out, rowan_error *error) {
    if (!model || (n_rows && (!rows || !out)))
        return rw_fail(error, ROWAN_ARGUMENT, NULL, NULL, "model, rows and out must not be NULL");
    if (!model->image.contributions.bias)
        return rw_fail(error, ROWAN_UNSUPPORTED, NULL,
                       "save the model with its training library's own format; linear trees and "
                       "trees deeper than 255 have no contributions",
                       "the model does not say how many training rows reached each node");
    return ROWAN_OK;
}

/* A row in the precision it is compared in. */
static void add_row(const rowan_model *model, const double *row, double *out) {
    const struct rw_contributions *tables = &model->image.contributions;
    const size_t width = (size_t)tables->n_features + 1;
    double slots[RW_CONTRIBUTION_SLOTS];
    rw_contribution_slots(tables, row, slots);
    memset(out, 0, tables->n_groups * width * sizeof *out);
    for (uint32_t group = 0; group < tables->n_groups; group++)
        out[group * width + tables->n_features] = tables->bias[group];
    model->walker->add(tables, slots, row, out);
}

rowan_status rowan_contributions_f32(const rowan_model *model, const float *rows, size_t n_rows,
                                     double *out, rowan_error *error) {
    rowan_status status = check(model, rows, n_rows, out, error);
    double row[ROWAN_MAX_FEATURES];
    for (size_t i = 0; status == ROWAN_OK && i < n_rows; i++) {
        const struct rw_contributions *tables = &model->image.contributions;
        for (uint32_t f = 0; f < tables->n_features; f++)
            row[f] = (double)rows[i * tables->n_features + f];
        add_row(model, row, out + i * tables->n_groups * ((size_t)tables->n_features + 1));
    }
    return status;
}

rowan_status rowan_contributions_f64(const rowan_model *model, const double *rows, size_t n_rows,
                                     double *out, rowan_error *error) {
    rowan_status status = check(model, rows, n_rows, out, error);
    double row[ROWAN_MAX_FEATURES];
    for (size_t i = 0; status == ROWAN_OK && i < n_rows; i++) {
        const struct rw_contributions *tables = &model->image.contributions;
        for (uint32_t f = 0; f < tables->n_features; f++) {
            const double x = rows[i * tables->n_features + f];
            row[f] = model->image.rows64 ? x : (double)(float)x;
        }
        add_row(model, row, out + i * tables->n_groups * ((size_t)tables->n_features + 1));
    }
    return status;
}

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

/* Why build_contributions.c wrote none. */
static rowan_status has_none(const struct rw_image_header *header, rowan_error *error) {
    if (header->sections[RW_SECTION_PROGRAM].count)
        return rw_fail(error, ROWAN_UNSUPPORTED, NULL,
                       "load the file that XGBoost or LightGBM saved, not a graph made of it",
                       "a graph of operators has no contributions");
    if (header->sections[RW_SECTION_LINEAR].count)
        return rw_fail(error, ROWAN_UNSUPPORTED, NULL, "train without linear_tree",
                       "trees with linear leaves have no contributions");
    if (header->max_depth > RW_CONTRIBUTION_MAX_DEPTH)
        return rw_fail(error, ROWAN_UNSUPPORTED, NULL, "train with a depth limit",
                       "contributions are computed for trees of up to %u levels, not %u",
                       RW_CONTRIBUTION_MAX_DEPTH, header->max_depth);
    return rw_fail(error, ROWAN_UNSUPPORTED, NULL,
                   "load the file that XGBoost or LightGBM saved, not a conversion of it",
                   "the model does not say how many training rows reached each node");
}

static rowan_status check(const rowan_model *model, const void *rows, size_t n_rows,
                          const double *out, rowan_error *error) {
    if (!model || (n_rows && (!rows || !out)))
        return rw_fail(error, ROWAN_ARGUMENT, NULL, NULL, "model, rows and out must not be NULL");
    return model->image.contributions.bias ? ROWAN_OK : has_none(model->image.header, error);
}

static void contribute(const rowan_model *model, const struct rw_contribution_row *row,
                       double *out) {
    const struct rw_contributions *tables = &model->image.contributions;
    const size_t width = (size_t)tables->n_features + 1;
    double slots[RW_CONTRIBUTION_SLOTS];
    rw_contribution_slots(tables, row, slots);
    memset(out, 0, tables->n_groups * width * sizeof *out);
    for (uint32_t group = 0; group < tables->n_groups; group++)
        out[group * width + tables->n_features] = tables->bias[group];
    model->walker->add(tables, slots, row, out);
}

static size_t width_of(const rowan_model *model) {
    const struct rw_contributions *tables = &model->image.contributions;
    return tables->n_groups * ((size_t)tables->n_features + 1);
}

rowan_status rowan_contributions_f32(const rowan_model *model, const float *rows, size_t n_rows,
                                     double *out, rowan_error *error) {
    const rowan_status status = check(model, rows, n_rows, out, error);
    for (size_t i = 0; status == ROWAN_OK && i < n_rows; i++) {
        const struct rw_contribution_row row = {.f32 = rows + i * model->image.header->n_features};
        contribute(model, &row, out + i * width_of(model));
    }
    return status;
}

rowan_status rowan_contributions_f64(const rowan_model *model, const double *rows, size_t n_rows,
                                     double *out, rowan_error *error) {
    const rowan_status status = check(model, rows, n_rows, out, error);
    for (size_t i = 0; status == ROWAN_OK && i < n_rows; i++) {
        const struct rw_contribution_row row = {.f64 = rows + i * model->image.header->n_features,
                                                .rounded = !model->image.rows64};
        contribute(model, &row, out + i * width_of(model));
    }
    return status;
}

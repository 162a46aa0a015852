/*
 * lightgbm_objective.h - what a LightGBM objective does to margins.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LIGHTGBM_OBJECTIVE_H
#define RW_LIGHTGBM_OBJECTIVE_H

#include "model/lightgbm_text.h"
#include "rowan.h"

struct rw_lightgbm_objective {
    const char *name; /* LightGBM's own: never an alias */
    rowan_link link;
    bool has_classes;  /* one margin a class, and num_class says how many */
    bool has_sigmoid;  /* the margin is multiplied with it */
    double link_scale; /* `sigmoid`; 0 without */
    int64_t n_classes; /* 1 where an objective has none */
};

/* Reads "binary sigmoid:1".  False for an objective that Rowan does not know, or
 * whose parameters are missing or wrong: *what then says so. */
bool rw_lightgbm_objective_read(struct rw_slice text, struct rw_lightgbm_objective *objective,
                                const char **what);

#endif

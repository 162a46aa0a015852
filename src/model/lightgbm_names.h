/*
 * lightgbm_names.h - features of LightGBM's text: names, kinds, names of categories.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LIGHTGBM_NAMES_H
#define RW_LIGHTGBM_NAMES_H

#include "forest/forest.h"
#include "model/lightgbm_text.h"

struct rw_lightgbm_feature_texts {
    struct rw_slice names, infos;
    struct rw_lines behind_trees; /* parameters and pandas_categorical */
};

/* Fills forest->features. */
rowan_status rw_lightgbm_read_features(const struct rw_lightgbm_feature_texts *texts,
                                       struct rw_forest *forest, rowan_error *error);

#endif

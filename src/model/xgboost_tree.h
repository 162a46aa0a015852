/*
 * xgboost_tree.h - one tree of an XGBoost file.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_XGBOOST_TREE_H
#define RW_XGBOOST_TREE_H

#include "forest/forest.h"
#include "model/document.h"

/* Bit sets of all categorical splits of the forest, one behind the other; grows. */
struct rw_xgboost_categories {
    uint32_t *words;
    uint32_t n_words, capacity;
};

/* Reads the arrays of `value` into *tree (group and weight excepted). */
rowan_status rw_xgboost_read_tree(const struct rw_value *value, uint32_t index,
                                  struct rw_arena *arena, struct rw_tree *tree,
                                  struct rw_xgboost_categories *categories, rowan_error *error);

#endif

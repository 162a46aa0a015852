/*
 * lightgbm_tree.h - one tree of LightGBM's text.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LIGHTGBM_TREE_H
#define RW_LIGHTGBM_TREE_H

#include "forest/forest.h"
#include "model/lightgbm_text.h"

/* Sets of categories of all trees: room for every word that the file has. */
struct rw_lightgbm_words {
    uint32_t *words;
    uint32_t n_words, capacity;
};

/* Reads the lines behind "Tree=", up to the empty one, into *tree (but for its
 * group).  `index` is for errors. */
rowan_status rw_lightgbm_read_tree(struct rw_lines *lines, uint32_t index, struct rw_arena *arena,
                                   struct rw_tree *tree, struct rw_lightgbm_words *words,
                                   rowan_error *error);

#endif

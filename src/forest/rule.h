/*
 * rule.h - which way one split sends one value.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_RULE_H
#define RW_RULE_H

#include <math.h>

#include "forest/forest.h"

/* Categories of the set go right, everything else left.  Codes are truncated to
 * integers; below zero XGBoost looks before it truncates, LightGBM after. */
static inline bool rw_category_goes_right(const uint32_t *set, uint32_t n_words, bool truncate,
                                          double x) {
    if (x >= (double)(ROWAN_MAX_CATEGORY + 1) || (truncate ? x <= -1.0 : x < 0.0))
        return false;
    uint32_t category = (uint32_t)(int32_t)x;
    return category / 32 < n_words && (set[category / 32] >> (category % 32) & 1u);
}

/* `flags` are RW_NODE_*; `set` and `n_words` belong to categorical splits. */
static inline bool rw_goes_right(uint32_t flags, double threshold, const uint32_t *set,
                                 uint32_t n_words, double x) {
    if (x != x && (flags & RW_NODE_NAN_IS_ZERO))
        x = 0.0;
    if (x != x || ((flags & RW_NODE_ZERO_IS_MISSING) && fabs(x) <= RW_ZERO_THRESHOLD))
        return !(flags & RW_NODE_DEFAULT_LEFT);
    if (flags & RW_NODE_CATEGORICAL)
        return rw_category_goes_right(set, n_words, flags & RW_NODE_TRUNCATE, x);
    if (flags & RW_NODE_EQUAL)
        return x != threshold;
    return flags & RW_NODE_AT_MOST ? x > threshold : x >= threshold;
}

#endif

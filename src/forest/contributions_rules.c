/*
 * contributions_rules.c - which way a row goes, for what no compare decides.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/contributions.h"
#include "forest/forest.h"

static bool is_missing(uint32_t flags, double x) {
    return isnan(x) || ((flags & RW_NODE_ZERO_IS_MISSING) && fabs(x) <= RW_ZERO_THRESHOLD);
}

/* A value that is missing and goes left is below every threshold of a slot, one that
 * goes right compares false with it. */
void rw_contribution_slots(const struct rw_contributions *tables, const double *row,
                           double *slots) {
    for (uint64_t i = 0; i < tables->n_slots; i++) {
        const struct rw_contribution_rule *rule = &tables->rules[i];
        double x = row[rule->feature];
        if ((rule->flags & RW_NODE_NAN_IS_ZERO) && isnan(x))
            x = 0.0;
        if (is_missing(rule->flags, x))
            x = rule->flags & RW_NODE_DEFAULT_LEFT ? -INFINITY : NAN;
        slots[i] = x;
    }
}

static bool in_set(const struct rw_contributions *tables, const struct rw_contribution_rule *rule,
                   double x) {
    double least = rule->flags & RW_NODE_TRUNCATE ? -1.0 : 0.0;
    if (!(x >= 0.0 || x > least) || x >= (double)(ROWAN_MAX_CATEGORY + 1))
        return false;
    uint32_t category = (uint32_t)x;
    return category / 32 < rule->n_words &&
           (tables->categories[rule->categories + category / 32] >> (category % 32) & 1u);
}

bool rw_contribution_goes_left(const struct rw_contributions *tables, uint32_t index,
                               const double *row) {
    const struct rw_contribution_rule *rule = &tables->rules[index];
    double x = row[rule->feature];
    if ((rule->flags & RW_NODE_NAN_IS_ZERO) && isnan(x))
        x = 0.0;
    if (is_missing(rule->flags, x))
        return rule->flags & RW_NODE_DEFAULT_LEFT;
    if (rule->flags & RW_NODE_CATEGORICAL)
        return !in_set(tables, rule, x);
    if (rule->flags & RW_NODE_EQUAL)
        return x == rule->value;
    return rule->flags & RW_NODE_AT_MOST ? x <= rule->value : x < rule->value;
}

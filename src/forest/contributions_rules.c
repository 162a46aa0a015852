/*
 * contributions_rules.c - which way a row goes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "forest/contributions.h"
#include "forest/plan.h"
#include "forest/rule.h"

/* What a missing value is replaced with: below every threshold, or neither below nor
 * above, or zero. */
static const struct {
    double missing;
    double zero; /* |x| up to here is missing too */
} slot_rules[RW_RULE_COUNT] = {
    [RW_RULE_NAN_RIGHT] = {NAN, -1.0},
    [RW_RULE_NAN_LEFT] = {-INFINITY, -1.0},
    [RW_RULE_NAN_IS_ZERO] = {0.0, -1.0},
    [RW_RULE_ZERO_RIGHT] = {NAN, RW_ZERO_THRESHOLD},
    [RW_RULE_ZERO_LEFT] = {-INFINITY, RW_ZERO_THRESHOLD},
};

static double value_of(const struct rw_contribution_row *row, uint32_t feature) {
    if (row->f32)
        return (double)row->f32[feature];
    return row->rounded ? (double)(float)row->f64[feature] : row->f64[feature];
}

void rw_contribution_slots(const struct rw_contributions *tables,
                           const struct rw_contribution_row *row, double *values) {
    for (uint64_t i = 0; i < tables->n_slots; i++) {
        const double x = value_of(row, tables->slots[i].feature);
        const uint32_t rule = tables->slots[i].rule;
        values[i] = isnan(x) || fabs(x) <= slot_rules[rule].zero ? slot_rules[rule].missing : x;
    }
}

bool rw_contribution_goes_left(const struct rw_contributions *tables,
                               const struct rw_contribution_push *split, const double *slots,
                               const struct rw_contribution_row *row) {
    if (split->slot < tables->n_slots)
        return slots[split->slot] < split->threshold;
    const struct rw_contribution_rule *rule = &tables->rules[split->slot - tables->n_slots];
    return !rw_goes_right(rule->flags, rule->threshold, tables->categories + rule->categories,
                          rule->n_words, value_of(row, rule->feature));
}

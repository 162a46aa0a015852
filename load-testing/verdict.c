/*
 * verdict.c - what the ledger says in the end.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- exactly once? ---------------------------------------------------------------------- */

static void add_example(uint64_t numbers[RW_LOAD_EXAMPLES_MAX], uint64_t count, uint64_t number) {
    if (count < RW_LOAD_EXAMPLES_MAX)
        numbers[count] = number;
}

static void judge(struct rw_load_verdict *verdict, const struct rw_load_record *record,
                  uint64_t number) {
    const uint32_t answers = (uint32_t)record->scored + record->dead;
    const bool is_sound = record->flaw == RW_LOAD_SOUND;
    if (answers == 0 && record->failed) {
        verdict->lost++;
    } else if (answers == 0) {
        add_example(verdict->missing_numbers, verdict->missing++, number);
    } else if (answers > 1) {
        add_example(verdict->doubled_numbers, verdict->doubled++, number);
    } else if (is_sound != (record->scored == 1)) {
        verdict->misplaced++;
    } else if (record->failed) {
        verdict->undead++;
    } else {
        verdict->once++;
        verdict->scored += record->scored;
        verdict->dead += record->dead;
    }
}

/* ---- what was detected? -------------------------------------------------------------------- */

static void detect(struct rw_load_verdict *verdict, const struct rw_load_record *record) {
    const bool is_fraud = record->scenario > 0;
    if (is_fraud && record->is_flagged)
        verdict->true_fraud++;
    else if (is_fraud)
        verdict->false_legitimate++;
    else if (record->is_flagged)
        verdict->false_fraud++;
    else
        verdict->true_legitimate++;
    const uint32_t scenario =
        record->scenario < RW_LOAD_SCENARIOS ? record->scenario : RW_LOAD_SCENARIOS - 1;
    verdict->n_scenario[scenario]++;
    verdict->flagged_scenario[scenario] += record->is_flagged;
    verdict->risk[record->risk < RW_LOAD_RISKS ? record->risk : 0][is_fraud]++;
}

/* The bits of floats that are not negative order as the floats do. */
uint32_t rw_load_auc_key(float probability, bool is_fraud) {
    uint32_t bits;
    const float bounded = probability >= 0.0f ? fminf(probability, 1.0f) : 0.0f;
    memcpy(&bits, &bounded, sizeof bits);
    return bits << 1 | is_fraud;
}

static int compare(const void *left, const void *right) {
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

double rw_load_auc(uint32_t *keys, size_t n) {
    double frauds = 0.0, others = 0.0, above = 0.0; /* pairs that are ordered as they should be */
    qsort(keys, n, sizeof *keys, compare);
    for (size_t i = 0; i < n;) {
        double tied_frauds = 0.0, tied_others = 0.0;
        for (const uint32_t value = keys[i] >> 1; i < n && keys[i] >> 1 == value; i++) {
            tied_frauds += keys[i] & 1;
            tied_others += !(keys[i] & 1);
        }
        above += tied_frauds * (others + tied_others / 2.0);
        frauds += tied_frauds;
        others += tied_others;
    }
    return frauds > 0.0 && others > 0.0 ? above / (frauds * others) : (double)NAN;
}

static bool is_prediction(const struct rw_load_record *record) {
    return record->flaw == RW_LOAD_SOUND && record->scored > 0;
}

static double auc_of(const struct rw_load_ledger *ledger, uint64_t n) {
    uint32_t *keys = calloc(n ? n : 1, sizeof *keys);
    size_t n_keys = 0;
    if (!keys)
        return (double)NAN;
    for (uint64_t i = 0; i < n; i++) {
        const struct rw_load_record *record = rw_load_ledger_at(ledger, i);
        if (record && is_prediction(record))
            keys[n_keys++] = rw_load_auc_key(record->probability, record->scenario > 0);
    }
    const double auc = rw_load_auc(keys, n_keys);
    free(keys);
    return auc;
}

void rw_load_verdict(const struct rw_load_ledger *ledger, uint64_t n,
                     struct rw_load_verdict *verdict) {
    *verdict = (struct rw_load_verdict){0};
    for (uint64_t i = 0; i < n; i++) {
        const struct rw_load_record *record = rw_load_ledger_at(ledger, i);
        if (!record)
            break;
        judge(verdict, record, i);
        if (is_prediction(record))
            detect(verdict, record);
    }
    verdict->auc = auc_of(ledger, n);
}

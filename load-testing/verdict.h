/*
 * verdict.h - what the ledger says in the end: was each transaction answered exactly once,
 * and what was detected?
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_LOAD_VERDICT_H
#define RW_LOAD_VERDICT_H

#include "load-testing/ledger.h"

#define RW_LOAD_SCENARIOS    4u /* 0: legitimate; 1 to 3: fraud */
#define RW_LOAD_EXAMPLES_MAX 5u

struct rw_load_verdict {
    /* Messages; each is in exactly one of the first six. */
    uint64_t once;         /* sound, and one prediction; or broken, and one dead letter */
    uint64_t missing;      /* acknowledged, and neither predicted nor a dead letter */
    uint64_t doubled;      /* more than one answer */
    uint64_t misplaced;    /* sound, and a dead letter; or broken, and a prediction */
    uint64_t lost;         /* not delivered, and without an answer: nothing was promised */
    uint64_t undead;       /* reported as not delivered, but answered */
    uint64_t scored, dead; /* of those answered once */
    uint64_t missing_numbers[RW_LOAD_EXAMPLES_MAX]; /* the first ones */
    uint64_t doubled_numbers[RW_LOAD_EXAMPLES_MAX];
    /* Predictions of sound messages, by truth and decision. */
    uint64_t true_fraud, false_fraud, true_legitimate, false_legitimate;
    uint64_t n_scenario[RW_LOAD_SCENARIOS];       /* predictions of each scenario */
    uint64_t flagged_scenario[RW_LOAD_SCENARIOS]; /* of them with a decision for fraud */
    uint64_t risk[RW_LOAD_RISKS][2];              /* by risk level and truth */
    double auc; /* area under the ROC curve; NaN without both classes, or without memory */
};

/* Of the first n messages. */
void rw_load_verdict(const struct rw_load_ledger *ledger, uint64_t n,
                     struct rw_load_verdict *verdict);

/* Area under the ROC curve by ranks (Mann and Whitney), ties count half: the probability
 * that a random fraud has a higher probability than a random legitimate transaction.
 * keys[i] is the bits of a float from 0 to 1 shifted left by one, plus 1 for a fraud; they
 * are sorted in place.  NaN without both classes. */
double rw_load_auc(uint32_t *keys, size_t n);
uint32_t rw_load_auc_key(float probability, bool is_fraud);

#endif

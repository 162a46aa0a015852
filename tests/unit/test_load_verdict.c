/*
 * The verdict of a verified run: each message in exactly one class, and AUC as counted by hand.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "load-testing/verdict.h"

static struct rw_load_ledger ledger;
static struct rw_load_verdict verdict;

static int end(void **state) {
    (void)state;
    rw_load_ledger_free(&ledger);
    return 0;
}

static void add(struct rw_load_record record) {
    struct rw_load_record *next = rw_load_ledger_next(&ledger);
    assert_non_null(next);
    *next = record;
    rw_load_ledger_publish(&ledger);
}

static void judge(void) {
    rw_load_verdict(&ledger, rw_load_ledger_count(&ledger), &verdict);
}

static void each_message_is_in_one_class(void **state) {
    (void)state;
    add((struct rw_load_record){.scored = 1});
    add((struct rw_load_record){.dead = 1, .flaw = RW_LOAD_TOMBSTONE});
    add((struct rw_load_record){0});
    add((struct rw_load_record){.scored = 2});
    add((struct rw_load_record){.scored = 1, .dead = 1});
    add((struct rw_load_record){.dead = 1});
    add((struct rw_load_record){.scored = 1, .flaw = RW_LOAD_NOT_JSON});
    add((struct rw_load_record){.failed = 1});
    add((struct rw_load_record){.failed = 1, .scored = 1});
    judge();
    assert_int_equal(verdict.once, 2);
    assert_int_equal(verdict.scored, 1);
    assert_int_equal(verdict.dead, 1);
    assert_int_equal(verdict.missing, 1);
    assert_int_equal(verdict.missing_numbers[0], 2);
    assert_int_equal(verdict.doubled, 2);
    assert_int_equal(verdict.doubled_numbers[1], 4);
    assert_int_equal(verdict.misplaced, 2);
    assert_int_equal(verdict.lost, 1);
    assert_int_equal(verdict.undead, 1);
}

static void only_messages_that_were_sent_count(void **state) {
    (void)state;
    add((struct rw_load_record){.scored = 1});
    add((struct rw_load_record){0}); /* was made, and found no room */
    rw_load_verdict(&ledger, 1, &verdict);
    assert_int_equal(verdict.once, 1);
    assert_int_equal(verdict.missing, 0);
}

static void decisions_are_counted_by_truth_scenario_and_risk(void **state) {
    (void)state;
    add((struct rw_load_record){
        .scored = 1, .scenario = 2, .is_flagged = 1, .probability = 0.9f, .risk = RW_LOAD_HIGH});
    add((struct rw_load_record){
        .scored = 1, .scenario = 2, .probability = 0.2f, .risk = RW_LOAD_LOW});
    add((struct rw_load_record){
        .scored = 1, .is_flagged = 1, .probability = 0.6f, .risk = RW_LOAD_MEDIUM});
    add((struct rw_load_record){.scored = 1, .probability = 0.1f, .risk = RW_LOAD_LOW});
    add((struct rw_load_record){.dead = 1, .scenario = 1, .flaw = RW_LOAD_VIOLATION});
    judge();
    assert_int_equal(verdict.true_fraud, 1);
    assert_int_equal(verdict.false_legitimate, 1);
    assert_int_equal(verdict.false_fraud, 1);
    assert_int_equal(verdict.true_legitimate, 1);
    assert_int_equal(verdict.n_scenario[2], 2);
    assert_int_equal(verdict.flagged_scenario[2], 1);
    assert_int_equal(verdict.n_scenario[1], 0);
    assert_int_equal(verdict.risk[RW_LOAD_LOW][0], 1);
    assert_int_equal(verdict.risk[RW_LOAD_LOW][1], 1);
    assert_int_equal(verdict.risk[RW_LOAD_HIGH][1], 1);
    assert_true(verdict.auc == 0.75);
}

static void records_live_across_chunks(void **state) {
    (void)state;
    for (uint32_t i = 0; i < RW_LOAD_CHUNK + 10; i++)
        add((struct rw_load_record){.scored = 1, .sent_ms = i});
    assert_int_equal(rw_load_ledger_at(&ledger, RW_LOAD_CHUNK + 9)->sent_ms, RW_LOAD_CHUNK + 9);
    assert_null(rw_load_ledger_at(&ledger, RW_LOAD_CHUNK + 10));
    judge();
    assert_int_equal(verdict.once, RW_LOAD_CHUNK + 10);
}

/* Every pair, one by one. */
static double auc_of_pairs(const float *probabilities, const bool *frauds, size_t n) {
    double above = 0.0, pairs = 0.0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (frauds[i] && !frauds[j]) {
                pairs += 1.0;
                above += probabilities[i] > probabilities[j]    ? 1.0
                         : probabilities[i] == probabilities[j] ? 0.5
                                                                : 0.0;
            }
    return above / pairs;
}

static void auc_is_the_share_of_pairs_in_order(void **state) {
    (void)state;
    float probabilities[300];
    bool frauds[300];
    uint32_t keys[300];
    uint64_t random = 3;
    for (size_t i = 0; i < 300; i++) {
        frauds[i] = random_below(&random, 4) == 0;
        /* few values, so that there are ties */
        probabilities[i] = (float)(random_below(&random, 20) + (frauds[i] ? 5 : 0)) / 25.0f;
        keys[i] = rw_load_auc_key(probabilities[i], frauds[i]);
    }
    assert_true(fabs(rw_load_auc(keys, 300) - auc_of_pairs(probabilities, frauds, 300)) < 1e-12);
}

static void without_both_classes_there_is_no_auc(void **state) {
    (void)state;
    uint32_t keys[2] = {rw_load_auc_key(0.1f, true), rw_load_auc_key(0.2f, true)};
    assert_true(isnan(rw_load_auc(keys, 2)));
    assert_true(isnan(rw_load_auc(keys, 0)));
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_message_is_in_one_class),
        TEST(only_messages_that_were_sent_count),
        TEST(decisions_are_counted_by_truth_scenario_and_risk),
        TEST(records_live_across_chunks),
        TEST(auc_is_the_share_of_pairs_in_order),
        TEST(without_both_classes_there_is_no_auc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

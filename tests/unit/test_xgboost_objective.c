/*
 * The table of XGBoost's objectives.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "model/xgboost_objective.h"

static void names_are_matched_whole(void **state) {
    (void)state;
    const char *name = "binary:logistic and more";
    assert_non_null(rw_xgboost_objective_find(name, strlen("binary:logistic")));
    assert_null(rw_xgboost_objective_find(name, strlen("binary:logisti")));
    assert_null(rw_xgboost_objective_find(name, strlen(name)));
    assert_null(rw_xgboost_objective_find("", 0));
}

static rowan_link link_of(const char *name) {
    const struct rw_xgboost_objective *objective = rw_xgboost_objective_find(name, strlen(name));
    assert_non_null(objective);
    return objective->link;
}

static void links_are_those_of_the_objectives(void **state) {
    (void)state;
    assert_int_equal(link_of("binary:logistic"), ROWAN_LINK_LOGISTIC);
    assert_int_equal(link_of("binary:logitraw"), ROWAN_LINK_IDENTITY);
    assert_int_equal(link_of("binary:hinge"), ROWAN_LINK_STEP);
    assert_int_equal(link_of("multi:softprob"), ROWAN_LINK_SOFTMAX);
    assert_int_equal(link_of("multi:softmax"), ROWAN_LINK_ARGMAX);
    assert_int_equal(link_of("count:poisson"), ROWAN_LINK_EXP);
    assert_int_equal(link_of("survival:aft"), ROWAN_LINK_EXP_WIDE);
    assert_int_equal(link_of("rank:ndcg"), ROWAN_LINK_IDENTITY);
}

static void base_scores_become_margins(void **state) {
    (void)state;
    assert_true(rw_xgboost_base_margin(RW_BASE_AS_IS, 0.25f, false) == 0.25f);
    assert_true(rw_xgboost_base_margin(RW_BASE_LOGIT, 0.5f, false) == 0.0f);
    assert_true(fabsf(rw_xgboost_base_margin(RW_BASE_LOGIT, 0.9f, false) - 2.1972246f) < 1e-5f);
    assert_true(rw_xgboost_base_margin(RW_BASE_LOG, 1.0f, false) == 0.0f);
}

static void certainty_is_clamped_since_3_2(void **state) {
    (void)state;
    assert_true(isinf(rw_xgboost_base_margin(RW_BASE_LOGIT, 0.0f, false)));
    assert_true(isinf(rw_xgboost_base_margin(RW_BASE_LOGIT, 1.0f, false)));
    assert_true(isfinite(rw_xgboost_base_margin(RW_BASE_LOGIT, 0.0f, true)));
    assert_true(isfinite(rw_xgboost_base_margin(RW_BASE_LOGIT, 1.0f, true)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_matched_whole),
        cmocka_unit_test(links_are_those_of_the_objectives),
        cmocka_unit_test(base_scores_become_margins),
        cmocka_unit_test(certainty_is_clamped_since_3_2),
    };
    return cmocka_run_group_tests_name("xgboost_objective", tests, NULL, NULL);
}

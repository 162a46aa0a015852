/*
 * A contract is bound to exactly its model, or refused with the remedy.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "contract_fixture.h"

static rowan_status bind(const char *settings, rowan_model *model, rowan_error *error,
                         const char *expected) {
    struct rw_contract *contract;
    char text[4096];
    snprintf(text, sizeof text,
             "{'type':'object','properties':{" FIXTURE_PROPERTIES "},'x-rowan':{%s}}", settings);
    assert_int_equal(fixture_parse(text, &contract, error), ROWAN_OK);
    rowan_status status = rw_contract_bind(contract, model, error);
    if (status == ROWAN_OK && expected) {
        static const char body[] = "{\"id\":\"a\",\"amount\":100,\"time\":0}";
        char reply[1024];
        struct fixture_answer answer =
            fixture_ask(contract, model, body, strlen(body), 0, SIZE_MAX);
        assert_string_equal(answer.text, fixture_quotes(expected, reply, sizeof reply));
        free(answer.text);
    }
    rw_contract_free(contract);
    rowan_model_free(model);
    return status;
}

#define WHO "'model_version':'1.2.3','model_type':'XGBoost','prediction_time':'2018-08-08T09:30:12Z"

static void names_and_order_of_features_must_match(void **state) {
    (void)state;
    rowan_error error;
    rowan_model *model = fixture_model(
        "binary:logistic", "'AMOUNT','NIGHT','WEEKEND','DAYS','ONLINE','COUNTRY'", 6, 1);
    assert_int_equal(bind(FIXTURE_SETTINGS(""), model, &error, NULL), ROWAN_MISMATCH);
    assert_string_equal(error.where, "#/x-rowan/features/1/name");
    assert_string_equal(error.what, "the contract says WEEKEND, the model says NIGHT");
}

static void the_number_of_features_must_match(void **state) {
    (void)state;
    rowan_error error;
    rowan_model *model = fixture_model("binary:logistic", "", 7, 1);
    assert_int_equal(bind(FIXTURE_SETTINGS(""), model, &error, NULL), ROWAN_MISMATCH);
    assert_string_equal(error.what, "the contract has 6 features, the model has 7");
}

static void a_model_without_names_matches_by_number(void **state) {
    (void)state;
    rowan_error error;
    rowan_model *model = fixture_model("binary:logistic", "", 6, 1);
    assert_int_equal(bind(FIXTURE_SETTINGS(""), model, &error, NULL), ROWAN_OK);
}

static void the_complement_is_refused(void **state) {
    (void)state;
    rowan_error error;
    rowan_model *model = fixture_model("binary:logistic", "", 6, 1);
    assert_int_equal(bind(FIXTURE_SETTINGS(",'positive_class':0"), model, &error, NULL),
                     ROWAN_MISMATCH);
    assert_string_equal(error.where, "#/x-rowan/positive_class");
}

static void softmax_serves_the_positive_class(void **state) {
    (void)state;
    rowan_error error;
    assert_int_equal(bind(FIXTURE_SETTINGS(",'positive_class':3"),
                          fixture_model("multi:softprob", "", 6, 4), &error,
                          "{'id':'a','fraud_probability':0.25,'risk_level':'low'," WHO
                          "','confidence_score':0.75}"),
                     ROWAN_OK);
    assert_int_equal(bind(FIXTURE_SETTINGS(",'positive_class':4"),
                          fixture_model("multi:softprob", "", 6, 4), &error, NULL),
                     ROWAN_MISMATCH);
    assert_string_equal(error.where, "#/x-rowan/positive_class");
}

static void classes_without_probabilities_are_refused_with_the_remedy(void **state) {
    (void)state;
    rowan_error error;
    assert_int_equal(
        bind(FIXTURE_SETTINGS(""), fixture_model("multi:softmax", "", 6, 4), &error, NULL),
        ROWAN_MISMATCH);
    assert_non_null(strstr(error.remedy, "multi:softprob"));
    assert_int_equal(
        bind(FIXTURE_SETTINGS(""), fixture_model("binary:hinge", "", 6, 1), &error, NULL),
        ROWAN_MISMATCH);
    assert_non_null(strstr(error.remedy, "binary:logistic"));
}

static void other_models_give_a_score(void **state) {
    (void)state;
    rowan_error error;
    assert_int_equal(bind(FIXTURE_SETTINGS(""), fixture_model("reg:squarederror", "", 6, 1), &error,
                          "{'id':'a','score':3.5," WHO "'}"),
                     ROWAN_OK);
}

static void a_contract_without_id_replies_without_one(void **state) {
    (void)state;
    rowan_error error;
    assert_int_equal(bind("'model':'s','version':'1.2.3','type':'XGBoost','model_file':'m',"
                          "'features':[" FIXTURE_FEATURES "]",
                          fixture_model("reg:squarederror", "", 6, 1), &error,
                          "{'score':3.5," WHO "'}"),
                     ROWAN_OK);
}

/* 0.11920292 is above the float32 that prints so: compared as doubles, the score
 * would be just below the threshold of its own text. */
static void thresholds_are_rounded_as_scores_are(void **state) {
    (void)state;
    struct rw_contract *contract;
    rowan_error error;
    rowan_model *model = fixture_model("binary:logistic", "", 6, 1);
    static const char body[] = "{\"id\":\"a\",\"amount\":1,\"time\":0}";
    assert_true((double)0.11920292f < 0.11920292);
    assert_int_equal(
        fixture_parse(
            FIXTURE_CONTRACT(
                "", FIXTURE_SETTINGS(
                        ",'thresholds':{'medium':0.1,'high':0.11920292,'decision':0.11920292}")),
            &contract, &error),
        ROWAN_OK);
    assert_int_equal(rw_contract_bind(contract, model, &error), ROWAN_OK);
    struct fixture_answer answer = fixture_ask(contract, model, body, strlen(body), 0, SIZE_MAX);
    assert_non_null(
        strstr(answer.text, "\"fraud_probability\":0.11920292,\"risk_level\":\"high\""));
    assert_true(answer.outcome.fraud);
    free(answer.text);
    rw_contract_free(contract);
    rowan_model_free(model);
}

static void an_unbound_contract_answers_nothing(void **state) {
    (void)state;
    struct rw_contract *contract = fixture_contract();
    rowan_model *model = fixture_model("binary:logistic", "", 6, 1);
    struct fixture_answer answer = fixture_ask(contract, model, "{}", 2, 0, SIZE_MAX);
    assert_int_equal(answer.status, 500);
    assert_string_equal(answer.text, "");
    free(answer.text);
    rw_contract_free(contract);
    rowan_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_order_of_features_must_match),
        cmocka_unit_test(the_number_of_features_must_match),
        cmocka_unit_test(a_model_without_names_matches_by_number),
        cmocka_unit_test(the_complement_is_refused),
        cmocka_unit_test(softmax_serves_the_positive_class),
        cmocka_unit_test(classes_without_probabilities_are_refused_with_the_remedy),
        cmocka_unit_test(other_models_give_a_score),
        cmocka_unit_test(a_contract_without_id_replies_without_one),
        cmocka_unit_test(thresholds_are_rounded_as_scores_are),
        cmocka_unit_test(an_unbound_contract_answers_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

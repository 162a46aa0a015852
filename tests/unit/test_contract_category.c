/*
 * Names of categories become the codes of the model; tests/contract compares the scores
 * with those of LightGBM on a pandas frame.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "contract_fixture.h"
#include "lightgbm_fixture.h"

#define SETTINGS                                                                                   \
    "'model':'m','version':'1','type':'LightGBM','model_file':'model.txt','features':["            \
    "{'name':'amount','from':'amount'},{'name':'kind','from':'amount'},"                           \
    "{'name':'color','category':'color'}]"

/* A contract whose color is of `type`. */
static struct rw_contract *contract_of(const char *type) {
    struct rw_contract *contract;
    rowan_error error;
    char text[1024];
    snprintf(text, sizeof text,
             "{'type':'object','properties':{'amount':{'type':'number'},'color':{'type':%s}},"
             "'x-rowan':{" SETTINGS "}}",
             type);
    if (fixture_parse(text, &contract, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return contract;
}

static rowan_status bind_error(const char *type, const char *old, const char *new,
                               rowan_error *error) {
    struct rw_contract *contract = contract_of(type);
    rowan_model *model = lightgbm_loads(old, new);
    rowan_status status = rw_contract_bind(contract, model, error);
    rw_contract_free(contract);
    rowan_model_free(model);
    return status;
}

/* The code of the color in `json`; the fixture's names are röt, blue and 7. */
static double code_of(const char *type, const char *json) {
    struct rw_contract *contract = contract_of(type);
    rowan_model *model = lightgbm_loads("v4", "v4");
    rowan_error error = {0};
    assert_int_equal(rw_contract_bind(contract, model, &error), ROWAN_OK);
    rowan_model_free(model); /* the contract does not need it */
    struct fixture_lender lender = {.limit = SIZE_MAX};
    rw_arena_init(&lender.arena, SIZE_MAX);
    struct rw_memory memory = {fixture_lend, &lender};
    double features[3] = {0};
    char body[256];
    fixture_quotes(json, body, sizeof body);
    if (rw_contract_decode(contract, body, strlen(body), &memory, features, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    rw_arena_free(&lender.arena);
    rw_contract_free(contract);
    return features[2];
}

static void names_become_codes(void **state) {
    (void)state;
    assert_true(code_of("'string'", "{'color':'r\xc3\xb6t'}") == 0);
    assert_true(code_of("'string'", "{'color':'r\\u00f6t'}") == 0);
    assert_true(code_of("'string'", "{'color':'blue'}") == 1);
    assert_true(code_of("'string'", "{'color':'7'}") == 2);
    assert_true(code_of("['string','null']", "{'color':'blue'}") == 1);
}

static void what_is_no_name_is_missing(void **state) {
    (void)state;
    assert_true(isnan(code_of("'string'", "{'color':'Blue'}")));
    assert_true(isnan(code_of("'string'", "{'color':'blues'}")));
    assert_true(isnan(code_of("'string'", "{'color':'blue\\u0000'}")));
    assert_true(isnan(code_of("'string'", "{'color':''}")));
    assert_true(isnan(code_of("'string'", "{}")));
    assert_true(isnan(code_of("['string','null']", "{'color':null}")));
}

static void numbers_are_names_as_numbers(void **state) {
    (void)state;
    assert_true(code_of("'integer'", "{'color':7}") == 2);
    assert_true(code_of("'number'", "{'color':7.0}") == 2);
    assert_true(code_of("'number'", "{'color':70e-1}") == 2);
    assert_true(isnan(code_of("'number'", "{'color':7.000000000000001}")));
    assert_true(isnan(code_of("['integer','null']", "{'color':null}")));
}

static void a_type_that_no_name_has_is_refused(void **state) {
    (void)state;
    rowan_error error = {0};
    assert_int_equal(bind_error("'boolean'", "v4", "v4", &error), ROWAN_MISMATCH);
    assert_says(&error, "#/x-rowan/features/2/category");
    assert_says(&error, "no category of color is of this property's type: the first is r\xc3\xb6t");
    assert_int_equal(bind_error("'boolean'", "\"7\"", "false", &error), ROWAN_OK);
}

static void a_model_without_names_is_refused(void **state) {
    (void)state;
    rowan_error error = {0};
    assert_int_equal(bind_error("'string'", "pandas_categorical", "x", &error), ROWAN_MISMATCH);
    assert_says(&error, "#/x-rowan/features/2/category");
    assert_says(&error, "no names of categories for its feature color");
    assert_says(&error, "pandas");
}

static void two_categories_of_one_name_are_refused(void **state) {
    (void)state;
    rowan_error error = {0};
    assert_int_equal(bind_error("'string'", "\"blue\"", "7", &error), ROWAN_MISMATCH);
    assert_says(&error, "two categories called 7");
    assert_int_equal(bind_error("'integer'", "\"blue\"", "7.0", &error), ROWAN_MISMATCH);
    assert_says(&error, "two categories called 7");
}

static void the_names_are_the_models(void **state) {
    (void)state;
    struct rw_contract *contract = contract_of("'string'");
    double features[3];
    rowan_error error = {0};
    assert_int_equal(rw_contract_decode(contract, "{}", 2, NULL, features, &error), ROWAN_ARGUMENT);
    assert_says(&error, "call rw_contract_bind first");
    rw_contract_free(contract);
}

static void a_null_feeds_no_category(void **state) {
    (void)state;
    struct rw_contract *contract;
    rowan_error error;
    assert_int_equal(fixture_parse("{'type':'object','properties':{'amount':{'type':'number'},"
                                   "'color':{'type':'null'}},'x-rowan':{" SETTINGS "}}",
                                   &contract, &error),
                     ROWAN_MISMATCH);
    assert_says(&error, "category needs a string, a number or a boolean");
}

#define MANY 20000

/* A model whose color has the names 0 ... MANY - 1, each with "n" before it. */
static char *many_names(void) {
    char *list = calloc(1, MANY * 16 + 64);
    assert_non_null(list);
    size_t used = 0;
    for (int i = 0; i < MANY; i++)
        used += (size_t)sprintf(list + used, "%s\"n%d\"", i ? "," : "", i);
    return list;
}

static void every_one_of_many_names_is_found(void **state) {
    (void)state;
    char *list = many_names();
    struct rw_contract *contract = contract_of("'string'");
    rowan_model *model = lightgbm_loads("\"r\\u00f6t\", \"blue\", \"7\"", list);
    assert_int_equal(rw_contract_bind(contract, model, NULL), ROWAN_OK);
    for (int i = 0; i < MANY; i += 997) {
        struct fixture_lender lender = {.limit = SIZE_MAX};
        rw_arena_init(&lender.arena, SIZE_MAX);
        struct rw_memory memory = {fixture_lend, &lender};
        double features[3] = {0};
        char body[64];
        int size = snprintf(body, sizeof body, "{\"color\":\"n%d\"}", i);
        assert_int_equal(rw_contract_decode(contract, body, (size_t)size, &memory, features, NULL),
                         ROWAN_OK);
        assert_true(features[2] == i);
        assert_int_equal(lender.count, 0); /* no memory for a lookup */
        rw_arena_free(&lender.arena);
    }
    rw_contract_free(contract);
    rowan_model_free(model);
    free(list);
}

/* 2001 and 1 / 3: float32 would print 2001 alike, but not the other. */
static void results_of_double_models_are_printed_as_double(void **state) {
    (void)state;
    static const char body[] = "{\"amount\":0,\"color\":\"blue\"}";
    struct rw_contract *contract = contract_of("'string'");
    rowan_model *model = lightgbm_loads("leaf_const=1000", "leaf_const=0.3333333333333333");
    assert_int_equal(rw_contract_bind(contract, model, NULL), ROWAN_OK);
    struct fixture_answer answer = fixture_ask(contract, model, body, strlen(body), 0, SIZE_MAX);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.text, "\"score\":100.33333333333333,"));
    free(answer.text);
    size_t n_rows;
    rowan_error error = {0};
    const char exact[] = "{\"request\":{\"amount\":0,\"color\":\"blue\"},"
                         "\"score\":100.33333333333333}\n";
    assert_int_equal(
        rw_contract_check_golden(contract, model, exact, strlen(exact), &n_rows, &error), ROWAN_OK);
    const char rounded[] = "{\"request\":{\"amount\":0,\"color\":\"blue\"},"
                           "\"score\":100.33333333333334}\n";
    assert_int_equal(
        rw_contract_check_golden(contract, model, rounded, strlen(rounded), &n_rows, &error),
        ROWAN_MISMATCH);
    assert_says(&error, "the model gives 100.33333333333333");
    rw_contract_free(contract);
    rowan_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_codes),
        cmocka_unit_test(what_is_no_name_is_missing),
        cmocka_unit_test(numbers_are_names_as_numbers),
        cmocka_unit_test(a_type_that_no_name_has_is_refused),
        cmocka_unit_test(a_model_without_names_is_refused),
        cmocka_unit_test(two_categories_of_one_name_are_refused),
        cmocka_unit_test(the_names_are_the_models),
        cmocka_unit_test(a_null_feeds_no_category),
        cmocka_unit_test(every_one_of_many_names_is_found),
        cmocka_unit_test(results_of_double_models_are_printed_as_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A contract promises only what is checked: the rest is refused by name and place.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "contract_fixture.h"

#define TINY(properties, settings)                                                                 \
    "{'type':'object','properties':{" properties "},'x-rowan':{" settings "}}"
#define X            "'x':{'type':'number'}"
#define NAMES        "'model':'m','version':'1','type':'T','model_file':'model.ubj'"
#define FROM_X       ",'features':[{'name':'X','from':'x'}]"
#define WITH_X(more) TINY("'x':{'type':'number'," more "}", NAMES FROM_X)
#define WITH_S(more) TINY(X ",'s':{" more "}", NAMES FROM_X)

static void settings_are_those_of_the_file(void **state) {
    (void)state;
    struct rw_contract *contract;
    rowan_error error;
    assert_int_equal(
        fixture_parse(FIXTURE_CONTRACT("'additionalProperties':true,",
                                       FIXTURE_SETTINGS(",'iterations':'best','positive_class':2,"
                                                        "'thresholds':{'medium':0.25,'high':0.5,"
                                                        "'decision':0.75}")),
                      &contract, &error),
        ROWAN_OK);
    const struct rw_contract_settings *settings = rw_contract_settings(contract);
    assert_string_equal(settings->model, "small");
    assert_string_equal(settings->version, "1.2.3");
    assert_string_equal(settings->type, "XGBoost");
    assert_string_equal(settings->model_file, "model.json");
    assert_int_equal(settings->iterations, ROWAN_ITERATIONS_BEST);
    assert_int_equal(settings->positive_class, 2);
    assert_true(settings->medium == 0.25 && settings->high == 0.5 && settings->decision == 0.75);
    rw_contract_free(contract);
}

static void settings_have_defaults(void **state) {
    (void)state;
    struct rw_contract *contract = fixture_contract();
    const struct rw_contract_settings *settings = rw_contract_settings(contract);
    assert_int_equal(settings->iterations, ROWAN_ITERATIONS_ALL);
    assert_int_equal(settings->positive_class, 1);
    assert_true(settings->medium == 0.3 && settings->high == 0.7 && settings->decision == 0.5);
    rw_contract_free(contract);
}

static void properties_keep_the_order_of_the_file(void **state) {
    (void)state;
    struct rw_contract *contract = fixture_contract();
    bool is_string, is_required;
    assert_int_equal(rw_contract_n_properties(contract), 9);
    assert_int_equal(rw_contract_n_features(contract), FIXTURE_N_FEATURES);
    assert_string_equal(rw_contract_property(contract, 0, &is_string, &is_required), "id");
    assert_true(is_string && is_required);
    assert_string_equal(rw_contract_property(contract, 4, &is_string, &is_required), "online");
    assert_false(is_string || is_required);
    rw_contract_free(contract);
}

static void annotations_pass(void **state) {
    (void)state;
    struct rw_contract *contract;
    rowan_error error;
    assert_int_equal(
        fixture_parse("{'$schema':'x','$id':'y','$comment':'z','title':'t','description':'d',"
                      "'examples':[],'default':{},'deprecated':false,'type':'object',"
                      "'properties':{'x':{'type':['null','number'],'title':'t','format':'double',"
                      "'examples':[1],'default':0,'deprecated':true,'$comment':''}},"
                      "'x-rowan':{" NAMES FROM_X "}}",
                      &contract, &error),
        ROWAN_OK);
    rw_contract_free(contract);
}

static const struct refusal {
    const char *contract, *where;
    rowan_status status;
} refusals[] = {
    {"", "byte 0", ROWAN_MALFORMED},
    {"{'type':'object',}", "byte 16", ROWAN_MALFORMED},
    {"[]", "#", ROWAN_MALFORMED},
    {"{'type':'array'}", "#/type", ROWAN_MALFORMED},
    {"{'type':'object','type':'object'}", "#/type", ROWAN_MALFORMED},
    {"{'type':'object','allOf':[]}", "#/allOf", ROWAN_UNSUPPORTED},
    {"{'type':'object','a/b~':[]}", "#/a~1b~0", ROWAN_UNSUPPORTED},
    {"{'type':'object','additionalProperties':{}}", "#/additionalProperties", ROWAN_UNSUPPORTED},
    {"{'type':'object'}", "#/properties", ROWAN_MALFORMED},
    {"{'type':'object','properties':{}}", "#/properties", ROWAN_MALFORMED},
    {"{'type':'object','properties':{'':{'type':'null'}}}", "#/properties/", ROWAN_LIMIT},
    {"{'type':'object','properties':{'x':{'type':'null'},'x':{'type':'null'}}}", "#/properties/x",
     ROWAN_MALFORMED},
    {"{'type':'object','properties':{" X "},'required':['y']}", "#/required/0", ROWAN_MALFORMED},
    {"{'type':'object','properties':{" X "},'required':'x'}", "#/required", ROWAN_MALFORMED},
    {"{'type':'object','properties':{" X "}}", "#/x-rowan", ROWAN_MALFORMED},

    {TINY("'x':{}", NAMES FROM_X), "#/properties/x", ROWAN_MALFORMED},
    {TINY("'x':1", NAMES FROM_X), "#/properties/x", ROWAN_MALFORMED},
    {TINY("'x':{'type':'object'}", ""), "#/properties/x/type", ROWAN_UNSUPPORTED},
    {TINY("'x':{'type':['integer','number']}", ""), "#/properties/x/type", ROWAN_UNSUPPORTED},
    {TINY("'x':{'type':['null','null']}", ""), "#/properties/x/type", ROWAN_UNSUPPORTED},
    {TINY("'x':{'type':[]}", ""), "#/properties/x/type", ROWAN_UNSUPPORTED},
    {WITH_X("'multipleOf':5"), "#/properties/x/multipleOf", ROWAN_UNSUPPORTED},
    {WITH_X("'x-unknown':5"), "#/properties/x/x-unknown", ROWAN_UNSUPPORTED},
    {WITH_X("'minimum':'0'"), "#/properties/x/minimum", ROWAN_MALFORMED},
    {WITH_X("'exclusiveMinimum':true"), "#/properties/x/exclusiveMinimum", ROWAN_MALFORMED},
    {WITH_X("'minLength':1"), "#/properties/x/minLength", ROWAN_MALFORMED},
    {WITH_X("'enum':['a']"), "#/properties/x/enum", ROWAN_MALFORMED},
    {WITH_X("'enum':[]"), "#/properties/x/enum", ROWAN_MALFORMED},
    {WITH_X("'enum':[1,null]"), "#/properties/x/enum", ROWAN_MALFORMED},
    {WITH_X("'minimum':1,'minimum':2"), "#/properties/x/minimum", ROWAN_MALFORMED},
    {WITH_S("'type':'string','pattern':'a'"), "#/properties/s/pattern", ROWAN_UNSUPPORTED},
    {WITH_S("'type':'string','minimum':1"), "#/properties/s/minimum", ROWAN_MALFORMED},
    {WITH_S("'type':'string','maxLength':-1"), "#/properties/s/maxLength", ROWAN_MALFORMED},
    {WITH_S("'type':['string','null'],'enum':['a']"), "#/properties/s/enum", ROWAN_MALFORMED},
    {WITH_S("'type':['string','null'],'enum':[null]"), "#/properties/s/enum", ROWAN_MALFORMED},

    {TINY(X, "'version':'1','type':'T','model_file':'m'" FROM_X), "#/x-rowan/model",
     ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'modle':'m'"), "#/x-rowan/modle", ROWAN_UNSUPPORTED},
    {TINY(X, "'model':1" FROM_X), "#/x-rowan/model", ROWAN_MALFORMED},
    {TINY(X, "'model':''" FROM_X), "#/x-rowan/model", ROWAN_LIMIT},
    {TINY(X, "'model':'m','version':'1','type':'T','model_file':'../m'" FROM_X),
     "#/x-rowan/model_file", ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'id':'y'"), "#/x-rowan/id", ROWAN_MISMATCH},
    {TINY(X, NAMES FROM_X ",'id':'x'"), "#/x-rowan/id", ROWAN_MISMATCH},
    {TINY(X, NAMES FROM_X ",'iterations':0"), "#/x-rowan/iterations", ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'iterations':'some'"), "#/x-rowan/iterations", ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'positive_class':-1"), "#/x-rowan/positive_class", ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'golden_ulps':-1"), "#/x-rowan/golden_ulps", ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'golden_ulps':1025"), "#/x-rowan/golden_ulps", ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'golden_ulps':0.5"), "#/x-rowan/golden_ulps", ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'thresholds':1"), "#/x-rowan/thresholds", ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'thresholds':{'low':1}"), "#/x-rowan/thresholds/low",
     ROWAN_UNSUPPORTED},
    {TINY(X, NAMES FROM_X ",'thresholds':{'high':'1'}"), "#/x-rowan/thresholds/high",
     ROWAN_MALFORMED},
    {TINY(X, NAMES FROM_X ",'thresholds':{'high':0.1}"), "#/x-rowan/thresholds", ROWAN_MALFORMED},

    {TINY(X, NAMES), "#/x-rowan/features", ROWAN_MALFORMED},
    {TINY(X, NAMES ",'features':[]"), "#/x-rowan/features", ROWAN_MALFORMED},
    {TINY(X, NAMES ",'features':[1]"), "#/x-rowan/features/0", ROWAN_MALFORMED},
    {TINY(X, NAMES ",'features':[{'name':'X'}]"), "#/x-rowan/features/0", ROWAN_MALFORMED},
    {TINY(X, NAMES ",'features':[{'from':'x'}]"), "#/x-rowan/features/0", ROWAN_MALFORMED},
    {TINY(X, NAMES ",'features':[{'name':'X','from':'y'}]"), "#/x-rowan/features/0/from",
     ROWAN_MISMATCH},
    {TINY(X, NAMES ",'features':[{'name':'X','square':'x'}]"), "#/x-rowan/features/0/square",
     ROWAN_UNSUPPORTED},
    {TINY(X, NAMES ",'features':[{'name':'X','from':'x','night':'x'}]"),
     "#/x-rowan/features/0/night", ROWAN_MALFORMED},
    {TINY("'x':{'type':'string'}", NAMES FROM_X), "#/x-rowan/features/0/from", ROWAN_MISMATCH},
    {TINY("'x':{'type':'boolean'}", NAMES ",'features':[{'name':'X','night':'x'}]"),
     "#/x-rowan/features/0/night", ROWAN_MISMATCH},
};

static void what_is_not_enforced_is_refused_by_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct rw_contract *contract = (struct rw_contract *)&refusals;
        rowan_error error;
        rowan_status status = fixture_parse(refusals[i].contract, &contract, &error);
        if (status != refusals[i].status || strcmp(error.where, refusals[i].where) != 0)
            print_error("%s\n  gives %d at %s: %s\n", refusals[i].contract, status, error.where,
                        error.what);
        assert_int_equal(status, refusals[i].status);
        assert_int_equal(error.status, status);
        assert_string_equal(error.where, refusals[i].where);
        assert_true(error.what[0] && error.remedy[0]);
        assert_null(contract);
    }
}

static void the_label_is_never_a_feature(void **state) {
    (void)state;
    static const char *const labels[] = {"tx_fraud_scenario", "TX_FRAUD_SCENARIO", "TX_FRAUD"};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{'type':'object','properties':{'%s':{'type':'integer'}},'x-rowan':{" NAMES
                 ",'features':[{'name':'X','from':'%s'}]}}",
                 labels[i], labels[i]);
        struct rw_contract *contract;
        rowan_error error;
        assert_int_equal(fixture_parse(text, &contract, &error), ROWAN_MISMATCH);
        assert_non_null(strstr(error.what, "label"));
    }
}

static void an_unknown_transform_is_answered_with_the_known_ones(void **state) {
    (void)state;
    struct rw_contract *contract;
    rowan_error error;
    fixture_parse(TINY(X, NAMES ",'features':[{'name':'X','square':'x'}]"), &contract, &error);
    assert_string_equal(error.remedy, "use one of: from, category, weekend, night");
}

static void a_contract_is_bounded(void **state) {
    (void)state;
    struct rw_contract *contract;
    rowan_error error;
    size_t size = RW_CONTRACT_MAX_BYTES + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size);
    assert_int_equal(rw_contract_parse(text, size, &contract, &error), ROWAN_LIMIT);

    size_t used = (size_t)sprintf(text, "{\"type\":\"object\",\"properties\":{");
    for (unsigned i = 0; i <= RW_CONTRACT_MAX_PROPERTIES; i++)
        used += (size_t)sprintf(text + used, "%s\"p%u\":{\"type\":\"null\"}", i ? "," : "", i);
    used += (size_t)sprintf(text + used, "}}");
    assert_int_equal(rw_contract_parse(text, used, &contract, &error), ROWAN_LIMIT);
    assert_string_equal(error.where, "#/properties");
    free(text);
}

static void four_thousand_properties_are_all_found(void **state) {
    (void)state;
    char *text = malloc(RW_CONTRACT_MAX_BYTES), body[64];
    assert_non_null(text);
    size_t used = (size_t)sprintf(text, "{\"type\":\"object\",\"properties\":{");
    for (unsigned i = 0; i < RW_CONTRACT_MAX_PROPERTIES; i++)
        used += (size_t)sprintf(text + used, "%s\"p%u\":{\"type\":\"number\"}", i ? "," : "", i);
    used += (size_t)sprintf(text + used, "},\"x-rowan\":{\"model\":\"m\",\"version\":\"1\","
                                         "\"type\":\"T\",\"model_file\":\"m\",\"features\":[");
    for (unsigned i = 0; i < RW_CONTRACT_MAX_PROPERTIES; i++)
        used += (size_t)sprintf(text + used, "%s{\"name\":\"p%u\",\"from\":\"p%u\"}", i ? "," : "",
                                i, i);
    used += (size_t)sprintf(text + used, "]}}");
    struct rw_contract *contract;
    rowan_error error;
    assert_int_equal(rw_contract_parse(text, used, &contract, &error), ROWAN_OK);
    free(text);

    double features[RW_CONTRACT_MAX_PROPERTIES];
    struct fixture_lender lender = {.limit = SIZE_MAX};
    rw_arena_init(&lender.arena, SIZE_MAX);
    struct rw_memory memory = {fixture_lend, &lender};
    for (unsigned i = 0; i < RW_CONTRACT_MAX_PROPERTIES; i += 97) {
        int size = snprintf(body, sizeof body, "{\"q\":1,\"p%u\":%u}", i, i + 1);
        assert_int_equal(
            rw_contract_decode(contract, body, (size_t)size, &memory, features, &error), ROWAN_OK);
        assert_true(features[i] == i + 1);
    }
    rw_arena_free(&lender.arena);
    rw_contract_free(contract);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_those_of_the_file),
        cmocka_unit_test(settings_have_defaults),
        cmocka_unit_test(properties_keep_the_order_of_the_file),
        cmocka_unit_test(annotations_pass),
        cmocka_unit_test(what_is_not_enforced_is_refused_by_place),
        cmocka_unit_test(the_label_is_never_a_feature),
        cmocka_unit_test(an_unknown_transform_is_answered_with_the_known_ones),
        cmocka_unit_test(a_contract_is_bounded),
        cmocka_unit_test(four_thousand_properties_are_all_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Golden rows prove a model bit for bit, and name the row that does not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "contract_fixture.h"

/* The numbers are those of Booster.predict of XGBoost 3.2.0 for the fixture's model. */
#define CHEAP "{'request':{'id':'a','amount':1,'time':0},'fraud_probability':0.11920292}\n"
#define DEAR  "{'request':{'id':'a','amount':100,'time':0},'fraud_probability':0.95257413}\n"

static struct rw_contract *contract;
static rowan_model *model;

static int set_up(void **state) {
    (void)state;
    contract = fixture_contract();
    model = fixture_model("binary:logistic", FIXTURE_NAMES, FIXTURE_N_FEATURES, 1);
    return rw_contract_bind(contract, model, NULL) == ROWAN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    rw_contract_free(contract);
    rowan_model_free(model);
    return 0;
}

static rowan_status check(const char *text, size_t *n_rows, rowan_error *error) {
    char rows[4096];
    fixture_quotes(text, rows, sizeof rows);
    return rw_contract_check_golden(contract, model, rows, strlen(rows), n_rows, error);
}

static void rows_with_the_numbers_of_the_library_pass(void **state) {
    (void)state;
    size_t n_rows;
    rowan_error error;
    assert_int_equal(check(CHEAP "\n \r\n" DEAR, &n_rows, &error), ROWAN_OK);
    assert_int_equal(n_rows, 2);
}

static void more_rows_than_a_block_are_all_checked(void **state) {
    (void)state;
    enum { N = 700, WRONG = 650 };
    char *rows = calloc(N + 1, 128), line[128];
    assert_non_null(rows);
    size_t n_rows;
    rowan_error error;
    char *to = rows;
    for (int i = 0; i < N; i++)
        to = stpcpy(to, fixture_quotes(i % 2 ? CHEAP : DEAR, line, sizeof line));
    assert_int_equal(rw_contract_check_golden(contract, model, rows, strlen(rows), &n_rows, &error),
                     ROWAN_OK);
    assert_int_equal(n_rows, N);

    char *wrong = rows;
    for (int i = 1; i < WRONG; i++)
        wrong = strchr(wrong, '\n') + 1;
    memcpy(strstr(wrong, "0.1192"), "0.1193", strlen("0.1193"));
    assert_int_equal(rw_contract_check_golden(contract, model, rows, strlen(rows), &n_rows, &error),
                     ROWAN_MISMATCH);
    assert_string_equal(error.where, "line 650");
    free(rows);
}

static void one_ulp_is_a_mismatch(void **state) {
    (void)state;
    size_t n_rows;
    rowan_error error;
    assert_int_equal(check(DEAR "{'request':{'id':'a','amount':1,'time':0},"
                                "'fraud_probability':0.11920293}",
                           &n_rows, &error),
                     ROWAN_MISMATCH);
    assert_string_equal(error.where, "line 2");
    assert_string_equal(error.what,
                        "expected fraud_probability 0.11920293, the model gives 0.119202919");
}

static void a_contract_may_allow_units_in_the_last_place(void **state) {
    (void)state;
    /* 0.11920292 is the model's number; one unit there is 2^-27, about 7.5e-9 */
    static const struct {
        const char *settings, *seen;
        rowan_status status;
    } cases[] = {
        {",'golden_ulps':0", "0.11920293", ROWAN_MISMATCH},
        {",'golden_ulps':1", "0.11920293", ROWAN_OK},
        {",'golden_ulps':1", "0.119202912", ROWAN_OK},
        {",'golden_ulps':1", "0.11920294", ROWAN_MISMATCH},
        {",'golden_ulps':2", "0.11920294", ROWAN_MISMATCH},
        {",'golden_ulps':3", "0.11920294", ROWAN_OK},
        {",'golden_ulps':1024", "0.11921", ROWAN_OK},
        {",'golden_ulps':1024", "0.11922", ROWAN_MISMATCH},
        {",'golden_ulps':1024", "-0.11920292", ROWAN_MISMATCH},
        {",'golden_ulps':1024", "0", ROWAN_MISMATCH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rw_contract *tolerant;
        rowan_error error;
        char text[4096], row[256], json[256];
        snprintf(text, sizeof text, FIXTURE_CONTRACT("", FIXTURE_SETTINGS("%s")),
                 cases[i].settings);
        assert_int_equal(fixture_parse(text, &tolerant, &error), ROWAN_OK);
        assert_int_equal(rw_contract_bind(tolerant, model, &error), ROWAN_OK);
        snprintf(row, sizeof row,
                 "{'request':{'id':'a','amount':1,'time':0},'fraud_probability':%s}",
                 cases[i].seen);
        fixture_quotes(row, json, sizeof json);
        size_t n_rows;
        assert_int_equal(
            rw_contract_check_golden(tolerant, model, json, strlen(json), &n_rows, &error),
            cases[i].status);
        rw_contract_free(tolerant);
    }
}

static void broken_rows_are_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *where;
        rowan_status status;
    } cases[] = {
        {CHEAP "{", "line 2", ROWAN_MALFORMED},
        {CHEAP "\n[]", "line 3", ROWAN_MALFORMED},
        {"{'request':{},'score':1}", "line 1", ROWAN_MALFORMED},
        {"{'request':{'id':'a','amount':0,'time':0},'fraud_probability':1}", "line 1: amount",
         ROWAN_MISMATCH},
        {"{'request':5,'fraud_probability':1}", "line 1", ROWAN_MISMATCH},
        {"", "", ROWAN_MISMATCH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n_rows;
        rowan_error error;
        assert_int_equal(check(cases[i].text, &n_rows, &error), cases[i].status);
        assert_string_equal(error.where, cases[i].where);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_with_the_numbers_of_the_library_pass),
        cmocka_unit_test(more_rows_than_a_block_are_all_checked),
        cmocka_unit_test(one_ulp_is_a_mismatch),
        cmocka_unit_test(a_contract_may_allow_units_in_the_last_place),
        cmocka_unit_test(broken_rows_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

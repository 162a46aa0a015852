/*
 * ?explain=N: which features are the largest, and what happens without memory.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "unit.h"

#include "contract_fixture.h"

#define MAX_FEATURES 40u

/* By sorting all of them, one exchange at a time. */
static void sort_all(const double *contributions, uint32_t n, uint32_t *order) {
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t at = i;
             at > 0 && fabs(contributions[order[at]]) > fabs(contributions[order[at - 1]]); at--) {
            uint32_t moved = order[at];
            order[at] = order[at - 1];
            order[at - 1] = moved;
        }
}

static void test_largest_of_all(void **state) {
    (void)state;
    uint64_t random = 4;
    for (int round = 0; round < 2000; round++) {
        const uint32_t n = 1 + random_below(&random, MAX_FEATURES);
        const uint32_t count = 1 + random_below(&random, n);
        double contributions[MAX_FEATURES];
        uint32_t order[MAX_FEATURES], largest[MAX_FEATURES];
        for (uint32_t i = 0; i < n; i++) /* many ties, of both signs */
            contributions[i] = (int)random_below(&random, 11) - 5;
        sort_all(contributions, n, order);
        rw_largest_contributions(contributions, n, largest, count);
        assert_memory_equal(largest, order, count * sizeof *largest);
    }
}

static unsigned explain(const struct rw_contract *contract, const rowan_model *model,
                        const char *explain, size_t limit, char *text, size_t size) {
    static const char body[] = "[{\"id\":\"a\",\"amount\":50,\"time\":7},"
                               "{\"id\":\"b\",\"amount\":150,\"time\":7}]";
    struct fixture_lender lender = {.limit = limit};
    rw_arena_init(&lender.arena, SIZE_MAX);
    struct rw_memory memory = {fixture_lend, &lender};
    struct rw_buffer reply = {.memory = &memory};
    struct rw_predict_options options = {
        .now = "2018-08-08T09:30:12Z", .explain = explain, .explain_length = strlen(explain)};
    struct rw_outcome outcome;
    unsigned status = rw_contract_predict(contract, model, body, strlen(body), &options, &memory,
                                          &reply, &outcome);
    assert_int_equal(status, outcome.status);
    assert_true(reply.length < size);
    memcpy(text, reply.length ? reply.data : "", reply.length);
    text[reply.length] = '\0';
    rw_arena_free(&lender.arena);
    return status;
}

/* A stump whose two sides have the same cover: half of what lies between its leaves. */
static void test_reasons_of_a_batch(void **state) {
    (void)state;
    struct rw_contract *contract = fixture_contract();
    rowan_model *model = fixture_model("binary:logistic", FIXTURE_NAMES, FIXTURE_N_FEATURES, 1);
    rowan_error error;
    char text[8192];
    assert_int_equal(rw_contract_bind(contract, model, &error), ROWAN_OK);
    assert_int_equal(explain(contract, model, "2", SIZE_MAX, text, sizeof text), 200);
    assert_non_null(strstr(text, "\"reasons\":[{\"feature\":\"AMOUNT\",\"value\":50.0,"
                                 "\"contribution\":-2.5},{\"feature\":\"WEEKEND\",\"value\":0.0,"
                                 "\"contribution\":0.0}]},{\"id\":\"b\""));
    assert_non_null(strstr(text, "\"value\":150.0,\"contribution\":2.5},"));
    assert_int_equal(explain(contract, model, "6", SIZE_MAX, text, sizeof text), 200);
    assert_non_null(strstr(text, "{\"feature\":\"DAYS\",\"value\":null,\"contribution\":0.0}"));
    assert_int_equal(explain(contract, model, "7", SIZE_MAX, text, sizeof text), 422);
    assert_non_null(strstr(text, "\"loc\":[\"query\",\"explain\"]"));
    rowan_model_free(model);
    rw_contract_free(contract);
}

/* A reply has a bound on reasons, whatever the batch and the model. */
static void test_too_many_in_all(void **state) {
    (void)state;
    static const char row[] = "{\"id\":\"a\",\"amount\":50,\"time\":7},";
    const size_t n_rows = RW_REASONS_MAX / FIXTURE_N_FEATURES + 1, length = strlen(row);
    struct rw_contract *contract = fixture_contract();
    rowan_model *model = fixture_model("binary:logistic", FIXTURE_NAMES, FIXTURE_N_FEATURES, 1);
    rowan_error error;
    assert_int_equal(rw_contract_bind(contract, model, &error), ROWAN_OK);
    char *body = malloc(n_rows * length + 2);
    assert_non_null(body);
    body[0] = '[';
    for (size_t i = 0; i < n_rows; i++)
        memcpy(body + 1 + i * length, row, length);
    body[n_rows * length] = ']'; /* in place of the last comma */
    for (uint32_t n = FIXTURE_N_FEATURES - 1; n <= FIXTURE_N_FEATURES; n++) {
        struct fixture_lender lender = {.limit = SIZE_MAX};
        rw_arena_init(&lender.arena, SIZE_MAX);
        struct rw_memory memory = {fixture_lend, &lender};
        struct rw_buffer reply = {.memory = &memory};
        const char text[] = {(char)('0' + n)};
        struct rw_predict_options options = {
            .max_rows = n_rows, .explain = text, .explain_length = 1};
        struct rw_outcome outcome;
        assert_int_equal(rw_contract_predict(contract, model, body, n_rows * length + 1, &options,
                                             &memory, &reply, &outcome),
                         n == FIXTURE_N_FEATURES ? 422 : 200);
        if (outcome.status == 422)
            assert_true(reply.length > 0 && memmem(reply.data, reply.length,
                                                   "or equal to 5 for 33334 transactions", 36));
        rw_arena_free(&lender.arena);
    }
    free(body);
    rowan_model_free(model);
    rw_contract_free(contract);
}

static void test_without_memory(void **state) {
    (void)state;
    struct rw_contract *contract = fixture_contract();
    rowan_model *model = fixture_model("binary:logistic", FIXTURE_NAMES, FIXTURE_N_FEATURES, 1);
    rowan_error error;
    char text[8192];
    unsigned status = 0;
    assert_int_equal(rw_contract_bind(contract, model, &error), ROWAN_OK);
    for (size_t limit = 0; limit < 50 && status != 200; limit++) {
        status = explain(contract, model, "3", limit, text, sizeof text);
        if (status == 500)
            assert_string_equal(text, ""); /* never half a reply */
    }
    assert_int_equal(status, 200);
    rowan_model_free(model);
    rw_contract_free(contract);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_largest_of_all),
        cmocka_unit_test(test_reasons_of_a_batch),
        cmocka_unit_test(test_too_many_in_all),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

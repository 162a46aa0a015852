/*
 * ?explain=N: which features are the largest, and what happens without memory.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "unit.h"

#include "contract_fixture.h"

#include "forest/forest.h"
#include "forest/image.h"
#include "forest/model.h"

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

/* AMOUNT < 100 ? -2 : 3, two probabilities of one margin. */
static rowan_model *both_classes(void) {
    static const int32_t left[] = {1, -1, -1}, right[] = {2, -1, -1};
    static const uint32_t feature[3] = {0};
    static const double value[] = {100.0, -2.0, 3.0}, cover[] = {2.0, 1.0, 1.0};
    static const uint8_t flags[3] = {0};
    static const struct rw_forest_feature features[FIXTURE_N_FEATURES] = {
        {.name = "AMOUNT"}, {.name = "WEEKEND"}, {.name = "NIGHT"},
        {.name = "DAYS"},   {.name = "ONLINE"},  {.name = "COUNTRY"}};
    const struct rw_tree tree = {.n_nodes = 3,
                                 .weight = 1.0f,
                                 .left = left,
                                 .right = right,
                                 .feature = feature,
                                 .value = value,
                                 .flags = flags,
                                 .cover = cover};
    const struct rw_forest forest = {.format = "fixture",
                                     .producer = "test",
                                     .objective = "none",
                                     .booster = "none",
                                     .arithmetic = RW_ARITHMETIC_ONNX64,
                                     .link = ROWAN_LINK_LOGISTIC_BOTH,
                                     .n_features = FIXTURE_N_FEATURES,
                                     .features = features,
                                     .n_groups = 1,
                                     .n_trees = 1,
                                     .n_trees_in_file = 1,
                                     .trees = &tree,
                                     .best_iteration = -1};
    void *bytes;
    size_t size;
    rowan_model *model;
    assert_int_equal(rw_image_compile(&forest, NULL, 0, &bytes, &size, NULL), ROWAN_OK);
    assert_int_equal(rw_model_from_image(bytes, size, &model, NULL), ROWAN_OK);
    return model;
}

/* Class 1 is what the margin is for; to class 0 everything counts the other way. */
static void test_reasons_of_either_class(void **state) {
    (void)state;
    rowan_model *model = both_classes();
    for (int positive = 0; positive < 2; positive++) {
        char settings[4096], text[8192], wanted[128];
        struct rw_contract *contract;
        rowan_error error;
        snprintf(settings, sizeof settings,
                 FIXTURE_CONTRACT("", FIXTURE_SETTINGS(",'positive_class':%d")), positive);
        assert_int_equal(fixture_parse(settings, &contract, &error), ROWAN_OK);
        assert_int_equal(rw_contract_bind(contract, model, &error), ROWAN_OK);
        assert_int_equal(explain(contract, model, "2", SIZE_MAX, text, sizeof text), 200);
        snprintf(wanted, sizeof wanted,
                 "\"AMOUNT\",\"value\":50.0,\"contribution\":%s},{\"feature\":\"WEEKEND\","
                 "\"value\":0.0,\"contribution\":0.0}]",
                 positive ? "-2.5" : "2.5");
        assert_non_null(strstr(text, wanted));
        rw_contract_free(contract);
    }
    rowan_model_free(model);
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
        cmocka_unit_test(test_largest_of_all),          cmocka_unit_test(test_reasons_of_a_batch),
        cmocka_unit_test(test_reasons_of_either_class), cmocka_unit_test(test_too_many_in_all),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

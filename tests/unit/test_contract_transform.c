/*
 * Transforms give what the Fraud Detection Handbook's Python gives.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "contract/schema.h"
#include "contract_fixture.h"
#include "unit.h"

static double features[FIXTURE_N_FEATURES];
enum { AMOUNT, WEEKEND, NIGHT, DAYS, ONLINE, COUNTRY };

static rowan_status decode(const char *text, rowan_error *error) {
    struct rw_contract *contract = fixture_contract();
    char body[1024];
    fixture_quotes(text, body, sizeof body);
    struct fixture_lender lender = {.limit = SIZE_MAX};
    rw_arena_init(&lender.arena, SIZE_MAX);
    struct rw_memory memory = {fixture_lend, &lender};
    rowan_status status =
        rw_contract_decode(contract, body, strlen(body), &memory, features, error);
    rw_arena_free(&lender.arena);
    rw_contract_free(contract);
    return status;
}

static void decode_time(const char *time) {
    char text[256];
    snprintf(text, sizeof text, "{'id':'a','amount':1,'time':%s}", time);
    assert_int_equal(decode(text, NULL), ROWAN_OK);
}

static void weekends_are_saturday_and_sunday_in_utc(void **state) {
    (void)state;
    static const struct {
        const char *time;
        double weekend;
    } cases[] = {
        {"0", 0},          /* Thursday 1970-01-01 */
        {"172799", 0},     /* Friday 23:59:59 */
        {"172800", 1},     /* Saturday 00:00 */
        {"345599", 1},     /* Sunday 23:59:59 */
        {"345600", 0},     /* Monday 00:00 */
        {"1533340799", 0}, /* Friday 2018-08-03 23:59:59 */
        {"1533340800", 1}, /* Saturday 2018-08-04 */
        {"1533513599", 1}, /* Sunday 2018-08-05 23:59:59 */
        {"1533513600", 0}, /* Monday 2018-08-06 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        decode_time(cases[i].time);
        assert_true(features[WEEKEND] == cases[i].weekend);
    }
}

static void nights_end_at_seven(void **state) {
    (void)state;
    static const struct {
        const char *time;
        double night;
    } cases[] = {{"0", 1},     {"25199", 1},      {"25200", 0},      {"86399", 0},
                 {"86400", 1}, {"1533686400", 1}, {"1533711599", 1}, {"1533711600", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        decode_time(cases[i].time);
        assert_true(features[NIGHT] == cases[i].night);
    }
}

/* The C library's calendar, over four thousand years, whole seconds and parts of them. */
static void weekends_and_nights_are_those_of_the_calendar(void **state) {
    (void)state;
    const struct rw_transform *weekend = rw_transform_find("weekend");
    const struct rw_transform *night = rw_transform_find("night");
    uint64_t random = 3;
    for (int i = 0; i < 200000; i++) {
        const time_t second = (time_t)(random_bits(&random) % 126230400000) - 63115200000;
        const double time = (double)second + random_below(&random, 4) / 4.0;
        struct tm date;
        gmtime_r(&second, &date);
        assert_true(weekend->apply(time) == (date.tm_wday == 0 || date.tm_wday == 6));
        assert_true(night->apply(time) == (date.tm_hour <= 6));
    }
}

static void absurd_times_give_zero_or_one(void **state) {
    (void)state;
    static const char *const times[] = {"1e300", "9007199254740993", "123456789012345678901234567",
                                        "18446744073709551615"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        decode_time(times[i]);
        assert_true(features[WEEKEND] == 0 || features[WEEKEND] == 1);
        assert_true(features[NIGHT] == 0 || features[NIGHT] == 1);
    }
}

static void absent_and_null_are_missing(void **state) {
    (void)state;
    assert_int_equal(decode("{'id':'a','amount':1,'time':0}", NULL), ROWAN_OK);
    assert_true(isnan(features[DAYS]) && isnan(features[ONLINE]) && isnan(features[COUNTRY]));
    assert_int_equal(decode("{'id':'a','amount':1,'time':0,'days':null,'country':null}", NULL),
                     ROWAN_OK);
    assert_true(isnan(features[DAYS]) && isnan(features[COUNTRY]));
}

static void booleans_and_enums_become_numbers(void **state) {
    (void)state;
    assert_int_equal(decode("{'country':'FR','online':true,'id':'a','amount':1,'time':0}", NULL),
                     ROWAN_OK);
    assert_true(features[ONLINE] == 1 && features[COUNTRY] == 1);
    assert_int_equal(decode("{'country':'AT','online':false,'id':'a','amount':1,'time':0}", NULL),
                     ROWAN_OK);
    assert_true(features[ONLINE] == 0 && features[COUNTRY] == 2); /* null takes no code */
}

static void numbers_keep_their_bits(void **state) {
    (void)state;
    assert_int_equal(decode("{'id':'a','amount':0.1,'time':0,'days':-0}", NULL), ROWAN_OK);
    assert_true(features[AMOUNT] == 0.1);
    assert_true(features[DAYS] == 0 && signbit(features[DAYS]));
    assert_int_equal(decode("{'id':'a','amount':5e-324,'time':0,'days':-0.0}", NULL), ROWAN_OK);
    assert_true(features[AMOUNT] == 5e-324 && signbit(features[DAYS]));
    assert_int_equal(decode("{'id':'a','amount':1,'time':0,'days':-9223372036854775809}", NULL),
                     ROWAN_OK);
    assert_true(features[DAYS] == -9223372036854775808.0);
}

static void errors_name_the_field(void **state) {
    (void)state;
    rowan_error error;
    assert_int_equal(decode("{'id':'a','amount':0,'time':0}", &error), ROWAN_MISMATCH);
    assert_string_equal(error.where, "amount");
    assert_string_equal(error.what, "Input should be greater than 0");
    assert_int_equal(decode("[]", &error), ROWAN_MISMATCH);
    assert_int_equal(decode("{", &error), ROWAN_MALFORMED);
    assert_non_null(strstr(error.what, "byte 1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weekends_are_saturday_and_sunday_in_utc),
        cmocka_unit_test(nights_end_at_seven),
        cmocka_unit_test(weekends_and_nights_are_those_of_the_calendar),
        cmocka_unit_test(absurd_times_give_zero_or_one),
        cmocka_unit_test(absent_and_null_are_missing),
        cmocka_unit_test(booleans_and_enums_become_numbers),
        cmocka_unit_test(numbers_keep_their_bits),
        cmocka_unit_test(errors_name_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

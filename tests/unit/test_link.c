/*
 * Link functions at the ends of float32.  What XGBoost gives is asserted by the parity
 * tests; here are the shapes and the limits that its formulas imply.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "forest_fixture.h"

static double one(rowan_link link, float margin) {
    double out = -1.0, wide = (double)margin;
    const struct rw_link_input input = {link, 1.0, &wide, 1, 1};
    rw_link_apply(RW_ARITHMETIC_XGBOOST, &input, &out);
    return out;
}

static double lightgbm(rowan_link link, double scale, double margin) {
    double out = -1.0;
    const struct rw_link_input input = {link, scale, &margin, 1, 1};
    rw_link_apply(RW_ARITHMETIC_LIGHTGBM, &input, &out);
    return out;
}

static void lightgbm_links_are_double(void **state) {
    (void)state;
    assert_true(lightgbm(ROWAN_LINK_LOGISTIC, 2.0, 0.25) == 1.0 / (1.0 + exp(-0.5)));
    assert_true(lightgbm(ROWAN_LINK_LOGISTIC, 1.0, -800.0) == 0.0);
    assert_true(lightgbm(ROWAN_LINK_EXP, 1.0, 0.3) == exp(0.3));
    assert_true(lightgbm(ROWAN_LINK_SQUARE, 1.0, -1.5) == -2.25);
    assert_true(lightgbm(ROWAN_LINK_SQUARE, 1.0, 1.5) == 2.25);
    assert_true(lightgbm(ROWAN_LINK_LOG1P_EXP, 1.0, 0.0) == log(2.0));
    const double margins[3] = {1.0, 2.0, 4.0};
    double out[3];
    const struct rw_link_input input = {ROWAN_LINK_SOFTMAX, 1.0, margins, 1, 3};
    rw_link_apply(RW_ARITHMETIC_LIGHTGBM, &input, out);
    assert_true(fabs(out[0] + out[1] + out[2] - 1.0) < 1e-15 && out[2] > out[1]);
}

static void logistic_saturates_without_nan(void **state) {
    (void)state;
    assert_true(one(ROWAN_LINK_LOGISTIC, 0.0f) == 0.5);
    assert_true(one(ROWAN_LINK_LOGISTIC, -0.0f) == 0.5);
    assert_true(one(ROWAN_LINK_LOGISTIC, 100.0f) == 1.0);
    assert_true(one(ROWAN_LINK_LOGISTIC, INFINITY) == 1.0);
    assert_true(one(ROWAN_LINK_LOGISTIC, 3.4e38f) == 1.0);
    double least = one(ROWAN_LINK_LOGISTIC, -88.7f);
    assert_true(least > 0.0 && least < 1e-38); /* it never reaches zero */
    assert_true(one(ROWAN_LINK_LOGISTIC, -1000.0f) == least);
    assert_true(one(ROWAN_LINK_LOGISTIC, -INFINITY) == least);
}

static void logistic_never_falls(void **state) {
    (void)state;
    double last = 0.0;
    for (float margin = -100.0f; margin <= 100.0f; margin += 0.125f) {
        double now = one(ROWAN_LINK_LOGISTIC, margin);
        assert_true(now >= last && now <= 1.0);
        last = now;
    }
}

static void exponentials_overflow_to_infinity(void **state) {
    (void)state;
    const rowan_link links[] = {ROWAN_LINK_EXP, ROWAN_LINK_EXP_WIDE};
    for (size_t i = 0; i < ARRAY_LENGTH(links); i++) {
        assert_true(one(links[i], 0.0f) == 1.0);
        assert_true(one(links[i], 89.0f) == (double)INFINITY);
        assert_true(one(links[i], -INFINITY) == 0.0);
        assert_true(one(links[i], -104.0f) == 0.0);
        assert_true(one(links[i], -103.0f) > 0.0); /* denormal */
    }
}

static void step_is_strict(void **state) {
    (void)state;
    assert_true(one(ROWAN_LINK_STEP, 0.0f) == 0.0);
    assert_true(one(ROWAN_LINK_STEP, 1e-45f) == 1.0);
    assert_true(one(ROWAN_LINK_STEP, -1e-45f) == 0.0);
}

static void identity_keeps_the_bits(void **state) {
    (void)state;
    const float values[] = {0.0f, -0.0f, 1e-45f, 3.4e38f, INFINITY, -INFINITY, 0.1f, NAN};
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
        assert_true(same_bits((float)one(ROWAN_LINK_IDENTITY, values[i]), values[i]));
}

static void softmax_sums_to_one(void **state) {
    (void)state;
    const float cases[][3] = {{0, 0, 0}, {1000, 0, -1000}, {-3e38f, 3e38f, 0}, {88, 89, 90}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        double margins[3], out[3];
        for (size_t j = 0; j < 3; j++)
            margins[j] = (double)cases[i][j];
        const struct rw_link_input input = {ROWAN_LINK_SOFTMAX, 1.0, margins, 1, 3};
        rw_link_apply(RW_ARITHMETIC_XGBOOST, &input, out);
        assert_true(fabs(out[0] + out[1] + out[2] - 1.0) < 1e-6);
    }
}

static void argmax_takes_the_first_of_equals(void **state) {
    (void)state;
    double margins[4] = {1.0, 3.0, 3.0, -INFINITY};
    double out[4] = {-1, -1, -1, -1};
    const struct rw_link_input input = {ROWAN_LINK_ARGMAX, 1.0, margins, 1, 4};
    rw_link_apply(RW_ARITHMETIC_XGBOOST, &input, out);
    assert_true(out[0] == 1.0);
    assert_true(out[1] == -1.0); /* one output, and no more */
    assert_int_equal(rw_link_outputs(ROWAN_LINK_ARGMAX, 4), 1);
    assert_int_equal(rw_link_outputs(ROWAN_LINK_SOFTMAX, 4), 4);
}

static void both_classes_come_of_one_margin(void **state) {
    (void)state;
    static const enum rw_arithmetic each[] = {RW_ARITHMETIC_ONNX, RW_ARITHMETIC_ONNX64,
                                              RW_ARITHMETIC_SKLEARN};
    const double margins[2] = {0.25, -1.0};
    for (size_t i = 0; i < ARRAY_LENGTH(each); i++) {
        double out[4];
        const struct rw_link_input plain = {ROWAN_LINK_BOTH, 1.0, margins, 2, 1};
        rw_link_apply(each[i], &plain, out);
        assert_true(out[0] == 0.75 && out[1] == 0.25 && out[2] == 2.0 && out[3] == -1.0);
        const struct rw_link_input logistic = {ROWAN_LINK_LOGISTIC_BOTH, 1.0, margins, 2, 1};
        rw_link_apply(each[i], &logistic, out);
        assert_true(fabs(out[0] + out[1] - 1.0) < 1e-6 && out[1] > out[0] && out[2] > out[3]);
    }
    assert_int_equal(rw_link_outputs(ROWAN_LINK_BOTH, 1), 2);
    assert_int_equal(rw_link_outputs(ROWAN_LINK_LOGISTIC_BOTH, 1), 2);
    assert_int_equal(rw_link_outputs(ROWAN_LINK_PROBABILITIES, 4), 4);
}

/* 0.1 is no float: of float sums the other class is rounded, of double ones it is not. */
static void the_other_class_has_the_precision_of_the_sums(void **state) {
    (void)state;
    const double narrow = (double)0.1f, wide = 0.1;
    double out[2];
    rw_link_apply(RW_ARITHMETIC_ONNX, &(struct rw_link_input){ROWAN_LINK_BOTH, 1.0, &narrow, 1, 1},
                  out);
    assert_true(out[0] == (double)(1.0f - 0.1f));
    rw_link_apply(RW_ARITHMETIC_ONNX64, &(struct rw_link_input){ROWAN_LINK_BOTH, 1.0, &wide, 1, 1},
                  out);
    assert_true(out[0] == 1.0 - 0.1);
}

static void onnx_logistic_leaves_small_probabilities_of_one(void **state) {
    (void)state;
    assert_true(rw_onnx_logistic(0.0f) == 0.5f);
    assert_true(rw_onnx_logistic(200.0f) == 1.0f);
    assert_true(rw_onnx_logistic(-200.0f) == 0.0f);
    for (float x = 0.0f; x < 30.0f; x += 0.25f)
        assert_true(rw_onnx_logistic(-x) == 1.0f - rw_onnx_logistic(x));
}

static void every_link_has_a_name(void **state) {
    (void)state;
    for (rowan_link link = ROWAN_LINK_IDENTITY; link <= ROWAN_LINK_LOGISTIC_BOTH; link++)
        assert_true(strlen(rw_link_name(link)) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logistic_saturates_without_nan),
        cmocka_unit_test(logistic_never_falls),
        cmocka_unit_test(exponentials_overflow_to_infinity),
        cmocka_unit_test(step_is_strict),
        cmocka_unit_test(identity_keeps_the_bits),
        cmocka_unit_test(softmax_sums_to_one),
        cmocka_unit_test(argmax_takes_the_first_of_equals),
        cmocka_unit_test(both_classes_come_of_one_margin),
        cmocka_unit_test(the_other_class_has_the_precision_of_the_sums),
        cmocka_unit_test(onnx_logistic_leaves_small_probabilities_of_one),
        cmocka_unit_test(lightgbm_links_are_double),
        cmocka_unit_test(every_link_has_a_name),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}

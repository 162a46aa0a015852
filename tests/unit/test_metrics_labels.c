/*
 * Label values may be any bytes; what is written is clean, escaped and bounded.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "metrics/page.h"
#include "unit.h"

#define BAD "\xEF\xBF\xBD"

static void assert_written(const char *value, const char *expected) {
    char text[RW_LABEL_TEXT_MAX], whole[RW_LABEL_TEXT_MAX];
    char *copy = exact_copy(value, strlen(value) + 1);
    size_t length = rw_label_text(RW_METRIC_MODEL_ERRORS, (const char *[]){copy}, text);
    int expected_length = snprintf(whole, sizeof whole, "error_type=\"%s\"", expected);
    free(copy);
    assert_int_equal(length, expected_length);
    assert_memory_equal(text, whole, length);
}

static void labels_are_written_in_the_order_of_the_table(void **state) {
    (void)state;
    char text[RW_LABEL_TEXT_MAX];
    const char *values[] = {"POST", "/predict", "200"};
    size_t length = rw_label_text(RW_METRIC_HTTP_REQUESTS, values, text);
    const char expected[] = "method=\"POST\",endpoint=\"/predict\",status_code=\"200\"";
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
    assert_int_equal(rw_label_text(RW_METRIC_ACTIVE_REQUESTS, NULL, text), 0);
}

static void quotes_backslashes_and_newlines_are_escaped(void **state) {
    (void)state;
    assert_written("", "");
    assert_written("a\"b\\c\nd", "a\\\"b\\\\c\\nd");
}

static void utf8_passes_and_what_is_none_is_replaced(void **state) {
    (void)state;
    assert_written("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    assert_written("a\xFF"
                   "b",
                   "a" BAD "b");
    assert_written("\xC0\x80", BAD BAD);                 /* overlong */
    assert_written("\xED\xA0\x80", BAD BAD BAD);         /* a surrogate */
    assert_written("\xF4\x90\x80\x80", BAD BAD BAD BAD); /* beyond U+10FFFF */
    assert_written("\xE2\x82", BAD BAD);                 /* cut off */
    assert_written("\xF0", BAD);
}

static void control_characters_are_replaced(void **state) {
    (void)state;
    assert_written("a\rb\x1B[2J\x7F", "a" BAD "b" BAD "[2J" BAD);
}

static void long_values_are_cut_before_a_character(void **state) {
    (void)state;
    char value[400], expected[400];
    memset(value, 'x', 300);
    value[300] = '\0';
    memset(expected, 'x', RW_LABEL_VALUE_MAX);
    expected[RW_LABEL_VALUE_MAX] = '\0';
    assert_written(value, expected);
    memcpy(value + RW_LABEL_VALUE_MAX - 1, "\xE2\x82\xAC", 3); /* would end behind the bound */
    expected[RW_LABEL_VALUE_MAX - 1] = '\0';
    assert_written(value, expected);
}

static void the_longest_label_set_fits(void **state) {
    (void)state;
    char value[400], text[RW_LABEL_TEXT_MAX];
    memset(value, '"', 399);
    value[399] = '\0';
    const char *values[] = {value, value, value};
    size_t length = rw_label_text(RW_METRIC_PREDICTIONS, values, text);
    assert_true(length > 3 * 2 * RW_LABEL_VALUE_MAX && length < RW_LABEL_TEXT_MAX);
    assert_int_equal(text[length - 1], '"');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_written_in_the_order_of_the_table),
        cmocka_unit_test(quotes_backslashes_and_newlines_are_escaped),
        cmocka_unit_test(utf8_passes_and_what_is_none_is_replaced),
        cmocka_unit_test(control_characters_are_replaced),
        cmocka_unit_test(long_values_are_cut_before_a_character),
        cmocka_unit_test(the_longest_label_set_fits),
    };
    return cmocka_run_group_tests_name("metrics labels", tests, NULL, NULL);
}

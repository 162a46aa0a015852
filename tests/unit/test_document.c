/*
 * Looking things up in a document never fails harder than "absent".
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "model/document.h"

static struct rw_value text_value(const char *text) {
    return (struct rw_value){.type = RW_STRING, .text = text, .count = (uint32_t)strlen(text)};
}

static struct rw_value number_value(double number) {
    return (struct rw_value){.type = RW_NUMBER, .number = number};
}

static void members_are_found_along_a_path(void **state) {
    (void)state;
    struct rw_value leaf = number_value(7.0);
    leaf.key = "nameX"; /* keys are not terminated */
    leaf.key_length = 4;
    struct rw_value inner = {.type = RW_OBJECT, .key = "a", .key_length = 1, .child = &leaf};
    struct rw_value first = {.type = RW_NULL, .key = "ab", .key_length = 2, .next = &inner};
    struct rw_value root = {.type = RW_OBJECT, .child = &first};
    assert_ptr_equal(rw_value_get(&root, "a"), &inner);
    assert_ptr_equal(rw_value_get(&root, "ab"), &first);
    assert_ptr_equal(rw_value_at(&root, "a/name"), &leaf);
    assert_null(rw_value_at(&root, "a/nameX"));
    assert_null(rw_value_at(&root, "a/name/deeper"));
    assert_null(rw_value_at(&root, "ab/name"));
    assert_null(rw_value_at(&root, "absent/name"));
    assert_null(rw_value_get(NULL, "a"));
    assert_null(rw_value_get(&leaf, "a"));
}

static void the_first_of_two_equal_keys_counts(void **state) {
    (void)state;
    struct rw_value second = {.type = RW_BOOL, .key = "a", .key_length = 1};
    struct rw_value first = {.type = RW_NULL, .key = "a", .key_length = 1, .next = &second};
    struct rw_value root = {.type = RW_OBJECT, .child = &first};
    assert_ptr_equal(rw_value_get(&root, "a"), &first);
}

static void integers_come_as_numbers_or_text(void **state) {
    (void)state;
    const struct {
        const char *text;
        int64_t expected;
    } good[] = {{"0", 0},
                {"-1", -1},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    int64_t out;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        struct rw_value value = text_value(good[i].text);
        assert_true(rw_value_i64(&value, &out));
        assert_true(out == good[i].expected);
    }
    struct rw_value value = number_value(-9007199254740992.0);
    assert_true(rw_value_i64(&value, &out));
    assert_true(out == -9007199254740992);
}

static void what_is_no_integer_is_refused(void **state) {
    (void)state;
    const char *const texts[] = {
        "", "x", "1x", "1.5", "9223372036854775808", "1 ", "100000000000000000000000"};
    const double numbers[] = {0.5, 1e300, 9007199254740994.0, (double)NAN, (double)INFINITY};
    int64_t out;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct rw_value value = text_value(texts[i]);
        assert_false(rw_value_i64(&value, &out));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        struct rw_value value = number_value(numbers[i]);
        assert_false(rw_value_i64(&value, &out));
    }
    struct rw_value object = {.type = RW_OBJECT};
    assert_false(rw_value_i64(&object, &out));
    assert_false(rw_value_i64(NULL, &out));
}

/* Text is not terminated: the number must end where the text does. */
static void text_ends_at_its_length(void **state) {
    (void)state;
    struct rw_value value = {.type = RW_STRING, .text = "1234", .count = 2};
    int64_t out;
    assert_true(rw_value_i64(&value, &out));
    assert_true(out == 12);
}

static void empty_arrays_hold_any_kind_of_number(void **state) {
    (void)state;
    struct rw_value empty = {.type = RW_ARRAY}, object = {.type = RW_OBJECT};
    float f;
    int64_t i;
    assert_true(rw_value_f32s(&empty, 0, &f));
    assert_true(rw_value_i64s(&empty, 0, &i));
    assert_false(rw_value_f32s(&empty, 1, &f));
    assert_false(rw_value_f32s(&object, 0, &f));
    assert_false(rw_value_i64s(NULL, 0, &i));
    assert_int_equal(rw_value_count(NULL), 0);
    assert_int_equal(rw_value_count(&object), 0);
    struct rw_value text = text_value("abc");
    assert_int_equal(rw_value_count(&text), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found_along_a_path),
        cmocka_unit_test(the_first_of_two_equal_keys_counts),
        cmocka_unit_test(integers_come_as_numbers_or_text),
        cmocka_unit_test(what_is_no_integer_is_refused),
        cmocka_unit_test(text_ends_at_its_length),
        cmocka_unit_test(empty_arrays_hold_any_kind_of_number),
    };
    return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}

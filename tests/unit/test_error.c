/*
 * Errors say what, where and what to do, whatever their length.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

static void an_error_has_all_parts(void **state) {
    (void)state;
    rowan_error error;
    char text[256];
    assert_int_equal(rw_fail(&error, ROWAN_LIMIT, "tree 3", "prune it", "%u nodes", 7u),
                     ROWAN_LIMIT);
    assert_int_equal(error.status, ROWAN_LIMIT);
    assert_string_equal(error.where, "tree 3");
    assert_string_equal(error.what, "7 nodes");
    assert_string_equal(error.remedy, "prune it");
    assert_string_equal(rowan_error_text(&error, text, sizeof text), "tree 3: 7 nodes (prune it)");
}

static void parts_may_be_absent(void **state) {
    (void)state;
    rowan_error error;
    char text[256];
    rw_fail(&error, ROWAN_IO, NULL, NULL, "gone");
    assert_string_equal(rowan_error_text(&error, text, sizeof text), "gone");
    rw_fail(&error, ROWAN_IO, "here", NULL, "gone");
    assert_string_equal(rowan_error_text(&error, text, sizeof text), "here: gone");
    rw_fail(&error, ROWAN_IO, NULL, "look", "gone");
    assert_string_equal(rowan_error_text(&error, text, sizeof text), "gone (look)");
}

static void the_caller_may_want_no_error(void **state) {
    (void)state;
    assert_int_equal(rw_fail(NULL, ROWAN_IO, "a", "b", "c"), ROWAN_IO);
    rw_error_prefix(NULL, "x");
}

static void an_error_may_quote_itself(void **state) {
    (void)state;
    rowan_error error;
    rw_fail(&error, ROWAN_IO, "a", NULL, "inner");
    rw_fail(&error, ROWAN_MISMATCH, "b", NULL, "outer: %s", error.what);
    assert_string_equal(error.what, "outer: inner");
    assert_string_equal(error.where, "b");
}

static void prefixes_stack(void **state) {
    (void)state;
    rowan_error error;
    rw_fail(&error, ROWAN_IO, NULL, NULL, "x");
    rw_error_prefix(&error, "row 7");
    assert_string_equal(error.where, "row 7");
    rw_error_prefix(&error, "golden.jsonl");
    assert_string_equal(error.where, "golden.jsonl: row 7");
}

static void long_parts_are_cut_and_ended(void **state) {
    (void)state;
    static char longer[5000], text[64];
    memset(longer, 'x', sizeof longer - 1);
    rowan_error error;
    rw_fail(&error, ROWAN_IO, longer, longer, "%s", longer);
    assert_int_equal(strlen(error.where), ROWAN_ERROR_WHERE - 1);
    assert_int_equal(strlen(error.what), ROWAN_ERROR_TEXT - 1);
    assert_int_equal(strlen(error.remedy), ROWAN_ERROR_TEXT - 1);
    rw_error_prefix(&error, longer);
    assert_int_equal(strlen(error.where), ROWAN_ERROR_WHERE - 1);
    assert_int_equal(strlen(rowan_error_text(&error, text, sizeof text)), sizeof text - 1);
    text[0] = 'k';
    rowan_error_text(&error, text, 0);
    assert_int_equal(text[0], 'k');
    rowan_error_text(&error, text, 1);
    assert_int_equal(text[0], '\0');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_all_parts),
        cmocka_unit_test(parts_may_be_absent),
        cmocka_unit_test(the_caller_may_want_no_error),
        cmocka_unit_test(an_error_may_quote_itself),
        cmocka_unit_test(prefixes_stack),
        cmocka_unit_test(long_parts_are_cut_and_ended),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}

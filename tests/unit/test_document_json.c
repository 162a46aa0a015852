/*
 * JSON as the training libraries write it, and JSON that was damaged.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "document_fixture.h"

static struct parsed parse_bytes(const char *json, size_t size, size_t limit) {
    return parse_with(rw_document_read_json, json, size, limit);
}

static struct parsed parse(const char *json) {
    return parse_bytes(json, strlen(json), ARENA_LIMIT);
}

static void every_kind_of_value_is_read(void **state) {
    (void)state;
    struct parsed parsed = parse("{\"n\":null,\"t\":true,\"f\":false,\"i\":-7,\"s\":\"a\\u00e9\","
                                 "\"a\":[1,2],\"o\":{\"x\":[]},\"m\":[\"p\",\"q\"]}");
    assert_int_equal(parsed.status, ROWAN_OK);
    const struct rw_value *root = parsed.document.root;
    assert_int_equal(root->type, RW_OBJECT);
    assert_int_equal(root->count, 8);
    assert_int_equal(rw_value_get(root, "n")->type, RW_NULL);
    assert_true(rw_value_get(root, "t")->number == 1.0);
    assert_true(rw_value_get(root, "f")->number == 0.0);
    assert_true(rw_value_get(root, "i")->number == -7.0);
    assert_int_equal(rw_value_get(root, "s")->count, 3);
    assert_memory_equal(rw_value_get(root, "s")->text, "a\xc3\xa9", 3);
    assert_int_equal(rw_value_get(root, "a")->type, RW_NUMBERS);
    assert_int_equal(rw_value_at(root, "o/x")->type, RW_ARRAY);
    assert_int_equal(rw_value_get(root, "m")->count, 2);
    release(&parsed);
}

/* Rounding to double first and then to float32 gives the other neighbour here. */
static void decimals_are_rounded_once(void **state) {
    (void)state;
    struct parsed parsed = parse("[1.00000017881393432617187499,1.00000017881393432617187501,"
                                 "3.4028235677973367e38,1e-45,-0.0,1E400]");
    float out[6];
    assert_int_equal(parsed.status, ROWAN_OK);
    assert_true(rw_value_f32s(parsed.document.root, 6, out));
    assert_true(same_bits(out[0], 0x1.000002p0f));
    assert_true(same_bits(out[1], 0x1.000004p0f));
    assert_true(isinf(out[2]));
    assert_true(same_bits(out[3], 0x1p-149f));
    assert_true(same_bits(out[4], -0.0f));
    assert_true(isinf(out[5]));
    release(&parsed);
}

static void the_odd_numbers_of_xgboost_are_read(void **state) {
    (void)state;
    struct parsed parsed = parse("[NaN,Infinity,-Infinity,inf,true,false]");
    float out[6];
    assert_int_equal(parsed.status, ROWAN_OK);
    assert_true(rw_value_f32s(parsed.document.root, 6, out));
    assert_true(isnan(out[0]) && out[1] == INFINITY && out[2] == -INFINITY && out[3] == INFINITY);
    assert_true(out[4] == 1.0f && out[5] == 0.0f);
    int64_t flags[6];
    assert_false(rw_value_i64s(parsed.document.root, 6, flags));
    release(&parsed);
}

static void integers_are_whole(void **state) {
    (void)state;
    struct parsed parsed = parse("[1,-2,2147483648,9007199254740993,true]");
    int64_t out[5];
    assert_true(rw_value_i64s(parsed.document.root, 5, out));
    assert_true(out[0] == 1 && out[1] == -2 && out[2] == 2147483648 && out[4] == 1);
    assert_true(out[3] == 9007199254740993); /* not through a double */
    assert_false(rw_value_i64s(parsed.document.root, 4, out));
    release(&parsed);
    const char *const others[] = {"[1.0]", "[1e3]", "[1,\"2\"]", "[1,null]", "[1,[2]]", "[NaN]"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        parsed = parse(others[i]);
        assert_int_equal(parsed.status, ROWAN_OK);
        assert_false(
            rw_value_i64s(parsed.document.root, rw_value_count(parsed.document.root), out));
        release(&parsed);
    }
}

static void integers_in_text_are_read(void **state) {
    (void)state;
    struct parsed parsed = parse("{\"text\":\"42\",\"number\":42,\"other\":\"4x\"}");
    int64_t out;
    assert_true(rw_value_i64(rw_value_get(parsed.document.root, "text"), &out) && out == 42);
    assert_true(rw_value_i64(rw_value_get(parsed.document.root, "number"), &out) && out == 42);
    assert_false(rw_value_i64(rw_value_get(parsed.document.root, "other"), &out));
    release(&parsed);
}

static void damage_is_told_with_its_place(void **state) {
    (void)state;
    const struct {
        const char *json, *where;
    } damaged[] = {{"{\"a\":1,}", "byte 6"}, {"{\"a\" 1}", "byte 5"}, {"[1 2]", "byte 3"},
                   {"[01]", "byte "},        {"[\"\\x\"]", "byte "},  {"{} {}", "byte 3"},
                   {"[\"\xff\"]", "byte 2"}, {"[1,", "byte 3"},       {"\xef\xbb\xbf{}", "byte 0"}};
    for (size_t i = 0; i < ARRAY_LENGTH(damaged); i++) {
        struct parsed parsed = parse(damaged[i].json);
        assert_int_equal(parsed.status, ROWAN_MALFORMED);
        assert_says(&parsed.error, damaged[i].where);
        assert_says(&parsed.error, "not JSON: ");
        release(&parsed);
    }
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    const char *json = "{\"a\":[1.5,-2e3,true],\"b\":{\"c\":\"d\\n\"},\"e\":null}";
    for (size_t length = 0; length < strlen(json); length++) {
        struct parsed parsed = parse_bytes(json, length, ARENA_LIMIT);
        assert_int_equal(parsed.status, ROWAN_MALFORMED);
        release(&parsed);
    }
}

static char *nested(size_t depth, const char *open, const char *inside, const char *close) {
    char *json = calloc(1, depth * (strlen(open) + strlen(close)) + strlen(inside) + 1);
    assert_non_null(json);
    for (size_t i = 0; i < depth; i++)
        strcat(json, open);
    strcat(json, inside);
    for (size_t i = 0; i < depth; i++)
        strcat(json, close);
    return json;
}

static void nesting_has_a_bound(void **state) {
    (void)state;
    const struct {
        size_t depth;
        rowan_status status;
    } cases[] = {{RW_DOCUMENT_MAX_DEPTH, ROWAN_OK},
                 {RW_DOCUMENT_MAX_DEPTH + 1, ROWAN_LIMIT},
                 {5000, ROWAN_LIMIT}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char *arrays = nested(cases[i].depth, "[", "null", "]");
        char *objects = nested(cases[i].depth, "{\"a\":", "null", "}");
        struct parsed parsed = parse(arrays);
        assert_int_equal(parsed.status, cases[i].status);
        if (parsed.status != ROWAN_OK)
            assert_says(&parsed.error, "nested deeper than 32 levels");
        release(&parsed);
        parsed = parse(objects);
        assert_int_equal(parsed.status, cases[i].status);
        release(&parsed);
        free(arrays);
        free(objects);
    }
}

static void memory_has_a_bound(void **state) {
    (void)state;
    const char *json = "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]";
    for (size_t limit = 0; limit < 512; limit += 16) {
        struct parsed parsed = parse_bytes(json, strlen(json), limit);
        if (parsed.status != ROWAN_OK) {
            assert_int_equal(parsed.status, ROWAN_LIMIT);
            assert_says(&parsed.error, "takes more memory than its size allows");
        }
        release(&parsed);
    }
}

static void long_arrays_stay_where_they_are(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    char *json = calloc(1, 2 * COUNT + 2);
    assert_non_null(json);
    json[0] = '[';
    for (size_t i = 0; i < COUNT; i++)
        memcpy(json + 1 + 2 * i, "7,", 2);
    json[2 * COUNT] = ']';
    struct parsed parsed = parse_bytes(json, 2 * COUNT + 1, 4096);
    assert_int_equal(parsed.status, ROWAN_OK);
    assert_int_equal(rw_value_count(parsed.document.root), COUNT);
    assert_true(parsed.arena.used < 512);
    release(&parsed);
    free(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(decimals_are_rounded_once),
        cmocka_unit_test(the_odd_numbers_of_xgboost_are_read),
        cmocka_unit_test(integers_are_whole),
        cmocka_unit_test(integers_in_text_are_read),
        cmocka_unit_test(damage_is_told_with_its_place),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(memory_has_a_bound),
        cmocka_unit_test(long_arrays_stay_where_they_are),
    };
    return cmocka_run_group_tests_name("document_json", tests, NULL, NULL);
}

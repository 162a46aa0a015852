/*
 * UBJSON byte by byte: all markers, counts and types, and what damage makes of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "document_fixture.h"

static struct parsed parse_bytes(const char *bytes, size_t size, size_t limit) {
    return parse_with(rw_document_read_ubjson, bytes, size, limit);
}

/* Of a literal, which may hold zero bytes. */
#define PARSE(literal) parse_bytes(literal, sizeof(literal) - 1, ARENA_LIMIT)

#define REFUSED(literal, expected, why)                                                            \
    do {                                                                                           \
        struct parsed refused = PARSE(literal);                                                    \
        assert_int_equal(refused.status, expected);                                                \
        assert_says(&refused.error, why);                                                          \
        release(&refused);                                                                         \
    } while (0)

#define NUMBER(literal, expected)                                                                  \
    do {                                                                                           \
        struct parsed one = PARSE(literal);                                                        \
        assert_int_equal(one.status, ROWAN_OK);                                                    \
        assert_int_equal(one.document.root->type, RW_NUMBER);                                      \
        assert_true(one.document.root->number == (expected));                                      \
        release(&one);                                                                             \
    } while (0)

static void every_number_marker_is_read(void **state) {
    (void)state;
    NUMBER("i\x80", -128.0);
    NUMBER("U\x80", 128.0);
    NUMBER("I\x80\x00", -32768.0);
    NUMBER("l\x80\x00\x00\x00", -2147483648.0);
    NUMBER("L\xff\xff\xff\xff\xff\xff\xff\xfe", -2.0);
    NUMBER("d\x3f\x00\x00\x00", 0.5);
    NUMBER("D\xbf\xe0\x00\x00\x00\x00\x00\x00", -0.5);
    NUMBER("NNNi\x01", 1.0); /* no-ops */
}

static void every_other_marker_is_read(void **state) {
    (void)state;
    struct parsed parsed = PARSE("{i\x01nZi\x01tTi\x01"
                                 "fFi\x01sSi\x02"
                                 "abi\x01o{i\x01xi\x07}i\x01"
                                 "a[i\x01i\x02]}");
    assert_int_equal(parsed.status, ROWAN_OK);
    const struct rw_value *root = parsed.document.root;
    assert_int_equal(root->count, 6);
    assert_int_equal(rw_value_get(root, "n")->type, RW_NULL);
    assert_true(rw_value_get(root, "t")->type == RW_BOOL && rw_value_get(root, "t")->number == 1);
    assert_true(rw_value_get(root, "f")->type == RW_BOOL && rw_value_get(root, "f")->number == 0);
    assert_memory_equal(rw_value_get(root, "s")->text, "ab", 2);
    assert_true(rw_value_at(root, "o/x")->number == 7.0);
    assert_int_equal(rw_value_count(rw_value_get(root, "a")), 2);
    release(&parsed);
}

static void lengths_may_have_any_integer_type(void **state) {
    (void)state;
    const struct {
        const char *bytes;
        size_t size;
    } texts[] = {{"Si\x02"
                  "ab",
                  5},
                 {"SU\x02"
                  "ab",
                  5},
                 {"SI\x00\x02"
                  "ab",
                  6},
                 {"Sl\x00\x00\x00\x02"
                  "ab",
                  8},
                 {"SL\x00\x00\x00\x00\x00\x00\x00\x02"
                  "ab",
                  12}};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct parsed parsed = parse_bytes(texts[i].bytes, texts[i].size, ARENA_LIMIT);
        assert_int_equal(parsed.status, ROWAN_OK);
        assert_int_equal(parsed.document.root->count, 2);
        assert_memory_equal(parsed.document.root->text, "ab", 2);
        release(&parsed);
    }
    REFUSED("Sd\x00\x00\x00\x00", ROWAN_MALFORMED, "a length is not an integer");
    REFUSED("SSi\x01", ROWAN_MALFORMED, "a length is not an integer");
    REFUSED("Si\xff"
            "ab",
            ROWAN_MALFORMED, "a length is out of range");
    REFUSED("SL\x7f\xff\xff\xff\xff\xff\xff\xff", ROWAN_MALFORMED, "a length is out of range");
    REFUSED("SL\x80\x00\x00\x00\x00\x00\x00\x00", ROWAN_MALFORMED, "a length is out of range");
    REFUSED("Sl\x40\x00\x00\x01"
            "ab",
            ROWAN_MALFORMED, "a length is out of range");
    REFUSED("Sl\x40\x00\x00\x00"
            "ab",
            ROWAN_MALFORMED, "truncated");
}

static void typed_arrays_are_read(void **state) {
    (void)state;
    struct parsed parsed = PARSE("[$l#i\x02\x00\x00\x00\x05\xff\xff\xff\xff");
    int64_t integers[2];
    float floats[2];
    assert_int_equal(parsed.status, ROWAN_OK);
    assert_true(rw_value_i64s(parsed.document.root, 2, integers));
    assert_true(integers[0] == 5 && integers[1] == -1);
    assert_true(rw_value_f32s(parsed.document.root, 2, floats));
    assert_true(floats[0] == 5.0f && floats[1] == -1.0f);
    assert_false(rw_value_i64s(parsed.document.root, 1, integers));
    release(&parsed);
    parsed = PARSE("[$d#i\x02\x3f\x00\x00\x00\x7f\xc0\x00\x00");
    assert_true(rw_value_f32s(parsed.document.root, 2, floats));
    assert_true(floats[0] == 0.5f && isnan(floats[1]));
    assert_false(rw_value_i64s(parsed.document.root, 2, integers));
    release(&parsed);
    parsed = PARSE("[$D#i\x01\x3f\xe0\x00\x00\x00\x00\x00\x00");
    assert_true(rw_value_f32s(parsed.document.root, 1, floats) && floats[0] == 0.5f);
    release(&parsed);
    parsed = PARSE("[$U#i\x00");
    assert_true(rw_value_f32s(parsed.document.root, 0, floats));
    release(&parsed);
}

static void counted_containers_have_no_end_marker(void **state) {
    (void)state;
    struct parsed parsed = PARSE("{#i\x02i\x01"
                                 "a[#i\x02i\x01i\x02i\x01"
                                 "bT");
    assert_int_equal(parsed.status, ROWAN_OK);
    assert_int_equal(rw_value_count(rw_value_get(parsed.document.root, "a")), 2);
    assert_int_equal(rw_value_get(parsed.document.root, "b")->type, RW_BOOL);
    release(&parsed);
    parsed = PARSE("{$i#i\x02i\x01"
                   "a\x05i\x01"
                   "b\x06");
    assert_int_equal(parsed.status, ROWAN_OK);
    assert_true(rw_value_get(parsed.document.root, "b")->number == 6.0);
    release(&parsed);
    parsed = PARSE("[$S#i\x02i\x01xi\x01y");
    assert_int_equal(parsed.status, ROWAN_OK);
    assert_memory_equal(parsed.document.root->child->next->text, "y", 1);
    release(&parsed);
}

static void mixed_arrays_convert_when_all_are_numbers(void **state) {
    (void)state;
    struct parsed parsed = PARSE("[i\x01NTI\x01\x00]");
    int64_t integers[3];
    float floats[3];
    assert_true(rw_value_i64s(parsed.document.root, 3, integers));
    assert_true(integers[0] == 1 && integers[1] == 1 && integers[2] == 256);
    assert_true(rw_value_f32s(parsed.document.root, 3, floats) && floats[2] == 256.0f);
    release(&parsed);
    parsed = PARSE("[i\x01Si\x01"
                   "2]");
    assert_int_equal(parsed.status, ROWAN_OK);
    assert_false(rw_value_i64s(parsed.document.root, 2, integers));
    assert_false(rw_value_f32s(parsed.document.root, 2, floats));
    release(&parsed);
    parsed = PARSE("[d\x3f\x00\x00\x00]");
    assert_false(rw_value_i64s(parsed.document.root, 1, integers));
    release(&parsed);
    parsed = PARSE("[d\x7f\xc0\x00\x00]"); /* NaN */
    assert_false(rw_value_i64s(parsed.document.root, 1, integers));
    release(&parsed);
}

static void integers_in_text_are_read(void **state) {
    (void)state;
    struct parsed parsed = PARSE("{i\x01nSi\x02"
                                 "42}");
    int64_t out;
    assert_true(rw_value_i64(rw_value_get(parsed.document.root, "n"), &out) && out == 42);
    release(&parsed);
}

static void bad_heads_are_refused(void **state) {
    (void)state;
    REFUSED("[$l", ROWAN_MALFORMED, "a typed container without a count");
    REFUSED("[$li\x01", ROWAN_MALFORMED, "a typed container without a count");
    REFUSED("[$", ROWAN_MALFORMED, "truncated");
    REFUSED("[#", ROWAN_MALFORMED, "truncated");
    REFUSED("[#T", ROWAN_MALFORMED, "a length is not an integer");
    REFUSED("[$N#i\x03", ROWAN_MALFORMED, "not UBJSON");
    REFUSED("[$x#i\x03", ROWAN_MALFORMED, "unknown type marker");
    REFUSED("x", ROWAN_MALFORMED, "byte 1: not UBJSON: unknown type marker");
    REFUSED("]", ROWAN_MALFORMED, "unknown type marker");
    REFUSED("C!", ROWAN_MALFORMED, "unknown type marker");
    REFUSED("", ROWAN_MALFORMED, "byte 0: not UBJSON: truncated");
    REFUSED("NNNN", ROWAN_MALFORMED, "truncated");
    REFUSED("{T", ROWAN_MALFORMED, "a length is not an integer");
}

static void claims_are_held_against_the_file(void **state) {
    (void)state;
    REFUSED("[$L#l\x3f\xff\xff\xff", ROWAN_MALFORMED, "truncated");
    REFUSED("[$D#l\x20\x00\x00\x00", ROWAN_MALFORMED, "truncated"); /* 2^32 bytes */
    REFUSED("[#l\x3f\xff\xff\xff", ROWAN_MALFORMED, "truncated");
    REFUSED("{#l\x3f\xff\xff\xff", ROWAN_MALFORMED, "truncated");
    /* elements without bytes of their own: the arena is the bound */
    REFUSED("[$T#l\x3f\xff\xff\xff", ROWAN_LIMIT, "takes more memory than its size allows");
    REFUSED("[$Z#l\x3f\xff\xff\xff", ROWAN_LIMIT, "takes more memory than its size allows");
}

static void nesting_has_a_bound(void **state) {
    (void)state;
    const struct {
        size_t depth;
        rowan_status status;
    } cases[] = {{RW_DOCUMENT_MAX_DEPTH, ROWAN_OK},
                 {RW_DOCUMENT_MAX_DEPTH + 1, ROWAN_LIMIT},
                 {100000, ROWAN_LIMIT}};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        size_t depth = cases[i].depth;
        char *bytes = malloc(2 * depth + 1);
        assert_non_null(bytes);
        memset(bytes, '[', depth);
        bytes[depth] = 'Z';
        memset(bytes + depth + 1, ']', depth);
        struct parsed parsed = parse_bytes(bytes, 2 * depth + 1, ARENA_LIMIT);
        assert_int_equal(parsed.status, cases[i].status);
        if (parsed.status != ROWAN_OK)
            assert_says(&parsed.error, "RW_DOCUMENT_MAX_DEPTH");
        release(&parsed);
        free(bytes);
    }
    /* typed arrays of arrays of arrays, four bytes a level */
    char typed[4 * 64];
    for (size_t i = 0; i < 64; i++)
        memcpy(typed + 4 * i, i == 0 ? "[$[#" : "i\x01$[", 4);
    struct parsed parsed = parse_bytes(typed, sizeof typed, ARENA_LIMIT);
    assert_int_not_equal(parsed.status, ROWAN_OK);
    release(&parsed);
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    static const char bytes[] = "{L\x00\x00\x00\x00\x00\x00\x00\x01"
                                "a[$d#L\x00\x00\x00\x00\x00\x00\x00\x02"
                                "\x3f\x00\x00\x00\x3f\x80\x00\x00i\x01"
                                "b[#i\x02TFi\x01"
                                "cSI\x00\x02xyi\x01"
                                "d{i\x01"
                                "eD\x3f\xe0\x00\x00\x00\x00\x00\x00}i\x01"
                                "f[i\x01Z]}";
    struct parsed whole = PARSE(bytes);
    assert_int_equal(whole.status, ROWAN_OK);
    release(&whole);
    for (size_t length = 0; length < sizeof bytes - 1; length++) {
        struct parsed parsed = parse_bytes(bytes, length, ARENA_LIMIT);
        if (parsed.status != ROWAN_MALFORMED)
            fail_msg("the first %zu bytes pass", length);
        release(&parsed);
    }
}

static void the_caller_may_want_no_error(void **state) {
    (void)state;
    struct rw_arena arena;
    struct rw_document document;
    rw_arena_init(&arena, 16); /* too small for the root */
    assert_int_equal(rw_document_read_ubjson("Z", 1, &arena, &document, NULL), ROWAN_LIMIT);
    rw_arena_free(&arena);
    rw_arena_init(&arena, 4096);
    assert_int_equal(rw_document_read_ubjson("[", 1, &arena, &document, NULL), ROWAN_MALFORMED);
    rw_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_marker_is_read),
        cmocka_unit_test(every_other_marker_is_read),
        cmocka_unit_test(lengths_may_have_any_integer_type),
        cmocka_unit_test(typed_arrays_are_read),
        cmocka_unit_test(counted_containers_have_no_end_marker),
        cmocka_unit_test(mixed_arrays_convert_when_all_are_numbers),
        cmocka_unit_test(integers_in_text_are_read),
        cmocka_unit_test(bad_heads_are_refused),
        cmocka_unit_test(claims_are_held_against_the_file),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(the_caller_may_want_no_error),
    };
    return cmocka_run_group_tests_name("document_ubjson", tests, NULL, NULL);
}

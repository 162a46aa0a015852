/*
 * The parts of the ONNX reader that have no converter to be compared with: texts, and
 * what is a model at all.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include "model/onnx.h"

static void names_keep_their_numbers(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 1u << 20);
    struct rw_onnx_names names = {.arena = &arena};
    char text[16];
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "name %u", i);
        assert_int_equal(rw_onnx_names_find(&names, text), RW_ONNX_NO_NAME);
        assert_int_equal(rw_onnx_names_add(&names, text), i);
        assert_int_equal(rw_onnx_names_add(&names, text), i);
    }
    assert_int_equal(rw_onnx_names_find(&names, "name 4711"), 4711);
    assert_string_equal(names.names[4999], "name 4999");
    rw_arena_free(&arena);
}

static void names_stop_at_the_bound_of_their_memory(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 1000);
    struct rw_onnx_names names = {.arena = &arena};
    char text[16];
    uint32_t number = 0;
    for (uint32_t i = 0; i < 100 && number != RW_ONNX_NO_NAME; i++) {
        snprintf(text, sizeof text, "name %u", i);
        number = rw_onnx_names_add(&names, text);
    }
    assert_int_equal(number, RW_ONNX_NO_NAME);
    rw_arena_free(&arena);
}

static void texts_are_utf8(void **state) {
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "\xc3\xa4",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "\xed\x9f\xbf",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\x80",         "\xc3",         "\xc0\x80",         "\xe2\x82",         "\xe0\x80\x80",
        "\xed\xa0\x80", "\xf0\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xff"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_true(rw_onnx_is_utf8((const unsigned char *)good[i], strlen(good[i])));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        const char *copy = exact_copy(bad[i], strlen(bad[i]));
        assert_false(rw_onnx_is_utf8((const unsigned char *)copy, strlen(bad[i])));
        free((void *)copy);
    }
    assert_false(rw_onnx_is_utf8((const unsigned char *)"a\0b", 3));
}

static void refused(const char *bytes, size_t size, rowan_status status, const char *text) {
    rowan_model *model = NULL;
    rowan_error error = {0};
    char *copy = exact_copy(bytes, size);
    assert_int_equal(rowan_model_load_memory(copy, size, "memory", NULL, &model, &error), status);
    assert_says(&error, text);
    free(copy);
}

#define REFUSED(bytes, status, text) refused(bytes, sizeof(bytes) - 1, status, text)

static void what_only_begins_like_a_model_is_refused(void **state) {
    (void)state;
    REFUSED("\x08\x09\x12\x00", ROWAN_MALFORMED, "the model has no graph");
    REFUSED("\x08\x09\x3a\x05\x0a", ROWAN_MALFORMED, "truncated");
    REFUSED("\x08\x09\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ROWAN_MALFORMED, "truncated");
    REFUSED("\x08\x09\x12\x01\xff", ROWAN_MALFORMED, "UTF-8");
    REFUSED("\x08\x09\x3a\x00", ROWAN_UNSUPPORTED, "none of the graph's outputs");
    REFUSED("\x08\x09\x7f\x00", ROWAN_UNSUPPORTED, "not a model format");
}

/* If inside of If: graph 7, node 1, attribute 5, graph 6. */
static void messages_nest_no_deeper_than_the_bound(void **state) {
    (void)state;
    static const char tags[] = {0x3a, 0x0a, 0x2a, 0x32, 0x0a, 0x2a, 0x32};
    for (size_t depth = RW_ONNX_MAX_DEPTH; depth <= RW_ONNX_MAX_DEPTH + 1; depth++) {
        char bytes[128];
        size_t size = 0;
        bytes[size++] = 0x08;
        bytes[size++] = 0x09;
        for (size_t i = 0; i < depth; i++) {
            bytes[size++] = tags[i < 4 ? i : 4 + (i - 4) % 3];
            bytes[size++] = (char)(2 * (depth - 1 - i));
        }
        if (depth > RW_ONNX_MAX_DEPTH)
            refused(bytes, size, ROWAN_LIMIT, "RW_ONNX_MAX_DEPTH");
        else
            refused(bytes, size, ROWAN_UNSUPPORTED, "none of the graph's outputs");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_keep_their_numbers),
        cmocka_unit_test(names_stop_at_the_bound_of_their_memory),
        cmocka_unit_test(texts_are_utf8),
        cmocka_unit_test(what_only_begins_like_a_model_is_refused),
        cmocka_unit_test(messages_nest_no_deeper_than_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

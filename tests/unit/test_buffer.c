/*
 * A buffer grows in lent memory, and remembers that it could not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

struct lender {
    struct rw_arena arena;
    size_t lent, limit; /* blocks */
};

static void *lend(void *context, size_t size) {
    struct lender *lender = context;
    return lender->lent++ < lender->limit ? rw_arena_alloc(&lender->arena, size, 1) : NULL;
}

static void text_survives_growth(void **state) {
    (void)state;
    struct lender lender = {.limit = 100};
    rw_arena_init(&lender.arena, 1u << 24);
    struct rw_memory memory = {lend, &lender};
    struct rw_buffer buffer = {.memory = &memory};
    for (unsigned i = 0; i < 20000; i++)
        rw_buffer_printf(&buffer, "%05u", i);
    assert_false(buffer.failed);
    assert_int_equal(buffer.length, 100000);
    for (unsigned i = 0; i < 20000; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%05u", i);
        assert_memory_equal(buffer.data + 5 * (size_t)i, expected, 5);
    }
    assert_true(lender.lent < 20); /* it doubles */
    rw_arena_free(&lender.arena);
}

static void a_fixed_buffer_fails_beyond_its_capacity(void **state) {
    (void)state;
    char room[8];
    struct rw_buffer buffer = {.data = room, .capacity = sizeof room};
    rw_buffer_text(&buffer, "12345678");
    assert_false(buffer.failed);
    rw_buffer_text(&buffer, "9");
    assert_true(buffer.failed);
    assert_int_equal(buffer.length, 8);
    assert_memory_equal(room, "12345678", 8);
}

static void failure_is_sticky(void **state) {
    (void)state;
    struct lender lender = {.limit = 1};
    rw_arena_init(&lender.arena, 1u << 20);
    struct rw_memory memory = {lend, &lender};
    struct rw_buffer buffer = {.memory = &memory};
    rw_buffer_text(&buffer, "kept");
    assert_true(rw_buffer_reserve(&buffer, 100));
    assert_false(rw_buffer_reserve(&buffer, 100000));
    rw_buffer_text(&buffer, "x"); /* would fit, but what was lost stays lost */
    assert_true(buffer.failed);
    assert_int_equal(buffer.length, 4);
    assert_false(rw_buffer_reserve(&buffer, 0));
    rw_arena_free(&lender.arena);
}

static void sizes_that_overflow_fail(void **state) {
    (void)state;
    struct lender lender = {.limit = 100};
    rw_arena_init(&lender.arena, 1u << 20);
    struct rw_memory memory = {lend, &lender};
    struct rw_buffer buffer = {.memory = &memory};
    rw_buffer_text(&buffer, "x");
    assert_false(rw_buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    buffer = (struct rw_buffer){.memory = &memory};
    assert_false(rw_buffer_reserve(&buffer, SIZE_MAX));
    rw_arena_free(&lender.arena);
}

static void printf_never_cuts(void **state) {
    (void)state;
    char room[4096], text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    struct rw_buffer buffer = {.data = room, .capacity = sizeof room};
    rw_buffer_printf(&buffer, "%.1023s", text);
    assert_false(buffer.failed);
    assert_int_equal(buffer.length, 1023);
    rw_buffer_printf(&buffer, "%s", text);
    assert_true(buffer.failed);
    assert_int_equal(buffer.length, 1023);
}

static const char *escaped(const char *text, size_t length, char *room, size_t size) {
    struct rw_buffer buffer = {.data = room, .capacity = size - 1};
    rw_buffer_json_escaped(&buffer, text, length);
    assert_false(buffer.failed);
    room[buffer.length] = '\0';
    return room;
}

static void json_escapes_are_those_of_the_rfc(void **state) {
    (void)state;
    char room[256];
    assert_string_equal(escaped("", 0, room, sizeof room), "");
    assert_string_equal(escaped("plain / text", 12, room, sizeof room), "plain / text");
    assert_string_equal(escaped("\"\\\b\f\n\r\t", 7, room, sizeof room), "\\\"\\\\\\b\\f\\n\\r\\t");
    assert_string_equal(escaped("a\0b\x1f\x7f", 5, room, sizeof room), "a\\u0000b\\u001f\x7f");
    assert_string_equal(escaped("\xc3\xa9\xe2\x82\xac", 5, room, sizeof room),
                        "\xc3\xa9\xe2\x82\xac");
}

static void every_control_character_is_escaped(void **state) {
    (void)state;
    char room[16];
    for (int c = 0; c < 0x20; c++) {
        char byte = (char)c;
        escaped(&byte, 1, room, sizeof room);
        assert_int_equal(room[0], '\\');
        assert_true(strlen(room) == 2 || strlen(room) == 6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_survives_growth),
        cmocka_unit_test(a_fixed_buffer_fails_beyond_its_capacity),
        cmocka_unit_test(failure_is_sticky),
        cmocka_unit_test(sizes_that_overflow_fail),
        cmocka_unit_test(printf_never_cuts),
        cmocka_unit_test(json_escapes_are_those_of_the_rfc),
        cmocka_unit_test(every_control_character_is_escaped),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}

/*
 * An arena hands out zeroed, aligned blocks, and never more than its limit.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#define CHUNK 65536u

static void blocks_are_zeroed_and_aligned(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 1u << 20);
    for (size_t size = 1; size < 300; size++) {
        unsigned char *block = rw_arena_alloc(&arena, size, 1);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(block[i], 0);
        memset(block, 0xff, size); /* must not show up in a later block */
    }
    rw_arena_free(&arena);
}

static void large_blocks_get_their_own_chunk(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 10 * CHUNK);
    char *small = rw_arena_alloc(&arena, 100, 1), *large = rw_arena_alloc(&arena, 3 * CHUNK, 1);
    assert_non_null(small);
    assert_non_null(large);
    memset(large, 1, 3 * CHUNK);
    memset(small, 2, 100);
    assert_int_equal(large[0], 1);
    assert_int_equal(large[3 * CHUNK - 1], 1);
    rw_arena_free(&arena);
}

static void the_limit_is_exact(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 64);
    assert_null(rw_arena_alloc(&arena, 65, 1));
    assert_non_null(rw_arena_alloc(&arena, 48, 1));
    assert_null(rw_arena_alloc(&arena, 17, 1));
    assert_non_null(rw_arena_alloc(&arena, 1, 1)); /* rounded up to 16 */
    assert_int_equal(arena.used, 64);
    assert_null(rw_arena_alloc(&arena, 1, 1));
    rw_arena_free(&arena);
}

static void rounding_up_keeps_the_limit(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 50);
    assert_null(rw_arena_alloc(&arena, 49, 1)); /* would take 64 */
    assert_int_equal(arena.used, 0);
    assert_non_null(rw_arena_alloc(&arena, 48, 1));
    rw_arena_free(&arena);
}

static void sizes_that_overflow_are_refused(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, SIZE_MAX);
    assert_null(rw_arena_alloc(&arena, SIZE_MAX, 2));
    assert_null(rw_arena_alloc(&arena, SIZE_MAX / 16 + 1, 16));
    for (size_t less = 0; less < 64; less++)
        assert_null(rw_arena_alloc(&arena, SIZE_MAX - less, 1));
    assert_int_equal(arena.used, 0);
    assert_non_null(rw_arena_alloc(&arena, 1, 1));
    rw_arena_free(&arena);
}

static void nothing_is_still_a_block(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 0);
    assert_non_null(rw_arena_alloc(&arena, 0, 8));
    assert_int_equal(arena.used, 0);
    rw_arena_free(&arena);
}

static void text_is_copied_and_ended(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 64);
    char *copy = rw_arena_strndup(&arena, "abcdef", 3);
    assert_string_equal(copy, "abc");
    assert_null(rw_arena_strndup(&arena, "0123456789012345678901234567890123456789012345678", 49));
    rw_arena_free(&arena);
}

static void a_freed_arena_can_be_used_again(void **state) {
    (void)state;
    struct rw_arena arena;
    rw_arena_init(&arena, 32);
    for (int round = 0; round < 3; round++) {
        assert_non_null(rw_arena_alloc(&arena, 32, 1));
        assert_null(rw_arena_alloc(&arena, 1, 1));
        rw_arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_aligned),
        cmocka_unit_test(large_blocks_get_their_own_chunk),
        cmocka_unit_test(the_limit_is_exact),
        cmocka_unit_test(rounding_up_keeps_the_limit),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(nothing_is_still_a_block),
        cmocka_unit_test(text_is_copied_and_ended),
        cmocka_unit_test(a_freed_arena_can_be_used_again),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}

/*
 * API keys: a file is parsed line by line or refused by its line, and a digest finds its key.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit.h"

#include <openssl/evp.h>

#include "keys/keys.h"

#define ALICE  "0a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829"
#define BOB    "ffb0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829f"
#define N_KEYS 1000

static struct rw_keys *parse(const char *text) {
    struct rw_keys *keys = NULL;
    rowan_error error;
    char *copy = exact_copy(text, strlen(text));
    if (rw_keys_parse(copy, strlen(text), &keys, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    free(copy);
    return keys;
}

static void assert_refused(const char *text, size_t size, rowan_status status, const char *says) {
    struct rw_keys *keys = NULL;
    rowan_error error;
    char *copy = exact_copy(text, size);
    assert_int_equal(rw_keys_parse(copy, size, &keys, &error), status);
    assert_null(keys);
    assert_says(&error, says);
    free(copy);
}

static void lines_become_keys(void **state) {
    (void)state;
    struct rw_keys *keys =
        parse("# clients\n\n \t\n" BOB " low bob.2_-\r\n\t" ALICE "\thigh  alice \n  # end");
    assert_int_equal(keys->n, 2);
    assert_string_equal(keys->keys[0].name, "alice");
    assert_int_equal(keys->keys[0].class, RW_KEY_HIGH);
    assert_int_equal(keys->keys[0].line, 5);
    assert_int_equal(keys->keys[0].digest[1], 0x0b);
    assert_string_equal(keys->keys[1].name, "bob.2_-");
    assert_int_equal(keys->keys[1].class, RW_KEY_LOW);
    rw_keys_free(keys);
}

static void a_digest_may_be_in_capitals(void **state) {
    (void)state;
    char text[] = BOB " normal b";
    for (size_t i = 0; i < 64; i++)
        text[i] = (char)(text[i] >= 'a' ? text[i] - 32 : text[i]);
    struct rw_keys *keys = parse(text);
    assert_int_equal(keys->keys[0].digest[0], 0xff);
    rw_keys_free(keys);
}

static void a_file_without_keys_is_valid(void **state) {
    (void)state;
    const uint8_t digest[RW_KEY_DIGEST_BYTES] = {0};
    const char *const texts[] = {"", "\n", "# nothing", "\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct rw_keys *keys = parse(texts[i]);
        assert_int_equal(keys->n, 0);
        assert_null(rw_keys_find(keys, digest));
        rw_keys_free(keys);
    }
}

static void two_keys_may_have_one_name(void **state) {
    (void)state;
    struct rw_keys *keys = parse(ALICE " high a\n" BOB " low a");
    assert_int_equal(keys->n, 2);
    rw_keys_free(keys);
}

static void a_broken_line_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"x", "line 1: the digest must have 64"},
        {"\xef\xbb\xbf" ALICE " low a", "line 1: the digest"},
        {ALICE "0 low a", "line 1: the digest"},
        {"\n# c\ng" BOB " low a", "line 3: the digest"},
        {ALICE, "line 1: the class must be"},
        {ALICE " lo a", "line 1: the class"},
        {ALICE " HIGH a", "line 1: the class"},
        {ALICE " high", "line 1: the name must have"},
        {ALICE " high a/b", "line 1: the name"},
        {ALICE " high a b", "line 1: something follows"},
        {ALICE " high a # b", "line 1: something follows"},
        {ALICE " high a\n" BOB " low b\n" ALICE " low c", "line 3: this key was there before"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_refused(cases[i].text, strlen(cases[i].text), ROWAN_MALFORMED, cases[i].says);
}

static void a_zero_byte_is_no_end(void **state) {
    (void)state;
    static const char text[] = ALICE " high a\0b";
    assert_refused(text, sizeof text - 1, ROWAN_MALFORMED, "line 1: the name");
}

static void no_message_shows_a_word_of_the_file(void **state) {
    (void)state;
    struct rw_keys *keys;
    rowan_error error;
    const char *text = "my-secret-key high alice";
    assert_int_equal(rw_keys_parse(text, strlen(text), &keys, &error), ROWAN_MALFORMED);
    assert_null(strstr(error.what, "secret"));
}

static void a_name_has_64_bytes(void **state) {
    (void)state;
    char text[200];
    snprintf(text, sizeof text, "%s low %0*d", ALICE, (int)RW_KEY_NAME_MAX, 1);
    struct rw_keys *keys = parse(text);
    assert_int_equal(strlen(keys->keys[0].name), RW_KEY_NAME_MAX);
    rw_keys_free(keys);
    strcat(text, "0");
    assert_refused(text, strlen(text), ROWAN_MALFORMED, "1 to 64");
}

static void the_bounds_are_named(void **state) {
    (void)state;
    struct rw_keys *keys;
    rowan_error error;
    char *text = malloc(RW_KEYS_FILE_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', RW_KEYS_FILE_MAX + 1);
    assert_int_equal(rw_keys_parse(text, RW_KEYS_FILE_MAX, &keys, &error), ROWAN_OK);
    rw_keys_free(keys);
    assert_int_equal(rw_keys_parse(text, RW_KEYS_FILE_MAX + 1, &keys, &error), ROWAN_LIMIT);
    assert_says(&error, "4194305 bytes; at most 4194304");
    size_t length = 0;
    for (unsigned i = 0; i <= RW_KEYS_MAX; i++)
        length += (size_t)sprintf(text + length, "%064x low a\n", i);
    assert_int_equal(rw_keys_parse(text, length, &keys, &error), ROWAN_LIMIT);
    assert_says(&error, "line 16385: more than 16384 keys");
    free(text);
}

static void a_file_says_its_path(void **state) {
    (void)state;
    struct rw_keys *keys;
    rowan_error error;
    assert_int_equal(rw_keys_load("/nowhere/keys", &keys, &error), ROWAN_IO);
    assert_says(&error, "/nowhere/keys");
    char path[] = "/tmp/rowan-keys-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fputs("\nbroken", file);
    fclose(file);
    assert_int_equal(rw_keys_load(path, &keys, &error), ROWAN_MALFORMED);
    assert_says(&error, path);
    assert_says(&error, "line 2");
    remove(path);
}

/* FIPS 180-2's own example, and libcrypto's other interface. */
static void a_digest_is_sha_256(void **state) {
    (void)state;
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
    uint8_t digest[RW_KEY_DIGEST_BYTES], other[EVP_MAX_MD_SIZE];
    assert_true(rw_key_digest("abc", 3, digest));
    assert_memory_equal(digest, abc, sizeof abc);
    for (size_t length = 0; length <= RW_KEY_MAX; length++) {
        char key[RW_KEY_MAX] = {0};
        unsigned n;
        assert_true(rw_key_digest(key, length, digest));
        assert_int_equal(EVP_Digest(key, length, other, &n, EVP_sha256(), NULL), 1);
        assert_memory_equal(digest, other, n);
    }
}

static void random_digest(uint64_t *seed, bool collide, uint8_t *digest) {
    for (size_t i = 0; i < RW_KEY_DIGEST_BYTES; i++)
        digest[i] = (uint8_t)random_bits(seed);
    if (collide) /* only few leading bytes: many keys share them */
        memset(digest, (int)random_below(seed, 3), 8);
}

/* Every key of files of every length finds itself, and nothing else finds any. */
static void every_key_is_found(bool collide) {
    uint64_t seed = 7;
    static uint8_t digests[N_KEYS][RW_KEY_DIGEST_BYTES];
    char *text = malloc(N_KEYS * 100), *at = text;
    assert_non_null(text);
    for (unsigned n = 1; n <= N_KEYS; n++) {
        random_digest(&seed, collide, digests[n - 1]);
        for (size_t i = 0; i < RW_KEY_DIGEST_BYTES; i++)
            at += sprintf(at, "%02x", digests[n - 1][i]);
        at += sprintf(at, " low n%u\n", n - 1);
        if (n > 70 && n < N_KEYS)
            continue;
        struct rw_keys *keys = parse(text);
        for (unsigned i = 0; i < n; i++) {
            char name[16];
            snprintf(name, sizeof name, "n%u", i);
            assert_string_equal(rw_keys_find(keys, digests[i])->name, name);
            uint8_t other[RW_KEY_DIGEST_BYTES];
            memcpy(other, digests[i], sizeof other);
            other[random_below(&seed, RW_KEY_DIGEST_BYTES)] ^= 1;
            assert_null(rw_keys_find(keys, other));
        }
        const uint8_t lowest[RW_KEY_DIGEST_BYTES] = {0};
        uint8_t highest[RW_KEY_DIGEST_BYTES];
        memset(highest, 0xff, sizeof highest);
        assert_null(rw_keys_find(keys, lowest));
        assert_null(rw_keys_find(keys, highest));
        rw_keys_free(keys);
    }
    free(text);
}

static void keys_are_found_by_digest(void **state) {
    (void)state;
    every_key_is_found(false);
}

static void keys_whose_digests_begin_alike_are_told_apart(void **state) {
    (void)state;
    every_key_is_found(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_keys),
        cmocka_unit_test(a_digest_may_be_in_capitals),
        cmocka_unit_test(a_file_without_keys_is_valid),
        cmocka_unit_test(two_keys_may_have_one_name),
        cmocka_unit_test(a_broken_line_is_named),
        cmocka_unit_test(a_zero_byte_is_no_end),
        cmocka_unit_test(no_message_shows_a_word_of_the_file),
        cmocka_unit_test(a_name_has_64_bytes),
        cmocka_unit_test(the_bounds_are_named),
        cmocka_unit_test(a_file_says_its_path),
        cmocka_unit_test(a_digest_is_sha_256),
        cmocka_unit_test(keys_are_found_by_digest),
        cmocka_unit_test(keys_whose_digests_begin_alike_are_told_apart),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}

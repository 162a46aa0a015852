/* UTF-8 against the C library's own decoder. */
#include <iconv.h>

#include "unit.h"

#include "base/base.h"

/* Bytes of the first character of bytes[n] by iconv, 0 if it is none. */
static size_t by_iconv(iconv_t converter, const unsigned char *bytes, size_t n) {
    for (size_t length = 1; length <= n; length++) {
        char *in = (char *)(uintptr_t)bytes, wide[8], *out = wide;
        size_t in_left = length, out_left = sizeof wide;
        iconv(converter, NULL, NULL, NULL, NULL);
        if (iconv(converter, &in, &in_left, &out, &out_left) == 0 && in_left == 0)
            return length;
    }
    return 0;
}

static void compare(iconv_t converter, const unsigned char *bytes, size_t n) {
    const size_t wanted = by_iconv(converter, bytes, n);
    if (rw_utf8_character(bytes, n) != wanted)
        fail_msg("%02x %02x %02x %02x, %zu bytes: %zu, not %zu", bytes[0], bytes[1], bytes[2],
                 bytes[3], n, rw_utf8_character(bytes, n), wanted);
}

/* Every first and second byte, and the third and fourth at their borders. */
static void characters_are_those_of_the_c_library(void **state) {
    (void)state;
    static const unsigned char border[] = {0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    iconv_t converter = iconv_open("UTF-16LE", "UTF-8");
    assert_true(converter != (iconv_t)-1);
    unsigned char bytes[4];
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t i = 0; i < sizeof border * sizeof border; i++) {
                bytes[0] = (unsigned char)first;
                bytes[1] = (unsigned char)second;
                bytes[2] = border[i % sizeof border];
                bytes[3] = border[i / sizeof border];
                for (size_t n = 1; n <= sizeof bytes; n++)
                    compare(converter, bytes, n);
            }
    iconv_close(converter);
}

static void a_text_is_utf8_to_its_last_byte(void **state) {
    (void)state;
    assert_true(rw_is_utf8("", 0));
    assert_true(rw_is_utf8("a\0b", 3));
    assert_true(rw_is_utf8("\xe2\x82\xac 5", 5));
    assert_false(rw_is_utf8("5 \xe2\x82\xac", 4));
    assert_false(rw_is_utf8("\xed\xa0\x80", 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_those_of_the_c_library),
        cmocka_unit_test(a_text_is_utf8_to_its_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

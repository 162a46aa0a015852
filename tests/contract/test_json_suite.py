"""What is JSON: a table in the manner of JSONTestSuite.

y_ must be read, n_ must be refused as json_invalid, i_ is left open by RFC 8259 and
has the answer that is written here.  A body that is read may still break the contract.
"""

import pytest

CASES = {
    # structure
    "y_empty_array": b"[]", "y_empty_object": b"{}", "y_nested": b'[[],{"a":{}}]',
    "y_space": b" \t\r\n[ 1 ,\n2 ]\r\n", "y_lonely_number": b"42", "y_lonely_string": b'"a"',
    "y_lonely_true": b"true", "y_lonely_false": b"false", "y_lonely_null": b"null",
    "y_duplicate_keys": b'{"a":1,"a":2}', "y_empty_key": b'{"":0}',
    "y_nul_key": b'{"a\\u0000b":0}',
    "n_empty": b"", "n_space_only": b" ", "n_open_array": b"[", "n_open_object": b"{",
    "n_close_array": b"]", "n_close_object": b"}", "n_half_pair": b'{"a"', "n_no_value": b'{"a":',
    "n_crossed": b"[}", "n_crossed_object": b"{]", "n_array_trailing_comma": b"[1,]",
    "n_object_trailing_comma": b'{"a":1,}', "n_array_leading_comma": b"[,1]",
    "n_two_commas": b"[1,,2]", "n_comma_only": b"[,]", "n_missing_comma": b"[1 2]",
    "n_missing_colon": b'{"a" 1}', "n_two_colons": b'{"a"::1}', "n_comma_for_colon": b'{"a",1}',
    "n_colon_in_array": b'["a":1]', "n_number_key": b"{1:1}", "n_bare_key": b"{a:1}",
    "n_single_quotes": b"{'a':1}", "n_trailing_value": b"[] []", "n_trailing_word": b"{}x",
    "n_trailing_brace": b"{}}", "n_trailing_nul": b"[]\x00", "n_comment": b"[/**/]",
    "n_line_comment": b"[]//", "n_hash_comment": b"[]#", "n_form_feed": b"[\x0c]",
    "n_vertical_tab": b"[\x0b]", "n_nbsp": b"[\xc2\xa0]", "n_word_joiner": b"[\xe2\x81\xa0]",
    "n_true_upper": b"TRUE", "n_true_short": b"tru", "n_true_long": b"truee", "n_nul": b"nul",
    "n_none": b"None", "n_undefined": b"undefined",
    # numbers
    "y_zero": b"[0]", "y_minus_zero": b"[-0]", "y_minus_zero_real": b"[-0.0]", "y_int": b"[123]",
    "y_negative": b"[-123]", "y_fraction": b"[1.5]", "y_exponent": b"[1e5]",
    "y_exponent_upper": b"[1E5]", "y_exponent_plus": b"[1e+5]", "y_exponent_minus": b"[1e-5]",
    "y_exponent_zeros": b"[1e005]", "y_zero_exponent": b"[0e+1]", "y_long_fraction":
    b"[0." + b"0" * 400 + b"1]", "y_many_digits": b"[" + b"1" * 1000 + b"]",
    "n_leading_zero": b"[01]", "n_minus_leading_zero": b"[-01]", "n_two_zeros": b"[00]",
    "n_plus": b"[+1]", "n_minus": b"[-]", "n_minus_space": b"[- 1]", "n_two_minus": b"[--1]",
    "n_dot_first": b"[.5]", "n_dot_last": b"[5.]", "n_minus_dot": b"[-.5]", "n_dot_e": b"[1.e5]",
    "n_e_first": b"[e5]", "n_e_last": b"[1e]", "n_e_plus": b"[1e+]", "n_e_fraction": b"[1e1.5]",
    "n_two_e": b"[1ee5]", "n_two_dots": b"[1.2.3]", "n_hex": b"[0x1]", "n_octal": b"[0o7]",
    "n_underscore": b"[1_000]", "n_letter": b"[1a]", "n_nan": b"[NaN]", "n_minus_nan": b"[-NaN]",
    "n_inf": b"[Inf]", "n_infinity": b"[Infinity]", "n_minus_infinity": b"[-Infinity]",
    "n_full_width_digit": "[１]".encode(), "n_arabic_digit": "[٣]".encode(),
    # strings
    "y_escapes": rb'["\"\\\/\b\f\n\r\t"]', "y_unicode_escape": rb'["\u00e9\u00E9"]',
    "y_pair": rb'["\ud83d\ude00"]', "y_nul_escape": rb'["\u0000"]', "y_utf8_2": "é".join(
        ['["', '"]']).encode(), "y_utf8_3": '["€"]'.encode(), "y_utf8_4": '["😀"]'.encode(),
    "y_delete": b'["\x7f"]', "y_noncharacter": '["\uffff"]'.encode(),
    "y_noncharacter_escape": rb'["\uFFFE"]', "y_line_separator": '["\u2028"]'.encode(),
    "y_bom_inside": b'["\xef\xbb\xbf"]', "y_last_code_point": b'["\xf4\x8f\xbf\xbf"]',
    "n_unterminated": b'["a', "n_newline": b'["a\nb"]', "n_tab": b'["a\tb"]', "n_nul_byte":
    b'["a\x00b"]', "n_control": b'["\x1f"]', "n_escape_x": rb'["\x41"]', "n_escape_a": rb'["\a"]',
    "n_escape_quote": rb'["\'"]', "n_escape_end": b'["\\', "n_escape_newline": b'["\\\n"]',
    "n_unicode_short": rb'["\u00e"]', "n_unicode_letter": rb'["\u00zz"]',
    "n_unicode_upper": rb'["\U00e9"]', "n_smart_quotes": "[“a”]".encode(), "n_continuation":
    b'["\x80"]', "n_cut_2": b'["\xc3"]', "n_cut_3": b'["\xe2\x82"]', "n_cut_4":
    b'["\xf0\x9f\x98"]', "n_overlong_2": b'["\xc0\xaf"]', "n_overlong_3": b'["\xe0\x80\xaf"]',
    "n_overlong_4": b'["\xf0\x80\x80\xaf"]', "n_raw_surrogate": b'["\xed\xa0\x80"]',
    "n_beyond_unicode": b'["\xf4\x90\x80\x80"]', "n_byte_fe": b'["\xfe"]', "n_byte_ff": b'["\xff"]',
    "n_latin1": b'["\xe9"]', "n_bad_key": b'{"\xff":1}',
    # what RFC 8259 leaves open
    "i_accepted_bom": b"\xef\xbb\xbf[]", "i_accepted_1e400": b"[1e400]",
    "i_accepted_minus_1e400": b"[-1e400]", "i_accepted_1e_minus_400": b"[1e-400]",
    "i_accepted_beyond_64_bits": b"[18446744073709551616]",
    "i_accepted_below_64_bits": b"[-9223372036854775809]",
    "i_accepted_large_exponent": b"[0.4e00669999999999999999999999]",
    "i_accepted_nesting": b"[" * 10000 + b"]" * 10000,
    "i_refused_two_boms": b"\xef\xbb\xbf\xef\xbb\xbf[]", "i_refused_half_bom": b"\xef\xbb[]",
    "i_refused_bom_alone": b"\xef\xbb\xbf", "i_refused_utf16_le": "[]".encode("utf-16-le"),
    "i_refused_utf16": '["é"]'.encode("utf-16"), "i_refused_utf32": "[]".encode("utf-32"),
    "i_refused_lone_high": rb'["\ud800"]', "i_refused_lone_low": rb'["\udc00"]',
    "i_refused_high_high": rb'["\ud800\ud800"]', "i_refused_high_text": rb'["\ud800abc"]',
    "i_refused_swapped_pair": rb'["\ude00\ud83d"]', "i_refused_lone_key": rb'{"\ud800":1}',
    "i_refused_open_nesting": b"[" * 100000,
    "i_refused_open_objects": b'{"a":' * 100000,
}


@pytest.mark.parametrize("name", CASES)
def test_case(fraud, name):
    answer = fraud.ask([CASES[name]])[0]
    assert answer.is_json == name.startswith(("y_", "i_accepted"))

"""Where Rowan and Python differ on purpose: one table, each row exercised."""

import json

import pytest

from reference import Reference

GOOD = ('{"transaction_id":"a","customer_id":1,"terminal_id":2,"tx_amount":3,'
        '"tx_time_seconds":4')


def good(more=""):
    return (GOOD + more + "}").encode()


# Of one field: pydantic's type, Rowan's types ("" accepts), why, and a body with the field.
# The differential test leaves these fields, and only these, out of its comparison.
FIELDS = [
    ("int_parsing_size", ["", "less_than_equal", "greater_than_equal", "literal_error"],
     "an integer written with a fraction or exponent (1e300), or in a list of values, is an "
     "integer of any size in JSON Schema; pydantic stops at 64 bits",
     "fraud", good(',"tx_time_days":1e300'), "tx_time_days"),
    ("literal_error", ["int_from_float", "finite_number"],
     "Rowan checks the type of a number before the list of values, and says so; pydantic's "
     "Literal has no type to check",
     "wide", b'{"id":"a","amount":1,"count":1,"level":5.5}', "level"),
]

TOO_MANY = 1001

# Of a whole body: what Python's json and pydantic do, what Rowan does, and why.
BODIES = [
    ("NaN", good(',"x":NaN'), "accepted", "json_invalid",
     "RFC 8259 has no such token; other programs could not read the record again"),
    ("Infinity", good(',"x":Infinity'), "accepted", "json_invalid", "the same"),
    ("-Infinity", good(',"x":-Infinity'), "accepted", "json_invalid", "the same"),
    ("a lone surrogate", good(r',"x":"\ud800"'), "accepted", "json_invalid",
     "it has no UTF-8: the reply and the log could not repeat it"),
    ("UTF-16", good().decode().encode("utf-16"), "accepted", "json_invalid",
     "RFC 8259: JSON between systems is UTF-8; Python guesses the encoding"),
    ("nesting of 100,000", good(',"x":' + "[" * 100_000 + "]" * 100_000), "RecursionError",
     "accepted", "Rowan does not recurse, and the field is unknown"),
    ("an unknown integer of 5,000 digits", good(',"x":' + "9" * 5000), "ValueError", "accepted",
     "Python bounds the digits of an integer; Rowan does not read fields that it does not know"),
    ("a known integer of 400 digits", good(',"tx_time_days":' + "9" * 400), "accepted",
     "finite_number", "a value is a double in Rowan, and this one is beyond"),
    ("more than 1,000 errors", b"[" + b",".join([b"1"] * TOO_MANY) + b"]",
     "model_attributes_type", "too_many_errors", "a reply is bounded (RW_VIOLATIONS_MAX)"),
    ("more than 10,000 rows", b"[" + b",".join([good()] * 10_001) + b"]", "accepted", "too_long",
     "a batch is bounded (RW_BATCH_MAX_ROWS)"),
]


def comparable(seen, expected):
    """Both lists without the fields of FIELDS whose difference is the listed one."""
    seen_types = dict(seen)
    known = set()
    for loc, python in expected:
        for python_type, rowan_types, *_ in FIELDS:
            if python == python_type and seen_types.get(loc, "") in rowan_types:
                known.add(loc)
    return ([v for v in seen if v[0] not in known], [v for v in expected if v[0] not in known],
            bool(known))


def python_outcome(reference, body):
    """Plain json.loads of the bytes, then pydantic."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        return type(error).__name__
    adapter = reference.many if isinstance(value, list) else reference.one
    try:
        adapter.validate_python(value, from_attributes=True)
    except ValueError as error:
        return error.errors()[-1]["type"]
    return "accepted"


def contract_of(probe):
    return json.loads(probe.contract.read_text())


@pytest.mark.parametrize("name, body, python, rowan, why", BODIES, ids=[row[0] for row in BODIES])
def test_body_differs_as_documented(fraud, name, body, python, rowan, why):
    assert python_outcome(Reference(contract_of(fraud)), body) == python
    answer = fraud.ask([body])[0]
    assert ("accepted" if answer.status == 200 else answer.violations[-1][1]) == rowan


@pytest.mark.parametrize("python, rowan, why, probe_name, body, field", FIELDS,
                         ids=[row[0] for row in FIELDS])
def test_field_differs_as_documented(python, rowan, why, probe_name, body, field, request):
    probe = request.getfixturevalue(probe_name)
    expected = Reference(contract_of(probe)).violations(body)
    assert expected == [(("body", field), python)]
    answer = probe.ask([body])[0]
    assert ("" if answer.status == 200 else answer.violations[0][1]) in rowan


def test_an_unknown_key_twice_is_reported_twice(wide):
    body = b'{"id":"a","amount":1,"count":1,"x":1,"x":2}'
    expected = [(("body", "x"), "extra_forbidden")]
    assert Reference(contract_of(wide)).violations(body) == expected  # a dict has it once
    assert wide.ask([body])[0].violations == expected * 2


def test_positions_are_bytes_and_not_characters(fraud):
    body = '{"é":}'.encode()
    with pytest.raises(json.JSONDecodeError) as python:
        json.loads(body)
    assert python.value.pos == 5
    assert fraud.ask([body])[0].violations == [(("body", 6), "json_invalid")]

"""A corpus of bodies from a seed: valid, broken in meaning, broken in form."""

import json
import random

# As JSON text, since Python's own values cannot say 1e400 or -0.
VALUES = ["0", "-0", "0.0", "-0.0", "1", "-1", "2", "4", "5", "5.0", "5.5", "-5", "-6", "6", "1e0",
          "1E+2", "1e-2", "0.5", "999.999", "1000", "1000.0", "1e3", "1e15", "9007199254740992",
          "9007199254740993", "9223372036854775807", "9223372036854775808",
          "18446744073709551615", "18446744073709551616", "-9223372036854775808",
          "-9223372036854775809", "123456789012345678901234567890", "5e-324", "1e-400", "1e308",
          "1e400", "-1e400", "2e308", "1.7976931348623157e308", "0.1", "3.0000000000000004",
          "null", "true", "false", '""', '"5"', '"x"', '"DE"', '"FR"', '"\\u00e9"', '"é"', '"web"',
          '"shop"', '"12345678"', '"123456789"', '"ééééÄÄÄÄ"', '"😀😀😀😀😀😀😀😀"',
          '"\\ud83d\\ude00"', '"\\u0000"', '"a\\"b\\\\"', "[]", "[1]", "{}", '{"a":1}', "[[[]]]"]

ELEMENTS = ["1", "null", '"a"', "[]", "{}", "true", "1e400"]


def valid(contract, choose):
    """A transaction that keeps the contract, as a list of (key, JSON text)."""
    pairs = []
    for name, schema in contract["properties"].items():
        if name not in contract["required"] and choose.random() < 0.4:
            continue
        pairs.append((name, valid_value(schema, choose)))
    return pairs


def valid_value(schema, choose):
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = choose.choice(kinds)
    if kind == "null":
        return "null"
    if "enum" in schema:
        return json.dumps(choose.choice([v for v in schema["enum"] if v is not None]))
    if kind == "boolean":
        return choose.choice(["true", "false"])
    if kind == "string":
        return json.dumps("tx%d" % choose.randrange(100000), ensure_ascii=False)
    if kind == "integer":
        return str(choose.randrange(1, 6))
    return repr(round(choose.uniform(0.001, 0.999), choose.randrange(1, 17)))


def mutate(pairs, contract, choose):
    """One change of meaning."""
    pairs = list(pairs)
    names = list(contract["properties"])
    kind = choose.randrange(7)
    if kind <= 2:
        pairs = [(k, v) for k, v in pairs]
        at = choose.randrange(len(pairs))
        pairs[at] = (pairs[at][0], choose.choice(VALUES))
    elif kind == 3:
        pairs.pop(choose.randrange(len(pairs)))
    elif kind == 4:
        pair = (choose.choice(names), choose.choice(VALUES))
        pairs.insert(choose.randrange(len(pairs) + 1), pair)
    elif kind == 5:
        key = "unknown%d" % choose.randrange(10 ** 9)  # never twice: see test_differences.py
        pairs.insert(choose.randrange(len(pairs) + 1), (key, choose.choice(VALUES)))
    else:
        choose.shuffle(pairs)
    return pairs or [(names[0], "1")]


def space(choose):
    return choose.choice(["", "", "", " ", "\n", "\t\r\n "])


def write(pairs, choose):
    members = [space(choose) + json.dumps(key) + space(choose) + ":" + space(choose) + value
               for key, value in pairs]
    return "{%s%s}" % (",".join(members), space(choose))


def transaction(contract, choose):
    pairs = valid(contract, choose)
    for _ in range(choose.choice([0, 0, 1, 1, 2, 4])):
        pairs = mutate(pairs, contract, choose)
    return write(pairs, choose)


def damage(body, choose):
    """One change of form."""
    body = bytearray(body)
    kind = choose.randrange(5)
    at = choose.randrange(len(body))
    if kind == 0:
        del body[at:]
    elif kind == 1:
        body[at] ^= 1 << choose.randrange(8)
    elif kind == 2:
        del body[at]
    elif kind == 3:
        body[at:at] = choose.choice([b",", b"{", b"}", b"[", b"]", b":", b'"', b"\\", b"0", b"-",
                                     b".", b"e", b"\x00", b"\xff", b"\xc3", b"/**/", b"'", b" "])
    else:
        body += choose.choice([b"x", b"{}", b",", b"\x00", b" ", b"\n"])
    return bytes(body)


def corpus(contract, n, seed):
    choose = random.Random(seed)
    for _ in range(n):
        kind = choose.random()
        if kind < 0.7:
            text = transaction(contract, choose)
        elif kind < 0.9:
            parts = [transaction(contract, choose) if choose.random() < 0.9 else
                     choose.choice(ELEMENTS) for _ in range(choose.randrange(5))]
            text = "[" + ",".join(parts) + "]"
        else:
            text = choose.choice(VALUES)
        body = text.encode()
        if choose.random() < 0.05:
            body = b"\xef\xbb\xbf" + body
        if choose.random() < 0.3 and body:
            body = damage(body, choose)
        yield body

"""The access log of a server, read as strictly as JSON is defined."""

import json

from server import eventually


def refuse_constant(text):
    raise ValueError(f"{text} is no JSON")


def parse(line):
    """A line of the log: UTF-8, JSON without NaN, each name once."""
    def once(pairs):
        assert len(pairs) == len(dict(pairs))
        return dict(pairs)

    return json.loads(line.decode("utf-8", "strict"), parse_constant=refuse_constant,
                      object_pairs_hook=once)


def lines(path, count):
    """Waits for `count` lines: a request is logged after its reply has left."""
    def complete():
        raw = path.read_bytes() if path.exists() else b""
        return raw.count(b"\n") >= count and raw.splitlines()

    raw = eventually(complete)
    assert raw and len(raw) == count, path.read_bytes()
    return [parse(line) for line in raw]

#!/usr/bin/env python3
"""Loads and scores damaged copies of one model file; the half of test_hostile.py that may crash.

usage: damage_models.py FILE truncate|flip|whole COUNT MEMORY_MB

Prints how many copies were refused and how many still loaded, as JSON.  A copy may do
either; what must not happen is a crash, an error without text, or more memory than
MEMORY_MB beyond what the process had before.
"""

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rowan_ctypes import MARGIN, RESPONSE, Model, RowanError

SEED = 20240801
MAX_FLIPS = 8
MAX_VALUES = 1 << 20  # of the rows that a copy scores: a flipped num_feature must not cost much


def truncated(original: bytes, count: int) -> Iterator[bytes]:
    for length in np.unique(np.linspace(0, len(original) - 1, count).astype(int)):
        yield original[:length]


def flipped(original: bytes, count: int) -> Iterator[bytes]:
    rng = np.random.default_rng(SEED)
    for _ in range(count):
        copy = bytearray(original)
        for bit in rng.integers(0, 8 * len(copy), rng.integers(1, MAX_FLIPS + 1)):
            copy[bit // 8] ^= 1 << (bit % 8)
        yield bytes(copy)


def whole(original: bytes, _: int) -> Iterator[bytes]:
    yield original


def limit_memory(megabytes: int) -> None:
    status = dict(line.split(":", 1) for line in
                  Path("/proc/self/status").read_text().splitlines() if ":" in line)
    now = int(status["VmSize"].split()[0]) << 10
    limit = now + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def score(model: Model) -> None:
    n_features = model.info.n_features
    n_rows = max(1, min(9, MAX_VALUES // n_features))
    rows = np.zeros((n_rows, n_features), np.float32)
    rows[:, ::2] = np.nan
    model.predict64(rows, MARGIN)
    model.predict64(rows, RESPONSE)


def main() -> None:
    path, kind, count, megabytes = sys.argv[1:5]
    original = Path(path).read_bytes()
    limit_memory(int(megabytes))
    outcome = {"refused": 0, "loaded": 0, "text": ""}
    for copy in {"truncate": truncated, "flip": flipped, "whole": whole}[kind](
            original, int(count)):
        try:
            score(Model(copy))
            outcome["loaded"] += 1
        except RowanError as error:
            outcome["refused"] += 1
            outcome["text"] = error.text
            if not error.text.strip(": ()"):
                raise AssertionError("an error without text") from error
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()

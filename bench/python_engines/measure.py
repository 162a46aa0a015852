"""Times an engine that has no C interface: what engine_native does, from Python.

The figures contain the call from Python.  An engine gives `load(path)`, and of
`scores(rows)` and `contributions(rows)` what it has; rows are float32 [n][features].
"""

import argparse
import gc
import json
import statistics
import time
from pathlib import Path

import numpy as np

BATCH, CONTRIBUTION_ROWS = 10_000, 1000
WARM_CALLS, WARM_SECONDS = 20, 0.2  # at most, for engines whose calls take seconds
MIN_CALLS, MAX_CALLS = 3, 100_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--features", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--at-least", type=int, default=3)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--contributions", type=Path)
    return parser.parse_args()


def resident_kib() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def time_calls(call, blocks: list, seconds: float, at_least: int = MIN_CALLS) -> list[int]:
    """Sorted nanoseconds of calls that go through the blocks and round again."""
    warm_until = time.perf_counter() + WARM_SECONDS
    for block in blocks[:WARM_CALLS]:
        call(block)
        if time.perf_counter() > warm_until:
            break
    times, deadline = [], time.perf_counter() + seconds
    while len(times) < MAX_CALLS and (len(times) < at_least or time.perf_counter() < deadline):
        block = blocks[len(times) % len(blocks)]
        started = time.perf_counter_ns()
        call(block)
        times.append(time.perf_counter_ns() - started)
    return sorted(times)


def in_blocks(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[first:first + size] for first in range(0, len(rows) - size + 1, size)]


def median_a_row(call, rows: np.ndarray, size: int, seconds: float) -> float:
    return statistics.median(time_calls(call, in_blocks(rows, size), seconds)) / size


def times(engine, rows: np.ndarray, options: argparse.Namespace) -> dict:
    one = time_calls(engine.scores, in_blocks(np.roll(rows, -options.first, axis=0), 1),
                     options.seconds, max(options.at_least, MIN_CALLS))
    return {"one_ns": statistics.median(one), "p99_ns": one[len(one) * 99 // 100],
            "empty_ns": 0.0, "calls": len(one), "clock": "perf_counter_ns",
            "batch_ns": median_a_row(engine.scores, rows, BATCH, options.seconds)}


def contributions(engine, rows: np.ndarray, options: argparse.Namespace) -> dict:
    engine.contributions(rows[:CONTRIBUTION_ROWS]).astype(np.float64).tofile(options.contributions)
    return {"one_ns": median_a_row(engine.contributions, rows, 1, options.seconds),
            "batch_ns": median_a_row(engine.contributions, rows, CONTRIBUTION_ROWS,
                                     options.seconds)}


def main(engine) -> None:
    options = arguments()
    rows = np.fromfile(options.rows, np.float32).reshape(-1, options.features)
    before, started = resident_kib(), time.perf_counter()
    engine.load(options.model)
    load_ms = (time.perf_counter() - started) * 1e3
    if options.scores:
        np.concatenate([engine.scores(block) for block in in_blocks(rows, BATCH)]).astype(
            np.float64).tofile(options.scores)
        result = {"one_row_differs_from_batch": 0}
    elif options.contributions:
        result = contributions(engine, rows, options)
    else:
        engine.scores(rows[:BATCH])
        result = {"load_ms": load_ms, "memory_kib": resident_kib() - before}
        result |= times(engine, rows, options)
    print(json.dumps(result))

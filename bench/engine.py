#!/usr/bin/env python3
"""Rowan's engine beside XGBoost's C API: ns a row, one thread, in one run.

Trains one model (100 trees of depth 6 on 15 features, as M2 of docs/bench.md; the data
are made here with a fixed seed), then lets both engines score the same rows in turn:
one row a call, and 10,000 rows a call.  Prints medians of the rounds and the ratio.
"""

import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xgboost as xgb

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
sys.path.insert(0, str(ROOT / "tests" / "parity"))
os.environ["ROWAN_BUILD_DIR"] = str(BUILD)

ROUNDS = 7
ROWS, FEATURES, BATCH = 200_000, 15, 10_000
ONE_ROW_CALLS = 2_000


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(20260101)
    rows = np.exp(rng.normal(1.5, 1.2, (ROWS, FEATURES))).astype(np.float32)
    logit = -6.0 + 0.5 * np.log1p(rows[:, 0] / rows[:, 1]) + 0.4 * np.log1p(rows[:, 2])
    logit += 0.8 * (rows[:, 3] > 9) + 0.6 * (rows[:, 4] < 1.5) * (rows[:, 5] > 6)
    labels = rng.random(ROWS) < 1 / (1 + np.exp(-logit - rng.normal(0, 0.5, ROWS)))
    return rows, labels.astype(np.float32)


def train(rows: np.ndarray, labels: np.ndarray) -> xgb.Booster:
    params = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "tree_method": "hist",
              "nthread": 2, "seed": 1, "verbosity": 0}
    return xgb.train(params, xgb.DMatrix(rows[:160_000], labels[:160_000]), 100)


class XGBoost:
    """XGBoosterPredictFromDense, with the arguments prepared once."""

    name = "XGBoost C API"

    def __init__(self, path: Path):
        from xgboost.core import _LIB
        self.lib = _LIB
        self.booster = xgb.Booster(params={"nthread": 1}, model_file=path)
        self.config = json.dumps({"type": 0, "training": False, "iteration_begin": 0,
                                  "iteration_end": 0, "strict_shape": False,
                                  "cache_id": 0, "missing": float("nan")}).encode()
        self.shape = ctypes.POINTER(ctypes.c_uint64)()
        self.dim = ctypes.c_uint64()
        self.result = ctypes.POINTER(ctypes.c_float)()

    def prepare(self, rows: np.ndarray):
        interface = json.dumps({"data": [rows.ctypes.data, True], "shape": list(rows.shape),
                                "typestr": "<f4", "version": 3}).encode()
        call, handle, config = self.lib.XGBoosterPredictFromDense, self.booster.handle, self.config
        outs = (ctypes.byref(self.shape), ctypes.byref(self.dim), ctypes.byref(self.result))

        def predict():
            if call(handle, interface, config, None, *outs):
                raise RuntimeError(self.lib.XGBGetLastError())
        return predict

    def scores(self, n: int) -> np.ndarray:
        return np.ctypeslib.as_array(self.result, (n,)).copy()


class Rowan:
    name = "Rowan"

    def __init__(self, path: Path):
        import rowan_ctypes
        self.lib = rowan_ctypes._lib
        self.model = rowan_ctypes.Model(path)
        self.out = np.empty(BATCH)

    def prepare(self, rows: np.ndarray):
        call, handle = self.lib.rowan_predict_f32, self.model._handle
        arguments = (ctypes.c_void_p(rows.ctypes.data), ctypes.c_size_t(len(rows)), 0,
                     ctypes.c_void_p(self.out.ctypes.data), None)

        def predict():
            if call(handle, *arguments):
                raise RuntimeError("rowan_predict_f32 failed")
        return predict

    def scores(self, n: int) -> np.ndarray:
        return self.out[:n].astype(np.float32)


def call_overhead() -> float:
    """ns of a ctypes call that does nothing but return, to take off single-row times."""
    call = ctypes.CDLL(None).abs
    started = time.perf_counter_ns()
    for _ in range(ONE_ROW_CALLS):
        call(1)
    return (time.perf_counter_ns() - started) / ONE_ROW_CALLS


def time_calls(predict, calls: int) -> float:
    started = time.perf_counter_ns()
    for _ in range(calls):
        predict()
    return (time.perf_counter_ns() - started) / calls


def measure(engines: list, rows: np.ndarray, n: int, calls: int) -> dict[str, float]:
    """Median ns a row of each engine; the engines take turns in every round."""
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    block = np.ascontiguousarray(rows[:n])
    prepared = [(engine, engine.prepare(block)) for engine in engines]
    for engine, predict in prepared:
        time_calls(predict, max(calls // 10, 1))
    for _ in range(ROUNDS):
        for engine, predict in prepared:
            times[engine.name].append(time_calls(predict, calls) / n)
    return {name: statistics.median(values) for name, values in times.items()}


def check_same(engines: list, rows: np.ndarray) -> None:
    results = []
    for engine in engines:
        engine.prepare(rows)()
        results.append(engine.scores(len(rows)))
    assert np.array_equal(results[0].view(np.uint32), results[1].view(np.uint32)), "bits differ"


def native(path: Path, rows: np.ndarray) -> dict[str, float]:
    """Rowan from C, without the cost of a call from Python."""
    with tempfile.NamedTemporaryFile(suffix=".f32") as file:
        rows[:BATCH].tofile(file.name)
        printed = subprocess.run([BUILD / "bench" / "engine_native", path, file.name],
                                 check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed)


def main() -> None:
    rows, labels = data()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ubj"
        booster = train(rows, labels)
        booster.save_model(path)
        engines = [XGBoost(path), Rowan(path)]
        check_same(engines, np.ascontiguousarray(rows[160_000:160_000 + BATCH]))
        test = rows[160_000:]
        one = measure(engines, test, 1, ONE_ROW_CALLS)
        batch = measure(engines, test, BATCH, 3)
        inside = native(path, test)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, one thread; "
          f"100 trees of depth 6, {FEATURES} features; medians of {ROUNDS} rounds; same bits")
    print(f"{'ns a row':34}{'one row':>12}{'batch of 10,000':>18}")
    for engine in engines:
        print(f"{engine.name + ', through ctypes':34}{one[engine.name]:12.0f}"
              f"{batch[engine.name]:18.1f}")
    print(f"{'Rowan, from C':34}{inside['one_row_ns']:12.0f}{inside['batch_ns']:18.1f}")
    overhead = call_overhead()
    xgboost_one = one["XGBoost C API"] - overhead
    print(f"empty ctypes call: {overhead:.0f} ns")
    print(f"XGBoost / Rowan: one row {xgboost_one / inside['one_row_ns']:.1f} x "
          f"(call overhead taken off), batch {batch['XGBoost C API'] / batch['Rowan']:.2f} x")
    print(f"load {inside['load_ms']:.2f} ms, image {inside['image_bytes'] / 1024:.0f} KiB, "
          f"map {inside['map_ms']:.3f} ms")


if __name__ == "__main__":
    main()

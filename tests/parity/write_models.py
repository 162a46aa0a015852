#!/usr/bin/env python3
"""Trains small models and writes them with their own predictions.

usage: write_models.py OUT

Runs in the environment of an older XGBoost (see test_versions.py), so it uses only
what 1.7 has.  Each model is a folder of OUT with model.json, model.ubj, rows.npy
[n_rows][n_features] float32, margins.npy and responses.npy [n_rows][n_outputs]
float32, and best.npy (margins up to the best round) where training stopped early.
"""

import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

N_ROWS, N_FEATURES = 300, 6
CATEGORIES = (3, 40)  # of the first two columns of categorical cases


def case(name: str, objective: str, label: str, rounds: int = 8, **params) -> dict:
    return {"name": name, "label": label, "rounds": rounds,
            "params": {"objective": objective, "max_depth": 4, "eta": 0.3, **params}}


CASES = [
    case("logistic", "binary:logistic", "binary"),
    case("logistic-deep", "binary:logistic", "binary", rounds=20, max_depth=8),
    case("logistic-exact", "binary:logistic", "binary", tree_method="exact"),
    case("logistic-base-score", "binary:logistic", "binary", base_score=0.123),
    case("logistic-no-trees", "binary:logistic", "binary", rounds=0, base_score=0.7),
    case("logistic-forest", "binary:logistic", "binary", num_parallel_tree=3, subsample=0.6),
    case("logistic-categorical", "binary:logistic", "binary", tree_method="hist",
         max_cat_to_onehot=1),
    case("logistic-onehot", "binary:logistic", "binary", tree_method="hist",
         max_cat_to_onehot=50),
    case("logistic-early-stopping", "binary:logistic", "binary", rounds=60, max_depth=6),
    case("softprob-early-stopping", "multi:softprob", "class", rounds=40, num_class=3),
    case("logitraw", "binary:logitraw", "binary"),
    case("hinge", "binary:hinge", "binary"),
    case("squared-error", "reg:squarederror", "real"),
    case("squared-error-base-score", "reg:squarederror", "real", base_score=-3.7),
    case("absolute-error", "reg:absoluteerror", "real", tree_method="hist"),
    case("pseudo-huber", "reg:pseudohubererror", "real"),
    case("gamma", "reg:gamma", "positive"),
    case("tweedie", "reg:tweedie", "positive"),
    case("poisson", "count:poisson", "count"),
    case("cox", "survival:cox", "positive"),
    case("pairwise", "rank:pairwise", "rank"),
    case("softprob", "multi:softprob", "class", num_class=3),
    case("softmax", "multi:softmax", "class", num_class=3),
    case("dart", "binary:logistic", "binary", booster="dart", rate_drop=0.4),
    case("dart-softprob", "multi:softprob", "class", num_class=3, booster="dart",
         rate_drop=0.4),
]


def features(rng: np.random.Generator, categorical: bool) -> np.ndarray:
    rows = rng.normal(0, 1, (N_ROWS, N_FEATURES)).astype(np.float32)
    rows[:, 1] = np.round(rows[:, 1] * 2)
    if categorical:
        for column, count in enumerate(CATEGORIES):
            rows[:, column] = rng.integers(0, count, N_ROWS)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def labels(kind: str, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    filled = np.nan_to_num(rows, nan=0.4)
    signal = np.sin(filled[:, 0]) + filled[:, -1] + rng.normal(0, 0.4, len(rows))
    if kind == "binary":
        return (signal > 0.3).astype(np.float32)
    if kind in ("class", "rank"):
        return np.digitize(signal, [-0.4, 0.8]).astype(np.float32)
    if kind == "count":
        return rng.poisson(np.exp(np.clip(signal, -2, 2))).astype(np.float32)
    return (np.exp(np.clip(signal, -3, 3)) if kind == "positive" else signal).astype(np.float32)


def matrix(rows: np.ndarray, targets: np.ndarray, types: list) -> xgb.DMatrix:
    return xgb.DMatrix(rows, targets, feature_types=types, enable_categorical=True)


def train(spec: dict, rows: np.ndarray, rng: np.random.Generator, types: list) -> xgb.Booster:
    data = matrix(rows, labels(spec["label"], rows, rng), types)
    if spec["label"] == "rank":
        data.set_group([N_ROWS // 6] * 6)
    params = {"seed": 3, "nthread": 1, "verbosity": 0, **spec["params"]}
    if "early-stopping" not in spec["name"]:
        return xgb.train(params, data, spec["rounds"])
    other = features(rng, False)
    watched = matrix(other, labels(spec["label"], other, rng), types)
    return xgb.train(params, data, spec["rounds"], evals=[(watched, "watched")],
                     early_stopping_rounds=3, verbose_eval=False)


def odd_rows(rows: np.ndarray, categorical: bool, rng: np.random.Generator) -> np.ndarray:
    """Rows that training did not see: every odd number, and unknown categories."""
    odd = np.array([np.nan, 0.0, -0.0, 1e-45, -1e-38, 3.4e38, -3.4e38], np.float32)
    extra = rng.choice(odd, (50, N_FEATURES))
    if categorical:
        extra[:, :2] = rng.choice(np.array([-1, 2, 39, 40, 64, 5000, np.nan], np.float32), (50, 2))
    return np.vstack([rows, extra.astype(np.float32)])


def write(spec: dict, index: int, out: Path) -> None:
    rng = np.random.default_rng(100 + index)
    categorical = "max_cat_to_onehot" in spec["params"]
    types = ["c" if categorical and i < 2 else "q" for i in range(N_FEATURES)]
    rows = features(rng, categorical)
    booster = train(spec, rows, rng, types)
    rows = odd_rows(rows, categorical, rng)
    data = xgb.DMatrix(rows, feature_types=types, enable_categorical=True)
    out.mkdir(parents=True, exist_ok=True)
    booster.save_model(str(out / "model.json"))
    booster.save_model(str(out / "model.ubj"))
    np.save(out / "rows.npy", rows)
    np.save(out / "margins.npy", booster.predict(data, output_margin=True))
    np.save(out / "responses.npy", booster.predict(data))
    if "early-stopping" in spec["name"]:
        best = (0, booster.best_iteration + 1)
        np.save(out / "best.npy", booster.predict(data, output_margin=True, iteration_range=best))


def main() -> None:
    out = Path(sys.argv[1])
    for index, spec in enumerate(CASES):
        write(spec, index, out / spec["name"])
    (out / "version").write_text(xgb.__version__)


if __name__ == "__main__":
    main()

"""The models of the parity tests: a grid over what XGBoost can train, with fixed seeds."""

from dataclasses import dataclass, field

import numpy as np
import xgboost as xgb

OBJECTIVES = {
    "binary:logistic": "binary",
    "binary:logitraw": "binary",
    "binary:hinge": "binary",
    "reg:logistic": "binary",
    "reg:squarederror": "real",
    "reg:squaredlogerror": "positive",
    "reg:pseudohubererror": "real",
    "reg:absoluteerror": "real",
    "reg:quantileerror": "real",
    "reg:gamma": "positive",
    "reg:tweedie": "positive",
    "count:poisson": "count",
    "survival:cox": "positive",
    "survival:aft": "interval",
    "rank:pairwise": "rank",
    "rank:ndcg": "rank",
    "rank:map": "rank-binary",
    "multi:softprob": "class",
    "multi:softmax": "class",
}


@dataclass(frozen=True)
class Case:
    name: str
    objective: str
    depth: int = 4
    trees: int = 12
    features: int = 8
    rows: int = 400
    missing: float = 0.0
    categorical: int = 0  # of the features, the first ones
    booster: str = "gbtree"
    params: tuple = ()
    seed: int = 0
    targets: int = 1

    def __str__(self) -> str:
        return self.name


@dataclass
class Trained:
    booster: xgb.Booster
    features: np.ndarray
    types: list[str] = field(default_factory=list)


def _labels(kind: str, signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noisy = signal + rng.normal(0, 0.3, len(signal))
    if kind in ("binary", "rank-binary"):
        return (noisy > np.median(noisy)).astype(np.float32)
    if kind == "class":
        return np.digitize(noisy, np.quantile(noisy, [0.3, 0.6, 0.85])).astype(np.float32)
    if kind == "rank":
        return np.digitize(noisy, np.quantile(noisy, [0.5, 0.8])).astype(np.float32)
    if kind == "count":
        return rng.poisson(np.exp(np.clip(noisy, -2, 2))).astype(np.float32)
    if kind in ("positive", "interval"):
        return np.exp(np.clip(noisy, -3, 3)).astype(np.float32)
    return noisy.astype(np.float32)


def _features(case: Case, rng: np.random.Generator) -> np.ndarray:
    features = rng.normal(0, 1, (case.rows, case.features)).astype(np.float32)
    features[:, 1::3] = np.round(features[:, 1::3] * 2)  # ties at thresholds, and zeros
    for column in range(case.categorical):
        features[:, column] = rng.integers(0, (3, 7, 40)[column % 3], case.rows)
    features[rng.random(features.shape) < case.missing] = np.nan
    return features


def _matrix(case: Case, features: np.ndarray, types: list[str],
            rng: np.random.Generator) -> xgb.DMatrix:
    filled = np.nan_to_num(features, nan=0.4)
    signal = filled[:, 0] + np.sin(filled[:, -1] * 2) + 0.2 * filled.sum(axis=1)
    kind = OBJECTIVES[case.objective]
    labels = _labels(kind, signal, rng)
    if case.targets > 1:
        labels = np.column_stack([np.roll(labels, k) for k in range(case.targets)])
    matrix = xgb.DMatrix(features, feature_types=types, enable_categorical=True)
    if kind == "interval":
        matrix.set_float_info("label_lower_bound", labels)
        matrix.set_float_info("label_upper_bound", labels * 1.5)
    else:
        matrix.set_label(labels)
    if kind.startswith("rank"):
        matrix.set_group([case.rows // 8] * 8)
    return matrix


def train(case: Case) -> Trained:
    rng = np.random.default_rng(case.seed + 1000)
    features = _features(case, rng)
    types = ["c" if i < case.categorical else "q" for i in range(case.features)]
    params = {
        "objective": case.objective, "max_depth": case.depth, "booster": case.booster,
        "seed": case.seed, "nthread": 2, "eta": 0.3, "verbosity": 0,
    }
    if OBJECTIVES[case.objective] == "class":
        params["num_class"] = 4
    if case.objective == "reg:quantileerror":
        params["quantile_alpha"] = [0.1, 0.5, 0.9]
    params.update(dict(case.params))
    booster = xgb.train(params, _matrix(case, features, types, rng), case.trees)
    return Trained(booster, features, types)


def cases() -> list[Case]:
    grid: list[Case] = []

    def add(**kwargs) -> None:
        kwargs.setdefault("seed", len(grid))
        label = "-".join(f"{k}={v}" for k, v in kwargs.items() if k not in ("seed", "params"))
        grid.append(Case(name=f"{len(grid):03d}-{label}", **kwargs))

    for objective in OBJECTIVES:
        for depth, missing in ((3, 0.0), (6, 0.2)):
            add(objective=objective, depth=depth, missing=missing)
        add(objective=objective, categorical=3, missing=0.1)
        add(objective=objective, booster="dart", params=(("rate_drop", 0.3), ("skip_drop", 0.2)))
    for depth in range(13):
        add(objective="binary:logistic", depth=depth, trees=5,
            params=(("tree_method", "hist"), ("min_child_weight", 0)) if depth else
            (("grow_policy", "lossguide"), ("max_leaves", 40), ("tree_method", "hist")))
        add(objective="multi:softprob", depth=max(depth, 1), trees=3, missing=0.3)
    for trees in (1, 2, 7, 8, 9, 15, 16, 17, 63, 100, 250, 500):
        add(objective="binary:logistic", trees=trees, depth=3)
        add(objective="count:poisson", trees=trees, depth=2, missing=0.1)
    for features in (1, 2, 3, 15, 16, 17, 31, 33, 64, 100, 129, 300):
        add(objective="binary:logistic", features=features, depth=5, missing=0.05)
        add(objective="reg:squarederror", features=features, depth=7)
    for method in ("exact", "approx", "hist"):
        for seed in range(8):
            add(objective="binary:logistic", seed=seed, missing=0.1 * seed,
                params=(("tree_method", method), ("subsample", 0.7)))
    for base in (0.01, 0.2, 0.5, 0.77, 0.987):
        add(objective="binary:logistic", params=(("base_score", base),))
        add(objective="reg:squarederror", params=(("base_score", base * 10),))
    for seed in range(8):
        add(objective="binary:logistic", categorical=5, seed=seed, missing=0.1,
            params=(("max_cat_to_onehot", 1 + 20 * (seed % 2)), ("tree_method", "hist")))
    for parallel in (2, 5):
        add(objective="multi:softmax",
            params=(("num_parallel_tree", parallel), ("subsample", 0.6)))
        add(objective="binary:logistic", depth=8,
            params=(("num_parallel_tree", parallel), ("subsample", 0.6)))
    for targets in (2, 5):
        add(objective="reg:squarederror", targets=targets)
        add(objective="binary:logistic", targets=targets, missing=0.2)
    for seed in range(6):
        add(objective="multi:softprob", booster="dart", seed=seed, missing=0.1, categorical=2,
            params=(("rate_drop", 0.5), ("normalize_type", ("tree", "forest")[seed % 2])))
    return grid

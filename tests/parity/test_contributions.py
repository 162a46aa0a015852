"""Contributions against XGBoost's pred_contribs, and against Shapley values by definition.

XGBoost computes in float32: it agrees to 1e-5 of a row's largest contribution.  The
definition, in double, is met to 1e-9.
"""

import itertools
import json
import math

import numpy as np
import pytest
import xgboost as xgb

from models import Case, Trained, cases, train
from rowan_ctypes import MARGIN, Model, RowanError
from test_xgboost import edge_rows

CASES = [case for case in cases() if case.depth < 9 or case.trees < 10]
DEEP = [Case("deep", "reg:squarederror", depth=14, trees=6, features=5, rows=6000,
             params=(("min_child_weight", 0), ("tree_method", "hist"))),
        Case("wide", "binary:logistic", depth=6, trees=20, features=600, rows=1000)]


def xgboost_contributions(trained: Trained, rows: np.ndarray, groups: int) -> np.ndarray:
    matrix = xgb.DMatrix(rows, feature_types=trained.types, enable_categorical=True)
    result = trained.booster.predict(matrix, pred_contribs=True)
    return result.reshape(len(rows), groups, -1).astype(np.float64)


def assert_near(seen: np.ndarray, wanted: np.ndarray, tolerance: float) -> None:
    assert seen.shape == wanted.shape
    largest = np.maximum(np.abs(wanted).max(axis=-1, keepdims=True), 1e-30)
    worst = (np.abs(seen - wanted) / largest).max()
    assert worst <= tolerance, f"off by {worst} of the row's largest contribution"


def covers(booster: xgb.Booster) -> np.ndarray:
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    trees = (model.get("gbtree") or model)["model"]["trees"]
    return np.concatenate([[0.5]] + [[cover for cover, left in zip(tree["sum_hessian"],
                                                                  tree["left_children"])
                                      if left != -1] for tree in trees])


@pytest.mark.parametrize("case", CASES + DEEP, ids=str)
def test_as_xgboost(case):
    trained = train(case)
    model = Model(bytes(trained.booster.save_raw("ubj")))
    rows = np.vstack([trained.features[:100], edge_rows(trained)[:100]])
    if covers(trained.booster).min() <= 0:
        assert not model.info.has_contributions  # XGBoost divides by zero
        return
    assert model.info.has_contributions
    seen = model.contributions(rows)
    assert np.isfinite(seen).all()
    assert_near(seen, xgboost_contributions(trained, rows, model.info.n_groups), 1e-5)
    margins = model.predict(rows, MARGIN)
    size = np.abs(seen).sum(axis=2)
    assert (np.abs(seen.sum(axis=2) - margins) <= 1e-5 * size).all()
    assert np.array_equal(model.contributions(rows.astype(np.float64)), seen)
    assert np.array_equal(np.vstack([model.contributions(rows[i:i + 1]) for i in range(5)]),
                          seen[:5])


# ---- by definition ------------------------------------------------------------------


def conditional(tree: dict, node: int, known: frozenset, row: np.ndarray) -> float:
    """Mean of the leaves under a node, where the features of `known` are the row's."""
    left, right = tree["left_children"][node], tree["right_children"][node]
    if left == -1:
        return float(np.float32(tree["split_conditions"][node]))
    feature = tree["split_indices"][node]
    if feature in known:
        x = row[feature]
        goes_left = (bool(tree["default_left"][node]) if np.isnan(x)
                     else x < np.float32(tree["split_conditions"][node]))
        return conditional(tree, left if goes_left else right, known, row)
    cover = [float(np.float32(c)) for c in tree["sum_hessian"]]
    return (cover[left] * conditional(tree, left, known, row)
            + cover[right] * conditional(tree, right, known, row)) / cover[node]


def shapley(booster: xgb.Booster, n: int, row: np.ndarray) -> np.ndarray:
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    trees = model["model"]["trees"]
    worth = {frozenset(known): sum(conditional(tree, 0, frozenset(known), row) for tree in trees)
             for size in range(n + 1) for known in itertools.combinations(range(n), size)}
    result = np.zeros(n)
    for known, value in worth.items():
        weight = math.factorial(len(known)) * math.factorial(n - len(known) - 1) \
            / math.factorial(n) if len(known) < n else 0
        for feature in set(range(n)) - known:
            result[feature] += weight * (worth[known | {feature}] - value)
    return result


@pytest.mark.parametrize("depth", [1, 3, 7])
def test_by_definition(depth):
    case = Case("small", "reg:squarederror", depth=depth, trees=4, features=6, rows=300,
                missing=0.2, params=(("min_child_weight", 0),))
    trained = train(case)
    model = Model(bytes(trained.booster.save_raw("ubj")))
    rows = trained.features[:6]
    wanted = np.array([shapley(trained.booster, 6, row) for row in rows])
    assert_near(model.contributions(rows)[:, 0, :-1], wanted, 1e-9)


def by_leaves(booster: xgb.Booster, n: int, row: np.ndarray) -> np.ndarray:
    """The same for many features: a leaf is worth the product of what a set's members
    follow and the shares of the rest; all sets of one size are summed at once."""
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    result = np.zeros(n)
    for tree in model["model"]["trees"]:
        cover = [float(np.float32(c)) for c in tree["sum_hessian"]]
        pending = [(0, {})]
        while pending:
            node, path = pending.pop()
            left, right = tree["left_children"][node], tree["right_children"][node]
            value = np.float32(tree["split_conditions"][node])
            if left == -1:
                for feature in path:
                    result[feature] += float(value) * of_leaf(path, feature)
                continue
            feature = tree["split_indices"][node]
            for child, follows in ((left, row[feature] < value), (right, row[feature] >= value)):
                share, hot = path.get(feature, (1.0, True))
                pending.append((child, path | {feature: (share * cover[child] / cover[node],
                                                         hot and bool(follows))}))
    return result


def of_leaf(path: dict, feature: int) -> float:
    worth = np.ones(1)  # of the sets of each size together
    for other, (share, hot) in path.items():
        if other != feature:
            worth = np.append(worth * share, 0) + np.append(0, worth * hot)
    n = len(path)
    total = sum(worth[k] / (n * math.comb(n - 1, k)) for k in range(n))
    return total * (path[feature][1] - path[feature][0])


def test_long_paths():
    """25 splits deep, where XGBoost's own float32 is off by up to 1e-3."""
    case = Case("leafwise", "binary:logistic", depth=0, trees=6, features=40, rows=3000,
                params=(("grow_policy", "lossguide"), ("max_leaves", 400), ("eta", 0.05),
                        ("tree_method", "hist"), ("min_child_weight", 0)))
    trained = train(case)
    model = Model(bytes(trained.booster.save_raw("ubj")))
    assert model.info.max_depth > 20
    rows = trained.features[:3]
    wanted = np.array([by_leaves(trained.booster, 40, row) for row in rows])
    assert_near(model.contributions(rows)[:, 0, :-1], wanted, 1e-9)
    assert_near(xgboost_contributions(trained, rows, 1)[:, 0, :-1], wanted, 1e-2)


def test_a_model_without_covers_says_so():
    trained = train(Case("plain", "reg:squarederror"))
    model = json.loads(bytes(trained.booster.save_raw("json")))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        tree["sum_hessian"] = [0.0] * len(tree["sum_hessian"])
    model = Model(json.dumps(model).encode())
    assert not model.info.has_contributions
    with pytest.raises(RowanError, match="training rows"):
        model.contributions(trained.features)

"""What an exported model says of its inputs: the library's own SHAP values, and Shapley's sum by brute force."""

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from rowan_training.export import export

from .conftest import ROOT, ROWAN

INPUTS = ["items", "mean", "risk", "night"]
N_ROWS = 40


@pytest.fixture(scope="module")
def rowan_model() -> Any:
    """librowan's loader, as the parity tests call it."""
    sys.path.insert(0, str(ROOT / "tests" / "parity"))
    from rowan_ctypes import Model  # type: ignore[import-not-found]

    return Model


def contributions(load: Any, directory: Path, rows: pd.DataFrame) -> np.ndarray:
    return load(str(directory / "model.onnx")).contributions(rows.to_numpy(np.float64))


def test_they_are_catboosts(rowan_model: Any, payments: pd.DataFrame, tmp_path: Path) -> None:
    inputs = payments[INPUTS]
    model = catboost.CatBoostClassifier(iterations=30, verbose=0, allow_writing_files=False).fit(
        inputs, payments["fraud"]
    )
    seen = contributions(rowan_model, export(model, inputs, tmp_path / "m"), inputs[:N_ROWS])
    expected = model.get_feature_importance(catboost.Pool(inputs[:N_ROWS]), type="ShapValues")
    np.testing.assert_allclose(seen[:, 0, :], expected, rtol=0, atol=1e-12)


def reached(tree: Any, row: np.ndarray, known: frozenset[int], node: int = 0) -> np.ndarray:
    """The tree's mean value for a row of which only the inputs `known` are: else both ways, by training rows."""
    left, right = tree.children_left[node], tree.children_right[node]
    if left < 0:
        return tree.value[node, 0]
    if tree.feature[node] in known:
        goes_left = np.float32(row[tree.feature[node]]) <= tree.threshold[node]
        return reached(tree, row, known, left if goes_left else right)
    weights = tree.weighted_n_node_samples
    both = [weights[child] / weights[node] * reached(tree, row, known, child) for child in (left, right)]
    return both[0] + both[1]


def shapley(tree: Any, row: np.ndarray) -> np.ndarray:
    """`[n_inputs][n_targets]`, by every set of inputs."""
    n = len(row)
    found = []
    for index in range(n):
        others = [other for other in range(n) if other != index]
        total = 0.0
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for some in itertools.combinations(others, size):
                gained = reached(tree, row, frozenset((*some, index))) - reached(tree, row, frozenset(some))
                total = total + weight * gained
        found.append(total)
    return np.array(found)


def test_they_are_shapleys_values_of_scikit_learns_trees(
    rowan_model: Any, numeric: pd.DataFrame, tmp_path: Path
) -> None:
    inputs = numeric[INPUTS].astype(np.float64)
    forest = RandomForestClassifier(4, max_depth=5, random_state=0).fit(inputs, numeric["fraud"])
    boosted = GradientBoostingClassifier(n_estimators=4, random_state=0).fit(inputs, numeric["fraud"])
    rows = inputs[:6]
    for name, model, scale, trees, column in (
        ("forest", forest, 1 / 4, [each.tree_ for each in forest.estimators_], 1),
        ("boosted", boosted, 0.1, [each[0].tree_ for each in boosted.estimators_], 0),
    ):
        seen = contributions(rowan_model, export(model, inputs, tmp_path / name), rows)[:, column, :-1]
        expected = [scale * sum(shapley(tree, row)[:, column] for tree in trees) for row in rows.to_numpy()]
        np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-12)


def test_they_add_up_to_the_margin(rowan_model: Any, payments: pd.DataFrame, tmp_path: Path) -> None:
    inputs = payments[INPUTS].astype(np.float64)
    model = HistGradientBoostingClassifier(max_iter=20).fit(inputs, payments["fraud"])
    seen = contributions(rowan_model, export(model, inputs, tmp_path / "m"), inputs[:N_ROWS])
    np.testing.assert_allclose(seen[:, 0, :].sum(axis=1), model.decision_function(inputs[:N_ROWS]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("positive", [0, 1])
def test_a_contract_explains_the_class_that_it_asks_for(
    numeric: pd.DataFrame, tmp_path: Path, positive: int
) -> None:
    """One margin, two probabilities: to class 0 everything counts the other way."""
    inputs = numeric[INPUTS].astype(np.float64)
    model = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(inputs, numeric["fraud"])
    made = export(model, inputs, tmp_path / "m", positive_class=model.classes_[positive])
    rows = tmp_path / "rows.csv"
    inputs[:N_ROWS].to_csv(rows, index=False)
    printed = subprocess.run(
        [ROWAN, "explain", "--json", made, rows], check=True, capture_output=True, text=True
    ).stdout
    seen = [json.loads(line) for line in printed.splitlines()]
    margins = model.decision_function(inputs[:N_ROWS]) * (1 if positive else -1)
    np.testing.assert_allclose([row["margin"] for row in seen], margins, rtol=0, atol=1e-12)
    sums = [row["mean"] + sum(reason["contribution"] for reason in row["reasons"]) for row in seen]
    np.testing.assert_allclose(sums, margins, rtol=0, atol=1e-12)

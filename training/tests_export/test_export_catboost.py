from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pandas as pd
import pytest

from rowan_training.export import ExportError, export

from .conftest import contract_of, golden_of

FIXED = {"iterations": 30, "verbose": 0, "allow_writing_files": False, "thread_count": 1, "random_seed": 0}
INPUTS = ["items", "night", "mean", "risk"]


@pytest.fixture(scope="module")
def inputs(payments: pd.DataFrame) -> pd.DataFrame:
    return payments[INPUTS]


def ulps(seen: np.ndarray, expected: np.ndarray) -> float:
    return float(np.max(np.abs(seen - expected) / np.spacing(np.abs(expected))))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nan_mode": "Max"},
        {"grow_policy": "Depthwise"},
        {"grow_policy": "Lossguide"},
        {"loss_function": "CrossEntropy"},
    ],
    ids=str,
)
def test_classifiers_give_catboosts_probabilities(
    options: dict[str, Any],
    payments: pd.DataFrame,
    inputs: pd.DataFrame,
    tmp_path: Path,
    score: Callable[..., pd.DataFrame],
) -> None:
    model = catboost.CatBoostClassifier(**FIXED, **options).fit(inputs, payments["fraud"])
    directory = export(model, payments, tmp_path / "m", target="fraud", id_field="payment")
    seen = score(directory, payments)["fraud_probability"].to_numpy()
    expected = model.predict(inputs, prediction_type="Probability")[:, 1]
    assert ulps(seen, expected) <= contract_of(directory)["x-rowan"]["golden_ulps"] <= 64
    assert any(row["request"].get("risk", 0) is None for row in golden_of(directory))


def test_regressors_give_catboosts_scores_bit_for_bit(
    payments: pd.DataFrame, inputs: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    model = catboost.CatBoostRegressor(**FIXED).fit(inputs, payments["amount"])
    directory = export(model, inputs, tmp_path / "m")
    assert "golden_ulps" not in contract_of(directory)["x-rowan"]
    np.testing.assert_array_equal(score(directory, inputs)["score"].to_numpy(), model.predict(inputs))


@pytest.mark.parametrize("policy", ["SymmetricTree", "Lossguide"])
def test_a_class_among_several_is_named_by_its_label(
    policy: str, payments: pd.DataFrame, inputs: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    level = (payments["fraud"] + (payments["items"] > 30)).map({0: "low", 1: "medium", 2: "high"})
    model = catboost.CatBoostClassifier(**FIXED, loss_function="MultiClass", grow_policy=policy).fit(inputs, level)
    directory = export(model, inputs, tmp_path / "m", positive_class="high")
    column = list(model.classes_).index("high")
    seen = score(directory, inputs)["fraud_probability"].to_numpy()
    assert ulps(seen, model.predict_proba(inputs)[:, column]) <= 64


def test_categorical_features_are_refused(payments: pd.DataFrame, tmp_path: Path) -> None:
    frame = payments[["amount", "device"]]
    model = catboost.CatBoostClassifier(**FIXED, cat_features=["device"]).fit(frame, payments["fraud"])
    with pytest.raises(ExportError, match="categorical and text features have no ONNX form"):
        export(model, frame, tmp_path / "m")


def test_losses_of_another_link_are_refused(payments: pd.DataFrame, inputs: pd.DataFrame, tmp_path: Path) -> None:
    model = catboost.CatBoostRegressor(**FIXED, loss_function="Poisson").fit(inputs, payments["items"])
    with pytest.raises(ExportError, match="models of the loss Poisson cannot be exported"):
        export(model, inputs, tmp_path / "m")

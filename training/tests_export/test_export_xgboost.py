from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from rowan_training.export import ExportError, export

from .conftest import contract_of, golden_of

INPUTS = ["amount", "items", "night", "mean", "risk", "device"]


def test_early_stopping_ends_the_classifier_but_not_its_booster(categories: pd.DataFrame, tmp_path: Path) -> None:
    inputs, fraud = categories[INPUTS], categories["fraud"]
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=3, enable_categorical=True, learning_rate=0.6)
    model.fit(inputs[:1000], fraud[:1000], eval_set=[(inputs[1000:], fraud[1000:])], verbose=False)
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    best = export(model, categories, tmp_path / "best")
    every = export(model.get_booster(), categories, tmp_path / "every")
    assert contract_of(best)["x-rowan"]["iterations"] == "best"
    assert contract_of(every)["x-rowan"]["iterations"] == "all"
    assert golden_of(best) != golden_of(every)


def test_categories_are_an_enum_in_the_order_of_their_codes(
    categories: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    inputs = categories[INPUTS]
    model = xgboost.XGBClassifier(n_estimators=10, enable_categorical=True).fit(inputs, categories["fraud"])
    # A frame of other codes for the same texts: the model's own count.
    turned = categories.assign(
        device=categories["device"].cat.reorder_categories(["watch", "terminal", "phone", "desktop"])
    )
    for name, frame in (("same", categories), ("turned", turned)):
        directory = export(model, frame, tmp_path / name)
        assert contract_of(directory)["properties"]["device"]["enum"] == ["desktop", "phone", "terminal", "watch", None]
        seen = score(directory, categories)["fraud_probability"].to_numpy(np.float32)
        np.testing.assert_array_equal(seen, model.predict_proba(inputs)[:, 1])


def test_a_class_among_several_is_named_by_its_label(
    numeric: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    inputs = numeric.drop(columns="fraud")
    level = numeric["fraud"] + (numeric["items"] > 30)
    model = xgboost.XGBClassifier(n_estimators=5).fit(inputs, level)
    with pytest.raises(ExportError, match=r"name one of the model's classes: \["):
        export(model, inputs, tmp_path / "m")
    directory = export(model, inputs, tmp_path / "m", positive_class=2)
    assert contract_of(directory)["x-rowan"]["positive_class"] == 2
    seen = score(directory, inputs)["fraud_probability"].to_numpy(np.float32)
    np.testing.assert_array_equal(seen, model.predict_proba(inputs)[:, 2])


def test_a_regression_has_scores_and_no_thresholds(numeric: pd.DataFrame, tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=5).fit(numeric[["items", "mean"]], numeric["amount"])
    directory = export(model, numeric, tmp_path / "m", target="amount")
    assert "thresholds" not in contract_of(directory)["x-rowan"]
    assert {"request", "score"} == set(golden_of(directory)[0])


def test_a_booster_without_names_takes_the_columns_in_their_order(numeric: pd.DataFrame, tmp_path: Path) -> None:
    inputs = numeric.drop(columns="fraud")
    data = xgboost.DMatrix(inputs.to_numpy(np.float32), numeric["fraud"])
    booster = xgboost.train({"objective": "binary:logistic"}, data, 5)
    directory = export(booster, numeric, tmp_path / "m", target="fraud")
    features = contract_of(directory)["x-rowan"]["features"]
    assert features == [{"name": f"f{place}", "from": column} for place, column in enumerate(inputs)]
    with pytest.raises(ExportError, match="5 inputs without names, and the frame has 6 columns"):
        export(booster, numeric, tmp_path / "n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "binary:hinge"}, "train with binary:logistic"),
        ({"missing": 0.0}, "train with missing=nan"),
    ],
)
def test_models_that_would_be_served_wrongly_are_refused(
    numeric: pd.DataFrame, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    model = xgboost.XGBClassifier(n_estimators=2, **options).fit(numeric.drop(columns="fraud"), numeric["fraud"])
    with pytest.raises(ExportError, match=message):
        export(model, numeric, tmp_path / "m", target="fraud")


def test_categories_that_are_no_text_are_refused(numeric: pd.DataFrame, tmp_path: Path) -> None:
    inputs = numeric[["amount", "items"]].astype({"items": "category"})
    model = xgboost.XGBClassifier(n_estimators=2, enable_categorical=True).fit(inputs, numeric["fraud"])
    with pytest.raises(ExportError, match="categories of column 'items' are no text"):
        export(model, inputs, tmp_path / "m")

from collections.abc import Callable
from pathlib import Path

import jsonschema
import lightgbm
import numpy as np
import pandas as pd
import pytest

from rowan_training.__main__ import main
from rowan_training.export import ExportError, export

from .conftest import contract_of, golden_of

INPUTS = ["amount", "items", "night", "mean", "risk", "device"]


@pytest.fixture(scope="module")
def model(categories: pd.DataFrame) -> lightgbm.LGBMClassifier:
    return lightgbm.LGBMClassifier(n_estimators=20, verbose=-1).fit(categories[INPUTS], categories["fraud"])


def test_every_row_of_the_frame_gets_the_librarys_number(
    model: lightgbm.LGBMClassifier, categories: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    # LightGBM reads the float32 column as it is; CSV would give it other doubles.
    frame = categories.astype({"mean": np.float64})
    directory = export(model, frame, tmp_path / "m", target="fraud", id_field="payment")
    seen = score(directory, frame)["fraud_probability"].to_numpy()
    np.testing.assert_array_equal(seen, np.asarray(model.predict_proba(frame[INPUTS]))[:, 1])


def test_categories_are_looked_up_by_name_and_unknown_ones_are_missing(
    model: lightgbm.LGBMClassifier, categories: pd.DataFrame, tmp_path: Path
) -> None:
    directory = export(model, categories, tmp_path / "m", target="fraud")
    contract = contract_of(directory)
    assert contract["x-rowan"]["features"][-1] == {"name": "device", "category": "device"}
    assert contract["properties"]["device"]["type"] == ["string", "null"]
    devices = {row["request"].get("device", "absent") for row in golden_of(directory)}
    assert devices == {"desktop", "phone", "terminal", "watch", "watch?", None, "absent"}
    for row in golden_of(directory):
        jsonschema.validate(row["request"], contract)


def test_integers_may_be_categories(categories: pd.DataFrame, tmp_path: Path) -> None:
    frame = categories[["amount", "items"]].astype({"items": "category"})
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(frame, categories["fraud"])
    directory = export(model, frame, tmp_path / "m")
    assert contract_of(directory)["properties"]["items"]["type"] == ["integer", "null"]
    assert any(row["request"].get("items") == 40 for row in golden_of(directory)), "40 is no item of the frame"


def test_early_stopping_ends_classifier_and_booster(categories: pd.DataFrame, tmp_path: Path) -> None:
    inputs, fraud = categories[INPUTS], categories["fraud"]
    model = lightgbm.LGBMClassifier(n_estimators=300, learning_rate=0.5, verbose=-1)
    stop = lightgbm.early_stopping(3, verbose=False)
    model.fit(inputs[:1000], fraud[:1000], eval_X=inputs[1000:], eval_y=fraud[1000:], callbacks=[stop])
    assert 0 < model.best_iteration_ < 300
    golden = [golden_of(export(each, inputs, tmp_path / name)) for name, each in (("a", model), ("b", model.booster_))]
    assert golden[0] == golden[1]


def test_a_class_among_several_is_named_by_its_label(categories: pd.DataFrame, tmp_path: Path) -> None:
    level = (categories["fraud"] + (categories["items"] > 30)).map({0: "low", 1: "medium", 2: "high"})
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(categories[INPUTS], level)
    directory = export(model, categories, tmp_path / "m", positive_class="high")
    assert contract_of(directory)["x-rowan"]["positive_class"] == list(model.classes_).index("high")


def test_columns_with_spaces_keep_their_names_in_requests(categories: pd.DataFrame, tmp_path: Path) -> None:
    frame = categories[INPUTS].rename(columns={"amount": "amount of money"})
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(frame, categories["fraud"])
    directory = export(model, frame, tmp_path / "m")
    assert contract_of(directory)["x-rowan"]["features"][0] == {"name": "amount_of_money", "from": "amount of money"}


def test_the_command_knows_the_categories_of_a_file(
    model: lightgbm.LGBMClassifier, categories: pd.DataFrame, tmp_path: Path
) -> None:
    model.booster_.save_model(tmp_path / "saved.txt")
    categories.to_csv(tmp_path / "rows.csv", index=False)
    files = ["--model", str(tmp_path / "saved.txt"), "--data", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "m")]
    assert main(["export", *files, "--target", "fraud", "--id-field", "payment"]) == 0
    assert {"name": "device", "category": "device"} in contract_of(tmp_path / "m")["x-rowan"]["features"]


def test_other_categories_than_the_models_are_refused(
    model: lightgbm.LGBMClassifier, payments: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="learned 1 columns of type 'category', and the frame has 0"):
        export(model, payments, tmp_path / "m")


def test_multiclassova_is_refused(categories: pd.DataFrame, tmp_path: Path) -> None:
    level = categories["fraud"] + (categories["items"] > 30)
    model = lightgbm.LGBMClassifier(n_estimators=2, objective="multiclassova", verbose=-1).fit(
        categories[INPUTS], level
    )
    with pytest.raises(ExportError, match="use multiclass"):
        export(model, categories, tmp_path / "m", positive_class=1)

"""scikit-learn through ONNX: the numbers of Rowan are scikit-learn's, and ONNX Runtime loads the same file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from rowan_training.export import ExportError, export

from .conftest import contract_of, golden_of

SEEDED = {"random_state": 0}

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "tree": lambda: DecisionTreeClassifier(max_depth=7, **SEEDED),
    "forest": lambda: RandomForestClassifier(25, max_depth=9, **SEEDED),
    "extra trees": lambda: ExtraTreesClassifier(25, max_depth=9, **SEEDED),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=25, **SEEDED),
    "boosting, exponential": lambda: GradientBoostingClassifier(n_estimators=25, loss="exponential", **SEEDED),
    "boosting, zero": lambda: GradientBoostingClassifier(n_estimators=5, init="zero", **SEEDED),
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=25, **SEEDED),
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
}
REGRESSORS: dict[str, Callable[[], Any]] = {
    "tree": lambda: DecisionTreeRegressor(max_depth=7, **SEEDED),
    "forest": lambda: RandomForestRegressor(25, max_depth=9, **SEEDED),
    "extra trees": lambda: ExtraTreesRegressor(25, max_depth=9, **SEEDED),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=25, **SEEDED),
    "histograms": lambda: HistGradientBoostingRegressor(max_iter=25, **SEEDED),
    "linear": lambda: make_pipeline(MinMaxScaler(), LinearRegression()),
    "ridge": lambda: make_pipeline(RobustScaler(), Ridge()),
    "lasso": lambda: make_pipeline(MaxAbsScaler(), Lasso(0.1)),
}


def inputs_for(frame: pd.DataFrame) -> pd.DataFrame:
    """float64 throughout: CSV and linear models know nothing else."""
    return frame.drop(columns=["fraud", "amount"], errors="ignore").astype({"mean": np.float64})


def preprocessing() -> ColumnTransformer:
    filled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    text = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer(
        [
            ("filled", filled, ["risk", "mean"]),
            ("text", text, ["device"]),
            ("one", OneHotEncoder(handle_unknown="ignore"), ["items"]),
        ],
        remainder="passthrough",
    )


def ordinal() -> ColumnTransformer:
    code = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return ColumnTransformer(
        [("scale", RobustScaler(), ["risk", "mean"]), ("code", code, ["device"])], sparse_threshold=0
    )


def ulps(seen: np.ndarray, expected: np.ndarray) -> float:
    return float(np.max(np.abs(seen - expected) / np.spacing(np.abs(expected))))


def allowed(directory: Path) -> int:
    return contract_of(directory)["x-rowan"].get("golden_ulps", 0)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_give_scikit_learns_probabilities(
    name: str, numeric: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    inputs = inputs_for(numeric)
    model = CLASSIFIERS[name]().fit(inputs, numeric["fraud"])
    directory = export(model, inputs.assign(fraud=numeric["fraud"]), tmp_path / "m", target="fraud")
    seen = score(directory, inputs)["fraud_probability"].to_numpy()
    assert ulps(seen, model.predict_proba(inputs)[:, 1]) <= allowed(directory)
    assert allowed(directory) <= (256 if name == "logistic" else 4)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors_give_scikit_learns_scores(
    name: str, numeric: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    inputs = inputs_for(numeric)
    model = REGRESSORS[name]().fit(inputs, numeric["amount"])
    directory = export(model, inputs, tmp_path / "m")
    seen = score(directory, inputs)["score"].to_numpy()
    assert ulps(seen, model.predict(inputs)) <= allowed(directory)
    assert allowed(directory) == (256 if isinstance(model, Pipeline) else 0)


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if "exponential" not in name])  # two classes only
def test_a_class_among_several_is_named_by_its_label(
    name: str, numeric: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    inputs = inputs_for(numeric)
    level = (numeric["fraud"] + (numeric["items"] > 30)).map({0: "low", 1: "medium", 2: "high"})
    model = CLASSIFIERS[name]().fit(inputs, level)
    directory = export(model, inputs, tmp_path / "m", positive_class="high")
    column = list(model.classes_).index("high")
    assert contract_of(directory)["x-rowan"]["positive_class"] == column
    seen = score(directory, inputs)["fraud_probability"].to_numpy()
    assert ulps(seen, model.predict_proba(inputs)[:, column]) <= allowed(directory)


@pytest.mark.parametrize(
    ("before", "final"),
    [
        (preprocessing, RandomForestClassifier(20, max_depth=9, **SEEDED)),
        (preprocessing, GradientBoostingClassifier(n_estimators=30, **SEEDED)),
        (preprocessing, LogisticRegression(max_iter=2000)),
        (ordinal, HistGradientBoostingClassifier(max_iter=20, **SEEDED)),
        (ordinal, DecisionTreeClassifier(max_depth=9, **SEEDED)),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_pipelines_give_scikit_learns_probabilities_from_raw_fields(
    before: Callable[[], ColumnTransformer],
    final: Any,
    payments: pd.DataFrame,
    tmp_path: Path,
    score: Callable[..., pd.DataFrame],
) -> None:
    inputs = inputs_for(payments).drop(columns="payment")
    model = make_pipeline(before(), final).fit(inputs, payments["fraud"])
    frame = payments.astype({"mean": np.float64})
    directory = export(model, frame, tmp_path / "m", target="fraud", id_field="payment")
    contract = contract_of(directory)
    assert contract["properties"]["device"]["enum"][:4] == ["desktop", "phone", "terminal", "watch"]
    assert contract["properties"]["risk"]["type"] == ["number", "null"]
    assert any(row["request"].get("risk", 0) is None for row in golden_of(directory))
    seen = score(directory, frame)["fraud_probability"].to_numpy()
    assert ulps(seen, model.predict_proba(inputs)[:, 1]) <= allowed(directory)


def test_histogram_boosting_takes_the_categories_of_a_frame(
    payments: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    shops = np.random.RandomState(1).randint(0, 30, len(payments))
    frame = inputs_for(payments).drop(columns="payment").assign(shop=[f"shop {shop}" for shop in shops])
    frame.loc[::17, "device"] = None
    frame = frame.astype({"shop": "category", "device": "category"})
    fraud = np.where(np.isin(shops, [1, 4, 5, 9, 20]), 1 - payments["fraud"], payments["fraud"])
    model = HistGradientBoostingClassifier(max_iter=20, **SEEDED).fit(frame, fraud)
    directory = export(model, frame, tmp_path / "m")
    assert set(contract_of(directory)["properties"]["shop"]["enum"]) == {*frame["shop"].cat.categories, None}
    seen = score(directory, frame)["fraud_probability"].to_numpy()
    assert ulps(seen, model.predict_proba(frame)[:, 1]) <= allowed(directory)


def test_a_trees_split_of_float32_is_that_of_every_double(numeric: pd.DataFrame, tmp_path: Path) -> None:
    """scikit-learn compares float32(x): doubles next to a threshold on either side fall as they do there."""
    inputs = inputs_for(numeric)[["mean"]]
    model = DecisionTreeClassifier(max_depth=6, **SEEDED).fit(inputs, numeric["fraud"])
    thresholds = model.tree_.threshold[model.tree_.children_left >= 0]
    floats = thresholds.astype(np.float32)
    near = [np.nextafter(floats, np.float32(side)).astype(np.float64) for side in (-np.inf, np.inf)]
    middles = [(floats.astype(np.float64) + other) / 2 for other in near]
    exact = np.concatenate([thresholds, floats, *near, *middles])
    rows = np.concatenate([exact, np.nextafter(exact, -np.inf), np.nextafter(exact, np.inf)])
    directory = export(model, pd.DataFrame({"mean": rows}), tmp_path / "m", golden_rows=len(rows))
    written = {
        row["request"]["mean"]: row["fraud_probability"] for row in golden_of(directory) if row["request"].get("mean")
    }
    assert len(written) > len(rows) / 4, "the proof of the export held at each of them"


def test_float32_columns_are_rounded_as_scikit_learn_rounds_them(payments: pd.DataFrame, tmp_path: Path) -> None:
    inputs = payments[["mean", "risk"]].astype(np.float32).fillna(0)
    for name, final in (("f", RandomForestClassifier(5, **SEEDED)), ("h", HistGradientBoostingClassifier(max_iter=5))):
        model = make_pipeline(StandardScaler(), final).fit(inputs, payments["fraud"])
        export(model, inputs, tmp_path / name)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, payments["fraud"])
    with pytest.raises(ExportError, match="use float64 columns"):
        export(linear, inputs, tmp_path / "l")


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, RandomForestClassifier, ExtraTreesClassifier])
def test_missing_values_go_where_training_sent_them(
    kind: Any, payments: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    inputs = payments[["amount", "risk"]]
    assert inputs["risk"].isna().any()
    model = kind(max_depth=8, random_state=0).fit(inputs, payments["fraud"])
    seen = score(export(model, inputs, tmp_path / "m"), inputs)["fraud_probability"]
    np.testing.assert_array_equal(seen.to_numpy(), model.predict_proba(inputs)[:, 1])


def test_margins_that_are_all_positive_are_margins(numeric: pd.DataFrame, tmp_path: Path) -> None:
    inputs = inputs_for(numeric)
    often = np.random.RandomState(0).uniform(size=len(inputs)) < 0.9
    model = GradientBoostingClassifier(n_estimators=2, max_depth=1, init="zero").fit(inputs, often)
    assert (model.decision_function(inputs) > 0).all()
    directory = export(model, inputs, tmp_path / "m")
    session = onnxruntime.InferenceSession(directory / "model.onnx", providers=["CPUExecutionProvider"])
    (seen,) = session.run(["probabilities"], {"X": inputs.to_numpy(np.float64)})
    np.testing.assert_allclose(seen, model.predict_proba(inputs), rtol=0, atol=2e-7)


def test_arrays_without_names_take_the_columns_in_their_order(numeric: pd.DataFrame, tmp_path: Path) -> None:
    inputs = inputs_for(numeric)
    model = RandomForestClassifier(5, **SEEDED).fit(inputs.to_numpy(np.float64), numeric["fraud"])
    directory = export(model, inputs.astype(np.float64).assign(fraud=1), tmp_path / "m", target="fraud")
    assert [feature["from"] for feature in contract_of(directory)["x-rowan"]["features"]] == list(inputs)


def test_a_field_may_be_null_only_where_the_model_takes_a_missing_value(payments: pd.DataFrame, tmp_path: Path) -> None:
    inputs = payments[["amount", "risk"]]
    boosted = GradientBoostingClassifier(n_estimators=5).fit(inputs.fillna(0), payments["fraud"])
    directory = export(boosted, inputs.fillna(0), tmp_path / "none")
    assert contract_of(directory)["required"] == ["amount", "risk"]
    binned = HistGradientBoostingClassifier(max_iter=5).fit(inputs, payments["fraud"])
    assert contract_of(export(binned, inputs, tmp_path / "all"))["required"] == []


def test_threads_may_add_in_another_order(numeric: pd.DataFrame, tmp_path: Path) -> None:
    inputs = inputs_for(numeric)
    model = RandomForestClassifier(50, n_jobs=2, **SEEDED).fit(inputs, numeric["fraud"])
    directory = export(model, inputs, tmp_path / "m")
    assert allowed(directory) == 16
    assert "may differ from the library's by 16 units in the last place" in (directory / "README.md").read_text()


def test_onnx_runtime_gives_the_same_to_float32(numeric: pd.DataFrame, tmp_path: Path) -> None:
    inputs = inputs_for(numeric)
    for name in ("tree", "forest", "histograms", "logistic"):
        model = CLASSIFIERS[name]().fit(inputs, numeric["fraud"])
        directory = export(model, inputs, tmp_path / name)
        session = onnxruntime.InferenceSession(directory / "model.onnx", providers=["CPUExecutionProvider"])
        (seen,) = session.run(["probabilities"], {"X": inputs.to_numpy(np.float64)})
        np.testing.assert_allclose(seen, model.predict_proba(inputs), rtol=0, atol=2e-7)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (AdaBoostClassifier(n_estimators=2), "AdaBoostClassifier cannot be exported: use one of"),
        (make_pipeline(PCA(2), RandomForestClassifier(2)), "PCA cannot be folded into trees"),
        (HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]), "are encoded: train it as text"),
        (GradientBoostingClassifier(n_estimators=2, init=DecisionTreeClassifier(max_depth=1)), "train it without init"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_exported_is_refused_with_a_remedy(
    model: Any, message: str, numeric: pd.DataFrame, tmp_path: Path
) -> None:
    inputs = inputs_for(numeric)
    with pytest.raises(ExportError, match=message):
        export(model.fit(inputs, numeric["fraud"]), inputs, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_regressions_of_another_link_are_refused(numeric: pd.DataFrame, tmp_path: Path) -> None:
    inputs = inputs_for(numeric)
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=2).fit(inputs, numeric["amount"])
    with pytest.raises(ExportError, match="the loss poisson has no ONNX form"):
        export(model, inputs, tmp_path / "m")


def test_texts_that_reach_the_trees_are_refused(payments: pd.DataFrame, tmp_path: Path) -> None:
    """A model cannot be fitted on them, but a frame can have other types than training had."""
    inputs = inputs_for(payments)[["items", "risk"]].fillna(0)
    model = RandomForestClassifier(2).fit(inputs, payments["fraud"])
    with pytest.raises(ExportError, match="encode them before the trees"):
        export(model, inputs.astype({"items": str}), tmp_path / "m")

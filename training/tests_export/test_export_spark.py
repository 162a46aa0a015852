"""Spark ML through ONNX, in a real session; the first test's model is the kind that fraud pipelines on Spark train."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import DecisionTreeClassifier, GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.feature import StandardScaler, StringIndexer, VectorAssembler
from pyspark.ml.regression import DecisionTreeRegressor, GBTRegressor, RandomForestRegressor
from pyspark.sql import DataFrame, SparkSession

from rowan_training.export import ExportError, export

from .conftest import contract_of, golden_of

COLUMNS = ["items", "night", "mean", "risk"]


@pytest.fixture(scope="module")
def rows(payments: pd.DataFrame) -> pd.DataFrame:
    frame = payments.iloc[:400].astype({"mean": np.float64, "fraud": np.float64})
    # Texts enough that sets of them are no runs of their indices.
    shops = np.random.RandomState(1).randint(0, 12, len(frame))
    fraud = np.where(np.isin(shops, [1, 4, 5, 9]), 1 - frame["fraud"], frame["fraud"])
    return frame.assign(shop=[f"shop {shop}" for shop in shops], fraud=fraud)


@pytest.fixture(scope="module")
def complete(spark: SparkSession, rows: pd.DataFrame) -> DataFrame:
    """What Spark trains on: it scores rows with missing values, and refuses to learn from them."""
    return spark.createDataFrame(rows.fillna({"risk": 0.0}).to_dict("records"))


@pytest.fixture(scope="module")
def data(spark: SparkSession, rows: pd.DataFrame) -> DataFrame:
    return spark.createDataFrame(rows.to_dict("records"))


def fit(data: DataFrame, final: Any, *columns: str, before: tuple[Any, ...] = ()) -> Any:
    assembler = VectorAssembler(inputCols=list(columns), outputCol="features", handleInvalid="keep")
    return Pipeline(stages=[*before, assembler, final]).fit(data)


def ulps(seen: np.ndarray, expected: np.ndarray) -> float:
    return float(np.max(np.abs(seen - expected) / np.spacing(np.abs(expected))))


def column_of(model: Any, data: DataFrame, name: str) -> np.ndarray:
    return np.array([row[0] for row in model.transform(data).select(name).collect()])


@pytest.mark.parametrize(
    ("kind", "options", "most"),
    [
        (RandomForestClassifier, {"numTrees": 10, "maxDepth": 5, "seed": 1}, 4),
        (DecisionTreeClassifier, {"maxDepth": 6}, 4),
        (GBTClassifier, {"maxIter": 15, "maxDepth": 4, "seed": 1}, 1024),
    ],
)
def test_classifiers_give_sparks_probabilities(
    kind: Any,
    options: dict[str, int],
    most: int,
    complete: DataFrame,
    data: DataFrame,
    rows: pd.DataFrame,
    tmp_path: Path,
    score: Callable[..., pd.DataFrame],
) -> None:
    model = fit(complete, kind(labelCol="fraud", **options), *COLUMNS)
    directory = export(model, rows, tmp_path / "m", target="fraud", id_field="payment")
    assert contract_of(directory)["x-rowan"]["golden_ulps"] == most
    assert any(row["request"].get("risk", 0) is None for row in golden_of(directory))
    seen = score(directory, rows)["fraud_probability"].to_numpy()
    assert ulps(seen, column_of(model, data, "probability")[:, 1]) <= most


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (RandomForestRegressor, {"numTrees": 10, "maxDepth": 5, "seed": 1}),
        (DecisionTreeRegressor, {"maxDepth": 6}),
        (GBTRegressor, {"maxIter": 10, "maxDepth": 4, "seed": 1}),
    ],
)
def test_regressors_give_sparks_scores(
    kind: Any,
    options: dict[str, int],
    complete: DataFrame,
    data: DataFrame,
    rows: pd.DataFrame,
    tmp_path: Path,
    score: Callable[..., pd.DataFrame],
) -> None:
    model = fit(complete, kind(labelCol="amount", **options), *COLUMNS)
    directory = export(model, rows, tmp_path / "m", target="amount")
    seen = score(directory, rows)["score"].to_numpy()
    assert ulps(seen, column_of(model, data, "prediction")) <= contract_of(directory)["x-rowan"]["golden_ulps"]


@pytest.mark.parametrize("invalid", ["error", "keep"])
def test_indexed_texts_are_an_enum_in_the_order_of_their_indices(
    invalid: str,
    complete: DataFrame,
    data: DataFrame,
    rows: pd.DataFrame,
    tmp_path: Path,
    score: Callable[..., pd.DataFrame],
) -> None:
    indexer = StringIndexer(inputCols=["device", "shop"], outputCols=["i", "j"], handleInvalid=invalid)
    final = RandomForestClassifier(labelCol="fraud", numTrees=8, maxDepth=6, seed=1)
    model = fit(complete, final, "amount", "mean", "i", "j", before=(indexer,))
    directory = export(model, rows, tmp_path / "m", target="fraud")
    contract = contract_of(directory)
    labels = [list(labels) for labels in model.stages[0].labelsArray]
    nulls = [None] if invalid == "keep" else []
    assert [contract["properties"][name]["enum"] for name in ("device", "shop")] == [each + nulls for each in labels]
    assert ("shop" in contract["required"]) == (invalid == "error")
    seen = score(directory, rows)["fraud_probability"].to_numpy()
    assert ulps(seen, column_of(model, data, "probability")[:, 1]) <= 4


def test_a_model_alone_takes_the_columns_in_their_order(
    complete: DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    pipeline = fit(complete, RandomForestClassifier(labelCol="fraud", numTrees=3, seed=1), "amount", "items", "mean")
    directory = export(pipeline.stages[-1], rows[["amount", "items", "mean"]], tmp_path / "m")
    assert contract_of(directory)["required"] == ["amount", "items", "mean"]


def test_onnx_runtime_gives_the_same_to_float32(
    complete: DataFrame, data: DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    model = fit(complete, RandomForestClassifier(labelCol="fraud", numTrees=10, seed=1), *COLUMNS)
    directory = export(model, rows, tmp_path / "m", target="fraud")
    session = onnxruntime.InferenceSession(directory / "model.onnx", providers=["CPUExecutionProvider"])
    (seen,) = session.run(["probabilities"], {"X": rows[COLUMNS].to_numpy(np.float64)})
    np.testing.assert_allclose(seen, column_of(model, data, "probability"), rtol=0, atol=2e-7)


def test_what_cannot_be_exported_is_refused_with_a_remedy(
    complete: DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    linear = fit(complete, LogisticRegression(labelCol="fraud"), "amount", "mean")
    with pytest.raises(ExportError, match="LogisticRegressionModel cannot be exported: use one of RandomForest"):
        export(linear, rows, tmp_path / "m")
    scaled = Pipeline(
        stages=[
            VectorAssembler(inputCols=["amount", "mean"], outputCol="raw"),
            StandardScaler(inputCol="raw", outputCol="features"),
            DecisionTreeClassifier(labelCol="fraud"),
        ]
    ).fit(complete)
    with pytest.raises(ExportError, match="StandardScalerModel.*compute other columns before the request"):
        export(scaled, rows, tmp_path / "m")
    strict = Pipeline(
        stages=[
            VectorAssembler(inputCols=["mean", "amount"], outputCol="features"),
            DecisionTreeClassifier(labelCol="fraud"),
        ]
    ).fit(complete)
    with pytest.raises(ExportError, match="refuses missing values, and the frame has some in mean"):
        export(strict, rows.assign(mean=np.nan), tmp_path / "m")
    assert not list(tmp_path.iterdir())

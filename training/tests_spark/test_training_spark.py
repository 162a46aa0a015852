"""Training rows and models on Spark: nothing is lost, the same data give the same bytes, and `rowan verify` agrees."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost
from pyspark.sql import SparkSession

from rowan_training import missing
from rowan_training.booster import PARAMETERS, fraud_probabilities
from rowan_training.export import export
from rowan_training.features import FEATURES, feature_matrix
from rowan_training.models.registry import trainer_of
from rowan_training.models.trainer import FittedModel, TrainingError, TrainingRows
from rowan_training.spark.rows import LABEL, WEIGHT, training_rows
from rowan_training.split import Split, split_from

from .conftest import TRAIN_START

FEW = {
    "xgboost": {"n_trees": 20},
    "random-forest": {"n_estimators": 5, "max_depth": 6, "max_bins": 64, "partitions": 2},
}


def rows_of(path: Path, train_start: str = TRAIN_START) -> TrainingRows:
    def load() -> None:
        raise AssertionError("the engine spark must not load the rows on this machine")

    first = date.fromisoformat(train_start)
    return TrainingRows(path, first, first + timedelta(days=6), load)


def trained(model: str, path: Path, **changes: object) -> FittedModel:
    trainer = trainer_of(model, "spark")
    return trainer.fit(rows_of(path), 0, {**trainer.PARAMETERS, **FEW[model], **changes})


@pytest.fixture(scope="module")
def split(transactions: pd.DataFrame) -> Split:
    return split_from(transactions, TRAIN_START)


@pytest.fixture(scope="module")
def booster(spark: SparkSession, parquet: Path) -> FittedModel:
    return trained("xgboost", parquet)


@pytest.fixture(scope="module")
def forest(spark: SparkSession, parquet: Path) -> FittedModel:
    return trained("random-forest", parquet)


def sorted_rows(matrix: np.ndarray) -> np.ndarray:
    filled = np.nan_to_num(matrix, nan=-1)
    return filled[np.lexsort(filled.T)]


def test_rows_copies_and_weights_are_those_of_this_machine(
    spark: SparkSession, parquet: Path, transactions: pd.DataFrame, features: pd.DataFrame, split: Split
) -> None:
    labels = transactions["TX_FRAUD"].to_numpy()[split.train]
    expected = np.column_stack(missing.with_missing_copies(features[split.train].to_numpy(), labels))
    seen = training_rows(spark, rows_of(parquet), 2).select(*FEATURES, LABEL, WEIGHT).toPandas().to_numpy()
    np.testing.assert_array_equal(sorted_rows(seen), sorted_rows(expected))


def test_days_without_frauds_and_missing_data_are_refused(spark: SparkSession, parquet: Path) -> None:
    with pytest.raises(TrainingError, match="0 of 0 rows from 2017-01-01 to 2017-01-07.*choose other training days"):
        training_rows(spark, rows_of(parquet, "2017-01-01"), 1)
    with pytest.raises(TrainingError, match="run the step extract first"):
        training_rows(spark, rows_of(parquet.with_name("none")), 1)


def test_the_same_rows_in_other_files_give_the_same_bytes(
    booster: FittedModel, transactions: pd.DataFrame, tmp_path: Path
) -> None:
    transactions.to_parquet(tmp_path / "one.parquet", index=False)
    again = trained("xgboost", tmp_path / "one.parquet")
    assert digest(again) == digest(booster)
    assert digest(trained("xgboost", tmp_path / "one.parquet", max_depth=2)) != digest(booster)


def digest(fitted: FittedModel) -> str:
    return hashlib.sha256(fitted.estimator.save_raw("ubj")).hexdigest()


def test_two_workers_learn_what_one_learns(booster: FittedModel, parquet: Path, features: pd.DataFrame) -> None:
    both = trained("xgboost", parquet, workers=2)
    np.testing.assert_allclose(both.predict_proba(features), booster.predict_proba(features), atol=0.02)


def test_the_booster_is_the_one_of_this_machine_without_exact_splits(
    booster: FittedModel, transactions: pd.DataFrame, features: pd.DataFrame, split: Split
) -> None:
    labels = transactions["TX_FRAUD"].to_numpy()
    matrix, targets, weights = missing.with_missing_copies(feature_matrix(features[split.train]), labels[split.train])
    given = {**PARAMETERS, **{name: booster.parameters[name] for name in ("tree_method", "max_bin")}}
    data = xgboost.DMatrix(matrix, targets, weight=weights, feature_names=list(FEATURES))
    expected = fraud_probabilities(xgboost.train(given, data, 20), feature_matrix(features))
    np.testing.assert_allclose(booster.predict_proba(features), expected, atol=0.02)


@pytest.mark.parametrize("model", ["booster", "forest"])
def test_the_export_is_proved_and_its_inputs_are_the_features(
    model: str, request: pytest.FixtureRequest, features: pd.DataFrame, split: Split, tmp_path: Path
) -> None:
    fitted: FittedModel = request.getfixturevalue(model)
    directory = export(fitted.estimator, features[split.test].iloc[:300], tmp_path / "fraud")
    contract = json.loads((directory / "contract.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in contract["x-rowan"]["features"]] == list(FEATURES)
    assert (directory / ("model.ubj" if model == "booster" else "model.onnx")).stat().st_size > 1_000
    assert sum(fitted.importance.values()) == pytest.approx(1)
    assert set(fitted.importance) == set(FEATURES)
    json.dumps(fitted.parameters)


def test_the_forest_learned_what_a_missing_window_means(
    forest: FittedModel, transactions: pd.DataFrame, features: pd.DataFrame, split: Split
) -> None:
    """A forest that never saw one would send it to the side of the largest values, where the frauds are."""
    test = features[split.test]
    raw = test.assign(**{name: np.nan for name in missing.WINDOW_FEATURES})
    share = transactions["TX_FRAUD"].to_numpy()[split.test].mean()
    for rows in (test, raw):
        assert forest.predict_proba(rows).mean() == pytest.approx(share, abs=0.05)

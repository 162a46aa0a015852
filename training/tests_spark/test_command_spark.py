"""The command line with --engine spark: from raw files to a proved and evaluated directory, like the local engine."""

import json
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from rowan_training.__main__ import main
from rowan_training.features import FEATURES
from rowan_training.spark import sources
from rowan_training.split import day_number

from .conftest import ROWAN

SMALL = {
    "xgboost": {"n_trees": 10},
    "random-forest": {"n_estimators": 4, "max_depth": 5, "max_bins": 64, "partitions": 2},
}


@pytest.fixture(scope="module")
def source(transactions: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CSV in two files, not in order of time, names in small letters; the label as its kind."""
    folder = tmp_path_factory.mktemp("source")
    raw = transactions.drop(columns=["TX_TIME_SECONDS", "TX_TIME_DAYS", "TX_FRAUD"]).rename(columns=str.lower)
    raw.iloc[9_000:].to_csv(folder / "a.csv", index=False)
    raw.iloc[:9_000].to_csv(folder / "b.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def trained(spark: SparkSession, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("spark-run")
    settings = ["--engine", "spark", "--parameters", json.dumps(SMALL["xgboost"])]
    assert main(["train", "--data", str(source), "--out", str(run), *settings]) == 0
    return run


@pytest.fixture(scope="module")
def local(spark: SparkSession, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("local-run")
    assert main(["train", "--data", str(source), "--out", str(run), "--parameters", '{"n_trees": 10}']) == 0
    return run


def result(run: Path, step: str) -> dict[str, Any]:
    return json.loads((run / f"{step}.json").read_text(encoding="utf-8"))


def test_extract_and_validate_find_what_the_local_engine_finds(trained: Path, local: Path) -> None:
    for step in ("extract", "validate"):
        assert result(trained, step) == result(local, step)
    seen, expected = (pd.read_parquet(run / "transactions.parquet") for run in (trained, local))
    assert list(seen) == list(expected)
    for name in expected:
        assert (seen[name].to_numpy() == expected[name].to_numpy()).all(), name


def test_train_and_evaluate_count_the_same_rows(trained: Path, local: Path) -> None:
    seen, expected = result(trained, "evaluate"), result(local, "evaluate")
    for key in ("rows", "frauds", "blocked"):
        assert seen[key] == expected[key]
    for key in ("rows", "frauds", "train", "test", "model_file", "labels", "history_days"):
        assert result(trained, "train")[key] == result(local, "train")[key]
    # Ten trees on a week: splits of histograms and exact ones differ by little.
    for key in ("auc_roc", "average_precision"):
        assert seen["challenger"][key] == pytest.approx(expected["challenger"][key], abs=0.1)


def test_the_directory_has_the_contract_of_the_service(trained: Path, local: Path) -> None:
    seen, expected = (json.loads((run / "model" / "contract.json").read_text()) for run in (trained, local))
    assert seen["x-rowan"].pop("version") != expected["x-rowan"].pop("version")
    assert seen == expected
    assert subprocess.run([ROWAN, "verify", trained / "model"], check=False).returncode == 0


def test_golden_rows_are_of_the_training_days(trained: Path, local: Path) -> None:
    first, last = (date.fromisoformat(result(trained, "train")["train"][key]) for key in ("from", "until"))
    days = set(range(day_number(first), day_number(last) + 1))
    for run in (trained, local):
        rows = [json.loads(line)["request"] for line in (run / "model" / "golden.jsonl").read_text().splitlines()]
        assert {row["tx_time_days"] for row in rows if "tx_time_days" in row} == days


def test_newest_labels_are_left_out_of_the_test_as_by_the_local_engine(
    trained: Path, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RETRAINING_LABELS")
    weeks = []
    for engine, run in (("spark", trained), ("local", local)):
        folder = tmp_path / engine
        folder.mkdir()
        (folder / "transactions.parquet").symlink_to(run / "transactions.parquet")
        settings = ["--engine", engine, "--parameters", '{"n_trees": 1}']
        assert main(["step", "train", "--run", str(folder), *settings]) == 0
        weeks.append({key: result(folder, "train")[key] for key in ("labels", "history_days", "train", "test")})
    assert weeks[0] == weeks[1]
    assert weeks[0]["labels"] == "delayed"
    assert weeks[0]["test"] == {"from": "2018-05-17", "until": "2018-05-23"}


def test_a_forest_is_served_as_onnx(spark: SparkSession, trained: Path) -> None:
    """The steps in a run folder that was extracted already."""
    settings = ["--run", str(trained), "--engine", "spark", "--model", "random-forest"]
    settings += ["--parameters", json.dumps(SMALL["random-forest"])]
    for step in ("train", "evaluate"):
        assert main(["step", step, *settings]) == 0
    contract = json.loads((trained / "model" / "contract.json").read_text())
    assert contract["x-rowan"]["model_file"] == "model.onnx" == result(trained, "train")["model_file"]
    assert sorted(entry["name"] for entry in contract["x-rowan"]["features"]) == sorted(FEATURES)
    assert subprocess.run([ROWAN, "verify", trained / "model"], check=False).returncode == 0
    found = result(trained, "evaluate")["challenger"]
    assert found["auc_roc"] > 0.7
    assert found["mean_probability"] == pytest.approx(found["fraud_share"], abs=0.03)


def a_negative_amount(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(TX_AMOUNT=frame["TX_AMOUNT"].where(frame.index != 7, -1))


def an_id_twice(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(TRANSACTION_ID=frame["TRANSACTION_ID"].where(frame.index != 7, 3))


def another_label(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(TX_FRAUD=frame["TX_FRAUD"].where(frame.index != 7, 2))


def an_empty_card(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(CUSTOMER_ID=frame["CUSTOMER_ID"].where(frame.index != 7))


def a_word_for_an_amount(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(TX_AMOUNT=frame["TX_AMOUNT"].astype(object).where(frame.index != 7, "much"))


def a_time_that_is_none(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(TX_DATETIME=frame["TX_DATETIME"].astype(str).where(frame.index != 7, "yesterday"))


def no_terminals(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="TERMINAL_ID")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (a_negative_amount, "column TX_AMOUNT (TRANSACTION_ID 7): -1.0 is no amount"),
        (an_id_twice, "column TRANSACTION_ID: 3 is there twice"),
        (another_label, "column TX_FRAUD (TRANSACTION_ID 7): 2 is no label"),
        (an_empty_card, "column CUSTOMER_ID (TRANSACTION_ID 7): an empty value must not be empty"),
        (a_word_for_an_amount, "column TX_AMOUNT, TRANSACTION_ID 7: 'much' is no number"),
        (a_time_that_is_none, "column TX_DATETIME, TRANSACTION_ID 7: 'yesterday' is no time"),
        (no_terminals, "lacks the column TERMINAL_ID"),
    ],
)
def test_wrong_data_are_refused_by_column_and_row(
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    words: str,
    spark: SparkSession,
    transactions: pd.DataFrame,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    some = transactions.sort_values("TRANSACTION_ID", ignore_index=True).head(50)
    spoil(some.drop(columns=["TX_TIME_SECONDS", "TX_TIME_DAYS"])).to_csv(tmp_path / "data.csv", index=False)
    settings = ["--run", str(tmp_path / "run"), "--engine", "spark", "--data", str(tmp_path / "data.csv")]
    assert 1 in [main(["step", step, *settings]) for step in ("extract", "validate")]
    assert words in capsys.readouterr().err


def test_a_line_with_too_few_values_is_refused(
    spark: SparkSession, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (source / "a.csv").read_text().splitlines()[:20]
    (tmp_path / "data.csv").write_text("\n".join([*lines, lines[-1].rpartition(",")[0], lines[1]]) + "\n")
    settings = ["--run", str(tmp_path / "run"), "--engine", "spark", "--data", str(tmp_path / "data.csv")]
    assert main(["step", "extract", *settings]) == 1
    assert "cannot be read by Spark" in capsys.readouterr().err


def test_unix_times_and_parquet_are_read_as_by_the_local_engine(
    spark: SparkSession, transactions: pd.DataFrame, tmp_path: Path
) -> None:
    some = transactions.head(500)
    seconds = some["TX_DATETIME"].astype("datetime64[s]").astype(np.int64)
    (tmp_path / "data").mkdir()
    raw = some.drop(columns=["TX_DATETIME", "TX_TIME_DAYS"]).assign(TX_TIME_SECONDS=seconds)
    raw.iloc[::2].to_parquet(tmp_path / "data" / "a.parquet", index=False)
    raw.iloc[1::2].to_parquet(tmp_path / "data" / "b.parquet", index=False)
    found = {}
    for engine in ("local", "spark"):
        run = tmp_path / engine
        settings = ["--run", str(run), "--engine", engine, "--data", str(tmp_path / "data"), "--since", "2018-04-02"]
        assert main(["step", "extract", *settings]) == 0
        found[engine] = result(run, "extract"), pd.read_parquet(run / "transactions.parquet")
    assert found["spark"][0] == found["local"][0]
    pd.testing.assert_frame_equal(found["spark"][1], found["local"][1], check_dtype=False)


def test_s3_without_its_jars_is_refused_with_the_remedies(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The session has the jars of S3; what Java says of a class that no jar has is the same.
    monkeypatch.setattr(sources, "S3_CLASS", "org.apache.hadoop.fs.s3a.NoSuchFileSystem")
    assert main(["step", "extract", "--run", str(tmp_path), "--engine", "spark", "--data", "s3://bucket/data"]) == 1
    said = capsys.readouterr().err
    for remedy in ("hadoop-aws is not among its jars", "SPARK_JARS", "--engine local"):
        assert remedy in said


def test_a_model_that_spark_does_not_train_is_refused(
    spark: SparkSession, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["step", "train", "--run", str(trained), "--engine", "spark", "--model", "lightgbm"]) == 1
    assert "xgboost on spark" in capsys.readouterr().err

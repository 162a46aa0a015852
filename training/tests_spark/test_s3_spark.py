"""The engine spark reads the same S3, with the jars of spark-s3/pom.xml."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from rowan_training.__main__ import main
from rowan_training.steps import extract

AWAY, REFUSED = 75, 1


def extracted(run: Path, source: str) -> int:
    return main(["step", "extract", "--run", str(run), "--data", source, "--engine", "spark"])


@pytest.mark.parametrize("source", ["s3://payments/csv", "s3://payments/parquet"])
def test_a_prefix_gives_every_transaction(
    source: str, spark: SparkSession, environment: pytest.MonkeyPatch, payments: pd.DataFrame, tmp_path: Path
) -> None:
    assert extracted(tmp_path, source) == 0
    result = json.loads((tmp_path / "extract.json").read_text())
    assert (result["rows"], result["frauds"]) == (len(payments), payments["TX_FRAUD"].sum())
    seen = extract.read(tmp_path)
    for name in ("TRANSACTION_ID", "CUSTOMER_ID", "TX_AMOUNT", "TX_FRAUD", "TX_DATETIME"):
        assert seen[name].tolist() == payments[name].tolist(), name


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s3://payments/nothing", "s3://payments/nothing does not exist"),
        ("s3://no-such-bucket/csv", "The specified bucket does not exist"),
        ("s3://payments/spoiled", "cannot be read by Spark (s3a://payments/spoiled/a.parquet: "),
    ],
)
def test_data_that_are_not_there_or_spoiled_are_refused(
    source: str,
    words: str,
    spark: SparkSession,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert extracted(tmp_path, source) == REFUSED
    assert words in capsys.readouterr().err.strip().splitlines()[-1]


# Hadoop keeps the client of a bucket: each of these tests has a bucket of its own.


def test_a_wrong_secret_is_refused_and_not_tried_again(
    spark: SparkSession,
    bucket: Any,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bucket.create_bucket(Bucket="private")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    assert extracted(tmp_path, "s3://private/csv") == REFUSED
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "s3://private/csv cannot be read by Spark" in said
    assert "403" in said
    assert "another-secret" not in said


def test_a_server_that_is_away_may_be_tried_again(
    spark: SparkSession,
    environment: pytest.MonkeyPatch,
    nobody: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment.setenv("AWS_ENDPOINT_URL", nobody)
    assert extracted(tmp_path, "s3://elsewhere/csv") == AWAY
    assert "s3://elsewhere/csv: S3 does not answer" in capsys.readouterr().err.strip().splitlines()[-1]

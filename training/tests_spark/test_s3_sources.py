"""Reading from a real S3: what is there is read whole, and what is wrong ends with the promised exit code."""

import json
from pathlib import Path

import pandas as pd
import pytest

from rowan_training.__main__ import main
from rowan_training.steps import extract

AWAY, REFUSED = 75, 1


def extracted(run: Path, source: str) -> int:
    return main(["step", "extract", "--run", str(run), "--data", source])


@pytest.mark.parametrize("source", ["s3://payments/csv", "s3://payments/parquet/", "s3://payments/parquet"])
def test_a_prefix_gives_every_transaction(
    source: str, environment: pytest.MonkeyPatch, payments: pd.DataFrame, tmp_path: Path
) -> None:
    assert extracted(tmp_path, source) == 0
    result = json.loads((tmp_path / "extract.json").read_text())
    assert (result["rows"], result["frauds"]) == (len(payments), payments["TX_FRAUD"].sum())
    assert result["source"] == source
    seen = extract.read(tmp_path)
    for name in ("TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD", "TX_FRAUD_SCENARIO"):
        assert seen[name].tolist() == payments[name].tolist(), name
    assert seen["TX_DATETIME"].tolist() == payments["TX_DATETIME"].tolist()


@pytest.mark.parametrize("key", ["csv/day=a/a.csv", "parquet/a.parquet"])
def test_one_object_is_read(
    key: str, environment: pytest.MonkeyPatch, payments: pd.DataFrame, tmp_path: Path
) -> None:
    assert extracted(tmp_path, f"s3://payments/{key}") == 0
    half = payments.iloc[len(payments) // 2 :]
    assert extract.read(tmp_path)["TRANSACTION_ID"].tolist() == half["TRANSACTION_ID"].tolist()


def test_the_address_may_be_mlflows(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.delenv("AWS_ENDPOINT_URL")
    assert extracted(tmp_path, "s3://payments/parquet/a.parquet") == 0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s3://payments/nothing", "s3://payments/nothing does not exist"),
        ("s3://no-such-bucket/csv", "s3://no-such-bucket/csv does not exist"),
        ("s3://payments/spoiled", "spoiled/a.parquet cannot be read"),
        ("s3://payments/mixed", "mixes CSV and Parquet"),
    ],
)
def test_data_that_are_not_there_or_spoiled_are_refused(
    source: str, words: str, environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert extracted(tmp_path, source) == REFUSED
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in said
    assert not (tmp_path / "extract.json").exists()
    assert not (tmp_path / extract.FILE).exists()


def test_a_wrong_secret_is_refused_and_not_tried_again(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    assert extracted(tmp_path, "s3://payments/csv") == REFUSED
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "s3://payments/csv cannot be read" in said
    assert "another-secret" not in said


def test_a_server_that_is_away_may_be_tried_again(
    environment: pytest.MonkeyPatch, nobody: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("AWS_ENDPOINT_URL", nobody)
    assert extracted(tmp_path, "s3://payments/csv") == AWAY
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "S3 does not answer" in said
    assert "AWS_ENDPOINT_URL" in said

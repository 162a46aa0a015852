"""Reading: whatever the form of the source, the same transactions come out, and what cannot be read is said."""

import socket
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rowan_training.data.columns import CANONICAL, DataError
from rowan_training.data.sources import read_transactions
from rowan_training.errors import ServerAway
from rowan_training.features import FEATURES, book_features
from rowan_training.simulator import START_UNIX_SECONDS


@pytest.fixture(scope="module")
def book(small_transactions: pd.DataFrame) -> pd.DataFrame:
    return small_transactions.head(2_000)


def write(frame: pd.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


def _unix(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=["TX_DATETIME", "TX_TIME_DAYS"]).assign(
        TX_TIME_SECONDS=frame["TX_TIME_SECONDS"] + START_UNIX_SECONDS
    )


FORMS = {
    "as the book has it": lambda frame: frame,
    "lower case": lambda frame: frame.rename(columns=str.lower),
    "Unix time": _unix,
    "times with a zone": lambda frame: frame.assign(
        TX_DATETIME=frame["TX_DATETIME"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    ),
    "another order": lambda frame: frame.sample(frac=1, random_state=0),
    "more columns": lambda frame: frame.assign(note="x", MERCHANT=None),
    "no label beside the scenario": lambda frame: frame.drop(columns="TX_FRAUD"),  # rowan simulate --label
    "whole numbers as floats": lambda frame: frame.assign(CUSTOMER_ID=frame["CUSTOMER_ID"].astype(float)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("file", ["data.csv", "data.parquet", "data.csv.gz"])
def test_every_form_gives_the_same_transactions(book: pd.DataFrame, tmp_path: Path, form: str, file: str) -> None:
    frame = read_transactions(write(FORMS[form](book), tmp_path / file))
    assert list(frame) == [*CANONICAL, "TX_FRAUD_SCENARIO"]
    assert frame["TX_DATETIME"].tolist() == book["TX_DATETIME"].tolist()
    assert (frame["TX_TIME_SECONDS"] - START_UNIX_SECONDS).tolist() == book["TX_TIME_SECONDS"].tolist()
    for name in ("TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD", "TX_FRAUD_SCENARIO"):
        assert frame[name].tolist() == book[name].tolist(), name


def test_features_of_read_transactions_are_those_of_the_simulated_ones(book: pd.DataFrame, tmp_path: Path) -> None:
    read = read_transactions(write(book, tmp_path / "data.csv"))
    np.testing.assert_array_equal(book_features(read)[list(FEATURES)], book_features(book)[list(FEATURES)])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_folder_is_read_whole_and_hidden_files_are_not(book: pd.DataFrame, tmp_path: Path, ending: str) -> None:
    for part in range(3):
        write(book.iloc[part::3], tmp_path / f"day={part}" / f"part.{ending}")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "day=0" / ".part.crc").write_bytes(b"no data")
    frame = read_transactions(tmp_path)
    assert frame["TRANSACTION_ID"].tolist() == book["TRANSACTION_ID"].tolist()
    assert frame["TX_FRAUD"].sum() == book["TX_FRAUD"].sum()


def test_days_are_cut_at_midnight_utc(book: pd.DataFrame, tmp_path: Path) -> None:
    path = write(book, tmp_path / "data.parquet")
    frame = read_transactions(path, since=date(2018, 4, 3), until=date(2018, 4, 5))
    expected = book[(book["TX_TIME_DAYS"] >= 2) & (book["TX_TIME_DAYS"] <= 4)]
    assert frame["TRANSACTION_ID"].tolist() == expected["TRANSACTION_ID"].tolist()


def test_csv_and_parquet_together_are_refused(book: pd.DataFrame, tmp_path: Path) -> None:
    write(book, tmp_path / "a.csv")
    write(book, tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"mixes CSV and Parquet \(a.csv and b.parquet\).*keep one kind"):
        read_transactions(tmp_path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.xlsx").touch()
    with pytest.raises(DataError, match="data.xlsx is neither CSV .* nor Parquet"):
        read_transactions(tmp_path)


def test_no_file_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent.csv does not exist"):
        read_transactions(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="holds no file"):
        read_transactions(tmp_path)


def test_days_without_transactions_are_refused(book: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no transaction of the days from 2020-01-01 to the last"):
        read_transactions(write(book, tmp_path / "data.csv"), since=date(2020, 1, 1))


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.parquet").write_bytes(b"PAR1 and then something else")
    with pytest.raises(DataError, match="data.parquet cannot be read"):
        read_transactions(tmp_path)


@pytest.mark.parametrize("column", ["TRANSACTION_ID", "TX_FRAUD", "TX_AMOUNT"])
def test_a_column_that_lacks_is_named(book: pd.DataFrame, tmp_path: Path, column: str) -> None:
    with pytest.raises(DataError, match=f"data.csv lacks the column {column}"):
        read_transactions(write(book.drop(columns=[column, "TX_FRAUD_SCENARIO"]), tmp_path / "data.csv"))


def test_a_source_without_any_time_is_refused(book: pd.DataFrame, tmp_path: Path) -> None:
    without = book.drop(columns=["TX_DATETIME", "TX_TIME_SECONDS"])
    with pytest.raises(DataError, match="lacks the column TX_DATETIME"):
        read_transactions(write(without, tmp_path / "data.csv"))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("TX_AMOUNT", "a lot", "is no number"),
        ("CUSTOMER_ID", 1.5, "is no whole number"),
        ("TX_DATETIME", "yesterday", "is no time"),
    ],
)
def test_what_cannot_be_converted_is_named(
    book: pd.DataFrame, tmp_path: Path, column: str, value: object, said: str
) -> None:
    wrong = book.astype({column: object})
    wrong.loc[7, column] = value
    with pytest.raises(DataError, match=f"data.csv: column {column}, row 8: '{value}' {said}"):
        read_transactions(write(wrong, tmp_path / "data.csv"))


def test_the_same_column_in_two_spellings_is_refused(book: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="TX_FRAUD twice"):
        read_transactions(write(book.assign(tx_fraud=0), tmp_path / "data.parquet"))


def test_s3_that_does_not_answer_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    with pytest.raises(ServerAway, match="S3 does not answer"):
        read_transactions("s3://bucket/transactions")

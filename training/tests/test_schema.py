"""The schema refuses by column, row and value, and lets everything else through untouched."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rowan_training.data.columns import DataError
from rowan_training.data.counts import Counts, LostRows
from rowan_training.data.schema import validated
from rowan_training.data.sources import read_transactions


@pytest.fixture(scope="module")
def transactions(small_transactions: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    path: Path = tmp_path_factory.mktemp("schema") / "data.parquet"
    small_transactions.head(3_000).to_parquet(path)
    return read_transactions(path)


def test_good_transactions_stay_as_they_are(transactions: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(validated(transactions), transactions, check_exact=True)


def test_the_scenario_is_optional(transactions: pd.DataFrame) -> None:
    without = transactions.drop(columns="TX_FRAUD_SCENARIO")
    assert len(validated(without)) == len(without)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("TX_AMOUNT", -1.0, "-1.0 is no amount"),
        ("TX_AMOUNT", np.inf, "inf is no amount"),
        ("TX_AMOUNT", np.nan, "an empty value must not be empty"),
        ("TX_FRAUD", 2, "2 is no label: write 1 for a fraud"),
        ("TX_FRAUD", np.nan, "an empty value must not be empty"),
        ("CUSTOMER_ID", -3, "-3 is no id"),
        ("TERMINAL_ID", 2**60, "is no id"),
        ("TX_FRAUD_SCENARIO", -1, "-1 is no scenario"),
        ("TX_DATETIME", pd.Timestamp("1970-04-01"), "1970-04-01 00:00:00 lies outside 2000 to 2100"),
        ("TX_DATETIME", pd.NaT, "an empty value must not be empty"),
    ],
)
def test_a_wrong_value_is_named(transactions: pd.DataFrame, column: str, value: object, said: str) -> None:
    wrong = transactions.astype({column: float}) if value is np.nan else transactions.copy()
    wrong.loc[41, column] = value
    name = transactions["TRANSACTION_ID"].iloc[41]
    with pytest.raises(DataError) as refused:
        validated(wrong)
    assert f"column {column}, row 42 (TRANSACTION_ID {name}): " in str(refused.value)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_id_that_is_there_twice_is_named(transactions: pd.DataFrame) -> None:
    twice = transactions.copy()
    twice.loc[9, "TRANSACTION_ID"] = twice.loc[4, "TRANSACTION_ID"]
    with pytest.raises(DataError, match="column TRANSACTION_ID, row 5: 4 is there twice"):
        validated(twice)


def test_many_errors_are_counted(transactions: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=f"and {len(transactions) - 5} more"):
        validated(transactions.assign(TX_AMOUNT=-1.0))


def test_transactions_without_a_fraud_are_refused(transactions: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="none of the 3000 rows is a fraud"):
        validated(transactions.assign(TX_FRAUD=0))


def three_sigma(transactions: pd.DataFrame) -> pd.DataFrame:
    """A cleaning step of the kind that has deleted all frauds elsewhere: it calls rare values outliers, labels too."""
    numbers = transactions[["TX_AMOUNT", "TX_FRAUD"]]
    return transactions[((numbers - numbers.mean()).abs() <= 3 * numbers.std()).all(axis=1)]


def test_an_outlier_filter_that_drops_frauds_is_noticed(transactions: pd.DataFrame) -> None:
    rare = transactions[(transactions["TX_FRAUD"] == 0) | (transactions.index % 10 == 0)]
    counts = Counts("clean").start(rare)
    cleaned = three_sigma(rare)
    assert cleaned["TX_FRAUD"].sum() == 0 < rare["TX_FRAUD"].sum()
    with pytest.raises(LostRows, match=f"clean: {rare['TX_FRAUD'].sum()} frauds went in and 0 came out"):
        counts.end(cleaned)


def test_a_lost_genuine_row_is_noticed_too(transactions: pd.DataFrame) -> None:
    genuine = transactions.index[transactions["TX_FRAUD"] == 0]
    with pytest.raises(LostRows, match="3000 rows went in and 2999 came out"):
        Counts("clean").start(transactions).end(transactions.drop(index=genuine[0]))


def test_parts_must_add_up(transactions: pd.DataFrame) -> None:
    Counts("split").start(transactions).end(transactions.iloc[:1000], transactions.iloc[1000:])
    with pytest.raises(LostRows):
        Counts("split").start(transactions).end(transactions.iloc[:1000], transactions.iloc[1001:])

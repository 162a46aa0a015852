"""The features in Spark's windows are those of pandas, bit for bit, and none of them sees what is not known yet."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from rowan_training import features as local
from rowan_training.features import FEATURES, LABEL_DELAY_DAYS
from rowan_training.simulator import SECONDS_PER_DAY
from rowan_training.spark.features import book_features
from rowan_training.spark.reading import read_extracted

Read = Callable[[pd.DataFrame], DataFrame]


def in_order(frame: DataFrame) -> pd.DataFrame:
    return frame.select("TRANSACTION_ID", *FEATURES).toPandas().sort_values("TRANSACTION_ID", ignore_index=True)


def assert_same_bits(seen: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert len(seen) == len(expected)
    for name in FEATURES:
        assert seen[name].to_numpy(np.float64).tobytes() == expected[name].to_numpy(np.float64).tobytes(), name


def test_every_bit_is_that_of_pandas(
    spark: SparkSession, parquet: Path, transactions: pd.DataFrame, features: pd.DataFrame
) -> None:
    expected = features.assign(TRANSACTION_ID=transactions["TRANSACTION_ID"]).sort_values("TRANSACTION_ID")
    assert_same_bits(in_order(book_features(read_extracted(spark, parquet))), expected)


def as_nanoseconds(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(TX_DATETIME=frame["TX_DATETIME"].astype("datetime64[ns]"))


def with_a_zone(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(TX_DATETIME=frame["TX_DATETIME"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))


def with_ids_of_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(TRANSACTION_ID=frame["TRANSACTION_ID"].map("tx-{:09d}".format))


@pytest.mark.parametrize("written", [as_nanoseconds, with_a_zone, with_ids_of_text])
def test_the_type_of_times_and_ids_does_not_matter(
    written: Callable[[pd.DataFrame], pd.DataFrame], read: Read, transactions: pd.DataFrame
) -> None:
    some = transactions[transactions["CUSTOMER_ID"] < 20].sort_values("TRANSACTION_ID", ignore_index=True)
    ordered = some.sort_values(["TX_TIME_SECONDS", "TRANSACTION_ID"])
    expected = local.book_features(ordered).loc[some.index]
    assert_same_bits(in_order(book_features(read(written(some)))), expected)


def test_no_feature_sees_the_future(read: Read, transactions: pd.DataFrame) -> None:
    now = transactions["TX_TIME_SECONDS"].quantile(0.7)
    future = (transactions["TX_TIME_SECONDS"] > now).to_numpy()
    numbers = np.random.RandomState(0)
    shuffled = transactions.copy()
    for name in ("CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"):
        shuffled.loc[future, name] = numbers.permutation(shuffled.loc[future, name].to_numpy())
    until_now = set(transactions.loc[~future, "TRANSACTION_ID"])
    before, after = (in_order(book_features(read(frame))) for frame in (transactions, shuffled))
    past = before["TRANSACTION_ID"].isin(until_now)
    assert_same_bits(after[past], before[past])
    assert not after[~past].equals(before[~past])


def test_no_feature_sees_a_label_younger_than_the_delay(read: Read, transactions: pd.DataFrame) -> None:
    day = 50
    seconds = transactions["TX_TIME_SECONDS"]
    young = seconds > (day - LABEL_DELAY_DAYS) * SECONDS_PER_DAY
    scrambled = transactions.assign(TX_FRAUD=transactions["TX_FRAUD"].where(~young, 1 - transactions["TX_FRAUD"]))
    known = set(transactions.loc[seconds <= day * SECONDS_PER_DAY, "TRANSACTION_ID"])
    before, after = (in_order(book_features(read(frame))) for frame in (transactions, scrambled))
    past = before["TRANSACTION_ID"].isin(known)
    assert_same_bits(after[past], before[past])
    risks = [name for name in FEATURES if "RISK" in name]
    assert not after.loc[~past, risks].equals(before.loc[~past, risks])

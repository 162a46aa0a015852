"""The split on Spark has the rows of the split in pandas, and loses no fraud."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from rowan_training import split as local
from rowan_training.spark.reading import read_extracted
from rowan_training.spark.split import counted, split_by
from rowan_training.split import SplitError, Weeks

from .conftest import TRAIN_START


def ids(frame: DataFrame) -> list[int]:
    return sorted(row[0] for row in frame.select("TRANSACTION_ID").collect())


@pytest.mark.parametrize("train_start", [TRAIN_START, "2018-04-20"])
def test_training_test_and_blocked_rows_are_those_of_pandas(
    spark: SparkSession, parquet: Path, transactions: pd.DataFrame, train_start: str
) -> None:
    expected = local.split_from(transactions, train_start)
    split = split_by(read_extracted(spark, parquet), Weeks(date.fromisoformat(train_start)))
    for name in ("train", "test", "blocked"):
        mask = getattr(expected, name)
        assert mask.any(), name
        assert ids(getattr(split, name)) == sorted(transactions["TRANSACTION_ID"][mask]), name


def test_every_fraud_of_the_test_week_is_tested_or_blocked(
    spark: SparkSession, parquet: Path, transactions: pd.DataFrame
) -> None:
    found = counted(split_by(read_extracted(spark, parquet), Weeks(date.fromisoformat(TRAIN_START))))
    day = transactions["TX_DATETIME"].dt.normalize()
    week = transactions[(day >= "2018-05-23") & (day <= "2018-05-29")]
    assert np.add(found["test"], found["blocked"]).tolist() == [len(week), week["TX_FRAUD"].sum()]


def test_a_week_without_frauds_is_refused(spark: SparkSession, parquet: Path) -> None:
    frame = read_extracted(spark, parquet).where("TX_FRAUD = 0")
    with pytest.raises(SplitError, match="no fraud among the [0-9]+ training rows: choose another"):
        counted(split_by(frame, Weeks(date.fromisoformat(TRAIN_START))))

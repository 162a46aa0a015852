"""What rowan_training.prepared gives, from Spark: the driver gets the test rows, and few of the training days."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from rowan_training.errors import WorkError
from rowan_training.features import FEATURES
from rowan_training.models.trainer import LocalRows
from rowan_training.spark.features import UNIX
from rowan_training.spark.rows import features_of
from rowan_training.spark.split import SparkSplit, counted, split_by
from rowan_training.split import Weeks

# Golden rows are chosen from so many frauds, and from so many others.
EXAMPLES = 2_000


@dataclass(frozen=True)
class SparkPrepared:
    transactions: DataFrame
    weeks: Weeks

    @cached_property
    def split(self) -> SparkSplit:
        return split_by(self._featured, self.weeks)

    @cached_property
    def counts(self) -> Mapping[str, tuple[int, int]]:
        """Rows and frauds of "train", "test" and "blocked"."""
        return counted(split_by(self.transactions, self.weeks))

    def load(self) -> LocalRows:
        raise WorkError("the engine spark does not load training rows into one machine: use --engine local")

    def test(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Transactions and features of the test rows, in order of time."""
        return _local(self.split.test)

    def examples(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows to choose golden rows from: a few of the training days, as with the local engine."""
        kinds = [self.split.train.where(f"TX_FRAUD = {label}") for label in (1, 0)]
        # By the hash of the id, so that it is the same sample in every run.
        some = [kind.orderBy(F.xxhash64("TRANSACTION_ID"), "TRANSACTION_ID").limit(EXAMPLES) for kind in kinds]
        return _local(some[0].unionByName(some[1]))

    @cached_property
    def _featured(self) -> DataFrame:
        return features_of(self.transactions, self.weeks.train_start, self.weeks.test_end)


def _local(frame: DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = frame.drop(UNIX).toPandas().sort_values(["TX_DATETIME", "TRANSACTION_ID"], ignore_index=True)
    columns = [name for name in rows if name not in FEATURES or name == "TX_AMOUNT"]
    return rows[columns], rows[list(FEATURES)]

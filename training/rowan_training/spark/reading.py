"""Transactions as Spark reads them: the Parquet that the step extract wrote, with the second of each as Unix time.

Spark has no order of rows. Two transactions of one second are told apart by TRANSACTION_ID, as data/columns.py
orders them.
"""

from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from rowan_training.models.trainer import TrainingError
from rowan_training.spark.features import UNIX

NANOSECONDS = 1_000_000_000


def read_extracted(spark: SparkSession, path: Path) -> DataFrame:
    """The transactions of a run folder (a Parquet file or a folder of them), with UNIX."""
    if not path.exists():
        raise TrainingError(f"there is no {path}: run the step extract first")
    frame = spark.read.parquet(path.resolve().as_uri())
    return frame.withColumn(UNIX, unix_seconds("TX_DATETIME", frame.schema["TX_DATETIME"].dataType))


def unix_seconds(name: str, kind: T.DataType) -> Column:
    """Whole seconds of a column of times, UTC."""
    if isinstance(kind, T.LongType):  # spark.sql.legacy.parquet.nanosAsLong
        return F.expr(f"`{name}` div {NANOSECONDS}")
    return F.unix_seconds(F.col(name).cast("timestamp"))

"""Training rows on Spark: features of the training days, copies that lack windows, in an order that does not change."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from rowan_training import missing
from rowan_training.data.counts import LostRows
from rowan_training.features import FEATURES, LOOK_BACK_DAYS
from rowan_training.models.trainer import TrainingError, TrainingRows
from rowan_training.spark.features import book_features
from rowan_training.spark.reading import read_extracted
from rowan_training.spark.split import counts, within

LABEL = "label"
WEIGHT = "weight"
_CASE = "rowan_case"
_SORT_KEYS = ("TX_TIME_SECONDS", "TRANSACTION_ID", _CASE)


def training_rows(spark: SparkSession, rows: TrainingRows, partitions: int) -> DataFrame:
    """The columns FEATURES (double; NaN is missing), LABEL and WEIGHT; no row is lost, none comes twice.

    Which rows are together in a partition, and in which order, depends on the rows alone: sums of gradients and draws
    of trees are then the same in every run, and so are the bytes of the model.
    """
    transactions = read_extracted(spark, rows.transactions)
    days = within(rows.first_day, rows.last_day)
    train = features_of(transactions, rows.first_day, rows.last_day).where(days)
    copies = with_missing_copies(train.withColumn(LABEL, F.col("TX_FRAUD").cast("double")))
    placed = copies.repartition(partitions, "TRANSACTION_ID")
    # Trainers read their rows more than once; Spark writes to disk what does not fit into memory.
    made = placed.sortWithinPartitions(*_SORT_KEYS).select(*FEATURES, LABEL, WEIGHT, "TX_FRAUD").persist()
    _check(counts(transactions.where(days)), made, rows)
    return made.drop("TX_FRAUD")


def features_of(transactions: DataFrame, first_day: date, last_day: date) -> DataFrame:
    """Features of the rows up to `last_day`; correct from `first_day` on, for which the history is long enough."""
    history_from = first_day - timedelta(days=LOOK_BACK_DAYS + 1)
    return book_features(transactions.where(within(history_from, last_day)))


def with_missing_copies(frame: DataFrame) -> DataFrame:
    """As rowan_training.missing: the full rows with weight 1, and a light copy for each case of missing windows."""
    nothing = F.lit(float("nan"))
    case = F.explode(F.sequence(F.lit(0), F.lit(len(missing.CASES) - 1)))
    copied = frame.withColumn(_CASE, case)
    masked = {}
    for name in FEATURES:
        lacking = [number for number, names in enumerate(missing.CASES.values()) if name in names]
        if lacking:
            masked[name] = F.when(F.col(_CASE).isin(lacking), nothing).otherwise(F.col(name))
    full = [number for number, names in enumerate(missing.CASES.values()) if not names]
    weight = F.when(F.col(_CASE).isin(full), F.lit(1.0)).otherwise(F.lit(missing.COPY_WEIGHT))
    return copied.withColumns({**masked, WEIGHT: weight})


def _check(given: tuple[int, int], made: DataFrame, rows: TrainingRows) -> None:
    """No row and no fraud is lost, in the full rows and in each kind of copy."""
    kept = counts(made)
    if kept != (given[0] * len(missing.CASES), given[1] * len(missing.CASES)):
        raise LostRows(
            f"{given[0]} rows and {given[1]} frauds went into the features, and {len(missing.CASES)} times as many "
            f"should have come out, not {kept[0]} and {kept[1]}: mend the step"
        )
    if not 0 < given[1] < given[0]:
        raise TrainingError(
            f"{given[1]} of {given[0]} rows from {rows.first_day} to {rows.last_day} are frauds: a model needs both "
            "kinds; choose other training days"
        )

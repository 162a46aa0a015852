"""The steps of a run as the engine spark does them; rowan_training/steps calls these for `engine = "spark"`."""

import logging
import shutil
from datetime import datetime
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from rowan_training.contract import Json
from rowan_training.data.columns import DataError
from rowan_training.data.counts import LostRows
from rowan_training.errors import WorkError
from rowan_training.spark.columns import canonical, of_days
from rowan_training.spark.prepared import SparkPrepared
from rowan_training.spark.reading import read_extracted
from rowan_training.spark.session import spark_session
from rowan_training.spark.sources import explained, read_source
from rowan_training.spark.split import counts
from rowan_training.spark.validation import check
from rowan_training.split import Weeks
from rowan_training.steps.settings import Settings

FILE = "transactions.parquet"

log = logging.getLogger(__name__)


def extract(run: Path, settings: Settings) -> Json:
    """Writes a folder of Parquet files, in order of time, under the name of the local engine's file."""
    if settings.data is None:
        raise WorkError("no data: name a source with --data or RETRAINING_DATA")
    spark = spark_session()
    unfinished, finished = run / f".{FILE}", run / FILE
    try:
        given = of_days(canonical(read_source(spark, settings.data), settings.data), settings.since, settings.until)
        before = counts(given)
        if not before[0]:
            raise DataError(f"{settings.data} has no transaction of the days asked for: name other data or other days")
        ordered = given.repartitionByRange("TX_DATETIME", "TRANSACTION_ID")
        ordered = ordered.sortWithinPartitions("TX_DATETIME", "TRANSACTION_ID")
        ordered.write.mode("overwrite").parquet(unfinished.resolve().as_uri())
    except WorkError:
        raise
    except Exception as error:  # what a file holds shows when it is read
        raise explained(error, settings.data) from error
    written = spark.read.parquet(unfinished.resolve().as_uri())
    _check_counts("extract", before, counts(written))
    _replace(unfinished, finished)
    first, last = _times(spark.read.parquet(finished.resolve().as_uri()))
    return {
        "rows": before[0],
        "frauds": before[1],
        "from": first.isoformat() if first else None,
        "until": last.isoformat() if last else None,
        "source": settings.data,
    }


def validate(run: Path) -> Json:
    frame = _extracted(run)
    check(frame)
    rows, frauds = counts(frame)
    return {"rows": rows, "frauds": frauds}


def edges(run: Path) -> pd.DataFrame:
    """The times of the first and the last transaction, all that is needed to choose the weeks."""
    return pd.DataFrame({"TX_DATETIME": pd.to_datetime(pd.Series(_times(_extracted(run))))})


def prepare(run: Path, weeks: Weeks) -> SparkPrepared:
    return SparkPrepared(_extracted(run), weeks)


def _extracted(run: Path) -> DataFrame:
    return read_extracted(spark_session(), run / FILE)


def _times(frame: DataFrame) -> tuple[datetime | None, datetime | None]:
    row = frame.agg(F.min("TX_DATETIME").alias("first"), F.max("TX_DATETIME").alias("last")).first()
    assert row is not None
    return row["first"], row["last"]


def _check_counts(step: str, given: tuple[int, int], kept: tuple[int, int]) -> None:
    log.info("%s: %d rows in, %d out; %d frauds in, %d out", step, given[0], kept[0], given[1], kept[1])
    if given != kept:
        raise LostRows(
            f"{step}: {given[0]} rows and {given[1]} frauds went in, {kept[0]} and {kept[1]} came out: mend the step"
        )


def _replace(unfinished: Path, finished: Path) -> None:
    if finished.is_dir():
        shutil.rmtree(finished)
    else:
        finished.unlink(missing_ok=True)
    unfinished.rename(finished)

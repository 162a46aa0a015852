"""Reads the transactions of the source, and writes them in the one form that later steps read."""

import logging
import shutil
from pathlib import Path

import pandas as pd

from rowan_training.contract import Json
from rowan_training.data.counts import Counts, count
from rowan_training.data.sources import read_transactions
from rowan_training.errors import WorkError, without_userinfo
from rowan_training.steps.engines import spark_of
from rowan_training.steps.settings import Settings

FILE = "transactions.parquet"

log = logging.getLogger(__name__)


def run(run: Path, settings: Settings) -> Json:
    if spark := spark_of(settings.engine):
        result: Json = spark.extract(run, settings)
        return result
    if settings.data is None:
        raise WorkError("no data: name a source with --data or RETRAINING_DATA")
    transactions = read_transactions(settings.data, settings.since, settings.until)
    counts = Counts("extract").start(transactions)
    unfinished = run / f".{FILE}"
    if unfinished.is_dir():
        shutil.rmtree(unfinished)
    transactions.to_parquet(unfinished, index=False)
    counts.end(pd.read_parquet(unfinished, columns=["TX_FRAUD"]))
    if (run / FILE).is_dir():  # of the engine spark
        shutil.rmtree(run / FILE)
    unfinished.replace(run / FILE)
    rows, frauds = count(transactions)
    times = transactions["TX_DATETIME"].dropna()
    return {
        "rows": rows,
        "frauds": frauds,
        "from": times.min().isoformat() if len(times) else None,
        "until": times.max().isoformat() if len(times) else None,
        "source": without_userinfo(settings.data),
    }


def read(run: Path) -> pd.DataFrame:
    """What the step wrote."""
    path = run / FILE
    if not path.exists():
        raise WorkError(f"{path} is not there: run the step extract first")
    return pd.read_parquet(path)

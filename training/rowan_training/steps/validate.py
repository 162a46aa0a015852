"""Refuses transactions that nothing should be learned from; drops none."""

from pathlib import Path

from rowan_training.contract import Json
from rowan_training.data.counts import Counts, count
from rowan_training.data.schema import validated
from rowan_training.steps import extract
from rowan_training.steps.engines import spark_of
from rowan_training.steps.settings import Settings


def run(run: Path, settings: Settings) -> Json:
    if spark := spark_of(settings.engine):
        result: Json = spark.validate(run)
        return result
    transactions = extract.read(run)
    counts = Counts("validate").start(transactions)
    checked = validated(transactions)
    counts.end(checked)
    rows, frauds = count(checked)
    return {"rows": rows, "frauds": frauds}

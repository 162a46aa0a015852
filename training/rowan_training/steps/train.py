"""Trains a model on the last full weeks, and writes its directory, which `rowan verify` proves."""

import logging
from datetime import date
from pathlib import Path

import pandas as pd

from rowan_training.contract import Json
from rowan_training.features import LOOK_BACK_DAYS
from rowan_training.models.registry import parameters_of, trainer_of
from rowan_training.models.trainer import TrainingRows
from rowan_training.prepared import prepare
from rowan_training.service_directory import write_model
from rowan_training.split import Weeks, history_days, last_weeks
from rowan_training.steps import extract
from rowan_training.steps.engines import spark_of
from rowan_training.steps.settings import Settings

MODEL = "model"

log = logging.getLogger(__name__)


def run(run: Path, settings: Settings) -> Json:
    trainer = trainer_of(settings.model, settings.engine)
    parameters = parameters_of(trainer, settings.parameters)
    spark = spark_of(settings.engine)
    times = spark.edges(run) if spark else extract.read(run)
    weeks = last_weeks(times, settings.train_days, settings.test_days, settings.until, settings.labels)
    log.info(
        "training on %s to %s, testing on %s to %s",
        weeks.train_start,
        weeks.train_end,
        weeks.test_start,
        weeks.test_end,
    )
    history = _history_days(times, weeks)
    prepared = spark.prepare(run, weeks) if spark else prepare(extract.read(run), weeks)
    n_rows, n_frauds = prepared.counts["train"]
    rows = TrainingRows(run / extract.FILE, weeks.train_start, weeks.train_end, prepared.load)
    fitted = trainer.fit(rows, settings.seed, parameters)
    written = write_model(run / MODEL, settings.name, fitted, weeks.train_end, *prepared.examples())
    return {
        "version": written.version,
        "model": settings.model,
        "engine": settings.engine,
        "parameters": fitted.parameters,
        "model_file": written.model_file,
        "seed": settings.seed,
        "rows": n_rows,
        "frauds": n_frauds,
        "train": {"from": weeks.train_start.isoformat(), "until": weeks.train_end.isoformat()},
        "labels": settings.labels,
        "history_days": history,
        "test": {"from": weeks.test_start.isoformat(), "until": weeks.test_end.isoformat()},
        "importance": dict(fitted.importance),
    }


def _history_days(transactions: pd.DataFrame, weeks: Weeks) -> int:
    days = history_days(transactions, weeks)
    if days < LOOK_BACK_DAYS:
        log.warning(
            "the data begin %d days before the training, and windows reach back %d days: they are cut short, as they will "
            "not be in service; give older data (an earlier --since)",
            days,
            LOOK_BACK_DAYS,
        )
    return days


def weeks_of(result: Json) -> Weeks:
    """The split that the step trained on, out of its result."""
    train_start, train_end = (date.fromisoformat(result["train"][key]) for key in ("from", "until"))
    test_start, test_end = (date.fromisoformat(result["test"][key]) for key in ("from", "until"))
    return Weeks(train_start, (train_end - train_start).days + 1, (test_end - test_start).days + 1)

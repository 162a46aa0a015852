"""Quality of every local model on several split dates, with the Handbook's features and with the extra ones.

The command `quality` prints the table; the card of the shipped model holds it. No row is copied without its windows here
(missing.py): that is for requests which lack them, and the extra features are not in requests at all.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pandas as pd
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from rowan_training.data.counts import Counts
from rowan_training.data.schema import validated
from rowan_training.data.sources import read_transactions
from rowan_training.extra_features import extra_features
from rowan_training.features import book_features
from rowan_training.metrics import Quality, measure
from rowan_training.models.registry import TRAINERS, parameters_of, trainer_of
from rowan_training.models.trainer import LocalRows, TrainingRows
from rowan_training.simulator import simulate_book
from rowan_training.split import BOOK_TRAIN_START, FURTHER_TRAIN_STARTS, Weeks, last_weeks, split_by

BOOK, EXTRA = "the Handbook's 15", "with the extra ones"
LOCAL_MODELS = tuple(model for model, engine in TRAINERS if engine == "local")
SPLITS = 4
SEED = 0

MEASURES = ("auc_roc", "average_precision", "card_precision")

# Model parameters were chosen by the mean average precision on these weeks alone, whose tests end before any of the weeks
# that are reported begin to be tested.
TUNING_TRAIN_STARTS = ("2018-05-30", "2018-06-06", "2018-06-13", "2018-06-20")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    model: str
    features: str
    train_start: date
    quality: Quality


def measure_all(
    transactions: pd.DataFrame, train_starts: Sequence[date], models: Sequence[str] = LOCAL_MODELS
) -> list[Measured]:
    """Trains each model on each set of features and each training week, and measures it on the test week."""
    book = book_features(transactions)
    sets = {BOOK: book, EXTRA: pd.concat([book, extra_features(transactions)], axis=1)}
    for features in sets.values():
        Counts("features").start(transactions).end(transactions.loc[features.index])
    work = [(model, name, start) for model in models for name in sets for start in train_starts]
    with logging_redirect_tqdm():
        return [
            Measured(model, name, start, _measure(transactions, sets[name], model, start))
            for model, name, start in tqdm(work, desc="quality", unit="model", disable=None)
        ]


def _measure(transactions: pd.DataFrame, features: pd.DataFrame, model: str, train_start: date) -> Quality:
    weeks = Weeks(train_start)
    split = split_by(transactions, weeks)
    labels = transactions["TX_FRAUD"].to_numpy()[split.train]
    # As a served model gets them: float32 is what trees compare with.
    learned = features[split.train].astype(np.float32)
    rows = TrainingRows(
        Path(), weeks.train_start, weeks.train_end, lambda: LocalRows(learned, labels, np.ones(len(labels)))
    )
    trainer = trainer_of(model, "local")
    fitted = trainer.fit(rows, SEED, parameters_of(trainer, {}))
    return measure(transactions[split.test], fitted.predict_proba(features[split.test].astype(np.float32)))


# ---- the table ------------------------------------------------------------------------------------


def quality_table(measured: Sequence[Measured]) -> str:
    """Markdown: a row for each model and set of features, with the first split, and mean and spread of all."""
    first = measured[0].train_start
    n_splits = len({one.train_start for one in measured})
    return "\n".join(
        [
            f"| features | model | split of {first}: AUC ROC / average precision / card precision@100 | "
            f"mean ± standard deviation of {n_splits} splits |",
            "|---|---|---|---|",
            *_rows(measured, first),
        ]
    )


def _rows(measured: Sequence[Measured], first: date) -> Iterator[str]:
    for features in dict.fromkeys(one.features for one in measured):
        for model in dict.fromkeys(one.model for one in measured):
            of_both = [one for one in measured if (one.features, one.model) == (features, model)]
            on_first = next(one.quality for one in of_both if one.train_start == first)
            figures = " / ".join(_figure(getattr(on_first, name)) for name in MEASURES)
            spread = " / ".join(_mean_and_spread([getattr(one.quality, name) for one in of_both]) for name in MEASURES)
            yield f"| {features} | {model} | {figures} | {spread} |"


def _mean_and_spread(values: Sequence[float]) -> str:
    return f"{_figure(mean(values))} ± {_figure(stdev(values) if len(values) > 1 else 0.0)}"


def _figure(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


# ---- the command ----------------------------------------------------------------------------------


def book_starts() -> list[date]:
    return [date.fromisoformat(day) for day in (BOOK_TRAIN_START, *FURTHER_TRAIN_STARTS)]


def last_starts(transactions: pd.DataFrame, count: int = SPLITS) -> list[date]:
    """Training weeks of the last full weeks of any data, the newest first."""
    newest = last_weeks(transactions).train_start
    return [newest - timedelta(weeks=back) for back in range(count)]


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "quality",
        help="measure every model on several split dates, with the book's features and with the extra ones",
        description="Prints a table in Markdown. Without --data, the Handbook's simulated transactions and the split of "
        "the book are taken, and three further weeks; with it, the last full weeks of the data.",
    )
    command.add_argument("--data", metavar="SOURCE", help="CSV, Parquet, a folder of either, or s3://bucket/path")
    command.add_argument(
        "--model",
        action="append",
        choices=LOCAL_MODELS,
        metavar="|".join(LOCAL_MODELS),
        help="only this one; repeatable",
    )
    command.add_argument("--splits", type=int, default=SPLITS, metavar="N", help=f"how many, with --data ({SPLITS})")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    if options.data is None:
        log.info("simulating the Handbook's transactions")
        transactions, starts = simulate_book(), book_starts()
    else:
        transactions = validated(read_transactions(options.data))
        starts = last_starts(transactions, options.splits)
    print(quality_table(measure_all(transactions, starts, options.model or LOCAL_MODELS)))

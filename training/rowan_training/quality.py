"""Quality of every local model on several split dates, with the Handbook's features and with the extra ones.

The command `quality` prints the table; the card of the shipped model holds it. No row is copied without its windows here
(missing.py): that is for requests which lack them, and the extra features are not in requests at all.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence
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
from rowan_training.models.trainer import FittedModel, LocalRows, TrainingRows
from rowan_training.simulator import simulate_book
from rowan_training.split import BOOK_TRAIN_START, COMPLETE, FURTHER_TRAIN_STARTS, Weeks, last_weeks, split_by
from rowan_training.split import LABELS as KINDS_OF_LABELS

BOOK, EXTRA = "the Handbook's 15", "with the extra ones"
LABELS, PERFECT = "the labels themselves", "no model can do better"
LOCAL_MODELS = tuple(model for model, engine in TRAINERS if engine == "local")
SPLITS = 4
SEED = 0

MEASURES = ("auc_roc", "average_precision", "card_precision")

# LightGBM's parameters were chosen by the mean average precision of these weeks alone, whose tests end before any test that
# is reported begins.
TUNING_TRAIN_STARTS = ("2018-05-30", "2018-06-06", "2018-06-13", "2018-06-20")
# Nobody looked at these weeks when parameters of any model were chosen, the shipped one included.
LATER_TRAIN_STARTS = ("2018-08-01", "2018-08-08", "2018-08-15", "2018-08-22")

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
    """Trains each model on each set of features and each training week, and measures it on the test week.

    The labels as scores come last: a day has fewer compromised cards than investigators look at, so that even they have
    a card precision far below 1.
    """
    book = book_features(transactions)
    sets = {BOOK: book, EXTRA: pd.concat([book, extra_features(transactions)], axis=1)}
    for features in sets.values():
        Counts("features").start(transactions).end(transactions.loc[features.index])
    work = tqdm(train_starts, desc="quality", unit="split", disable=None)
    with logging_redirect_tqdm():
        return [one for start in work for one in _measure_split(transactions, sets, models, start)]


def _measure_split(
    transactions: pd.DataFrame, sets: Mapping[str, pd.DataFrame], models: Sequence[str], train_start: date
) -> list[Measured]:
    weeks = Weeks(train_start)
    split = split_by(transactions, weeks)
    labels, test = transactions["TX_FRAUD"].to_numpy()[split.train], transactions[split.test]
    measured = []
    for name, features in sets.items():
        # As a served model gets them: float32 is what trees compare with.
        learned, asked = (features[rows].astype(np.float32) for rows in (split.train, split.test))
        local = LocalRows(learned, labels, np.ones(len(labels)))
        for model in models:
            fitted = _fit(model, weeks, local)
            measured.append(Measured(model, name, train_start, measure(test, fitted.predict_proba(asked))))
    best = measure(test, test["TX_FRAUD"].to_numpy(np.float64))
    return [*measured, Measured(PERFECT, LABELS, train_start, best)]


def _fit(model: str, weeks: Weeks, local: LocalRows) -> FittedModel:
    trainer = trainer_of(model, "local")
    rows = TrainingRows(Path(), weeks.train_start, weeks.train_end, lambda: local)
    return trainer.fit(rows, SEED, parameters_of(trainer, {}))


# ---- the table ------------------------------------------------------------------------------------

NOT_MEASURED = "—"

# By heading of a column: the training weeks whose mean and spread it shows.
Groups = Mapping[str, Sequence[date]]


def quality_table(measured: Sequence[Measured], groups: Groups) -> str:
    """Markdown: a row for each model and set of features, a column for each group of splits."""
    rows = dict.fromkeys((one.features, one.model) for one in measured)
    return "\n".join(
        [
            f"| features | model | {' | '.join(groups)} |",
            "|---|---|" + "---|" * len(groups),
            *(f"| {features} | {model} | {_cells(measured, features, model, groups)} |" for features, model in rows),
        ]
    )


def _cells(measured: Sequence[Measured], features: str, model: str, groups: Groups) -> str:
    cells = []
    for starts in groups.values():
        of_group = [
            one.quality
            for one in measured
            if (one.features, one.model) == (features, model) and one.train_start in starts
        ]
        complete = len(of_group) == len(starts)
        figures = (_mean_and_spread([getattr(one, name) for one in of_group]) for name in MEASURES if complete)
        cells.append(" / ".join(figures) or NOT_MEASURED)
    return " | ".join(cells)


def _mean_and_spread(values: Sequence[float]) -> str:
    return _figure(mean(values)) + (f" ± {_figure(stdev(values))}" if len(values) > 1 else "")


def _figure(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


# ---- the command ----------------------------------------------------------------------------------


def book_groups() -> Groups:
    book, further, later = (
        [date.fromisoformat(day) for day in days]
        for days in ([BOOK_TRAIN_START], FURTHER_TRAIN_STARTS, LATER_TRAIN_STARTS)
    )
    return {
        "the Handbook's split": book,
        "that and three earlier weeks": book + further,
        "four later weeks, untouched": later,
    }


def last_groups(transactions: pd.DataFrame, count: int = SPLITS, labels: str = COMPLETE) -> Groups:
    """The last full weeks of any data, the newest first."""
    newest = last_weeks(transactions, labels=labels).train_start
    starts = [newest - timedelta(weeks=back) for back in range(count)]
    return {f"training week from {newest}": starts[:1], f"that and {count - 1} earlier weeks": starts}


def starts_of(groups: Groups) -> list[date]:
    return list(dict.fromkeys(start for starts in groups.values() for start in starts))


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
    command.add_argument(
        "--labels",
        choices=KINDS_OF_LABELS,
        default=COMPLETE,
        metavar="|".join(KINDS_OF_LABELS),
        help="with --data: of the newest days, not known yet, so not tested on, or complete (complete)",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    if options.data is None:
        log.info("simulating the Handbook's transactions")
        transactions, groups = simulate_book(), book_groups()
    else:
        transactions = validated(read_transactions(options.data))
        groups = last_groups(transactions, options.splits, options.labels)
    print("AUC ROC / average precision / card precision@100 (mean ± standard deviation)\n")
    print(quality_table(measure_all(transactions, starts_of(groups), options.model or LOCAL_MODELS), groups))

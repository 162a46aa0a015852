"""What every trainer takes and gives. registry.py lists the trainers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from rowan_training.contract import Json
from rowan_training.features import refuse_label_leaks


class TrainingError(ValueError):
    """Data or settings that no model can be trained with; the text says what to do."""


@dataclass(frozen=True)
class LocalRows:
    """Training rows in memory: the features by name (NaN is missing), and `[n_rows]` labels and weights."""

    features: pd.DataFrame
    labels: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        refuse_label_leaks(self.features)


@dataclass(frozen=True)
class TrainingRows:
    """The training rows, for trainers that want them in memory and for those that read and compute elsewhere.

    `transactions` is a Parquet file or a folder of them, as the step extract wrote it: every transaction (history before
    the training days too, which windows need), columns as in rowan_training.data.schema. A trainer trains on the days
    from `first_day` to `last_day`, both included, UTC. `load` computes the same rows on this machine.
    """

    transactions: Path
    first_day: date
    last_day: date
    load: Callable[[], LocalRows]

    @cached_property
    def local(self) -> LocalRows:
        return self.load()


@dataclass(frozen=True)
class FittedModel:
    """A model that rowan_training.export can pack: `estimator` is of a library in export/registry.py.

    Its inputs are the columns FEATURES, in that order and by these names.
    """

    estimator: Any
    # All that was set, for the record: plain JSON values.
    parameters: Json
    # `[n_rows]` probabilities of fraud for a frame of the columns FEATURES; NaN is a missing value.
    predict_proba: Callable[[pd.DataFrame], np.ndarray]
    # Share of each feature in what the trees gained; adds up to 1.
    importance: Mapping[str, float] = field(default_factory=dict)


class Trainer(Protocol):
    """A module with these two names.

    `fit` gets all of `PARAMETERS`, some with other values, as the user asked. The same rows, seed and parameters must
    give the same bytes of a model. A trainer whose library needs a live session (Spark) keeps it alive: the model is
    packed and its golden rows are scored after `fit`, in the same process.
    """

    PARAMETERS: Json

    def fit(self, rows: TrainingRows, seed: int, parameters: Json) -> FittedModel: ...


def shares(gains: Mapping[str, float]) -> dict[str, float]:
    """Gains as shares of their sum, the largest first."""
    total = sum(gains.values()) or 1.0
    return {name: float(gain / total) for name, gain in sorted(gains.items(), key=lambda item: -item[1])}

"""Quality of the model on several split dates, with and without copies of missing windows, for each kind of request."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost

from rowan_training import missing
from rowan_training.booster import fraud_probabilities, train_booster
from rowan_training.features import feature_matrix
from rowan_training.metrics import Quality, measure
from rowan_training.split import Split, split_from


@dataclass(frozen=True)
class Result:
    """One model on one kind of request of one test week. The mean probability shows whether the level is sensible."""

    train_start: str
    learned_missing: bool
    case: str
    n_rows: int
    n_frauds: int
    quality: Quality
    mean_probability: float


def train_on(transactions: pd.DataFrame, features: pd.DataFrame, split: Split, learn_missing: bool) -> xgboost.Booster:
    """Trains on the split's training week, with or without the copies that lack windows."""
    matrix = feature_matrix(features[split.train])
    labels = transactions["TX_FRAUD"].to_numpy()[split.train]
    if not learn_missing:
        return train_booster(matrix, labels)
    return train_booster(*missing.with_missing_copies(matrix, labels))


def evaluate(
    transactions: pd.DataFrame, features: pd.DataFrame, train_starts: Iterable[str], learn_missing: bool
) -> list[Result]:
    """Trains once a start date and measures every kind of request on the week that follows."""
    results = []
    for train_start in train_starts:
        split = split_from(transactions, train_start)
        booster = train_on(transactions, features, split, learn_missing)
        test, matrix = transactions[split.test], feature_matrix(features[split.test])
        for case, lacking in missing.CASES.items():
            probabilities = fraud_probabilities(booster, missing.without(matrix, lacking))
            results.append(
                Result(
                    train_start=train_start,
                    learned_missing=learn_missing,
                    case=case,
                    n_rows=len(test),
                    n_frauds=int(test["TX_FRAUD"].sum()),
                    quality=measure(test, probabilities),
                    mean_probability=float(np.mean(probabilities, dtype=np.float64)),
                )
            )
    return results

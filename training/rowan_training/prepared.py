"""Transactions of a split with their features: what training and evaluation both begin with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from rowan_training import missing
from rowan_training.data.counts import Counts, count
from rowan_training.features import FEATURES, LOOK_BACK_DAYS, book_features, feature_matrix
from rowan_training.models.trainer import LocalRows
from rowan_training.split import Split, Weeks, split_by

# No window reaches further back, so older rows change no feature.
HISTORY_DAYS = LOOK_BACK_DAYS + 1


@dataclass(frozen=True)
class Prepared:
    """`transactions` and `features` have the same index, and the masks of `split` their rows."""

    transactions: pd.DataFrame
    features: pd.DataFrame
    split: Split

    @property
    def counts(self) -> Mapping[str, tuple[int, int]]:
        """Rows and frauds of "train", "test" and "blocked"."""
        return {name: count(self.transactions[getattr(self.split, name)]) for name in ("train", "test", "blocked")}

    def load(self) -> LocalRows:
        return training_rows(self)

    def test(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Transactions and features of the test rows."""
        return self.transactions[self.split.test], self.features[self.split.test]

    def examples(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows to choose golden rows from."""
        return self.transactions[self.split.train], self.features[self.split.train]


def prepare(transactions: pd.DataFrame, weeks: Weeks) -> Prepared:
    times = transactions["TX_DATETIME"]
    begin = pd.Timestamp(weeks.train_start - timedelta(HISTORY_DAYS))
    end = pd.Timestamp(weeks.test_end + timedelta(1))
    needed = transactions[(times >= begin) & (times < end)].reset_index(drop=True)
    counts = Counts("features").start(needed)
    features = book_features(needed)
    counts.end(needed.loc[features.index])
    return Prepared(needed, features, split_by(needed, weeks))


def training_rows(prepared: Prepared) -> LocalRows:
    """The training week, and light copies of it in which windows are missing, as requests may lack them."""
    train = prepared.split.train
    labels = prepared.transactions["TX_FRAUD"].to_numpy()[train]
    counts = Counts("copies of missing windows").start(np.tile(labels, len(missing.CASES)))
    matrix, copied, weights = missing.with_missing_copies(feature_matrix(prepared.features[train]), labels)
    counts.end(copied)
    return LocalRows(pd.DataFrame(matrix, columns=list(FEATURES)), copied, weights)

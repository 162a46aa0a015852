"""Training and test weeks that respect the delay after which a fraud becomes known.

    train 7 days | gap 7 days: labels of these days are not known yet | test 7 days

A card with a known fraud is blocked in reality, so its transactions leave the test: frauds of the training week are known
from the start, and each test day adds those of the day `LABEL_DELAY_DAYS` + 1 days earlier.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rowan_training.features import LABEL_DELAY_DAYS
from rowan_training.simulator import START_DATE

TRAIN_DAYS = 7
TEST_DAYS = 7

BOOK_TRAIN_START = "2018-07-25"
FURTHER_TRAIN_STARTS = ("2018-07-18", "2018-07-11", "2018-07-04")


@dataclass(frozen=True)
class Split:
    """Boolean masks over the transactions. `blocked` are the test week's transactions of cards with a known fraud."""

    train: np.ndarray
    test: np.ndarray
    blocked: np.ndarray


def split_from(transactions: pd.DataFrame, train_start: str = BOOK_TRAIN_START) -> Split:
    """The split whose training week begins on `train_start` (a date within the simulated days)."""
    days = transactions["TX_TIME_DAYS"].to_numpy()
    first_train_day = (pd.Timestamp(train_start) - START_DATE).days
    first_test_day = first_train_day + TRAIN_DAYS + LABEL_DELAY_DAYS
    train = _within(days, first_train_day, TRAIN_DAYS)
    blocked = _blocked_transactions(transactions, train, first_test_day)
    test_week = _within(days, first_test_day, TEST_DAYS)
    split = Split(train=train, test=test_week & ~blocked, blocked=blocked)
    _check_complete(transactions, split, test_week)
    return split


def _within(days: np.ndarray, first_day: int, n_days: int) -> np.ndarray:
    return (days >= first_day) & (days < first_day + n_days)


def _blocked_transactions(transactions: pd.DataFrame, train: np.ndarray, first_test_day: int) -> np.ndarray:
    days = transactions["TX_TIME_DAYS"].to_numpy()
    cards = transactions["CUSTOMER_ID"].to_numpy()
    frauds = transactions["TX_FRAUD"].to_numpy() == 1
    known_cards = np.unique(cards[train & frauds])
    blocked = np.zeros(len(transactions), bool)
    for day in range(first_test_day, first_test_day + TEST_DAYS):
        newly_known = cards[frauds & (days == day - LABEL_DELAY_DAYS - 1)]
        known_cards = np.union1d(known_cards, newly_known)
        blocked |= (days == day) & np.isin(cards, known_cards)
    return blocked


def _check_complete(transactions: pd.DataFrame, split: Split, test_week: np.ndarray) -> None:
    """A split that loses frauds, or has none to learn from or to find, gives figures that mean nothing."""
    frauds = transactions["TX_FRAUD"].to_numpy() == 1
    in_test_week = int((frauds & test_week).sum())
    accounted_for = int((frauds & split.test).sum() + (frauds & split.blocked).sum())
    if accounted_for != in_test_week:
        raise RuntimeError(f"the split kept {accounted_for} of the {in_test_week} frauds of the test week")
    for name, mask in (("training", split.train), ("test", split.test)):
        if not (frauds & mask).any():
            raise ValueError(f"no fraud among the {int(mask.sum())} {name} rows: choose another training start")

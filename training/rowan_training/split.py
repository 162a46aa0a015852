"""Training and test weeks that respect the delay after which a fraud becomes known.

    train 7 days | gap 7 days | test 7 days | 7 days whose labels are not known yet

The gap is as long as that delay: when the test begins, the labels of the training week have just become known.

A card with a known fraud is blocked in reality, so its transactions leave the test: frauds of the training week are known
from the start, and each test day adds those of the day `LABEL_DELAY_DAYS` + 1 days earlier.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from rowan_training.features import LABEL_DELAY_DAYS

TRAIN_DAYS = 7
TEST_DAYS = 7

BOOK_TRAIN_START = "2018-07-25"
FURTHER_TRAIN_STARTS = ("2018-07-18", "2018-07-11", "2018-07-04")

# Whether labels of the newest days count: they may be still to come, or be complete, as in simulated and in old data.
DELAYED, COMPLETE = "delayed", "complete"
LABELS = (DELAYED, COMPLETE)

# A last day whose transactions end before this hour (UTC) was still going on when the data were taken.
LAST_HOUR = 22


class SplitError(ValueError):
    """Data that cannot be split: too short, or without frauds; the text says what to do."""


@dataclass(frozen=True)
class Weeks:
    """The days of a split; `train_days` and `test_days` may be more or fewer than a week's."""

    train_start: date
    train_days: int = TRAIN_DAYS
    test_days: int = TEST_DAYS

    @property
    def train_end(self) -> date:
        """The last training day."""
        return self.train_start + timedelta(self.train_days - 1)

    @property
    def test_start(self) -> date:
        return self.train_start + timedelta(self.train_days + LABEL_DELAY_DAYS)

    @property
    def test_end(self) -> date:
        """The last test day."""
        return self.test_start + timedelta(self.test_days - 1)


@dataclass(frozen=True)
class Split:
    """Boolean masks over the transactions. `blocked` are the test week's transactions of cards with a known fraud."""

    train: np.ndarray
    test: np.ndarray
    blocked: np.ndarray


def last_weeks(
    transactions: pd.DataFrame,
    train_days: int = TRAIN_DAYS,
    test_days: int = TEST_DAYS,
    until: date | None = None,
    labels: str = DELAYED,
) -> Weeks:
    """The split whose test ends with the last day whose labels are known.

    `until` is the last full day of the data, found in them unless given. Frauds of the `LABEL_DELAY_DAYS` days up to it are
    mostly not discovered yet and stand there as genuine, so that those days measure nothing, unless `labels` are COMPLETE.
    """
    times = transactions["TX_DATETIME"]
    first, last = times.min(), times.max()
    last_full = until or (last.date() if last.hour >= LAST_HOUR else last.date() - timedelta(1))
    unknown = 0 if labels == COMPLETE else LABEL_DELAY_DAYS
    days = train_days + LABEL_DELAY_DAYS + test_days
    start = last_full - timedelta(unknown + days - 1)
    if start < first.date():
        newest = f", {unknown} whose labels are not known yet" if unknown else ""
        raise SplitError(
            f"the data go from {first.date()} to {last_full}, and {days + unknown} days are needed ({train_days} to train, "
            f"{LABEL_DELAY_DAYS} until labels are known, {test_days} to test{newest}): give older data or fewer days"
        )
    return Weeks(start, train_days, test_days)


def history_days(transactions: pd.DataFrame, weeks: Weeks) -> int:
    """Days of the data before the training, which the first windows look back to."""
    return int((weeks.train_start - transactions["TX_DATETIME"].min().date()).days)


def split_from(transactions: pd.DataFrame, train_start: str = BOOK_TRAIN_START) -> Split:
    """The split whose training week begins on `train_start` (a date within the data)."""
    return split_by(transactions, Weeks(date.fromisoformat(train_start)))


def split_by(transactions: pd.DataFrame, weeks: Weeks) -> Split:
    """Needs the columns TX_DATETIME, CUSTOMER_ID and TX_FRAUD."""
    days = day_numbers(transactions)
    train = _within(days, weeks.train_start, weeks.train_end)
    blocked = _blocked_transactions(transactions, days, train, weeks)
    test_week = _within(days, weeks.test_start, weeks.test_end)
    split = Split(train=train, test=test_week & ~blocked, blocked=blocked)
    _check_complete(transactions, split, test_week)
    return split


def day_numbers(transactions: pd.DataFrame) -> np.ndarray:
    """Days since 1970-01-01, UTC."""
    return transactions["TX_DATETIME"].to_numpy().astype("datetime64[D]").astype(np.int64)


def day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _within(days: np.ndarray, first: date, last: date) -> np.ndarray:
    return (days >= day_number(first)) & (days <= day_number(last))


def _blocked_transactions(transactions: pd.DataFrame, days: np.ndarray, train: np.ndarray, weeks: Weeks) -> np.ndarray:
    cards = transactions["CUSTOMER_ID"].to_numpy()
    frauds = transactions["TX_FRAUD"].to_numpy() == 1
    known_cards = np.unique(cards[train & frauds])
    blocked = np.zeros(len(transactions), bool)
    for day in range(day_number(weeks.test_start), day_number(weeks.test_end) + 1):
        newly_known = cards[frauds & (days == day - LABEL_DELAY_DAYS - 1)]
        known_cards = np.union1d(known_cards, newly_known)
        rows = np.flatnonzero(days == day)
        blocked[rows] = np.isin(cards[rows], known_cards)
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
            raise SplitError(f"no fraud among the {int(mask.sum())} {name} rows: choose another training start")

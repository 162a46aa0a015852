from datetime import date

import numpy as np
import pandas as pd
import pytest

from rowan_training.features import LABEL_DELAY_DAYS
from rowan_training.split import (
    BOOK_TRAIN_START,
    COMPLETE,
    SplitError,
    Weeks,
    history_days,
    last_weeks,
    split_by,
    split_from,
)


def test_weeks_are_the_handbooks(small_transactions: pd.DataFrame) -> None:
    split = split_from(small_transactions)
    dates = small_transactions["TX_DATETIME"].dt.strftime("%Y-%m-%d")
    assert (dates[split.train].min(), dates[split.train].max()) == ("2018-07-25", "2018-07-31")
    test_week = split.test | split.blocked
    assert (dates[test_week].min(), dates[test_week].max()) == ("2018-08-08", "2018-08-14")


def test_every_row_and_every_fraud_of_the_weeks_is_accounted_for(small_transactions: pd.DataFrame) -> None:
    split = split_from(small_transactions)
    times = small_transactions["TX_DATETIME"]
    week = (times >= "2018-08-08") & (times < "2018-08-15")
    frauds = small_transactions["TX_FRAUD"]
    assert not (split.test & split.blocked).any()
    assert split.test.sum() + split.blocked.sum() == week.sum()
    assert frauds[split.test].sum() + frauds[split.blocked].sum() == frauds[week].sum() > 0
    assert frauds[split.train].sum() == frauds[(times >= "2018-07-25") & (times < "2018-08-01")].sum() > 0


def test_only_cards_with_a_known_fraud_leave_the_test(small_transactions: pd.DataFrame) -> None:
    split = split_from(small_transactions)
    frauds = small_transactions[small_transactions["TX_FRAUD"] == 1]
    week = small_transactions[split.test | split.blocked]
    assert week["TX_TIME_DAYS"].nunique() == 7
    for day, rows in week.groupby("TX_TIME_DAYS"):
        known = frauds[(frauds["TX_DATETIME"] >= BOOK_TRAIN_START) & (frauds["TX_TIME_DAYS"] <= day - 8)]
        np.testing.assert_array_equal(split.blocked[rows.index], rows["CUSTOMER_ID"].isin(known["CUSTOMER_ID"]))


def test_a_week_without_frauds_is_refused(small_transactions: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no fraud among the .* training rows"):
        split_from(small_transactions.assign(TX_FRAUD=0))


def test_a_start_outside_the_data_is_refused(small_transactions: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="choose another training start"):
        split_from(small_transactions, "2020-01-01")


def test_complete_labels_are_tested_up_to_the_last_full_day(small_transactions: pd.DataFrame) -> None:
    until_noon = small_transactions[small_transactions["TX_DATETIME"] < "2018-08-15 12:00:00"]
    assert last_weeks(until_noon, labels=COMPLETE) == Weeks(date(2018, 7, 25))
    assert last_weeks(small_transactions, until=date(2018, 8, 14), labels=COMPLETE) == Weeks(date(2018, 7, 25))
    assert last_weeks(until_noon, train_days=14, test_days=3, labels=COMPLETE) == Weeks(date(2018, 7, 22), 14, 3)


def test_no_day_is_tested_whose_labels_are_not_known_yet(small_transactions: pd.DataFrame) -> None:
    """On the day after the last full one, frauds of the newest seven days stand in the data as genuine."""
    seen = small_transactions[small_transactions["TX_DATETIME"] < "2018-08-22"].copy()
    undiscovered = seen["TX_DATETIME"] >= "2018-08-15"
    assert seen.loc[undiscovered, "TX_FRAUD"].sum() > 0
    seen.loc[undiscovered, "TX_FRAUD"] = 0
    weeks = last_weeks(seen)
    assert weeks == Weeks(date(2018, 7, 25)) == last_weeks(seen, until=date(2018, 8, 21))
    found, truth = split_by(seen, weeks), split_by(small_transactions, weeks)
    for name in ("train", "test", "blocked"):
        mask = getattr(found, name)
        pd.testing.assert_frame_equal(seen[mask], small_transactions[getattr(truth, name)])
        assert seen[mask]["TX_FRAUD"].sum() > 0, name


def test_last_weeks_need_enough_days(small_transactions: pd.DataFrame) -> None:
    short = small_transactions[small_transactions["TX_DATETIME"] < "2018-04-15"]
    with pytest.raises(SplitError, match="21 days are needed"):
        last_weeks(short, labels=COMPLETE)
    with pytest.raises(SplitError, match="28 days are needed .*7 whose labels are not known yet"):
        last_weeks(small_transactions[small_transactions["TX_DATETIME"] < "2018-04-28"])


def test_history_is_counted_in_days_before_the_training(small_transactions: pd.DataFrame) -> None:
    assert history_days(small_transactions, Weeks(date(2018, 4, 11))) == 10


@pytest.mark.parametrize(("train_days", "test_days"), [(7, 7), (10, 7), (3, 10)])
def test_a_gap_of_the_label_delay_lies_between(
    small_transactions: pd.DataFrame, train_days: int, test_days: int
) -> None:
    split = split_by(small_transactions, Weeks(date(2018, 7, 10), train_days, test_days))
    times = small_transactions["TX_DATETIME"].dt.date
    test = split.test | split.blocked
    assert (times[test].min() - times[split.train].max()).days == LABEL_DELAY_DAYS + 1
    assert times[split.train].nunique() == train_days
    assert times[test].nunique() == test_days

import pandas as pd
import pytest

from rowan_training.split import BOOK_TRAIN_START, split_from


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
    for row in week.itertuples():
        known = frauds[(frauds["TX_DATETIME"] >= BOOK_TRAIN_START) & (frauds["TX_TIME_DAYS"] <= row.TX_TIME_DAYS - 8)]
        assert split.blocked[row.Index] == (row.CUSTOMER_ID in set(known["CUSTOMER_ID"]))


def test_a_week_without_frauds_is_refused(small_transactions: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no fraud among the .* training rows"):
        split_from(small_transactions.assign(TX_FRAUD=0))


def test_a_start_outside_the_data_is_refused(small_transactions: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="choose another training start"):
        split_from(small_transactions, "2020-01-01")

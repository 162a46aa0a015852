from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from rowan_training.booster import train_booster
from rowan_training.features import (
    CUSTOMER_WINDOW_FEATURES,
    FEATURES,
    LABEL_DELAY_DAYS,
    TERMINAL_WINDOW_FEATURES,
    WINDOW_DAYS,
    LabelLeakError,
    book_features,
    feature_matrix,
    is_night,
    is_weekend,
)
from rowan_training.models.trainer import LocalRows
from rowan_training.simulator import SECONDS_PER_DAY, START_UNIX_SECONDS

BRUTE_FORCE_ROWS = 300


def naive_features(transactions: pd.DataFrame, position: int) -> dict[str, float]:
    """The features of one row straight from their definition, by looking at every other row."""
    row = transactions.iloc[position]
    seconds = transactions["TX_TIME_SECONDS"]
    features = {
        "TX_AMOUNT": row["TX_AMOUNT"],
        "TX_DURING_WEEKEND": float(row["TX_DATETIME"].weekday() >= 5),
        "TX_DURING_NIGHT": float(row["TX_DATETIME"].hour <= 6),
    }
    for days in WINDOW_DAYS:
        age = row["TX_TIME_SECONDS"] - seconds
        earlier_row = np.arange(len(transactions)) <= position
        recent = earlier_row & (age < days * SECONDS_PER_DAY)
        own = transactions[recent & (transactions["CUSTOMER_ID"] == row["CUSTOMER_ID"])]
        features[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"] = len(own)
        features[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"] = own["TX_AMOUNT"].mean()
        labelled_age = age - LABEL_DELAY_DAYS * SECONDS_PER_DAY
        labelled = (labelled_age >= 0) & (labelled_age < days * SECONDS_PER_DAY)
        at_terminal = transactions[labelled & (transactions["TERMINAL_ID"] == row["TERMINAL_ID"])]
        features[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"] = len(at_terminal)
        features[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"] = at_terminal["TX_FRAUD"].mean() if len(at_terminal) else 0.0
    return features


def test_features_equal_their_definition(small_transactions: pd.DataFrame, small_features: pd.DataFrame) -> None:
    positions = np.random.RandomState(0).choice(len(small_transactions), BRUTE_FORCE_ROWS, replace=False)
    expected = pd.DataFrame([naive_features(small_transactions, position) for position in positions])
    actual = small_features.iloc[positions].reset_index(drop=True)
    pd.testing.assert_frame_equal(actual, expected[list(FEATURES)], check_dtype=False, rtol=1e-12)


def test_no_row_and_no_fraud_is_lost(small_transactions: pd.DataFrame, small_features: pd.DataFrame) -> None:
    assert small_features.index.equals(small_transactions.index)
    assert small_features.notna().all(axis=None)


def test_order_of_features_is_the_handbooks(small_features: pd.DataFrame) -> None:
    assert list(small_features) == list(FEATURES)
    assert FEATURES[:5] == (
        "TX_AMOUNT",
        "TX_DURING_WEEKEND",
        "TX_DURING_NIGHT",
        "CUSTOMER_ID_NB_TX_1DAY_WINDOW",
        "CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW",
    )
    assert FEATURES[9:11] == ("TERMINAL_ID_NB_TX_1DAY_WINDOW", "TERMINAL_ID_RISK_1DAY_WINDOW")
    assert len(FEATURES) == 15


def test_future_rows_change_no_feature(small_transactions: pd.DataFrame, small_features: pd.DataFrame) -> None:
    now = len(small_transactions) // 2
    changed = small_transactions.copy()
    changed.loc[now:, "TX_AMOUNT"] = 1_000.0
    changed.loc[now:, "TX_FRAUD"] = 1
    pd.testing.assert_frame_equal(book_features(changed).iloc[:now], small_features.iloc[:now], check_exact=True)
    pd.testing.assert_frame_equal(
        book_features(small_transactions.iloc[:now]), small_features.iloc[:now], check_exact=True
    )


def test_labels_younger_than_the_delay_change_no_feature(
    small_transactions: pd.DataFrame, small_features: pd.DataFrame
) -> None:
    now = int(small_transactions["TX_TIME_SECONDS"].iloc[len(small_transactions) // 2])
    changed = small_transactions.copy()
    unknown = changed["TX_TIME_SECONDS"] > now - LABEL_DELAY_DAYS * SECONDS_PER_DAY
    changed.loc[unknown, "TX_FRAUD"] = 1 - changed.loc[unknown, "TX_FRAUD"]
    until_now = changed["TX_TIME_SECONDS"] <= now
    recomputed = book_features(changed)
    pd.testing.assert_frame_equal(recomputed[until_now], small_features[until_now], check_exact=True)
    assert not recomputed[~until_now].equals(small_features[~until_now])


def _two_transactions(second_at: int) -> pd.DataFrame:
    seconds = np.array([0, second_at])
    return pd.DataFrame(
        {
            "TX_DATETIME": pd.Timestamp("2018-04-01") + pd.to_timedelta(seconds, unit="s"),
            "TX_TIME_SECONDS": seconds,
            "CUSTOMER_ID": [1, 1],
            "TERMINAL_ID": [1, 1],
            "TX_AMOUNT": [10.0, 30.0],
            "TX_FRAUD": [1, 0],
        }
    )


@pytest.mark.parametrize(("age", "count"), [(SECONDS_PER_DAY - 1, 2), (SECONDS_PER_DAY, 1)])
def test_customer_window_leaves_out_its_far_edge(age: int, count: int) -> None:
    assert book_features(_two_transactions(age))["CUSTOMER_ID_NB_TX_1DAY_WINDOW"].iloc[1] == count


@pytest.mark.parametrize(
    ("age", "risk"),
    [
        (LABEL_DELAY_DAYS * SECONDS_PER_DAY - 1, 0.0),
        (LABEL_DELAY_DAYS * SECONDS_PER_DAY, 1.0),
        ((LABEL_DELAY_DAYS + 1) * SECONDS_PER_DAY - 1, 1.0),
        ((LABEL_DELAY_DAYS + 1) * SECONDS_PER_DAY, 0.0),
    ],
)
def test_terminal_window_begins_when_the_label_is_known(age: int, risk: float) -> None:
    assert book_features(_two_transactions(age))["TERMINAL_ID_RISK_1DAY_WINDOW"].iloc[1] == risk


def test_order_of_the_input_does_not_matter(small_transactions: pd.DataFrame, small_features: pd.DataFrame) -> None:
    distinct = small_transactions.drop_duplicates("TX_TIME_SECONDS")
    shuffled = distinct.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(book_features(shuffled).sort_index(), book_features(distinct), check_exact=True)


def test_weekend_and_night_agree_with_pandas_for_every_hour_of_a_fortnight() -> None:
    unix_seconds = START_UNIX_SECONDS + np.arange(14 * 24) * 3600
    times = pd.DatetimeIndex(pd.to_datetime(unix_seconds, unit="s"))
    assert is_weekend(unix_seconds).tolist() == (times.day_of_week >= 5).tolist()
    assert is_night(unix_seconds).tolist() == (times.hour <= 6).tolist()


@pytest.mark.parametrize(
    ("function", "last_second", "before", "after"),
    [(is_night, "2018-08-09 06:59:59", True, False), (is_weekend, "2018-08-12 23:59:59", True, False),
     (is_night, "2018-08-09 23:59:59", False, True), (is_weekend, "2018-08-10 23:59:59", False, True)],
)  # fmt: skip
def test_night_and_weekend_end_with_the_second(
    function: Callable[[int], np.ndarray], last_second: str, before: bool, after: bool
) -> None:
    second = int(pd.Timestamp(last_second, tz="UTC").timestamp())
    assert (bool(function(second)), bool(function(second + 1))) == (before, after)


@pytest.mark.parametrize("name", ["tx_fraud_scenario", "TX_FRAUD_SCENARIO", "TX_FRAUD"])
def test_label_is_refused_as_a_feature_by_name(small_transactions: pd.DataFrame, name: str) -> None:
    with pytest.raises(LabelLeakError, match=f"{name} cannot be a feature: it is the label"):
        feature_matrix(small_transactions, ["TX_AMOUNT", name])
    with pytest.raises(LabelLeakError, match=name):
        train_booster(np.zeros((2, 2), np.float32), np.array([0, 1]), names=["TX_AMOUNT", name])


@pytest.mark.parametrize("name", ["tx_fraud_scenario", "TX_FRAUD_SCENARIO", "Tx_Fraud"])
def test_no_trainer_is_given_the_label_among_its_features(small_features: pd.DataFrame, name: str) -> None:
    features = small_features.assign(**{name: 0.0})
    ones = np.ones(len(features))
    with pytest.raises(LabelLeakError, match=f"{name} cannot be a feature: it is the label"):
        LocalRows(features, ones, ones)


def test_window_features_are_the_twelve_of_customers_and_terminals() -> None:
    assert len(CUSTOMER_WINDOW_FEATURES) == len(TERMINAL_WINDOW_FEATURES) == 6

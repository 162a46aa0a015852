"""The extra features against a naive reference that looks at every other row, and against leaks."""

import numpy as np
import pandas as pd
import pytest

from rowan_training.extra_features import (
    AMOUNT_DAYS,
    AMOUNT_QUANTILES,
    BURST_DAYS,
    BURST_RATIOS,
    CUSTOMER_LABEL_DAYS,
    LARGEST_RATIO_DAYS,
    NEVER_DAYS,
    PLAIN_RATIO,
    SMALLEST_SPREAD,
    TERMINAL_LABEL_DAYS,
    extra_features,
)
from rowan_training.features import LABEL_DELAY_DAYS
from rowan_training.simulator import SECONDS_PER_DAY, SimulationConfig, simulate

NAIVE_ROWS = 250


class Naive:
    """The features straight from their definition, one row at a time."""

    def __init__(self, transactions: pd.DataFrame) -> None:
        self.rows = transactions
        self.seconds = transactions["TX_TIME_SECONDS"].to_numpy()
        self.days = self.seconds // SECONDS_PER_DAY
        self.amounts = transactions["TX_AMOUNT"].to_numpy().round(2)
        self.frauds = transactions["TX_FRAUD"].to_numpy() == 1
        self.customers = transactions["CUSTOMER_ID"].to_numpy()
        self.terminals = transactions["TERMINAL_ID"].to_numpy()
        self.ratios = np.array([self.ratio(row) for row in range(len(transactions))])
        self.plain = self.frauds & ~(self.ratios >= PLAIN_RATIO)

    def earlier(self, row: int) -> np.ndarray:
        return np.flatnonzero(self.customers[:row] == self.customers[row])

    def ratio(self, row: int) -> float:
        amounts = self.amounts[self.earlier(row)]
        return self.amounts[row] / np.median(amounts) if len(amounts) and np.median(amounts) > 0 else np.nan

    def features(self, row: int) -> dict[str, float]:
        hour = float(self.rows["TX_DATETIME"].iloc[row].hour) + float(self.rows["TX_DATETIME"].iloc[row].minute) / 60
        hour += float(self.rows["TX_DATETIME"].iloc[row].second) / 3600
        return self.amount(row) | self.bursts(row) | self.labels(row) | {"HOUR": hour}

    def amount(self, row: int) -> dict[str, float]:
        amount, amounts = self.amounts[row], self.amounts[self.earlier(row)]
        some = len(amounts) > 0
        found = {
            "CUSTOMER_AMOUNT_N_EARLIER": float(len(amounts)),
            "CUSTOMER_AMOUNT_MEDIAN": np.median(amounts) if some else np.nan,
            "CUSTOMER_AMOUNT_TO_MEDIAN": self.ratios[row],
            "CUSTOMER_AMOUNT_RANK": float(np.mean(amounts < amount)) if some else np.nan,
        }
        for percent in AMOUNT_QUANTILES:
            found[f"CUSTOMER_AMOUNT_TO_Q{percent}"] = amount / np.percentile(amounts, percent) if some else np.nan
        for days in AMOUNT_DAYS:
            recent = self.amounts[self.recent(row, days)]
            mean, spread = (recent.mean(), recent.std()) if len(recent) else (np.nan, np.nan)
            found[f"CUSTOMER_AMOUNT_TO_MEAN_{days}DAYS"] = amount / mean
            measured = spread * 100 >= SMALLEST_SPREAD
            found[f"CUSTOMER_AMOUNT_DEVIATION_{days}DAYS"] = (amount - mean) / spread if measured else np.nan
        return found

    def recent(self, row: int, days: int) -> np.ndarray:
        earlier = self.earlier(row)
        return earlier[self.seconds[row] - self.seconds[earlier] < days * SECONDS_PER_DAY]

    def bursts(self, row: int) -> dict[str, float]:
        found = {}
        for limit in BURST_RATIOS:
            for days in BURST_DAYS:
                found[f"CUSTOMER_BURST_{limit}_{days}DAYS"] = float((self.ratios[self.recent(row, days)] > limit).sum())
            unusual = [other for other in self.earlier(row) if self.ratios[other] > limit]
            found[f"CUSTOMER_BURST_{limit}_AGE"] = self.age(row, unusual[-1:])
        for days in LARGEST_RATIO_DAYS:
            ratios = self.ratios[self.recent(row, days)]
            found[f"CUSTOMER_BURST_LARGEST_{days}DAYS"] = max([0.0, *ratios[~np.isnan(ratios)]])
        return found

    def labels(self, row: int) -> dict[str, float]:
        age = self.seconds[row] - self.seconds - LABEL_DELAY_DAYS * SECONDS_PER_DAY
        found = {}
        for days in CUSTOMER_LABEL_DAYS:
            window = (age >= 0) & (age < days * SECONDS_PER_DAY) & (self.customers == self.customers[row])
            found[f"CUSTOMER_FRAUDS_{days}DAYS"] = float((window & self.frauds).sum())
        known = (age >= 0) & (self.terminals == self.terminals[row])
        for days in TERMINAL_LABEL_DAYS:
            window = known & (age < days * SECONDS_PER_DAY)
            found[f"TERMINAL_GENUINE_{days}DAYS"] = float((window & ~self.frauds).sum())
            found[f"TERMINAL_FRAUDS_{days}DAYS"] = float((window & self.frauds).sum())
            found[f"TERMINAL_PLAIN_FRAUDS_{days}DAYS"] = float((window & self.plain).sum())
        streak: list[int] = []
        for other in np.flatnonzero(known):
            streak = [*streak, other] if self.frauds[other] else []
        return found | {
            "TERMINAL_GENUINE_AGE": self.age(row, np.flatnonzero(known & ~self.frauds)[-1:]),
            "TERMINAL_FRAUD_AGE": self.age(row, np.flatnonzero(known & self.frauds)[-1:]),
            "TERMINAL_PLAIN_FRAUD_AGE": self.age(row, np.flatnonzero(known & self.plain)[-1:]),
            "TERMINAL_STREAK_LENGTH": float(len(streak)),
            "TERMINAL_STREAK_PLAIN": float(sum(self.plain[other] for other in streak)),
            "TERMINAL_STREAK_AGE": self.age(row, streak[:1]),
        }

    def age(self, row: int, others: "np.ndarray | list[int]") -> float:
        return float(self.days[row] - self.days[others[0]]) if len(others) else NEVER_DAYS


WORLDS = {
    "few customers, many payments": SimulationConfig(n_customers=12, n_terminals=30, n_days=120, radius=40.0),
    "many customers, few payments": SimulationConfig(n_customers=150, n_terminals=40, n_days=40, radius=15.0),
}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("seed_offset", [0, 1])
def test_features_equal_their_definition(world: str, seed_offset: int) -> None:
    config = WORLDS[world]
    transactions = simulate(SimulationConfig(**{**config.__dict__, "seed_offset": seed_offset}))
    # Some customers pay the same amount again and again, and some rows share a second.
    transactions.loc[transactions["CUSTOMER_ID"] % 5 == 0, "TX_AMOUNT"] = 20.0
    assert (transactions["TX_FRAUD"] == 1).any()
    naive = Naive(transactions)
    positions = np.random.RandomState(seed_offset).choice(len(transactions), NAIVE_ROWS, replace=False)
    expected = pd.DataFrame([naive.features(position) for position in positions])
    actual = extra_features(transactions).iloc[positions].reset_index(drop=True)
    pd.testing.assert_frame_equal(actual, expected[list(actual)], check_dtype=False, rtol=1e-9)
    assert set(expected) == set(actual)


@pytest.fixture(scope="module")
def transactions(small_transactions: pd.DataFrame) -> pd.DataFrame:
    return small_transactions.head(12_000)


@pytest.fixture(scope="module")
def features(transactions: pd.DataFrame) -> pd.DataFrame:
    return extra_features(transactions)


def test_no_row_and_no_fraud_is_lost(transactions: pd.DataFrame, features: pd.DataFrame) -> None:
    assert features.index.equals(transactions.index)


def test_a_shuffled_future_changes_no_feature_of_the_past(transactions: pd.DataFrame, features: pd.DataFrame) -> None:
    now = len(transactions) // 2
    numbers = np.random.RandomState(0)
    future = transactions.iloc[now:]
    changed = transactions.copy()
    for column in ("CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD", "TX_FRAUD_SCENARIO"):
        changed.loc[future.index, column] = numbers.permutation(future[column].to_numpy())
    recomputed = extra_features(changed)
    pd.testing.assert_frame_equal(recomputed.iloc[:now], features.iloc[:now], check_exact=True)
    pd.testing.assert_frame_equal(extra_features(transactions.iloc[:now]), features.iloc[:now], check_exact=True)
    assert not recomputed.iloc[now:].equals(features.iloc[now:])


def test_scrambled_labels_younger_than_the_delay_change_nothing(
    transactions: pd.DataFrame, features: pd.DataFrame
) -> None:
    now = int(transactions["TX_TIME_SECONDS"].iloc[len(transactions) // 2])
    unknown = transactions["TX_TIME_SECONDS"] > now - LABEL_DELAY_DAYS * SECONDS_PER_DAY
    scrambled = np.random.RandomState(0).randint(0, 2, int(unknown.sum()), np.int8)
    changed = transactions.copy()
    changed.loc[unknown, "TX_FRAUD"] = scrambled
    recomputed = extra_features(changed)
    until_now = transactions["TX_TIME_SECONDS"] <= now
    pd.testing.assert_frame_equal(recomputed[until_now], features[until_now], check_exact=True)
    assert not recomputed[~until_now].equals(features[~until_now])


def test_the_scenario_is_never_looked_at(transactions: pd.DataFrame, features: pd.DataFrame) -> None:
    without = extra_features(transactions.drop(columns="TX_FRAUD_SCENARIO"))
    pd.testing.assert_frame_equal(without, features, check_exact=True)


def test_large_ids_and_unix_seconds_change_nothing(transactions: pd.DataFrame, features: pd.DataFrame) -> None:
    moved = transactions.assign(
        CUSTOMER_ID=transactions["CUSTOMER_ID"] + 2**52,
        TERMINAL_ID=transactions["TERMINAL_ID"] * 10**9,
        TX_TIME_SECONDS=transactions["TX_TIME_SECONDS"] + 17_622 * SECONDS_PER_DAY,
    )
    pd.testing.assert_frame_equal(extra_features(moved), features, check_exact=True)

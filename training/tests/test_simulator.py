from dataclasses import replace

import numpy as np
import pandas as pd

from rowan_training.simulator import AMOUNT_LIMIT, BOOK_FRAUDS, BOOK_ROWS, simulate, simulate_book
from tests.conftest import SMALL


def test_book_has_the_published_rows_and_frauds() -> None:
    transactions = simulate_book()
    assert (BOOK_ROWS, BOOK_FRAUDS) == (1_754_155, 14_681)
    assert len(transactions) == BOOK_ROWS
    assert transactions["TX_FRAUD"].sum() == BOOK_FRAUDS
    assert transactions["TX_FRAUD_SCENARIO"].value_counts().to_dict() == {0: 1_739_474, 1: 973, 2: 9_077, 3: 4_631}
    first = transactions.iloc[0]
    assert (first["CUSTOMER_ID"], first["TERMINAL_ID"], first["TX_AMOUNT"]) == (596, 3156, 57.16)
    assert first["TX_DATETIME"] == pd.Timestamp("2018-04-01 00:00:31")


def test_rows_are_in_order_of_time_and_numbered(small_transactions: pd.DataFrame) -> None:
    assert small_transactions["TX_TIME_SECONDS"].is_monotonic_increasing
    assert small_transactions["TRANSACTION_ID"].tolist() == list(range(len(small_transactions)))


def test_every_scenario_is_a_fraud_and_nothing_else_is(small_transactions: pd.DataFrame) -> None:
    scenarios = small_transactions["TX_FRAUD_SCENARIO"]
    assert set(scenarios) == {0, 1, 2, 3}
    assert ((scenarios > 0) == (small_transactions["TX_FRAUD"] == 1)).all()


def test_no_large_amount_is_genuine(small_transactions: pd.DataFrame) -> None:
    large = small_transactions["TX_AMOUNT"] > AMOUNT_LIMIT
    assert large.any()
    assert (small_transactions.loc[large, "TX_FRAUD"] == 1).all()


def test_same_seed_gives_the_same_rows_and_an_offset_gives_others(small_transactions: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(simulate(SMALL), small_transactions)
    replicate = simulate(replace(SMALL, seed_offset=1))
    shared = np.intersect1d(replicate["TX_TIME_SECONDS"], small_transactions["TX_TIME_SECONDS"])
    assert len(shared) < 0.1 * len(replicate)

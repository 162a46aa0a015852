import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from rowan_training.metrics import card_precision, measure


@pytest.fixture
def scored() -> tuple[pd.DataFrame, np.ndarray]:
    numbers = np.random.RandomState(0)
    transactions = pd.DataFrame(
        {
            "TX_TIME_DAYS": np.sort(numbers.randint(0, 5, 2_000)),
            "CUSTOMER_ID": numbers.randint(0, 300, 2_000),
            "TX_FRAUD": numbers.binomial(1, 0.05, 2_000),
        }
    )
    return transactions, numbers.uniform(size=2_000) + 0.3 * transactions["TX_FRAUD"].to_numpy()


def brute_force_card_precision(transactions: pd.DataFrame, probabilities: np.ndarray, top: int) -> float:
    rows = list(zip(transactions.TX_TIME_DAYS, transactions.CUSTOMER_ID, probabilities, transactions.TX_FRAUD))
    blocked: set[int] = set()
    found = []
    for today in sorted({day for day, *_ in rows}):
        cards = {card for day, card, _, _ in rows if day == today} - blocked
        highest = {card: max(p for day, c, p, _ in rows if (day, c) == (today, card)) for card in cards}
        checked = sorted(cards, key=lambda card: -highest[card])[:top]
        frauds = {card for day, card, _, fraud in rows if day == today and fraud}
        found.append(len(frauds.intersection(checked)) / top)
        blocked.update(frauds.intersection(checked))
    return sum(found) / len(found)


def test_areas_are_those_of_scikit_learn(scored: tuple[pd.DataFrame, np.ndarray]) -> None:
    transactions, probabilities = scored
    quality = measure(transactions, probabilities)
    assert quality.auc_roc == roc_auc_score(transactions["TX_FRAUD"], probabilities)
    assert quality.average_precision == average_precision_score(transactions["TX_FRAUD"], probabilities)
    assert quality.card_precision == card_precision(transactions, probabilities)


@pytest.mark.parametrize("top", [1, 20, 100])
def test_card_precision_equals_brute_force(scored: tuple[pd.DataFrame, np.ndarray], top: int) -> None:
    expected = brute_force_card_precision(*scored, top)
    assert card_precision(*scored, top=top) == pytest.approx(expected, abs=1e-15)


def test_a_detected_card_leaves_the_days_that_follow() -> None:
    transactions = pd.DataFrame({"TX_TIME_DAYS": [0, 1, 1], "CUSTOMER_ID": [7, 7, 8], "TX_FRAUD": [1, 1, 1]})
    assert card_precision(transactions, np.array([0.9, 0.9, 0.1]), top=1) == 1.0


def test_too_few_cards_do_not_raise_the_precision() -> None:
    transactions = pd.DataFrame({"TX_TIME_DAYS": [0], "CUSTOMER_ID": [7], "TX_FRAUD": [1]})
    assert card_precision(transactions, np.array([0.9]), top=100) == 0.01

"""The measures of a draw of cards are those of scikit-learn and of metrics.py on rows that are really repeated."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from rowan_training.bootstrap import MEASURES, _Ranked, compare
from rowan_training.metrics import card_precision

Rows = tuple[pd.DataFrame, np.ndarray]


@pytest.fixture(scope="module")
def rows() -> Rows:
    numbers = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "TX_TIME_DAYS": np.sort(numbers.randint(0, 5, 4_000)),
            "CUSTOMER_ID": numbers.randint(0, 900, 4_000) * 7,
            "TX_FRAUD": numbers.binomial(1, 0.05, 4_000),
        }
    )
    # Scores with ties, as trees give them.
    return frame, np.round(numbers.uniform(size=4_000) + 0.5 * frame["TX_FRAUD"].to_numpy(), 2)


def ranked(frame: pd.DataFrame, scores: np.ndarray) -> _Ranked:
    return _Ranked(frame, np.unique(frame["CUSTOMER_ID"], return_inverse=True)[1], scores)


def test_every_card_once_gives_the_plain_measures(rows: Rows) -> None:
    frame, scores = rows
    found = dict(zip(MEASURES, ranked(frame, scores).measures(np.ones(frame["CUSTOMER_ID"].nunique(), np.int64))))
    assert found["auc_roc"] == pytest.approx(roc_auc_score(frame["TX_FRAUD"], scores))
    assert found["average_precision"] == pytest.approx(average_precision_score(frame["TX_FRAUD"], scores))
    assert found["card_precision_100"] == pytest.approx(card_precision(frame, scores))


@pytest.mark.parametrize("seed", range(5))
def test_a_draw_counts_cards_as_often_as_they_were_drawn(rows: Rows, seed: int) -> None:
    frame, scores = rows
    cards, card_of = np.unique(frame["CUSTOMER_ID"], return_inverse=True)
    counts = np.random.default_rng(seed).multinomial(len(cards), np.full(len(cards), 1 / len(cards)))
    # No ties here: where scores tie at the hundredth card, any choice is right.
    untied = scores + np.random.RandomState(seed).uniform(0, 1e-6, len(scores))
    repeated = np.repeat(np.arange(len(frame)), counts[card_of])
    copy = np.concatenate([np.arange(count) for count in counts[card_of]])
    drawn = frame.iloc[repeated].assign(CUSTOMER_ID=lambda part: part["CUSTOMER_ID"] * 1_000 + copy)
    found = dict(zip(MEASURES, ranked(frame, untied).measures(counts)))
    labels = drawn["TX_FRAUD"]
    assert found["auc_roc"] == pytest.approx(roc_auc_score(labels, untied[repeated]))
    assert found["average_precision"] == pytest.approx(average_precision_score(labels, untied[repeated]))
    assert found["card_precision_100"] == pytest.approx(card_precision(drawn, untied[repeated]), abs=0.01)


def test_a_better_model_is_told_from_a_worse_one(rows: Rows) -> None:
    frame, scores = rows
    worse = np.random.RandomState(1).permutation(scores)
    for measure, one in compare(frame, scores, worse, seed=0, replicates=200).items():
        assert one["low"] <= one["difference"] <= one["high"], measure
        assert one["low"] > 0, measure


def test_the_same_seed_gives_the_same_interval(rows: Rows) -> None:
    frame, scores = rows
    other = np.clip(scores + np.random.RandomState(1).normal(0, 0.2, len(scores)), 0, 2)
    first, second, third = (compare(frame, scores, other, seed=seed, replicates=50) for seed in (0, 0, 1))
    assert first == second != third


def test_the_interval_is_as_wide_as_fresh_samples_differ() -> None:
    """The spread of the difference over samples that are drawn anew, beside the interval of one sample."""
    spread = []
    for seed in range(60):
        frame, scores, other = sample(seed)
        spread.append(roc_auc_score(frame["TX_FRAUD"], scores) - roc_auc_score(frame["TX_FRAUD"], other))
    frame, scores, other = sample(1_000)
    one = compare(frame, scores, other, seed=0, replicates=200)["auc_roc"]
    assert one["high"] - one["low"] == pytest.approx(2 * 1.96 * np.std(spread), rel=0.4)


def sample(seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Cards of which some are stolen: all their rows are frauds, and all look alike to a model."""
    numbers = np.random.RandomState(seed)
    card = np.repeat(np.arange(400), 5)
    stolen = (numbers.uniform(size=400) < 0.15).astype(int)
    frame = pd.DataFrame({"TX_TIME_DAYS": np.tile(np.arange(5), 400), "CUSTOMER_ID": card, "TX_FRAUD": stolen[card]})
    scores = (stolen + numbers.normal(0, 1, 400))[card] + numbers.normal(0, 0.1, 2_000)
    other = (stolen + numbers.normal(0, 1.5, 400))[card] + numbers.normal(0, 0.1, 2_000)
    return frame, scores, other

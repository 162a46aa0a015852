"""How sure a difference between two models on the same rows is: a paired bootstrap over cards.

Rows of one card are not independent, so whole cards are drawn (B. Efron, R. Tibshirani, "An Introduction to the
Bootstrap", 1993, chapter 8), and both models are measured on the same draw. A card that was drawn twice counts twice.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rowan_training.contract import Json
from rowan_training.metrics import CARDS_PER_DAY

REPLICATES = 500
INTERVAL = (2.5, 97.5)
MEASURES = ("average_precision", "card_precision_100", "auc_roc")


def compare(
    transactions: pd.DataFrame, challenger: np.ndarray, champion: np.ndarray, seed: int, replicates: int = REPLICATES
) -> Json:
    """Challenger minus champion: by measure the difference, and the 95 % interval from `low` to `high`."""
    cards, card_of = np.unique(transactions["CUSTOMER_ID"].to_numpy(), return_inverse=True)
    ranked = [_Ranked(transactions, card_of, probabilities) for probabilities in (challenger, champion)]
    ones = np.ones(len(cards), np.int64)
    observed = _difference(ranked, ones)
    numbers = np.random.default_rng(seed)
    has_fraud = np.bincount(card_of, weights=transactions["TX_FRAUD"].to_numpy()) > 0
    draws = (numbers.multinomial(len(cards), ones / len(cards)) for _ in range(replicates))
    # A draw without a single fraud (tiny data) has no quality.
    drawn = np.array([_difference(ranked, counts) for counts in draws if counts[has_fraud].any()])
    low, high = np.percentile(drawn, INTERVAL, axis=0) if len(drawn) else (observed, observed)
    return {
        measure: {"difference": float(observed[place]), "low": float(low[place]), "high": float(high[place])}
        for place, measure in enumerate(MEASURES)
    }


def _difference(ranked: "list[_Ranked]", counts: np.ndarray) -> np.ndarray:
    challenger, champion = (model.measures(counts) for model in ranked)
    return challenger - champion


@dataclass(frozen=True)
class _Day:
    """Cards of one day, the highest score first, and whether the card has a fraud that day."""

    cards: np.ndarray
    frauds: np.ndarray


class _Ranked:
    """Rows in order of one model's scores, sorted once for all draws."""

    def __init__(self, transactions: pd.DataFrame, card_of: np.ndarray, probabilities: np.ndarray) -> None:
        order = np.argsort(-probabilities, kind="stable")
        self._cards = card_of[order]
        self._labels = transactions["TX_FRAUD"].to_numpy()[order].astype(np.float64)
        # Rows of equal score are one step of the curve.
        scores = probabilities[order]
        self._ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
        self._days = _days(transactions, card_of, probabilities)

    def measures(self, counts: np.ndarray) -> np.ndarray:
        """In the order MEASURES; `counts` says how often each card was drawn."""
        weights = counts[self._cards].astype(np.float64)
        found = np.cumsum(weights * self._labels)[self._ends]
        shown = np.cumsum(weights)[self._ends]
        return np.array([_average_precision(found, shown), self._card_precision(counts), _auc(found, shown - found)])

    def _card_precision(self, counts: np.ndarray) -> float:
        """As metrics.card_precision, with cards that count more than once."""
        left = counts.copy()
        precisions = []
        for day in self._days:
            weight = left[day.cards]
            before = np.cumsum(weight) - weight
            checked = np.clip(CARDS_PER_DAY - before, 0, weight)
            precisions.append(float((checked * day.frauds).sum()) / CARDS_PER_DAY)
            left[day.cards[(checked > 0) & day.frauds]] = 0
        return float(np.mean(precisions))


def _days(transactions: pd.DataFrame, card_of: np.ndarray, probabilities: np.ndarray) -> list[_Day]:
    rows = pd.DataFrame(
        {
            "day": transactions["TX_TIME_DAYS"].to_numpy(),
            "card": card_of,
            "probability": probabilities,
            "fraud": transactions["TX_FRAUD"].to_numpy() == 1,
        }
    )
    days = []
    for _, day in rows.groupby("day"):
        cards = day.groupby("card")[["probability", "fraud"]].max()
        cards = cards.sort_values("probability", ascending=False, kind="stable")
        days.append(_Day(cards.index.to_numpy(), cards["fraud"].to_numpy(bool)))
    return days


def _average_precision(found: np.ndarray, shown: np.ndarray) -> float:
    steps = np.diff(found, prepend=0.0)
    precision = np.divide(found, shown, out=np.zeros_like(found), where=shown > 0)
    return float((steps * precision).sum() / found[-1])


def _auc(found: np.ndarray, false: np.ndarray) -> float:
    """Area under true against false positives, by trapezoids."""
    steps = np.diff(false, prepend=0.0)
    heights = found - np.diff(found, prepend=0.0) / 2
    return float((steps * heights).sum() / (found[-1] * false[-1]))

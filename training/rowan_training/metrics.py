"""How good scores are, in the Handbook's three measures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

CARDS_PER_DAY = 100


@dataclass(frozen=True)
class Quality:
    """AUC ROC, average precision and card precision@100, each from 0 to 1."""

    auc_roc: float
    average_precision: float
    card_precision: float


def measure(transactions: pd.DataFrame, probabilities: np.ndarray) -> Quality:
    """Needs the columns TX_FRAUD, CUSTOMER_ID and TX_TIME_DAYS; one probability a row."""
    labels = transactions["TX_FRAUD"].to_numpy()
    return Quality(
        auc_roc=float(roc_auc_score(labels, probabilities)),
        average_precision=float(average_precision_score(labels, probabilities)),
        card_precision=card_precision(transactions, probabilities),
    )


def card_precision(transactions: pd.DataFrame, probabilities: np.ndarray, top: int = CARDS_PER_DAY) -> float:
    """Share of compromised cards among the `top` cards that investigators can check a day, averaged over the days.

    A card's score of a day is its highest. A detected card is blocked: it leaves the days that follow. (Handbook,
    chapter 4, "Precision top-k metrics".)
    """
    scored = pd.DataFrame(
        {
            "day": transactions["TX_TIME_DAYS"].to_numpy(),
            "card": transactions["CUSTOMER_ID"].to_numpy(),
            "probability": probabilities,
            "fraud": transactions["TX_FRAUD"].to_numpy(),
        }
    )
    detected: set[int] = set()
    precisions = []
    for _, day in scored.groupby("day"):
        cards = day[~day["card"].isin(detected)].groupby("card")[["probability", "fraud"]].max()
        checked = cards.sort_values("probability", ascending=False, kind="stable").head(top)
        found = checked.index[checked["fraud"] == 1]
        detected.update(found)
        precisions.append(len(found) / top)
    return float(np.mean(precisions))

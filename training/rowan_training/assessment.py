"""What is said of a model on test rows: quality, calibration, and quality by scenario of fraud."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from rowan_training.contract import Json
from rowan_training.metrics import measure

CALIBRATION_BINS = 20


def assess(transactions: pd.DataFrame, probabilities: np.ndarray) -> Json:
    """Needs TX_FRAUD, CUSTOMER_ID and TX_TIME_DAYS; with TX_FRAUD_SCENARIO there are figures by scenario too."""
    labels = transactions["TX_FRAUD"].to_numpy()
    quality = measure(transactions, probabilities)
    return {
        "auc_roc": quality.auc_roc,
        "average_precision": quality.average_precision,
        "card_precision_100": quality.card_precision,
        "brier": float(np.mean((probabilities - labels) ** 2)),
        "calibration_error": calibration_error(labels, probabilities),
        "mean_probability": float(np.mean(probabilities)),
        "fraud_share": float(np.mean(labels)),
        "by_scenario": _by_scenario(transactions, labels, probabilities),
    }


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Rows in order of probability, in bins of equal size: mean probability, share of frauds, number of rows."""
    order = np.argsort(probabilities, kind="stable")
    bins = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]
    return pd.DataFrame(
        {
            "probability": [float(np.mean(probabilities[part])) for part in bins],
            "frauds": [float(np.mean(labels[part])) for part in bins],
            "rows": [len(part) for part in bins],
        }
    )


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error: how far mean probability and share of frauds lie apart, averaged over the rows.

    Bins hold equally many rows. With bins of equal width nearly all rows, being genuine, would fall into one.
    """
    bins = calibration_bins(labels, probabilities)
    return float(np.average((bins["probability"] - bins["frauds"]).abs(), weights=bins["rows"]))


def _by_scenario(transactions: pd.DataFrame, labels: np.ndarray, probabilities: np.ndarray) -> Json:
    """The frauds of one scenario against all genuine rows."""
    if "TX_FRAUD_SCENARIO" not in transactions:
        return {}
    scenarios = transactions["TX_FRAUD_SCENARIO"].to_numpy()
    found = {}
    for scenario in np.unique(scenarios[labels == 1]):
        rows = (labels == 0) | (scenarios == scenario)
        found[str(int(scenario))] = {
            "frauds": int(labels[rows].sum()),
            "auc_roc": float(roc_auc_score(labels[rows], probabilities[rows])),
            "average_precision": float(average_precision_score(labels[rows], probabilities[rows])),
        }
    return found

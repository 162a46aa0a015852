"""The fifteen features of the Fraud Detection Handbook (chapter 3, "Baseline feature transformation").

They are correct at the point in time of each transaction: a customer window holds only transactions up to the current
one, and a terminal window holds only transactions whose label is known by then, that is, at least `LABEL_DELAY_DAYS` old.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from rowan_training.history import History
from rowan_training.simulator import SECONDS_PER_DAY

WINDOW_DAYS = (1, 7, 30)
LABEL_DELAY_DAYS = 7
# So far back the windows of one transaction reach.
LOOK_BACK_DAYS = LABEL_DELAY_DAYS + max(WINDOW_DAYS)

SATURDAY = 5
LAST_NIGHT_HOUR = 6

CUSTOMER_WINDOW_FEATURES = tuple(
    f"CUSTOMER_ID_{kind}_{days}DAY_WINDOW" for days in WINDOW_DAYS for kind in ("NB_TX", "AVG_AMOUNT")
)
TERMINAL_WINDOW_FEATURES = tuple(
    f"TERMINAL_ID_{kind}_{days}DAY_WINDOW" for days in WINDOW_DAYS for kind in ("NB_TX", "RISK")
)
WINDOW_FEATURES = CUSTOMER_WINDOW_FEATURES + TERMINAL_WINDOW_FEATURES
FEATURES = ("TX_AMOUNT", "TX_DURING_WEEKEND", "TX_DURING_NIGHT") + WINDOW_FEATURES

LABEL_COLUMNS = frozenset({"TX_FRAUD", "TX_FRAUD_SCENARIO"})


class LabelLeakError(ValueError):
    """A column that tells the label was asked for as a feature."""


def refuse_label_leaks(names: Iterable[str]) -> None:
    """Raises `LabelLeakError` when a name is a label column, in any case of letters."""
    for name in names:
        if name.upper() in LABEL_COLUMNS:
            raise LabelLeakError(
                f"{name} cannot be a feature: it is the label, known only after the fraud, so a model that reads it "
                "looks perfect in evaluation and is worthless in service; remove it from the list of features"
            )


def feature_matrix(features: pd.DataFrame, names: Sequence[str] = FEATURES) -> np.ndarray:
    """The named columns as float32 `[n_rows][n_features]`, which is what tree libraries compare with thresholds."""
    refuse_label_leaks(names)
    return features.loc[:, list(names)].to_numpy(np.float32)


def is_weekend(unix_seconds: np.ndarray | int) -> np.ndarray:
    """True on Saturday and Sunday, UTC."""
    # Day 0 of Unix time, 1970-01-01, was a Thursday: number 3 when Monday is 0.
    return (np.asarray(unix_seconds) // SECONDS_PER_DAY + 3) % 7 >= SATURDAY


def is_night(unix_seconds: np.ndarray | int) -> np.ndarray:
    """True from 00:00:00 to 06:59:59 UTC: the Handbook's night ends with the hour that begins at six."""
    return np.asarray(unix_seconds) % SECONDS_PER_DAY // 3600 <= LAST_NIGHT_HOUR


def book_features(transactions: pd.DataFrame) -> pd.DataFrame:
    """The columns `FEATURES`, one row a transaction, in the order and with the index of `transactions`.

    Needs the columns TX_DATETIME (UTC), TX_TIME_SECONDS (not negative), CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT, TX_FRAUD.
    """
    unix_seconds = transactions["TX_DATETIME"].to_numpy().astype("datetime64[s]").astype(np.int64)
    columns = {
        "TX_AMOUNT": transactions["TX_AMOUNT"].to_numpy(np.float64),
        "TX_DURING_WEEKEND": is_weekend(unix_seconds).astype(np.float64),
        "TX_DURING_NIGHT": is_night(unix_seconds).astype(np.float64),
        **_customer_windows(transactions),
        **_terminal_windows(transactions),
    }
    return pd.DataFrame(columns, index=transactions.index)[list(FEATURES)]


def _customer_windows(transactions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Count and mean amount over (now - days, now], the current transaction included."""
    history = History(transactions["CUSTOMER_ID"], transactions["TX_TIME_SECONDS"])
    # Whole cents add up exactly, so a window's mean does not depend on any row outside the window.
    cents = history.running_sum(np.rint(transactions["TX_AMOUNT"].to_numpy() * 100))
    end = np.arange(len(transactions)) + 1
    columns = {}
    for days in WINDOW_DAYS:
        begin = history.end_of_rows_older_than(days)
        count = end - begin
        mean = (cents[end] - cents[begin]) / (100 * count)
        columns[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"] = history.in_input_order(count.astype(np.float64))
        columns[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"] = history.in_input_order(mean)
    return columns


def _terminal_windows(transactions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Count and share of frauds over (now - delay - days, now - delay]; the risk of an empty window is 0."""
    history = History(transactions["TERMINAL_ID"], transactions["TX_TIME_SECONDS"])
    frauds = history.running_sum(transactions["TX_FRAUD"].to_numpy())
    end = history.end_of_rows_older_than(LABEL_DELAY_DAYS)
    columns = {}
    for days in WINDOW_DAYS:
        begin = history.end_of_rows_older_than(LABEL_DELAY_DAYS + days)
        count = end - begin
        risk = (frauds[end] - frauds[begin]) / np.maximum(count, 1)
        columns[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"] = history.in_input_order(count.astype(np.float64))
        columns[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"] = history.in_input_order(risk)
    return columns

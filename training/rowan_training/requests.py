"""Transactions as the requests that clients would send: the fields of the service's contract."""

import numpy as np
import pandas as pd

from rowan_training.features import WINDOW_FEATURES

# The contract wants positive amounts; payments of nothing occur in data, and no tree tells this amount from 0.
SMALLEST_AMOUNT = 1e-6


def request_frame(transactions: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """One row a transaction, in the same order; `features` has the columns FEATURES. Ids are the rows' numbers."""
    rows = np.arange(1, len(transactions) + 1)
    return pd.DataFrame(
        {
            "transaction_id": rows.astype(str),
            "customer_id": _positive(transactions["CUSTOMER_ID"]),
            "terminal_id": _positive(transactions["TERMINAL_ID"]),
            "tx_amount": np.maximum(transactions["TX_AMOUNT"].to_numpy(), SMALLEST_AMOUNT),
            "tx_time_seconds": transactions["TX_DATETIME"].to_numpy().astype("datetime64[s]").astype(np.int64),
            "tx_time_days": transactions["TX_TIME_DAYS"].to_numpy(),
            **{name.lower(): features[name].to_numpy() for name in WINDOW_FEATURES},
        }
    )


def _positive(ids: pd.Series) -> np.ndarray:
    """Data that count from 0 have ids which the contract refuses."""
    values = ids.to_numpy()
    return values + 1 if (values == 0).any() else values

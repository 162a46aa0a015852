"""Window features that a request does not carry.

A caller without a feature store sends raw fields only. A model that never saw a missing window in training guesses
there: on the Handbook's data it gives such requests a mean probability of 0.4, where 0.7 % are frauds. So each training
row is learned again, with a small weight, in every way in which the windows can be missing.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from rowan_training.features import (
    CUSTOMER_WINDOW_FEATURES,
    FEATURES,
    TERMINAL_WINDOW_FEATURES,
    WINDOW_FEATURES,
)

ALL_WINDOWS = "all windows"

# What a request carries, and the features that it therefore lacks.
CASES: Mapping[str, tuple[str, ...]] = {
    ALL_WINDOWS: (),
    "customer windows only": TERMINAL_WINDOW_FEATURES,
    "terminal windows only": CUSTOMER_WINDOW_FEATURES,
    "raw fields only": WINDOW_FEATURES,
}

# Full rows must keep the say over the splits: at 0.1 their quality does not change beyond noise.
COPY_WEIGHT = 0.1


def without(matrix: np.ndarray, missing: Sequence[str]) -> np.ndarray:
    """A copy of `matrix` `[n_rows][FEATURES]` in which the features `missing` are NaN."""
    masked = matrix.copy()
    masked[:, [FEATURES.index(name) for name in missing]] = np.nan
    return masked


def with_missing_copies(matrix: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, labels and weights: the full rows with weight 1, then a light copy for each case of missing windows."""
    copies = [without(matrix, missing) for missing in CASES.values() if missing]
    weights = np.concatenate([np.ones(len(matrix)), np.full(len(matrix) * len(copies), COPY_WEIGHT)])
    return np.vstack([matrix, *copies]), np.tile(labels, 1 + len(copies)), weights

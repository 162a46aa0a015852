"""Rows ordered by owner (customer or terminal) and time, so that a window of one owner is a range of positions."""

import numpy as np
import pandas as pd

from rowan_training.simulator import SECONDS_PER_DAY


class History:
    """Positions count in the order of owners and times; `in_input_order` brings values back to the order of the rows."""

    def __init__(self, owners: pd.Series, seconds: pd.Series) -> None:
        # Places of the ids among all ids: large ids times seconds would not fit 64 bits.
        owner_ids = np.unique(owners.to_numpy(np.int64), return_inverse=True)[1]
        times = seconds.to_numpy(np.int64)
        times = times - (times.min() if len(times) else 0)
        # lexsort is stable: rows of one owner in the same second keep their order in the input.
        self._order = np.lexsort((times, owner_ids))
        self.owners = owner_ids[self._order]
        # `[n_rows]`: the position of each row, and that of its owner's first row.
        self.position = np.arange(len(self.owners))
        self.first = np.searchsorted(self.owners, self.owners)
        stride = int(times.max(initial=0)) + 1
        self._keys = self.owners * stride + times[self._order]

    def end_of_rows_older_than(self, days: int) -> np.ndarray:
        """For each row, the position after the owner's last row that is at least `days` days older."""
        found = np.searchsorted(self._keys, self._keys - days * SECONDS_PER_DAY, side="right")
        # A search that looks back beyond the owner's first row ends among an earlier owner's rows.
        return np.maximum(found, self.first)

    def ordered(self, values: np.ndarray) -> np.ndarray:
        return values[self._order]

    def running_sum(self, values: np.ndarray) -> np.ndarray:
        """`[n_rows + 1]` sums of the first k rows; integers, so that differences are exact."""
        return np.concatenate([[0], np.cumsum(values[self._order].astype(np.int64))])

    def in_input_order(self, values: np.ndarray) -> np.ndarray:
        restored = np.empty_like(values)
        restored[self._order] = values
        return restored

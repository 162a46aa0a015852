"""Features beyond the Handbook's fifteen, as honest at the point in time: what a service that keeps state could know.

Amounts count from the moment of the transaction before; labels only when they are `LABEL_DELAY_DAYS` old. "Earlier" rows
are those before the current one, in order of time; windows are (now - days, now), and windows of labels
(now - delay - days, now - delay].

| group | names | what it tells |
|---|---|---|
| amount against the customer's own | `CUSTOMER_AMOUNT_*` | a stolen card pays amounts that its owner does not |
| bursts | `CUSTOMER_BURST_*` | whether such amounts have begun days ago; a stolen card is used for a while |
| the customer's known frauds | `CUSTOMER_FRAUDS_*` | |
| the terminal's known labels | `TERMINAL_GENUINE_*`, `TERMINAL_FRAUDS_*`, `TERMINAL_PLAIN_FRAUDS_*` | see below |
| its last known labels | `TERMINAL_*_AGE`, `TERMINAL_STREAK_*` | how long ago, and for how long, all was fraud |
| time | `HOUR` | hour of the day, UTC |

"Plain" frauds have an amount that is usual for their customer: they speak of the terminal, and not of the card.

A model with these is trained and reported, and not served: a request does not carry them (docs/training.md).
"""

import numpy as np
import pandas as pd

from rowan_training.features import LABEL_DELAY_DAYS
from rowan_training.history import History
from rowan_training.simulator import SECONDS_PER_DAY

AMOUNT_DAYS = (7, 30, 90)
AMOUNT_QUANTILES = (75, 98)
# A burst is a run of amounts above so many times the customer's median.
BURST_RATIOS = (1.8, 2.5, 3.5)
BURST_DAYS = (1, 3, 7, 14)
LARGEST_RATIO_DAYS = (7, 14)
CUSTOMER_LABEL_DAYS = (7, 14, 30)
TERMINAL_LABEL_DAYS = (1, 3, 7, 14, 21, 28, 60)
# A fraud below so many times its customer's median is not explained by the amount.
PLAIN_RATIO = 2.2

NEVER_DAYS = 999.0
# Cents: a customer whose amounts differ by less has no spread to measure by.
SMALLEST_SPREAD = 0.5

Columns = dict[str, np.ndarray]


def extra_features(transactions: pd.DataFrame) -> pd.DataFrame:
    """One row a transaction, with the order and index of `transactions`; NaN where there is no earlier row to speak of.

    Needs the columns TX_DATETIME, TX_TIME_SECONDS, CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT and TX_FRAUD.
    """
    cents = np.rint(transactions["TX_AMOUNT"].to_numpy() * 100)
    frauds = transactions["TX_FRAUD"].to_numpy() == 1
    days = transactions["TX_TIME_SECONDS"].to_numpy() // SECONDS_PER_DAY
    customers = History(transactions["CUSTOMER_ID"], transactions["TX_TIME_SECONDS"])
    terminals = History(transactions["TERMINAL_ID"], transactions["TX_TIME_SECONDS"])
    amounts = _amounts(customers, cents)
    ratios = amounts["CUSTOMER_AMOUNT_TO_MEDIAN"]
    # Without an earlier amount nothing is unusual.
    plain = frauds & (np.nan_to_num(customers.in_input_order(ratios), nan=1.0) < PLAIN_RATIO)
    by_customer = amounts | _bursts(customers, ratios, days) | _customer_labels(customers, frauds)
    by_terminal = _terminal_labels(terminals, frauds, plain) | _terminal_streaks(terminals, frauds, plain, days)
    columns = {name: customers.in_input_order(values) for name, values in by_customer.items()}
    columns |= {name: terminals.in_input_order(values) for name, values in by_terminal.items()}
    seconds = transactions["TX_DATETIME"].to_numpy().astype("datetime64[s]").astype(np.int64) % SECONDS_PER_DAY
    return pd.DataFrame({**columns, "HOUR": seconds / 3600}, index=transactions.index)


# ---- customers ------------------------------------------------------------------------------------


def _amounts(history: History, cents: np.ndarray) -> Columns:
    """The amount beside the customer's earlier ones: their number, median, rank, quantiles, means and spread."""
    amount = history.ordered(cents)
    earlier = pd.Series(amount).groupby(history.owners).shift()
    known = earlier.groupby(history.owners).expanding()
    n_earlier = history.position - history.first
    median = known.median().to_numpy()
    smaller = pd.Series(amount).groupby(history.owners).expanding().rank(method="min").to_numpy() - 1
    columns = {
        "CUSTOMER_AMOUNT_N_EARLIER": n_earlier.astype(np.float64),
        "CUSTOMER_AMOUNT_MEDIAN": median / 100,
        "CUSTOMER_AMOUNT_TO_MEDIAN": _ratio(amount, median),
        "CUSTOMER_AMOUNT_RANK": _ratio(smaller, n_earlier),
    }
    for percent in AMOUNT_QUANTILES:
        quantile = known.quantile(percent / 100).to_numpy()
        columns[f"CUSTOMER_AMOUNT_TO_Q{percent}"] = _ratio(amount, quantile)
    return columns | _means(history, amount)


def _means(history: History, amount: np.ndarray) -> Columns:
    sums, squares = _OwnerSums(history, amount), _OwnerSums(history, amount * amount)
    columns = {}
    for days in AMOUNT_DAYS:
        begin = history.end_of_rows_older_than(days)
        count = history.position - begin
        mean = _ratio(sums.within(begin, history.position), count)
        square = _ratio(squares.within(begin, history.position), count)
        spread = np.sqrt(np.maximum(square - mean * mean, 0))
        columns[f"CUSTOMER_AMOUNT_TO_MEAN_{days}DAYS"] = _ratio(amount, mean)
        spread = np.where(spread >= SMALLEST_SPREAD, spread, 0)
        columns[f"CUSTOMER_AMOUNT_DEVIATION_{days}DAYS"] = _ratio(amount - mean, spread)
    return columns


def _bursts(history: History, ratios: np.ndarray, days: np.ndarray) -> Columns:
    """Earlier amounts far above the customer's median: how many, how long ago, and how far. No label is looked at."""
    day = history.ordered(days)
    known = np.nan_to_num(ratios, nan=0.0)
    columns: Columns = {}
    for limit in BURST_RATIOS:
        unusual = known > limit
        sums = np.concatenate([[0], np.cumsum(unusual)])
        for window in BURST_DAYS:
            begin = history.end_of_rows_older_than(window)
            count = sums[history.position] - sums[begin]
            columns[f"CUSTOMER_BURST_{limit}_{window}DAYS"] = count.astype(np.float64)
        last = _last_before(unusual, history.position, history.first)
        columns[f"CUSTOMER_BURST_{limit}_AGE"] = _age(day, last)
    for window in LARGEST_RATIO_DAYS:
        begin = history.end_of_rows_older_than(window)
        columns[f"CUSTOMER_BURST_LARGEST_{window}DAYS"] = _largest(known, begin, history.position)
    return columns


def _customer_labels(history: History, frauds: np.ndarray) -> Columns:
    sums = history.running_sum(frauds)
    end = history.end_of_rows_older_than(LABEL_DELAY_DAYS)
    columns = {}
    for days in CUSTOMER_LABEL_DAYS:
        begin = history.end_of_rows_older_than(LABEL_DELAY_DAYS + days)
        columns[f"CUSTOMER_FRAUDS_{days}DAYS"] = (sums[end] - sums[begin]).astype(np.float64)
    return columns


# ---- terminals ------------------------------------------------------------------------------------


def _terminal_labels(history: History, frauds: np.ndarray, plain: np.ndarray) -> Columns:
    kinds = {"GENUINE": ~frauds, "FRAUDS": frauds, "PLAIN_FRAUDS": plain}
    end = history.end_of_rows_older_than(LABEL_DELAY_DAYS)
    columns = {}
    for kind, rows in kinds.items():
        sums = history.running_sum(rows)
        for days in TERMINAL_LABEL_DAYS:
            begin = history.end_of_rows_older_than(LABEL_DELAY_DAYS + days)
            columns[f"TERMINAL_{kind}_{days}DAYS"] = (sums[end] - sums[begin]).astype(np.float64)
    return columns


def _terminal_streaks(history: History, frauds: np.ndarray, plain: np.ndarray, days: np.ndarray) -> Columns:
    """Days since the last known label of each kind, and the run of nothing but frauds at the end of what is known."""
    day = history.ordered(days)
    is_fraud = history.ordered(frauds)
    end = history.end_of_rows_older_than(LABEL_DELAY_DAYS)
    last_genuine = _last_before(~is_fraud, end, history.first)
    begin = np.where(last_genuine >= 0, last_genuine + 1, history.first)
    length = end - begin
    plain_sums = history.running_sum(plain)
    return {
        "TERMINAL_GENUINE_AGE": _age(day, last_genuine),
        "TERMINAL_FRAUD_AGE": _age(day, _last_before(is_fraud, end, history.first)),
        "TERMINAL_PLAIN_FRAUD_AGE": _age(day, _last_before(history.ordered(plain), end, history.first)),
        "TERMINAL_STREAK_LENGTH": length.astype(np.float64),
        "TERMINAL_STREAK_PLAIN": (plain_sums[end] - plain_sums[begin]).astype(np.float64),
        "TERMINAL_STREAK_AGE": _age(day, np.where(length > 0, begin, -1)),
    }


# ---- tools ----------------------------------------------------------------------------------------


def _ratio(values: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    """NaN where the divisor is 0 or missing: there is nothing to compare with."""
    out = np.full(len(values), np.nan)
    np.divide(values, divisors, out=out, where=divisors > 0)
    return out


def _last_before(marked: np.ndarray, end: np.ndarray, first: np.ndarray) -> np.ndarray:
    """For each row the last marked position in [first, end), -1 if there is none."""
    last = np.concatenate([[-1], np.maximum.accumulate(np.where(marked, np.arange(len(marked)), -1))])
    found = last[end]
    return np.where(found >= first, found, -1)


def _age(day: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Days from the row at `position` to the current one; `NEVER_DAYS` for position -1."""
    return np.where(position >= 0, day - day[np.maximum(position, 0)], NEVER_DAYS).astype(np.float64)


def _largest(values: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The largest value in [begin, end), 0 of an empty range: two overlapping ranges of a power of two cover any range."""
    count = end - begin
    level = np.where(count > 0, np.frexp(np.maximum(count, 1))[1] - 1, -1)
    largest = np.zeros(len(values))
    table, width = values, 1
    for power in range(int(level.max(initial=-1)) + 1):
        rows = level == power
        largest[rows] = np.maximum(table[begin[rows]], table[end[rows] - width])
        table = np.maximum(table[:-width], table[width:]) if len(table) > width else table
        width *= 2
    return largest


class _OwnerSums:
    """Sums over ranges of one owner. They begin anew with each owner, so no other owner's rows touch their last digits."""

    def __init__(self, history: History, values: np.ndarray) -> None:
        self._first = history.first
        self._sums = pd.Series(values).groupby(history.owners).cumsum().to_numpy()

    def within(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        return self._until(end) - self._until(begin)

    def _until(self, end: np.ndarray) -> np.ndarray:
        return np.where(end > self._first, self._sums[end - 1], 0.0)

"""The columns of transactions: names in upper case, numbers as numbers, one clock (UTC), in order of time.

A source has the Handbook's columns, in any case of letters. The time is TX_DATETIME, or TX_TIME_SECONDS as Unix time; where
there are both, TX_DATETIME counts, because the Handbook's TX_TIME_SECONDS begin with its first day. Without TX_FRAUD, a
TX_FRAUD_SCENARIO above 0 is a fraud, as `rowan simulate --label` writes it.
"""

import numpy as np
import pandas as pd

from rowan_training.errors import WorkError
from rowan_training.simulator import SECONDS_PER_DAY

NUMBERS = ("CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD")
REQUIRED = ("TRANSACTION_ID", *NUMBERS)
LABEL, SCENARIO = "TX_FRAUD", "TX_FRAUD_SCENARIO"
OPTIONAL = (SCENARIO,)
TIME, UNIX_TIME = "TX_DATETIME", "TX_TIME_SECONDS"
READ = frozenset({*REQUIRED, *OPTIONAL, TIME, UNIX_TIME})

# In the order in which they are written; TX_TIME_SECONDS is Unix time, TX_TIME_DAYS the days since 1970-01-01.
CANONICAL = ("TRANSACTION_ID", TIME, "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", UNIX_TIME, "TX_TIME_DAYS", "TX_FRAUD")


class DataError(WorkError):
    """Transactions that cannot be used; the text names column, value and row."""


def upper_case(names: list[str], where: str) -> list[str]:
    upper = [name.strip().upper() for name in names]
    twice = {name for name in upper if upper.count(name) > 1} & READ
    if twice:
        raise DataError(f"{where} has the column {', '.join(sorted(twice))} twice, in different letters: remove one")
    return upper


def canonical(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The columns CANONICAL, and TX_FRAUD_SCENARIO if it is there; every row stays, in the given order."""
    if LABEL not in frame and SCENARIO in frame:
        scenario = _number(frame[SCENARIO], where)
        frame = frame.assign(**{LABEL: (scenario > 0).astype(int).where(scenario.notna())})
    absent = [name for name in REQUIRED if name not in frame]
    if absent or not {TIME, UNIX_TIME} & set(frame):
        absent += [] if {TIME, UNIX_TIME} & set(frame) else [f"{TIME} (or {UNIX_TIME} as Unix time)"]
        raise DataError(f"{where} lacks the column {', '.join(absent)}; it has {', '.join(frame) or 'none'}: add it")
    columns: dict[str, pd.Series] = {"TRANSACTION_ID": frame["TRANSACTION_ID"]}
    times = _times(frame, where)
    seconds = times.astype("int64").where(times.notna()) if times.isna().any() else times.astype("int64")
    columns[TIME] = times
    columns |= {name: _number(frame[name], where) for name in NUMBERS}
    columns[UNIX_TIME] = seconds
    columns["TX_TIME_DAYS"] = seconds // SECONDS_PER_DAY
    made = pd.DataFrame(columns)[list(CANONICAL)]
    for name in OPTIONAL:
        if name in frame:
            made[name] = _number(frame[name], where)
    return made


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """By time, and within a second by id: the order of files and rows in the source does not matter."""
    try:
        return frame.sort_values([TIME, "TRANSACTION_ID"], kind="stable", ignore_index=True)
    except TypeError as error:
        raise DataError(
            "column TRANSACTION_ID holds numbers and texts, or differs between files: write it as one of them"
        ) from error


def _number(column: pd.Series, where: str) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna()
    if wrong.any():
        raise DataError(_wrong(column, wrong, where, "is no number: correct it in the source"))
    if numbers.dtype.kind == "b":
        return numbers.astype(np.int64)
    if column.name != "TX_AMOUNT" and numbers.dtype.kind == "f" and numbers.notna().all():
        fractions = numbers != np.floor(numbers)
        if fractions.any():
            raise DataError(_wrong(column, fractions, where, "is no whole number: correct it in the source"))
        return numbers.astype(np.int64)
    return numbers.astype(np.float64) if column.name == "TX_AMOUNT" else numbers


def _times(frame: pd.DataFrame, where: str) -> pd.Series:
    """UTC without a zone, whole seconds."""
    if TIME not in frame:
        seconds = _number(frame[UNIX_TIME], where)
        times = pd.to_datetime(seconds, unit="s", errors="coerce")
        column = frame[UNIX_TIME]
    else:
        column = frame[TIME]
        times = pd.to_datetime(
            column, errors="coerce", utc=True, format=None if column.dtype.kind == "M" else "ISO8601"
        )
        times = times.dt.tz_localize(None)
    wrong = times.isna() & column.notna()
    if wrong.any():
        remedy = "is no time: write it as 2018-04-01 00:00:31 (UTC), or give TX_TIME_SECONDS as Unix time"
        raise DataError(_wrong(column, wrong, where, remedy))
    return times.dt.floor("s").astype("datetime64[s]").rename(TIME)


def _wrong(column: pd.Series, wrong: pd.Series, where: str, remedy: str) -> str:
    row = int(np.flatnonzero(wrong.to_numpy())[0])
    more = int(wrong.sum()) - 1
    others = f" (and {more} more)" if more else ""
    return f"{where}: column {column.name}, row {row + 1}: {str(column.iloc[row])[:60]!r}{others} {remedy}"

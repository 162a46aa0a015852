"""What transactions must look like before anything is learned from them. No row is dropped: a wrong one is an error."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pandera.pandas as pa

from rowan_training.data.columns import CANONICAL, DataError

EARLIEST, LATEST = pd.Timestamp("2000-01-01"), pd.Timestamp("2100-01-01")
LARGEST_ID = 2**53  # A JSON number holds every integer up to here.

SHOWN = 5

# The remedy of each check, by the name that its error carries.
REMEDIES = {
    "not_nullable": "must not be empty: fill it in the source",
    "field_uniqueness": "is there twice: two rows with one id would count a payment twice; remove one in the source",
    "is_number": "is no number that is finite: correct it in the source",
    "is_amount": "is no amount: it must be 0 or more, and finite",
    "is_id": f"is no id: it must be a whole number from 0 to {LARGEST_ID}",
    "is_label": "is no label: write 1 for a fraud and 0 for a genuine transaction",
    "is_scenario": "is no scenario: it must be a whole number, 0 for a genuine transaction",
    "is_in_time": f"lies outside {EARLIEST.year} to {LATEST.year}: times are UTC, and TX_TIME_SECONDS without TX_DATETIME "
    "is Unix time in seconds",
}


def _whole(values: pd.Series, low: int, high: int) -> pd.Series:
    return values.between(low, high) & (values == np.floor(values))


def _check(name: str, passes: Callable[[pd.Series], pd.Series]) -> pa.Check:
    return pa.Check(passes, name=name, error=name, ignore_na=True)


_ID = _check("is_id", lambda values: _whole(values, 0, LARGEST_ID))

SCHEMA = pa.DataFrameSchema(
    {
        "TRANSACTION_ID": pa.Column(unique=True, nullable=False),
        "TX_DATETIME": pa.Column(
            checks=_check("is_in_time", lambda times: (times >= EARLIEST) & (times < LATEST)), nullable=False
        ),
        "CUSTOMER_ID": pa.Column(checks=_ID, nullable=False),
        "TERMINAL_ID": pa.Column(checks=_ID, nullable=False),
        "TX_AMOUNT": pa.Column(
            float, checks=_check("is_amount", lambda values: (values >= 0) & np.isfinite(values)), nullable=False
        ),
        "TX_TIME_SECONDS": pa.Column(nullable=True),
        "TX_TIME_DAYS": pa.Column(nullable=True),
        "TX_FRAUD": pa.Column(checks=_check("is_label", lambda values: values.isin([0, 1])), nullable=False),
        "TX_FRAUD_SCENARIO": pa.Column(
            checks=_check("is_scenario", lambda values: _whole(values, 0, 1_000)), nullable=False, required=False
        ),
    },
    strict=False,
)


def validated(transactions: pd.DataFrame) -> pd.DataFrame:
    """The same rows, or `DataError` with the columns, rows and values that are wrong."""
    absent = [name for name in CANONICAL if name not in transactions]
    if absent:
        raise DataError(f"the transactions lack the column {', '.join(absent)}: run the step extract first")
    try:
        checked = SCHEMA.validate(transactions, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise DataError(_report(transactions, error.failure_cases)) from error
    if not (checked["TX_FRAUD"] == 1).any():
        raise DataError(
            f"column TX_FRAUD: none of the {len(checked)} rows is a fraud: nothing can be learned from them"
        )
    return checked


def _report(transactions: pd.DataFrame, cases: pd.DataFrame) -> str:
    lines = [_line(transactions, case) for case in cases.head(SHOWN).to_dict("records")]
    more = len(cases) - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def _line(transactions: pd.DataFrame, case: dict[str, object]) -> str:
    remedy = REMEDIES.get(str(case["check"]), f"fails the check {case['check']}")
    if case["index"] is None or pd.isna(case["index"]):
        return f"column {case['column']}: {case['failure_case']!s} {remedy}"
    row = int(str(case["index"]))
    name = transactions["TRANSACTION_ID"].iloc[row]
    of = "" if case["column"] == "TRANSACTION_ID" else f" (TRANSACTION_ID {name})"
    value = "an empty value" if pd.isna(case["failure_case"]) else str(case["failure_case"])[:60]
    return f"column {case['column']}, row {row + 1}{of}: {value} {remedy}"

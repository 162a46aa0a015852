"""golden.jsonl of an exported model: rows of its training frame with the very numbers that its library gives for them.

Rowan serves the model only if it reproduces all of them, so they hold what engines get wrong: the smallest and largest
value of every column, missing values one by one, and values exactly at the comparisons of the model and next to them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rowan_training.contract import Json
from rowan_training.export.packed import ExportError, PackedModel
from rowan_training.export.schema import Kind, json_value, kind_of

DEFAULT_ROWS = 200
SEED = 0

# Every so many of the sampled rows are changed; the steps share no factor, so that each meets every column.
BOUNDARY_STEP = 2
MISSING_STEP = 3


def golden_lines(
    packed: PackedModel, frame: pd.DataFrame, ids: "pd.Series[str]", id_field: str | None, n: int
) -> list[str]:
    """One JSON text a row; `frame` has the model's columns in its order, `ids` the same rows."""
    kinds = {column: kind_of(frame[column]) for column in frame}
    special, sampled = _choose(frame, n)
    names = ids.iloc[special + sampled].tolist()
    rows = frame.iloc[special + sampled].reset_index(drop=True)
    changed = range(len(special), len(rows))
    rows = _on_boundaries(rows, packed, kinds, changed[::BOUNDARY_STEP])
    rows, absent = _without_one(rows, packed, changed[::MISSING_STEP])
    key = "fraud_probability" if packed.is_probability else "score"
    lines = []
    for index, score in enumerate(packed.scores(rows)):
        request = _request(rows.iloc[[index]], kinds, leave_out=index in absent)
        if id_field is not None:
            request = {id_field: names[index], **request}
        # The shortest text that reads back as the same number in the library's precision.
        row = {"request": request, key: float(str(score))}
        lines.append(json.dumps(row, separators=(",", ":"), allow_nan=False, ensure_ascii=False))
    return lines


def _choose(frame: pd.DataFrame, n: int) -> tuple[list[int], list[int]]:
    """Positions: rows of extreme and missing values, at most half of `n`, and a sample of the others."""
    usable = _finite_rows(frame)
    candidates = [row for column in frame for row in _special_rows(frame[column].iloc[usable])]
    special = [int(usable[row]) for row in dict.fromkeys(candidates)][: n // 2]
    others = np.setdiff1d(usable, special)
    count = min(n - len(special), len(others))
    return special, np.random.RandomState(SEED).choice(others, count, replace=False).tolist()


def _finite_rows(frame: pd.DataFrame) -> np.ndarray:
    """Positions of the rows that JSON can carry: it has no infinite numbers."""
    numbers = frame.select_dtypes("number").to_numpy(np.float64, na_value=np.nan)
    rows = np.flatnonzero(~np.isinf(numbers).any(axis=1))
    if not len(rows):
        raise ExportError("the frame has no row without infinite numbers, which JSON cannot carry: pass other rows")
    return rows


def _special_rows(column: pd.Series) -> list[int]:
    values = column.reset_index(drop=True)
    rows = values.index[values.isna()].tolist()[:1]
    present = values.dropna()
    if pd.api.types.is_numeric_dtype(present.dtype) and len(present):
        rows += [present.idxmin(), present.idxmax()]
    return rows


def _on_boundaries(
    rows: pd.DataFrame, packed: PackedModel, kinds: Mapping[str, Kind], changed: Sequence[int]
) -> pd.DataFrame:
    """Each changed row gets one value at which a comparison turns; the columns take turns, and so do their values."""
    columns = [column for column in packed.boundaries if kinds[column] == "number" and len(packed.boundaries[column])]
    if not columns:
        return rows
    rows = rows.copy()
    for count, row in enumerate(changed):
        column = columns[count % len(columns)]
        values = packed.boundaries[column]
        # A stride through all of them: the smallest thresholds are no more interesting than the others.
        step = max(1, len(values) * len(columns) // max(1, len(changed)))
        rows.loc[row, column] = values[count // len(columns) * step % len(values)]
    return rows


def _without_one(
    rows: pd.DataFrame, packed: PackedModel, changed: Sequence[int]
) -> tuple[pd.DataFrame, frozenset[int]]:
    """Each changed row loses the value of one column that allows it; the columns take turns.

    It becomes null, or the field is left out (in the rows that are given back), or a category that training did not
    see, which is missing too where the model looks categories up by name.
    """
    columns = [column for column in rows if column in packed.nullable]
    if not columns:
        return rows, frozenset()
    # Integers and booleans have no missing value; the same numbers as float64 do.
    rows = rows.astype({column: np.float64 for column in columns if rows[column].dtype.kind in "iub"})
    unknown = {}
    for feature in packed.features:
        if feature.transform == "category" and feature.categories:
            unknown[feature.column] = _unknown(feature.categories)
            rows[feature.column] = rows[feature.column].cat.add_categories([unknown[feature.column]])
    absent = set()
    for count, row in enumerate(changed):
        column = columns[count % len(columns)]
        turn = count // len(columns) % (3 if column in unknown else 2)
        missing = None if rows[column].dtype == object else np.nan
        rows.loc[row, column] = unknown[column] if turn == 2 else missing
        if turn == 0:
            absent.add(row)
    return rows, frozenset(absent)


def _unknown(categories: Sequence[Any]) -> Any:
    """A value that is none of the categories, and of their kind."""
    longest = max(categories)
    return longest + "?" if isinstance(longest, str) else longest + 1


def _request(row: pd.DataFrame, kinds: Mapping[str, Kind], leave_out: bool) -> Json:
    """The request of one row; a missing value is null, or the field is left out."""
    values = {column: row[column].iloc[0] for column in row}
    return {
        column: None if pd.isna(value) else json_value(value, kinds[column])
        for column, value in values.items()
        if not (leave_out and pd.isna(value))
    }

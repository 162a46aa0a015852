"""Preprocessing of scikit-learn, folded into the splits of the trees behind it.

A tree compares a *column*: a scaled, imputed or encoded field of the request. Each of those functions is a step or never
falls, so "column <= threshold" is the same question as "field <= cut" for one cut, the last number that still goes left;
it is found with the transformer's own arithmetic, so that no row changes sides. What is left is a forest over the fields
themselves: nothing to preprocess in the server, and contributions that name what the caller sent.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import check_array

from rowan_training.export.codes import code_split
from rowan_training.export.ensemble import LARGEST, LARGEST_FLOAT32, float32_cuts
from rowan_training.export.packed import ExportError
from rowan_training.export.schema import kind_of

# Column by column, and never falling where the field rises.
RISING = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer)
ENCODERS = (OneHotEncoder, OrdinalEncoder)


Apply = Callable[[np.ndarray], np.ndarray]


@dataclass(eq=False)
class Source:
    """A field of the request; `values` are the texts that it may have, in the order of their codes."""

    name: str
    kind: Literal["number", "text"]
    dtype: np.dtype
    missing: Any
    values: list[str] = field(default_factory=list)

    def add_values(self, texts: Sequence[Any]) -> None:
        known = set(self.values)
        self.values += [text for text in texts if isinstance(text, str) and text not in known]


@dataclass(frozen=True)
class Operation:
    """A step of a column in scikit-learn's own arithmetic: an operator of ONNX, or Fill for what replaces NaN."""

    name: Literal["Sub", "Div", "Mul", "Add", "Fill", "IsNaN"]
    operand: float = 0.0


@dataclass(frozen=True, eq=False)
class Column:
    """What a tree compares: a function of one source, with float64 values."""

    source: Source
    apply: Apply
    dtype: np.dtype
    # Of a number that stands out, as the one that an indicator is for; None: never falling.
    stands_out: float | None = None
    is_plain: bool = False
    # `apply` of a number as operations one after the other; None where it is no such chain.
    operations: tuple["Operation", ...] | None = None


@dataclass(frozen=True)
class Splits:
    """Splits of a source that ask what `column <= threshold` asked, `[n_thresholds]`."""

    threshold: np.ndarray
    equals: np.ndarray
    swap: np.ndarray  # the two children change places
    missing_left: np.ndarray | None  # None: as the tree's node says


def sources_of(frame: pd.DataFrame) -> list[Source]:
    return [_source(frame[name]) for name in frame]


def plain_columns(sources: Sequence[Source]) -> list[Column]:
    return [_plain(source) for source in sources]


def through(steps: Sequence[Any], columns: list[Column]) -> list[Column]:
    """The columns behind all the transformers of a pipeline."""
    for step in steps:
        columns = _through(step, columns)
    return columns


def fold(column: Column, thresholds: np.ndarray, rounds: bool) -> Splits:
    """`rounds`: the tree rounds a column to float32 before it compares."""

    def goes_left(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return (values.astype(np.float32) if rounds else values) <= limits

    missing_left = _missing_left(column, thresholds, goes_left)
    if column.source.kind == "text":
        return _fold_text(column, thresholds, goes_left, missing_left)
    if column.stands_out is not None:
        return _fold_indicator(column, thresholds, goes_left, missing_left)
    if column.is_plain:
        is_double = not rounds and column.source.dtype != np.float32
        cuts = np.asarray(thresholds, np.float64) if is_double else float32_cuts(thresholds)
    else:
        cuts = _last_that_goes_left(column, thresholds, goes_left)
    # A cut below every number sends nothing left: everything is at most the largest, so the children change places.
    nothing_left = np.isneginf(cuts)
    none = np.zeros(len(cuts), bool)
    return Splits(np.where(nothing_left, LARGEST, np.minimum(cuts, LARGEST)), none, nothing_left, missing_left)


def category_codes(column: Column) -> np.ndarray:
    """For each text of the column's source the category that the trees see; NaN where they see none."""
    return column.apply(np.array(column.source.values, object)).astype(np.float64)


# ---- sources --------------------------------------------------------------------------------------


def _source(column: pd.Series) -> Source:
    missing = next(iter(column[column.isna()]), np.nan)
    if kind_of(column) == "string":
        values = sorted(str(value) for value in column.dropna().unique())
        return Source(str(column.name), "text", np.dtype(object), missing, values)
    is_float32 = column.dtype == np.float32
    return Source(str(column.name), "number", np.dtype(np.float32 if is_float32 else np.float64), np.nan)


def _plain(source: Source) -> Column:
    if source.kind == "text":
        return Column(source, lambda values: values, source.dtype, is_plain=True)
    operations = None if source.dtype == np.float32 else ()
    return Column(source, lambda values: _rounded(values, source.dtype), source.dtype, None, True, operations)


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):
        return values.astype(dtype).astype(np.float64)


# ---- transformers ---------------------------------------------------------------------------------


def _through(step: Any, columns: list[Column]) -> list[Column]:
    if isinstance(step, Pipeline):
        return through([step for _, step in step.steps], columns)
    if isinstance(step, ColumnTransformer):
        return _through_column_transformer(step, columns)
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return columns
    if isinstance(step, FunctionTransformer) and (step.func is None or _only_checks(step.func)):
        return columns
    if isinstance(step, (*RISING, *ENCODERS)):
        return _through_columnwise(step, columns)
    raise ExportError(
        f"{type(step).__name__} cannot be folded into trees: Rowan folds {', '.join(kind.__name__ for kind in (*RISING, *ENCODERS))}, "
        "ColumnTransformer and Pipeline; compute other columns before the request"
    )


def _only_checks(function: Any) -> bool:
    """What histogram boosting puts in front of its numbers: a check that changes none."""
    return isinstance(function, functools.partial) and function.func is check_array


def _through_column_transformer(step: ColumnTransformer, columns: list[Column]) -> list[Column]:
    out: list[Column] = []
    for name, transformer, _ in step.transformers_:
        if not (isinstance(transformer, str) and transformer == "drop"):
            out += _through(transformer, [columns[index] for index in step._transformer_to_input_indices[name]])
    return out


def _through_columnwise(step: Any, columns: list[Column]) -> list[Column]:
    """Output columns of a transformer in its order, each a function of one of its inputs."""
    if not columns:
        return []
    for place, column in enumerate(columns):
        if column.source.kind == "text" and isinstance(step, ENCODERS):
            column.source.add_values(step.categories_[place])
    dtype = np.result_type(*(column.dtype for column in columns))
    if dtype != np.dtype(object) and dtype != np.float32:
        dtype = np.dtype(np.float64)
    neutral = [_neutral(step, column, place) for place, column in enumerate(columns)]
    return [_output(step, columns[place], place, output, dtype, neutral) for place, output in _outputs(step, columns)]


def _outputs(step: Any, columns: list[Column]) -> list[tuple[int, int]]:
    """Pairs: the place of an input, and of an output that is made of it."""
    if isinstance(step, OneHotEncoder):
        owners = [place for place, count in enumerate(step._n_features_outs) for _ in range(count)]
    elif isinstance(step, SimpleImputer):
        owners = _filled(step) + (list(step.indicator_.features_) if step.add_indicator else [])
    else:
        owners = list(range(len(columns)))
    return [(int(place), output) for output, place in enumerate(owners)]


def _filled(step: SimpleImputer) -> list[int]:
    """Places of the columns that an imputer keeps: those that had a value in training."""
    lost = [isinstance(value, float) and np.isnan(value) for value in step.statistics_]
    return [place for place in range(len(lost)) if step.keep_empty_features or not lost[place]]


def _neutral(step: Any, column: Column, place: int) -> Any:
    """A value that the transformer takes in a column that is not looked at."""
    if isinstance(step, ENCODERS):
        return step.categories_[place][0]
    return column.source.values[0] if column.source.kind == "text" and column.source.values else 0


def _output(step: Any, column: Column, place: int, output: int, dtype: np.dtype, neutral: list[Any]) -> Column:
    def apply(values: np.ndarray) -> np.ndarray:
        matrix = np.empty((len(values), len(neutral)), dtype)
        matrix[:] = neutral
        matrix[:, place] = column.apply(values)
        return _dense(step, matrix)[:, output]

    stands_out = column.stands_out
    if isinstance(step, ENCODERS) and column.source.kind == "number":
        stands_out = _encoded_number(step, column, place, output, dtype, neutral)
    out_dtype = np.dtype(np.float64) if isinstance(step, ENCODERS) else dtype
    is_chain = column.source.kind == "number" and dtype != np.float32
    further = _operations(step, place, output) if is_chain else None
    operations = None if column.operations is None or further is None else column.operations + further
    return Column(column.source, apply, out_dtype, stands_out, operations=operations)


def _operations(step: Any, place: int, output: int) -> tuple[Operation, ...] | None:
    """What `transform` does to a number of column `place`, in the order in which it does it."""
    if isinstance(step, StandardScaler):
        return _shift(step.mean_ if step.with_mean else None, step.scale_, place)
    if isinstance(step, RobustScaler):
        center = step.center_ if step.with_centering else None
        return _shift(center, step.scale_ if step.with_scaling else None, place)
    if isinstance(step, MaxAbsScaler) and not getattr(step, "clip", False):
        return _shift(None, step.scale_, place)
    if isinstance(step, MinMaxScaler) and not step.clip:
        return Operation("Mul", float(step.scale_[place])), Operation("Add", float(step.min_[place]))
    if isinstance(step, SimpleImputer) and pd.isna(step.missing_values):
        n_filled = len(_filled(step))
        return (Operation("IsNaN"),) if output >= n_filled else (Operation("Fill", float(step.statistics_[place])),)
    return None


def _shift(center: np.ndarray | None, scale: np.ndarray | None, place: int) -> tuple[Operation, ...]:
    subtract = () if center is None else (Operation("Sub", float(center[place])),)
    return subtract if scale is None else (*subtract, Operation("Div", float(scale[place])))


def _encoded_number(
    step: Any, column: Column, place: int, output: int, dtype: np.dtype, neutral: list[Any]
) -> float | None:
    """The one number that this output is an indicator of; None if it is that of a missing value."""
    if not isinstance(step, OneHotEncoder) or not column.is_plain:
        raise ExportError(f"numbers of the field {column.source.name!r} are encoded: train it as text")
    categories = [value for value in step.categories_[place] if pd.notna(value)]
    matrix = np.empty((len(categories), len(neutral)), dtype)
    matrix[:] = neutral
    matrix[:, place] = categories
    shown = np.flatnonzero(_dense(step, matrix)[:, output])
    if len(shown) > 1:
        raise ExportError(f"rare numbers of the field {column.source.name!r} share an indicator: train it as text")
    return float(categories[shown[0]]) if len(shown) else None


def _dense(step: Any, matrix: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # About feature names, and about values that a category lacks.
        warnings.simplefilter("ignore", UserWarning)
        out = step.transform(matrix)
    out = out.toarray() if hasattr(out, "toarray") else np.asarray(out)
    return out if out.dtype == object else out.astype(np.float64)


# ---- folding --------------------------------------------------------------------------------------

GoesLeft = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _missing_left(column: Column, thresholds: np.ndarray, goes_left: GoesLeft) -> np.ndarray | None:
    """Where a missing value goes; None if it is still missing when the tree sees it, or is refused before."""
    missing = np.array([column.source.missing], column.source.dtype)
    try:
        value = column.apply(missing).astype(np.float64)
    except ValueError:
        return None
    return None if np.isnan(value[0]) else goes_left(np.repeat(value, len(thresholds)), thresholds)


def _fold_text(column: Column, thresholds: np.ndarray, goes_left: GoesLeft, missing_left: np.ndarray | None) -> Splits:
    if column.is_plain:
        raise ExportError(
            f"the model reads the texts of the field {column.source.name!r}: encode them before the trees"
        )
    values = column.apply(np.array(column.source.values, object)).astype(np.float64)
    threshold = np.full(len(thresholds), LARGEST)
    equals, swap = np.zeros(len(thresholds), bool), np.zeros(len(thresholds), bool)
    for index, limit in enumerate(thresholds):
        left = goes_left(values, np.repeat(limit, len(values)))
        comparison = code_split(left)
        if comparison is None:
            raise ExportError(
                f"a split of the field {column.source.name!r} parts its texts in a way that no comparison of codes does: "
                "use OneHotEncoder without groups of rare values"
            )
        threshold[index], equals[index], swap[index] = comparison
    return Splits(threshold, equals, swap, missing_left)


def _fold_indicator(
    column: Column, thresholds: np.ndarray, goes_left: GoesLeft, missing_left: np.ndarray | None
) -> Splits:
    number = column.stands_out
    assert number is not None
    value, other = column.apply(np.array([number, np.nextafter(number, np.inf)]))
    left = goes_left(np.repeat(value, len(thresholds)), thresholds)
    other_left = goes_left(np.repeat(other, len(thresholds)), thresholds)
    equals = left != other_left
    return Splits(np.where(equals, number, LARGEST), equals, other_left & equals | ~left & ~equals, missing_left)


def _last_that_goes_left(column: Column, thresholds: np.ndarray, goes_left: GoesLeft) -> np.ndarray:
    """For each threshold the largest number whose column goes left, -inf if none; bisects all doubles."""
    unique, back = np.unique(thresholds, return_inverse=True)
    # Scikit-learn refuses larger numbers in front of a tree.
    low = np.full(len(unique), _order(-LARGEST_FLOAT32))
    high = np.full(len(unique), _order(LARGEST_FLOAT32))
    some = goes_left(column.apply(_number(low)), unique)
    while (low < high).any():
        middle = low + (high - low + np.uint64(1)) // np.uint64(2)
        left = goes_left(column.apply(_number(middle)), unique)
        low = np.where(left, middle, low)
        high = np.where(left, high, middle - np.uint64(1))
    cuts = np.where(some, _number(low), -np.inf)
    return np.where(cuts == LARGEST_FLOAT32, LARGEST, cuts)[back]


SIGN = np.uint64(1 << 63)


def _order(number: float) -> np.uint64:
    """Doubles as integers of the same order."""
    bits = np.float64(number).view(np.uint64)
    return ~bits if bits & SIGN else bits | SIGN


def _number(order: np.ndarray) -> np.ndarray:
    return np.where(order & SIGN, order & ~SIGN, ~order).view(np.float64)

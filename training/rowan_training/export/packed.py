"""What every library's exporter gives: the bytes of the model file, the model's inputs, and the library's own scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from rowan_training.features import LabelLeakError, refuse_label_leaks

Iterations = Literal["all", "best"]


class ExportError(ValueError):
    """A model or a frame that cannot become a model directory; the text says what to do."""


@dataclass(frozen=True)
class Feature:
    """One input of the model, and the column of the frame (so, the field of a request) that it is made of."""

    name: str
    column: str
    transform: Literal["from", "category"] = "from"
    # The values of a column of categories; the place of a value is its code.
    categories: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class PackedModel:
    type: str
    file_name: str
    content: bytes
    producer: str
    features: tuple[Feature, ...]
    # Columns in which a request may leave a value out.
    nullable: frozenset[str]
    is_probability: bool
    # float32 or float64 `[n_rows]`: what the library says for rows of the frame.
    scores: Callable[[pd.DataFrame], np.ndarray]
    positive_class: int = 1
    iterations: Iterations | None = None
    golden_ulps: int = 0
    # By column: values at which a comparison of the model turns, where an engine most easily goes wrong.
    boundaries: Mapping[str, Sequence[float]] = field(default_factory=dict)


def input_frame(frame: pd.DataFrame, names: Sequence[str] | None, count: int, target: str | None) -> pd.DataFrame:
    """The model's columns in the model's order. `names` are the model's own; without, the frame's order counts."""
    if names is None:
        if frame.shape[1] != count:
            raise ExportError(
                f"the model has {count} inputs without names, and the frame has {frame.shape[1]} columns: "
                "pass a frame of exactly the model's columns, and name the others as target or id_field"
            )
        names = list(frame)
    refuse_label_leaks(names)
    if target in names:
        raise LabelLeakError(
            f"{target} is the target and also an input of the model: a model that reads its label looks perfect in "
            "evaluation and is worthless in service; train without it"
        )
    absent = [name for name in names if name not in frame]
    if absent:
        raise ExportError(f"the frame lacks the model's columns {', '.join(map(repr, absent[:5]))}: add them")
    return frame[list(names)]


def columns_with_missing(frame: pd.DataFrame) -> frozenset[str]:
    return frozenset(name for name in frame if frame[name].isna().any())


def class_index(classes: Sequence[Any], positive_class: Any | None) -> int:
    """The place of the class that means fraud; of two classes, the second unless told otherwise."""
    labels = list(classes)
    if positive_class is None and len(labels) == 2:
        return 1
    if positive_class in labels:
        return labels.index(positive_class)
    raise ExportError(f"positive_class is {positive_class!r}; name one of the model's classes: {labels}")


def only_second_class(library: str, index: int) -> int:
    """Binary boosters save the probability of their second class, and no other."""
    if index == 1:
        return index
    raise ExportError(
        f"{library}'s file gives the probability of the second class: train with the labels exchanged, "
        "so that the class which means fraud is 1"
    )

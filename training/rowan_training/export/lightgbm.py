"""LightGBM: the text that `save_model` writes; Rowan computes in LightGBM's own double precision and gives its bits."""

from collections import defaultdict
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from rowan_training.export.packed import (
    ExportError,
    Feature,
    PackedModel,
    class_index,
    input_frame,
    only_second_class,
)

PROBABILITIES = ("binary", "cross_entropy", "multiclass")
# LightGBM's mark of a split by category, in a node's decision_type.
CATEGORICAL = 1


def pack(model: Any, frame: pd.DataFrame, *, target: str | None, positive_class: Any | None) -> PackedModel:
    booster = model.booster_ if isinstance(model, lightgbm.LGBMModel) else model
    if not isinstance(booster, lightgbm.Booster):
        raise ExportError(
            f"{type(model).__name__} is no LightGBM model: pass a Booster, LGBMClassifier or LGBMRegressor"
        )
    # As predict does: up to the best round, where early stopping found one.
    text = booster.model_to_string()
    objective = _objective(text)
    if objective == "multiclassova":
        raise ExportError("multiclassova gives independent scores that are no probabilities of classes: use multiclass")
    names = booster.feature_name()
    inputs = input_frame(frame, _columns(names, frame), booster.num_feature(), target)
    is_probability = objective in PROBABILITIES
    column = _output_column(model, booster, positive_class) if is_probability else None
    categories = categories_by_column(booster, inputs)
    return PackedModel(
        type="LightGBM",
        file_name="model.txt",
        content=text.encode(),
        producer=f"LightGBM {lightgbm.__version__}",
        features=tuple(
            Feature(name, field, "category" if field in categories else "from", categories.get(field))
            for name, field in zip(names, inputs)
        ),
        nullable=frozenset(inputs),
        is_probability=is_probability,
        scores=lambda rows: _scores(model, rows, column),
        positive_class=1 if column is None else column,
        iterations="all",
        boundaries=_boundaries(text, list(inputs)),
    )


def categories_by_column(booster: lightgbm.Booster, inputs: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """The values that LightGBM keeps of each pandas column of type category, in the order of the frame."""
    columns = [column for column in inputs if isinstance(inputs[column].dtype, pd.CategoricalDtype)]
    learned = booster.pandas_categorical or []
    if len(columns) != len(learned):
        raise ExportError(
            f"the model learned {len(learned)} columns of type 'category', and the frame has {len(columns)}: "
            "pass the frame with the types that it had in training"
        )
    return {column: tuple(categories) for column, categories in zip(columns, learned)}


def categorical_columns(booster: lightgbm.Booster) -> list[str]:
    """The features of pandas categories, as the parameters in the model's text list them."""
    lines = booster.model_to_string().splitlines()
    mark = "[categorical_feature: "
    listed = next((line for line in lines if line.startswith(mark)), mark + "]").removeprefix(mark).removesuffix("]")
    places = [int(place) for place in listed.split(",") if place]
    if len(places) != len(booster.pandas_categorical or []):
        raise ExportError(
            "the file does not say which columns its categories belong to: export from Python, with the frame"
        )
    return [booster.feature_name()[place] for place in places]


def _columns(names: list[str], frame: pd.DataFrame) -> list[str] | None:
    """Columns by the model's names, in which LightGBM writes _ for a space; None if it never saw names."""
    if names == [f"Column_{index}" for index in range(len(names))] and not set(names) & set(frame):
        return None
    by_name = {str(column).replace(" ", "_"): column for column in frame}
    return [by_name.get(name, name) for name in names]


def _objective(text: str) -> str:
    line = next((line for line in text.splitlines() if line.startswith("objective=")), "objective=custom")
    return line.removeprefix("objective=").split(" ")[0]


def _output_column(model: Any, booster: lightgbm.Booster, positive_class: Any | None) -> int:
    count = booster.num_model_per_iteration()
    classes = list(getattr(model, "classes_", range(max(count, 2))))
    index = class_index(classes, positive_class)
    return index if count > 1 else only_second_class("LightGBM", index)


def _scores(model: Any, rows: pd.DataFrame, column: int | None) -> np.ndarray:
    """float64, by the model's own method."""
    scores = np.asarray(model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows))
    if scores.ndim == 1:
        return scores
    if column is None:
        raise ExportError(f"the model gives {scores.shape[1]} scores a row: serve a model with one target")
    return scores[:, column]


def _boundaries(text: str, columns: list[str]) -> dict[str, list[float]]:
    """Thresholds, which go left, and the double just above, which goes right."""
    found: defaultdict[str, set[float]] = defaultdict(set)
    features: list[str] = []
    thresholds: list[str] = []
    for line in text.splitlines():
        key, _, values = line.partition("=")
        if key == "split_feature":
            features = values.split()
        elif key == "threshold":
            thresholds = values.split()
        elif key == "decision_type":
            for feature, threshold, decision in zip(features, thresholds, values.split()):
                if not int(decision) & CATEGORICAL:
                    found[columns[int(feature)]].add(float(threshold))
    return {
        column: [
            float(value)
            for threshold in sorted(found[column])
            for value in (threshold, np.nextafter(threshold, np.inf))
        ]
        for column in columns
        if column in found
    }

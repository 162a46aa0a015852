"""XGBoost: the booster as `save_model` writes it; Rowan computes in XGBoost's own float32 and gives its bits."""

import itertools
import json
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from rowan_training.contract import Json
from rowan_training.export.packed import (
    ExportError,
    Feature,
    Iterations,
    PackedModel,
    class_index,
    input_frame,
    only_second_class,
)

PROBABILITIES = ("binary:logistic", "reg:logistic", "multi:softprob")
# Objectives that answer with a class, and the one to train with instead: the same trees, with probabilities.
CLASSES_ONLY = {"multi:softmax": "multi:softprob", "binary:hinge": "binary:logistic"}


def pack(model: Any, frame: pd.DataFrame, *, target: str | None, positive_class: Any | None) -> PackedModel:
    booster = model.get_booster() if isinstance(model, xgboost.XGBModel) else model
    if not isinstance(booster, xgboost.Booster):
        raise ExportError(f"{type(model).__name__} is no XGBoost model: pass a Booster, XGBClassifier or XGBRegressor")
    _refuse_other_missing(model)
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    objective = learner["objective"]["name"]
    if objective in CLASSES_ONLY:
        raise ExportError(f"{objective} gives a class and no probability: train with {CLASSES_ONLY[objective]}")
    inputs = input_frame(frame, booster.feature_names, booster.num_features(), target)
    names = booster.feature_names or [f"f{index}" for index in range(booster.num_features())]
    is_probability = objective in PROBABILITIES
    column = _output_column(model, learner, positive_class) if is_probability else None
    return PackedModel(
        type="XGBoost",
        file_name="model.ubj",
        content=bytes(booster.save_raw("ubj")),
        producer=f"XGBoost {xgboost.__version__}",
        features=tuple(
            Feature(name, field, categories=categories)
            for name, field, categories in zip(names, inputs, _categories(learner, inputs))
        ),
        nullable=frozenset(inputs),
        is_probability=is_probability,
        scores=lambda rows: _scores(model, rows, column),
        positive_class=1 if column is None else column,
        iterations=_iterations(model),
        boundaries=_boundaries(learner, list(inputs)),
    )


def categories_by_name(booster: xgboost.Booster) -> dict[str, tuple[str, ...]]:
    """The categories of text that the model learned, by feature."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    found = zip(booster.feature_names or [], _learned_categories(learner))
    return {name: categories for name, categories in found if categories is not None}


def _refuse_other_missing(model: Any) -> None:
    missing = getattr(model, "missing", np.nan)
    if missing is not None and not np.isnan(missing):
        raise ExportError(f"the model takes {missing!r} for missing, and a request has null: train with missing=nan")


def _output_column(model: Any, learner: Json, positive_class: Any | None) -> int:
    """The place of the positive class among the outputs."""
    count = int(learner["learner_model_param"]["num_class"])
    classes = list(getattr(model, "classes_", range(max(count, 2))))
    index = class_index(classes, positive_class)
    return index if count > 2 else only_second_class("XGBoost", index)


def _scores(model: Any, rows: pd.DataFrame, column: int | None) -> np.ndarray:
    """float32, by the model's own method, so with the rounds and the arithmetic that its user sees."""
    if isinstance(model, xgboost.XGBModel):
        scores = model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)
    else:
        data = xgboost.DMatrix(rows, enable_categorical=True)
        if model.feature_names is None:
            data.feature_names = None
        scores = model.predict(data)
    if scores.ndim == 1:
        return scores
    if column is None:
        raise ExportError(f"the model gives {scores.shape[1]} scores a row: serve a model with one target")
    return scores[:, column]


def _iterations(model: Any) -> Iterations:
    """The scikit-learn classes stop at the best round that early stopping found; a Booster uses every round."""
    if not isinstance(model, xgboost.XGBModel):
        return "all"
    try:
        return "best" if model.best_iteration >= 0 else "all"
    except AttributeError:
        return "all"


def _categories(learner: Json, inputs: pd.DataFrame) -> list[tuple[str, ...] | None]:
    learned = _learned_categories(learner)
    found: list[tuple[str, ...] | None] = []
    for index, column in enumerate(inputs):
        dtype = inputs[column].dtype
        if not isinstance(dtype, pd.CategoricalDtype):
            found.append(None)
            continue
        categories = learned[index] if learned else tuple(dtype.categories)
        if categories is None or not all(isinstance(category, str) for category in categories):
            raise ExportError(
                f"the categories of column {column!r} are no text: a category's code is its place among texts; "
                "train with the column as text of type 'category'"
            )
        found.append(categories)
    return found


def _learned_categories(learner: Json) -> list[tuple[str, ...] | None]:
    """Texts of each feature's categories, which XGBoost keeps since 3.1; empty where the file has none."""
    encoded = learner["gradient_booster"].get("model", {}).get("cats", {}).get("enc", [])
    return [_texts(entry) for entry in encoded]


def _texts(entry: Json) -> tuple[str, ...] | None:
    if len(entry.get("offsets", ())) < 2:
        return None
    text, ends = bytes(byte % 256 for byte in entry["values"]), entry["offsets"]
    return tuple(text[begin:end].decode() for begin, end in itertools.pairwise(ends))


def _boundaries(learner: Json, columns: list[str]) -> dict[str, list[float]]:
    """Thresholds, which go right, and the float32 just below, which goes left."""
    found = defaultdict(set)
    for tree in learner["gradient_booster"].get("model", {}).get("trees", []):
        numeric = np.array(tree["left_children"]) != -1
        if tree["split_type"]:
            numeric &= np.array(tree["split_type"]) == 0
        thresholds = np.array(tree["split_conditions"], np.float32)
        for node in np.flatnonzero(numeric):
            found[columns[tree["split_indices"][node]]].add(thresholds[node])
    return {
        column: [
            float(value)
            for threshold in sorted(found[column])
            for value in (np.nextafter(threshold, -np.float32(np.inf)), threshold)
        ]
        for column in columns
        if column in found
    }

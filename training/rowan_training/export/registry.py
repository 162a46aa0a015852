"""Which file exports which library. To add a library: a module with `pack`, and its row here."""

import importlib
from typing import Any, Protocol, cast

import pandas as pd

from rowan_training.export.packed import ExportError, PackedModel


class Exporter(Protocol):
    def pack(
        self, model: Any, frame: pd.DataFrame, *, target: str | None, positive_class: Any | None
    ) -> PackedModel: ...


# By the root package of a model's class: the exporter, and what to install for it.
LIBRARIES = {
    "xgboost": ("xgboost", "xgboost-cpu"),
    "lightgbm": ("lightgbm", "lightgbm"),
    "catboost": ("catboost", "catboost onnx"),
    "pyspark": ("spark", "pyspark onnx"),
    "sklearn": ("sklearn", "scikit-learn onnx"),
    "onnx": ("onnx", "onnx onnxruntime"),
}


def exporter_of(model: object) -> Exporter:
    """By class, nearest base first: XGBClassifier is also a scikit-learn estimator, and XGBoost's exporter must get it."""
    for base in type(model).__mro__:
        root = base.__module__.partition(".")[0]
        if root in LIBRARIES:
            return _load(*LIBRARIES[root])
    known = "XGBoost, LightGBM, CatBoost, scikit-learn, Spark ML or ONNX"
    raise ExportError(f"{type(model).__module__}.{type(model).__qualname__} is no model of {known}: pass one of these")


def _load(module: str, packages: str) -> Exporter:
    try:
        return cast(Exporter, importlib.import_module(f"rowan_training.export.{module}"))
    except ModuleNotFoundError as error:
        raise ExportError(f"the export of this model needs {error.name}: pip install {packages}") from error

"""Which module trains which model on which engine. To add one: a module like models/xgboost.py, and its row here."""

import importlib
from typing import cast

from rowan_training.contract import Json
from rowan_training.models.trainer import Trainer, TrainingError

# By model and engine: the module, and what to install for it.
TRAINERS = {
    ("xgboost", "local"): ("rowan_training.models.xgboost", "xgboost-cpu"),
    ("lightgbm", "local"): ("rowan_training.models.lightgbm", "lightgbm"),
    ("random-forest", "local"): ("rowan_training.models.random_forest", "scikit-learn onnx"),
    ("xgboost", "spark"): ("rowan_training.spark.xgboost", "pyspark pyarrow xgboost-cpu"),
    ("random-forest", "spark"): ("rowan_training.spark.random_forest", "pyspark onnx"),
}

MODELS = tuple(dict.fromkeys(model for model, _ in TRAINERS))
ENGINES = tuple(dict.fromkeys(engine for _, engine in TRAINERS))


def trainer_of(model: str, engine: str) -> Trainer:
    try:
        module, packages = TRAINERS[model, engine]
    except KeyError:
        known = ", ".join(f"{model} on {engine}" for model, engine in TRAINERS)
        raise TrainingError(f"there is no model {model!r} on the engine {engine!r}: choose one of {known}") from None
    try:
        return cast(Trainer, importlib.import_module(module))
    except ModuleNotFoundError as error:
        raise TrainingError(f"the model {model} on {engine} needs {error.name}: pip install {packages}") from error


def parameters_of(trainer: Trainer, changes: Json) -> Json:
    """The trainer's parameters with the user's changes; a name that it does not have is refused."""
    unknown = changes.keys() - trainer.PARAMETERS.keys()
    if unknown:
        raise TrainingError(
            f"no parameter is called {', '.join(sorted(unknown))}: this model has {', '.join(trainer.PARAMETERS)}"
        )
    return {**trainer.PARAMETERS, **changes}

"""The file MLmodel beside a model directory, so that MLflow's own clients can load what Rowan serves."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from mlflow import pyfunc
from mlflow.models import Model
from mlflow.utils.environment import _mlflow_conda_env, _PythonEnv

from rowan_training.errors import WorkError
from rowan_training.retraining.mlflow_registry import model_file

Flavor = tuple[str, dict[str, Any], list[str]]


def write_mlmodel(model: Path, into: Path) -> None:
    """Writes MLmodel and the files of its environment; they name the model's file, and do not change it."""
    data = model_file(model)
    try:
        flavor, options, packages = FLAVORS[Path(data).suffix](data)
    except KeyError:
        raise WorkError(f"{model / data}: MLflow has no flavour for it; known are {', '.join(FLAVORS)}") from None
    pinned = [f"{package}=={importlib.metadata.version(package)}" for package in ("mlflow", *packages)]
    described = Model()
    pyfunc.add_to_model(
        described, loader_module=f"mlflow.{flavor}", data=data, conda_env="conda.yaml", python_env="python_env.yaml"
    )
    described.add_flavor(flavor, data=data, code=None, **options)
    described.save(str(into / "MLmodel"))
    environment = _mlflow_conda_env(additional_pip_deps=pinned, install_mlflow=False)
    (into / "conda.yaml").write_text(yaml.safe_dump(environment), encoding="utf-8")
    (into / "requirements.txt").write_text("\n".join(pinned) + "\n", encoding="utf-8")
    _PythonEnv.current().to_yaml(str(into / "python_env.yaml"))


def _xgboost(data: str) -> Flavor:
    import xgboost

    options = {"xgb_version": xgboost.__version__, "model_class": "xgboost.core.Booster", "model_format": Path(data).suffix[1:]}
    return "xgboost", options, ["xgboost-cpu", "pandas"]


def _lightgbm(_: str) -> Flavor:
    import lightgbm

    return "lightgbm", {"lgb_version": lightgbm.__version__, "model_class": "lightgbm.basic.Booster"}, ["lightgbm", "pandas"]


def _onnx(_: str) -> Flavor:
    import onnx

    options = {"onnx_version": onnx.__version__, "providers": ["CPUExecutionProvider"], "onnx_session_options": None}
    return "onnx", options, ["onnx", "onnxruntime", "pandas"]


FLAVORS: dict[str, Callable[[str], Flavor]] = {
    ".ubj": _xgboost,
    ".json": _xgboost,
    ".txt": _lightgbm,
    ".onnx": _onnx,
}

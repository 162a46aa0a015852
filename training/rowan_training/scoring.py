"""Probabilities of a model directory, whatever its format: by `rowan score`, which is what the service would answer."""

import csv
import io
import json
import logging
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd

from rowan_training.contract import Json, request_frame_inputs
from rowan_training.errors import WorkError
from rowan_training.export.verify import BINARY_VARIABLE, rowan_binary

log = logging.getLogger(__name__)


ID = "transaction_id"


def score(directory: Path, requests: pd.DataFrame) -> pd.Series:
    """float64 by transaction_id, each with the score that its own row got; `requests` has fields of the contract."""
    binary = rowan_binary()
    if binary is None:
        log.warning("%s is scored by its library: no rowan tool on the path nor in %s", directory, BINARY_VARIABLE)
        return pd.Series(_score_by_library(directory, requests), requests[ID].to_numpy())
    command = [binary, "score", "--no-progress", "--id", ID, str(directory), "-"]
    text = requests.to_csv(index=False, lineterminator="\n")
    process = subprocess.run(command, input=text, check=False, capture_output=True, text=True)
    if process.returncode != 0:
        reason = (process.stderr.strip().splitlines() or ["it gives no reason"])[0]
        raise WorkError(f"rowan score refuses {directory} or its rows: {reason}")
    scored = list(csv.DictReader(io.StringIO(process.stdout)))
    if len(scored) != len(requests):
        raise WorkError(f"rowan score gave {len(scored)} of {len(requests)} rows for {directory}: see its messages")
    column = "fraud_probability" if "fraud_probability" in scored[0] else "score"
    return pd.Series([float(row[column]) for row in scored], [row[ID] for row in scored], dtype=np.float64)


def _score_by_library(directory: Path, requests: pd.DataFrame) -> np.ndarray:
    contract: Json = json.loads((directory / "contract.json").read_text(encoding="utf-8"))
    inputs = request_frame_inputs(contract, requests)
    file = directory / contract["x-rowan"]["model_file"]
    if file.suffix not in _LIBRARIES:
        raise WorkError(f"{file} is no {', '.join(_LIBRARIES)}: name the rowan tool in {BINARY_VARIABLE}")
    return np.asarray(_LIBRARIES[file.suffix](file, inputs), np.float64)


def _xgboost(file: Path, inputs: pd.DataFrame) -> np.ndarray:
    import xgboost

    matrix = xgboost.DMatrix(inputs.to_numpy(np.float32), feature_names=list(inputs))
    return xgboost.Booster(model_file=file).predict(matrix)


def _lightgbm(file: Path, inputs: pd.DataFrame) -> np.ndarray:
    import lightgbm

    return np.asarray(lightgbm.Booster(model_file=file).predict(inputs))


def _onnx(file: Path, inputs: pd.DataFrame) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    feeds = {}
    for place, node in enumerate(session.get_inputs()):
        values = inputs.to_numpy() if len(session.get_inputs()) == 1 else inputs.to_numpy()[:, [place]]
        feeds[node.name] = values.astype(np.float64 if node.type == "tensor(double)" else np.float32)
    return np.asarray(session.run(None, feeds)[-1])[:, 1]


_LIBRARIES = {".ubj": _xgboost, ".txt": _lightgbm, ".onnx": _onnx}

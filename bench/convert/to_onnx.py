"""M1 to M4 as ONNX, with the converters that their users run: to_onnx.py MODELS OUT.

Prints one JSON object: nothing is compiled, so it is empty.
"""

import json
import sys
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx

FEATURES = 15
INPUT = [("X", FloatTensorType([None, FEATURES]))]


def forest(path: Path):
    model = joblib.load(path)
    return to_onnx(model, np.zeros((1, FEATURES), np.float32),
                   options={id(model): {"zipmap": False}}, target_opset=17)


def boosted_xgboost(path: Path):
    model = xgboost.XGBClassifier()
    model.load_model(path)
    return onnxmltools.convert_xgboost(model, initial_types=INPUT, target_opset=15)


def boosted_lightgbm(path: Path):
    return onnxmltools.convert_lightgbm(lightgbm.Booster(model_file=path), initial_types=INPUT,
                                        zipmap=False, target_opset=15)


def main() -> None:
    models, out = map(Path, sys.argv[1:])
    converted = {
        "M1": forest(models / "M1.joblib"), "M2": boosted_xgboost(models / "M2.json"),
        "M3": boosted_lightgbm(models / "M3.txt"), "M4": forest(models / "M4.joblib"),
    }
    for name, model in converted.items():
        (out / f"{name}.onnx").write_bytes(model.SerializeToString())
    print(json.dumps({}))


if __name__ == "__main__":
    main()

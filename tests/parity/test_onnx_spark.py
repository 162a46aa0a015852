"""Spark ML models through ONNX, against ONNX Runtime and against Spark itself.

They are trained once, by write_onnx_spark_models.py in an environment of its own; it
needs Java.
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from onnx_results import read_model, ulps

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NAMES = ("forest", "forest-text", "gbt", "logistic", "logistic-text", "regressor")
TREES = ("forest", "gbt", "regressor")


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    assert shutil.which("java"), "install openjdk-17-jre-headless: Spark runs on it"
    out = tmp_path_factory.mktemp("spark")
    requirements = HERE / "requirements-onnx-spark.txt"
    printed = subprocess.run(["sh", ROOT / "scripts/venv.sh", requirements], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    python = Path(printed.strip()) / "bin" / "python"
    subprocess.run([python, HERE / "write_onnx_spark_models.py", out], check=True)
    return out / "spark"


@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_onnx_runtime(written, name):
    model, rows, expected, _ = read_model(written / f"{name}.onnx")
    largest = ulps(model.predict64(rows).astype(expected.dtype), expected)
    print(f"spark {name}: {model.info.booster.decode()}, at most {largest} ulps")
    assert largest <= (0 if name.startswith(TREES) else 4)


@pytest.mark.parametrize("name", NAMES)
def test_results_are_sparks_in_float32(written, name):
    model, rows, _, own = read_model(written / f"{name}.onnx")
    assert np.max(np.abs(model.predict64(rows) - own)) < 2e-6

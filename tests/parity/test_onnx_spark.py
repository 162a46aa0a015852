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
# The probability of boosted trees is an exponential, which ONNX Runtime approximates.
ULPS = {"forest": 0, "forest-text": 0, "gbt": 4, "logistic": 4, "logistic-text": 4, "regressor": 0}


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


def test_forests_on_columns_of_their_own_are_plain_forests(written):
    """The assembled columns are the row: nothing is computed before the trees."""
    for name in ("forest", "regressor"):
        assert read_model(written / f"{name}.onnx")[0].info.booster == b"trees"


@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_onnx_runtime(written, name):
    model, rows, expected, _ = read_model(written / f"{name}.onnx")
    largest = ulps(model.predict64(rows).astype(expected.dtype), expected)
    print(f"spark {name}: {model.info.booster.decode()}, at most {largest} ulps")
    assert largest <= ULPS[name]


# onnxmltools converts splits on one-hot columns of forests to something else than Spark has.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "forest-text"])
def test_results_are_sparks_in_float32(written, name):
    model, rows, _, own = read_model(written / f"{name}.onnx")
    assert np.max(np.abs(model.predict64(rows) - own)) < 2e-6

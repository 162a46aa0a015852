"""Models that an older LightGBM wrote (text v3), against that version's own predictions.

It lives in an environment of its own, made from its requirements file once and kept in
the user's cache; it trains, predicts and saves (write_models_lightgbm.py).
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from rowan_ctypes import MARGIN, RESPONSE, Model
from write_models_lightgbm import chosen

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
VERSION = "3.3.5"


def interpreter() -> str:
    requirements = HERE / f"requirements-lightgbm-{VERSION}.txt"
    printed = subprocess.run(["sh", ROOT / "scripts/venv.sh", requirements], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    return str(Path(printed.strip()) / "bin" / "python")


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("models")
    subprocess.run([interpreter(), HERE / "write_models_lightgbm.py", out], check=True,
                   stdout=subprocess.DEVNULL)
    assert (out / "version").read_text() == VERSION
    return out


def assert_same_bits(ours: np.ndarray, theirs: np.ndarray) -> None:
    theirs = np.ascontiguousarray(theirs).reshape(ours.shape)
    assert ours.dtype == theirs.dtype == np.float64
    same = (ours.view(np.int64) == theirs.view(np.int64)) | (np.isnan(ours) & np.isnan(theirs))
    assert same.all()


@pytest.mark.parametrize("name", [str(case) for case in chosen()])
def test_predictions_are_those_of_the_version_that_wrote_the_model(written, name):
    folder = written / name
    model = Model(folder / "model.txt")
    rows = np.load(folder / "rows.npy")
    assert model.info.producer == b"lightgbm v3"
    assert_same_bits(model.predict64(rows, MARGIN), np.load(folder / "margins.npy"))
    assert_same_bits(model.predict64(rows, RESPONSE), np.load(folder / "responses.npy"))

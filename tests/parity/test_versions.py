"""Models that older versions of XGBoost wrote, against those versions' own predictions.

Each version lives in an environment of its own, made from its requirements file once and
kept in the user's cache; it trains, predicts and saves (write_models.py).  Rowan must read
both encodings and give the same bits.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import write_models
from rowan_ctypes import BEST, MARGIN, RESPONSE, Model

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
VERSIONS = ("1.7.6", "2.1.4", "installed")
NAMES = [case["name"] for case in write_models.CASES]


def interpreter(version: str) -> str:
    if version == "installed":
        return sys.executable
    requirements = HERE / f"requirements-xgboost-{version}.txt"
    printed = subprocess.run(["sh", ROOT / "scripts/venv.sh", requirements], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    return str(Path(printed.strip()) / "bin" / "python")


@pytest.fixture(scope="session", params=VERSIONS)
def written(request, tmp_path_factory) -> tuple[str, Path]:
    """The version, and the folder with what it wrote."""
    out = tmp_path_factory.mktemp("models")
    subprocess.run([interpreter(request.param), HERE / "write_models.py", out], check=True)
    version = (out / "version").read_text()
    assert request.param in ("installed", version)
    return version, out


def assert_same_bits(ours: np.ndarray, theirs: np.ndarray) -> None:
    theirs = theirs.astype(np.float32).reshape(ours.shape)
    assert np.array_equal(ours.view(np.uint32), theirs.view(np.uint32))


@pytest.mark.parametrize("encoding", ["json", "ubj"])
@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_those_of_the_version_that_wrote_the_model(written, name, encoding):
    version, out = written
    folder = out / name
    model = Model(folder / f"model.{encoding}")
    rows = np.load(folder / "rows.npy")
    assert model.info.producer.decode() == f"xgboost {version}"
    assert_same_bits(model.predict(rows, MARGIN), np.load(folder / "margins.npy"))
    assert_same_bits(model.predict(rows, RESPONSE), np.load(folder / "responses.npy"))


@pytest.mark.parametrize("encoding", ["json", "ubj"])
@pytest.mark.parametrize("name", [name for name in NAMES if "early-stopping" in name])
def test_the_best_round_is_found_in_the_files_of_every_version(written, name, encoding):
    _, out = written
    folder = out / name
    model = Model(folder / f"model.{encoding}", BEST)
    assert 0 <= model.info.best_iteration
    assert model.info.n_trees_used < model.info.n_trees
    margins = model.predict(np.load(folder / "rows.npy"), MARGIN)
    assert_same_bits(margins, np.load(folder / "best.npy"))

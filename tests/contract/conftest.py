"""Contracts and models that the tests ask through contract_probe."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from probe import ROOT, Probe  # noqa: E402

FRAUD = ROOT / "models" / "fraud"


@pytest.fixture(scope="session")
def fraud():
    return Probe(FRAUD / "contract.json", FRAUD / "model.ubj")


@pytest.fixture(scope="session")
def wide(tmp_path_factory):
    """A contract with every kind of property and keyword, and a model for it."""
    import numpy
    import xgboost
    from wide import CONTRACT

    folder = tmp_path_factory.mktemp("wide")
    (folder / "contract.json").write_text(json.dumps(CONTRACT))
    names = [feature["name"] for feature in CONTRACT["x-rowan"]["features"]]
    random = numpy.random.default_rng(1)
    rows = random.random((200, len(names)), dtype=numpy.float32)
    labels = (rows[:, 0] > 0.5).astype(int)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1},
                            xgboost.DMatrix(rows, labels, feature_names=names), 3)
    booster.save_model(folder / "model.json")
    return Probe(folder / "contract.json", folder / "model.json")

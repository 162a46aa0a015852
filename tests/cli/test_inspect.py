"""`rowan inspect` says what the model file itself says."""

import json

import pytest


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model that XGBoost trained here with early stopping and a categorical feature."""
    import numpy as np
    import xgboost

    random = np.random.RandomState(0)
    rows = np.column_stack([random.rand(400), random.randint(0, 5, 400)]).astype(np.float32)
    labels = (rows[:, 0] + (rows[:, 1] == 3) * random.rand(400) > 0.8).astype(int)
    data = xgboost.DMatrix(rows, labels, feature_names=["amount", "kind"],
                           feature_types=["float", "c"], enable_categorical=True)
    held_out = data.slice(np.arange(100))
    parameters = {"objective": "binary:logistic", "max_depth": 4, "eta": 1.0, "nthread": 1}
    booster = xgboost.train(parameters, data.slice(np.arange(100, 400)), 40,
                            evals=[(held_out, "test")], early_stopping_rounds=5,
                            verbose_eval=False)
    path = tmp_path_factory.mktemp("model") / "model.json"
    booster.save_model(path)
    return path, booster


def inspect(rowan, path):
    process = rowan("inspect", "--json", path)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_model_is_described_as_its_library_describes_it(rowan, saved):
    path, booster = saved
    description = inspect(rowan, path)
    nodes = [line for tree in booster.get_dump() for line in tree.splitlines()]
    assert description["format"] == "xgboost-json"
    assert description["objective"] == "binary:logistic"
    assert description["booster"] == "gbtree"
    assert description["link"] == "logistic"
    assert description["trees"] == description["trees_used"] == booster.num_boosted_rounds()
    assert description["nodes"] == len(nodes)
    assert description["leaves"] == sum("leaf=" in node for node in nodes)
    assert description["best_iteration"] == booster.best_iteration
    assert 1 <= description["depth"] <= 4
    assert description["features"] == [
        {"name": "amount", "kind": "numeric"},
        {"name": "kind", "kind": "categorical"},
    ]
    assert "contract" not in description


def test_producer_is_the_version_that_wrote_the_file(rowan, saved):
    import xgboost

    assert inspect(rowan, saved[0])["producer"] == f"xgboost {xgboost.__version__}"


def test_directory_adds_its_contract_and_what_was_proved(rowan, fraud, golden):
    description = inspect(rowan, fraud)
    contract = json.loads((fraud / "contract.json").read_text())["x-rowan"]
    assert description["golden_rows"] == len(golden)
    assert description["contract"]["model"] == contract["model"]
    assert description["contract"]["version"] == contract["version"]
    assert description["contract"]["thresholds"] == contract["thresholds"]
    assert [feature["name"] for feature in description["features"]] == [
        feature["name"] for feature in contract["features"]
    ]


def test_equal_models_have_equal_fingerprints(rowan, saved, tmp_path):
    path, booster = saved
    again = tmp_path / "again.json"
    booster.save_model(again)
    fewer = tmp_path / "fewer.json"
    booster[:1].save_model(fewer)
    fingerprint = inspect(rowan, path)["fingerprint"]
    assert len(fingerprint) == 16
    assert inspect(rowan, again)["fingerprint"] == fingerprint
    assert inspect(rowan, fewer)["fingerprint"] != fingerprint


def test_text_says_the_same(rowan, fraud):
    description = inspect(rowan, fraud)
    process = rowan("inspect", fraud)
    assert process.returncode == 0
    text = process.stdout.decode()
    for key in ("format", "producer", "objective", "booster", "fingerprint", "kernel"):
        assert description[key] in text
    for feature in description["features"]:
        assert feature["name"] in text
    assert f"{description['trees_used']} used, {description['trees']} in the file" in text


def test_names_cannot_send_escape_sequences_to_the_terminal(rowan, saved, tmp_path):
    document = json.loads(saved[0].read_text())
    document["learner"]["feature_names"][0] = "\x1b[31mamount"
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps(document))
    process = rowan("inspect", path)
    assert process.returncode == 0
    assert b"\x1b" not in process.stdout and b"?[31mamount" in process.stdout


def test_file_that_is_no_model_is_refused(rowan, tmp_path):
    path = tmp_path / "picture.ubj"
    path.write_bytes(b"\x89PNG\r\n")
    process = rowan("inspect", path)
    assert process.returncode == 1 and process.stdout == b""
    assert b"picture.ubj" in process.stderr and b"save_model" in process.stderr

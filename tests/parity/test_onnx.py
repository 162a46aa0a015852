"""ONNX models of many converters, against ONNX Runtime on one thread.

The models are trained, converted and scored in an environment of their own
(write_onnx_models.py).  ULPS says how many units in the last place a family may differ:
none, but where ONNX Runtime sums doubles in an order of its own.
"""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from onnx_results import read_model, ulps
from rowan_ctypes import ALL, BEST, BUILD, MARGIN, RESPONSE, Model, RowanError

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
COUNT = 100  # models of each family
ULPS = {
    "forests": 0, "gradient-boosting": 0, "hist-gradient-boosting": 0, "pipelines": 0,
    "columns": 0, "forests-double": 0, "gradient-boosting-double": 0,
    "hist-gradient-boosting-double": 0, "double-weights": 0, "xgboost": 0, "lightgbm": 0,
    "catboost": 0, "by-hand": 0, "opset-5": 0,
    # Seen: 0, 8 and 16.  Matrix kernels sum in an order that depends on the CPU.
    "linear": 4, "linear-double": 1024, "pipelines-double": 1024,
}
# Models that must become plain forests, which the fast kernels score.
PLAIN = ("forests", "gradient-boosting", "hist-gradient-boosting", "xgboost", "catboost",
         "forests-double", "double-weights")


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("onnx")
    printed = subprocess.run(["sh", ROOT / "scripts/venv.sh", HERE / "requirements-onnx.txt"],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
    python = Path(printed.strip()) / "bin" / "python"
    subprocess.run([python, HERE / "write_onnx_models.py", out, str(COUNT)], check=True)
    return out


@pytest.mark.parametrize("family", ULPS)
def test_results_are_those_of_onnx_runtime(written, family):
    largest, paths = 0, sorted((written / family).glob("*.onnx"))
    assert len(paths) == COUNT
    for path in paths:
        model, rows, expected, _ = read_model(path)
        ours = model.predict64(rows)
        assert ours.shape == expected.shape, path
        largest = max(largest, ulps(ours.astype(expected.dtype), expected))
        if family in PLAIN:
            assert model.info.booster == b"trees", path
    print(f"{family}: {len(paths)} models, at most {largest} ulps")
    assert largest <= ULPS[family]


@pytest.mark.parametrize("family", ["forests", "columns", "by-hand"])
def test_one_row_at_a_time_gives_the_same_bits(written, family):
    for path in sorted((written / family).glob("*.onnx"))[:10]:
        model, rows, _, _ = read_model(path)
        together = model.predict64(rows)
        alone = np.vstack([model.predict64(rows[i:i + 1]) for i in range(len(rows))])
        assert np.array_equal(together, alone, equal_nan=True)


@pytest.mark.parametrize("family", ULPS)
def test_contributions_are_refused(written, family):
    """ONNX does not say how many training rows reached a node."""
    model, rows, _, _ = read_model(min((written / family).glob("*.onnx")))
    assert not model.info.has_contributions
    with pytest.raises(RowanError, match="training rows|graph of operators"):
        model.contributions(rows[:1].astype(np.float64))


def test_double_weights_give_scikit_learns_own_numbers(written):
    """Sums of the same doubles, in another order: within one unit of the last place of 1."""
    largest = 0.0
    for path in sorted((written / "double-weights").glob("*.onnx")):
        model, rows, expected, own = read_model(path)
        scale = np.maximum(1.0, np.abs(own))
        largest = max(largest, float(np.max(np.abs(model.predict64(rows) - own) / scale)))
    print(f"double weights: at most {largest / 2**-52:.2f} ulps of 1 from scikit-learn")
    assert largest <= 4 * 2**-52


def test_features_and_categories_carry_the_names_of_the_inputs(written):
    model, *_ = read_model(written / "columns" / "1.onnx")
    assert model.feature_names == ["amount", "hour", "kind", "tier"]
    assert model.feature_kinds == [0, 0, 1, 1]
    assert model.feature_categories[3] == ["gold", "new"]


def test_an_unknown_string_is_any_number_that_is_no_code(written):
    path = written / "columns" / "1.onnx"
    model, rows, expected, _ = read_model(path)
    assert np.isnan(rows[:4, 2]).all()  # "unheard of"
    other = rows.copy()
    other[:4, 2] = (-1, 7, 1e300, -1e300)
    assert np.array_equal(model.predict64(rows), model.predict64(other))


def test_a_graph_survives_being_written_and_mapped(written, tmp_path):
    model, rows, _, _ = read_model(written / "columns" / "0.onnx")
    model.save_image(tmp_path / "image")
    mapped = Model.map_image(tmp_path / "image")
    assert mapped.info.fingerprint == model.info.fingerprint
    assert np.array_equal(mapped.predict64(rows), model.predict64(rows))


def test_a_margin_of_a_graph_is_its_response(written):
    model, rows, _, _ = read_model(written / "columns" / "0.onnx")
    assert np.array_equal(model.predict64(rows, MARGIN), model.predict64(rows, RESPONSE))


def test_there_is_no_best_iteration(written):
    path = written / "forests" / "0.onnx"
    assert Model(path, ALL).info.best_iteration == -1
    with pytest.raises(RowanError, match="no boosting rounds"):
        Model(path, BEST)


CONTRACT = {
    "type": "object", "required": ["id"],
    "properties": {"id": {"type": "string"}, "amount": {"type": ["number", "null"]},
                   "hour": {"type": "integer"}, "kind": {"type": "string"},
                   "tier": {"type": "string"}},
    "x-rowan": {
        "model": "columns", "version": "1", "type": "ONNX", "model_file": "model.onnx",
        "id": "id", "thresholds": {"medium": 0.3, "high": 0.7, "decision": 0.5},
        "features": [{"name": "amount", "from": "amount"}, {"name": "hour", "from": "hour"},
                     {"name": "kind", "category": "kind"}, {"name": "tier", "category": "tier"}]},
}


def request(arrays, i: int) -> dict:
    amount = float(arrays["in_0"][i, 0])
    return {"id": str(i), "amount": None if np.isnan(amount) else amount,
            "hour": int(arrays["in_1"][i, 0]), "kind": str(arrays["in_2"][i, 0]),
            "tier": str(arrays["in_3"][i, 0])}


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("index", [0, 3])  # encoders of both kinds, two classes
def test_a_model_directory_takes_strings_and_serves_the_positive_class(written, tmp_path, index,
                                                                       positive):
    """Golden rows are ONNX Runtime's numbers for the strings themselves."""
    source = written / "columns" / f"{index}.onnx"
    arrays = np.load(source.with_suffix(".npz"))
    contract = json.loads(json.dumps(CONTRACT))
    contract["x-rowan"]["positive_class"] = positive
    golden = [{"request": request(arrays, i), "fraud_probability": float(row[positive])}
              for i, row in enumerate(arrays["expected"])]
    (tmp_path / "model.onnx").write_bytes(source.read_bytes())
    (tmp_path / "contract.json").write_text(json.dumps(contract))
    (tmp_path / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in golden))
    done = subprocess.run([BUILD / "src" / "cli" / "rowan", "verify", tmp_path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(len(golden)) in done.stdout

"""ONNX files of other converters, with ONNX Runtime's numbers; LightGBM's and CatBoost's own, and one made by hand."""

from collections.abc import Callable
from pathlib import Path

import catboost
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from rowan_training.__main__ import main
from rowan_training.export import ExportError, export

from .conftest import contract_of

INPUTS = ["items", "mean", "risk"]


@pytest.fixture
def forest(numeric: pd.DataFrame, tmp_path: Path) -> Path:
    """CatBoost's own export: float32, with labels and a ZipMap."""
    model = catboost.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False)
    model.fit(numeric[INPUTS], numeric["fraud"]).save_model(str(tmp_path / "saved.onnx"), format="onnx")
    return tmp_path / "saved.onnx"


def test_a_classifier_of_one_input_gets_onnx_runtimes_probabilities(
    forest: Path, numeric: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    directory = export(onnx.load(forest), numeric[[*INPUTS, "fraud"]], tmp_path / "m", target="fraud")
    assert contract_of(directory)["x-rowan"]["features"][0] == {"name": "f0", "from": "items"}
    assert contract_of(directory)["required"] == INPUTS
    session = onnxruntime.InferenceSession(forest, providers=["CPUExecutionProvider"])
    _, expected = session.run(None, {"features": numeric[INPUTS].to_numpy(np.float32)})
    seen = score(directory, numeric)["fraud_probability"].to_numpy()
    np.testing.assert_allclose(seen, [row[1] for row in expected], rtol=1e-6)


def test_the_command_reads_a_file_and_rows_of_csv(forest: Path, numeric: pd.DataFrame, tmp_path: Path) -> None:
    numeric[[*INPUTS, "fraud"]].to_csv(tmp_path / "rows.csv", index=False)
    files = ["--model", str(forest), "--data", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "m")]
    assert main(["export", *files, "--target", "fraud"]) == 0


def scorecard(kind: int) -> onnx.ModelProto:
    """score = items / 2 + mean, of an input a column."""
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name in ("items", "mean")]
    half = numpy_helper.from_array(np.array([2.0]), "two")
    nodes = [helper.make_node("Div", ["items", "two"], ["half"]), helper.make_node("Add", ["half", "mean"], ["score"])]
    output = helper.make_tensor_value_info("score", kind, [None, 1])
    graph = helper.make_graph(nodes, "scorecard", inputs, [output], [half])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_inputs_by_column_are_matched_by_name(
    numeric: pd.DataFrame, tmp_path: Path, score: Callable[..., pd.DataFrame]
) -> None:
    frame = numeric[["fraud", "mean", "items"]].astype({"mean": np.float64})
    directory = export(scorecard(TensorProto.DOUBLE), frame, tmp_path / "m", target="fraud")
    features = contract_of(directory)["x-rowan"]["features"]
    assert features == [{"name": "items", "from": "items"}, {"name": "mean", "from": "mean"}]
    expected = frame["items"] / 2 + frame["mean"]
    np.testing.assert_array_equal(score(directory, frame)["score"].to_numpy(), expected)


def test_inputs_of_text_are_refused(numeric: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="the input 'items' takes no numbers"):
        export(scorecard(TensorProto.STRING), numeric, tmp_path / "m")

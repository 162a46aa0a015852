"""Models as ONNX with ONNX Runtime's own results: what the writers of test models share.

A model is NAME.onnx and NAME.npz in a folder: in_0, in_1 ... (one array for each input of
the graph, strings as strings), expected (ONNX Runtime's response on one thread) and, where
the training library says something of its own, own.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
_make_attribute = onnx.helper.make_attribute


def plain(value):
    """numpy's numbers as Python's: the converters hand over both, and not all are taken."""
    if isinstance(value, (list, tuple, np.ndarray)) and not isinstance(value, str):
        return [plain(item) for item in value]
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, bool) else value


def make_attribute(key, value, *args, **kwargs):
    return _make_attribute(key, plain(value), *args, **kwargs)


onnx.helper.make_attribute = make_attribute


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(model.SerializeToString(), options,
                                providers=["CPUExecutionProvider"])


def as_onnxruntime_takes_it(model: onnx.ModelProto) -> onnx.ModelProto:
    """Converters declare doubles where operators of ai.onnx.ml give floats."""
    try:
        session(model)
    except Exception:
        for value in model.graph.output:
            if value.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE:
                value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return model


def response(outputs: list) -> np.ndarray:
    """Maps of probabilities as columns; else the last array of floats."""
    for output in outputs:
        if isinstance(output, list) and output and isinstance(output[0], dict):
            return np.array([list(row.values()) for row in output], np.float32)
    floats = [output for output in outputs if output.dtype in (np.float32, np.float64)]
    return floats[-1].reshape(len(floats[-1]), -1)


def attributes(node: onnx.NodeProto) -> dict:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def thresholds(model: onnx.ModelProto) -> list[tuple[int, float]]:
    """Feature and threshold of splits that compare the row itself."""
    names = {value.name for value in model.graph.input}
    found = set()
    for node in model.graph.node:
        if node.op_type in TREES and node.input[0] in names:
            own = attributes(node)
            values = own.get("nodes_values")
            if values is None:
                values = onnx.numpy_helper.to_array(own["nodes_values_as_tensor"])
            found |= {(f, float(v)) for f, v, m in zip(own["nodes_featureids"], values,
                                                       own["nodes_modes"]) if m != b"LEAF"}
    return sorted(found)


def at_thresholds(model: onnx.ModelProto, rows: np.ndarray, rng: np.random.Generator,
                  limit: int = 40) -> np.ndarray:
    """Copies of rows where one value is a threshold, or next to one."""
    splits = thresholds(model)
    if not splits:
        return rows
    chosen = [splits[i] for i in rng.permutation(len(splits))[:limit]]
    extra = rows[rng.integers(0, len(rows), 3 * len(chosen))].copy()
    kind = rows.dtype.type
    for i, (feature, value) in enumerate(chosen):
        extra[3 * i:3 * i + 3, feature] = (np.nextafter(kind(value), kind(-np.inf)), kind(value),
                                           np.nextafter(kind(value), kind(np.inf)))
    return np.vstack([rows, extra])


def write(folder: Path, name: str, model: onnx.ModelProto, inputs: list[np.ndarray],
          own: np.ndarray | None = None) -> None:
    run = session(as_onnxruntime_takes_it(model))
    feed = {value.name: array for value, array in zip(run.get_inputs(), inputs)}
    arrays = {f"in_{i}": array.astype(str) if array.dtype == object else array
              for i, array in enumerate(inputs)}
    expected = response(run.run(None, feed))
    if own is not None:
        arrays["own"] = own
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / f"{name}.onnx")
    np.savez(folder / f"{name}.npz", expected=expected, **arrays)

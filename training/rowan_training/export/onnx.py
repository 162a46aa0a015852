"""A model that is an ONNX file already, with the numbers of ONNX Runtime: one input of all columns, or one a column."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd

from rowan_training.export.packed import (
    ExportError,
    Feature,
    PackedModel,
    class_index,
    columns_with_missing,
    input_frame,
)

NUMBERS: dict[int, type] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.INT64: np.int64,
    onnx.TensorProto.BOOL: np.bool_,
}
# Rowan adds in the order of the file, ONNX Runtime in that of its threads and vectors.
GOLDEN_ULPS = 16


def pack(model: Any, frame: pd.DataFrame, *, target: str | None, positive_class: Any | None) -> PackedModel:
    if not isinstance(model, onnx.ModelProto):
        raise ExportError(f"{type(model).__name__} is no ONNX model: pass what onnx.load returns")
    content = model.SerializeToString()
    graph_inputs = _inputs(model)
    is_one = len(graph_inputs) == 1 and _width(graph_inputs[0]) != 1
    names = None if is_one else [entry.name for entry in graph_inputs]
    count = _width(graph_inputs[0]) or frame.shape[1] if is_one else len(graph_inputs)
    inputs = input_frame(frame, names, count, target)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    output, n_classes = _answer(model, session, graph_inputs, inputs)
    index = class_index(range(n_classes), positive_class) if n_classes else None

    def scores(rows: pd.DataFrame) -> np.ndarray:
        found = _table(session.run([output], _feed(graph_inputs, rows))[0])
        return found[:, 0 if index is None else index]

    return PackedModel(
        type="ONNX",
        file_name="model.onnx",
        content=content,
        producer=f"{model.producer_name or 'an unnamed program'} {model.producer_version}".strip(),
        features=tuple(Feature(f"f{place}" if is_one else column, column) for place, column in enumerate(inputs)),
        nullable=columns_with_missing(inputs),
        is_probability=n_classes is not None,
        scores=scores,
        positive_class=1 if index is None else index,
        golden_ulps=GOLDEN_ULPS,
    )


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    constants = {initializer.name for initializer in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in constants]
    for entry in inputs:
        if entry.type.tensor_type.elem_type not in NUMBERS:
            raise ExportError(f"the input {entry.name!r} takes no numbers: encode it in front of the model")
    return inputs


def _width(entry: onnx.ValueInfoProto) -> int:
    """Columns of an input `[n_rows][width]`; 0 if the file leaves it open."""
    dimensions = entry.type.tensor_type.shape.dim
    return int(dimensions[1].dim_value) if len(dimensions) > 1 else 1


def _feed(inputs: list[onnx.ValueInfoProto], rows: pd.DataFrame) -> dict[str, np.ndarray]:
    kinds = [NUMBERS[entry.type.tensor_type.elem_type] for entry in inputs]
    if len(inputs) == 1:
        return {inputs[0].name: rows.to_numpy(np.float64, na_value=np.nan).astype(kinds[0])}
    return {
        entry.name: rows[[column]].to_numpy(np.float64, na_value=np.nan).astype(kind)
        for entry, column, kind in zip(inputs, rows, kinds)
    }


def _answer(
    model: onnx.ModelProto,
    session: onnxruntime.InferenceSession,
    graph_inputs: list[onnx.ValueInfoProto],
    inputs: pd.DataFrame,
) -> tuple[str, int | None]:
    """The output that has the scores; the number of classes if they are probabilities. A classifier has a label too."""
    names = [entry.name for entry in model.graph.output]
    one_row = inputs.dropna().iloc[:1] if len(inputs.dropna()) else inputs.iloc[:1]
    answers = dict(zip(names, session.run(names, _feed(graph_inputs, one_row))))
    tables = {name: _table(answer) for name, answer in answers.items()}
    wide = [name for name, table in tables.items() if table.shape[1] > 1]
    if len(wide) == 1:
        return wide[0], tables[wide[0]].shape[1]
    if len(names) == 1 and tables[names[0]].shape[1] == 1:
        return names[0], None
    raise ExportError(f"the outputs {', '.join(names)} are neither one score nor a label with probabilities")


def _table(answer: Any) -> np.ndarray:
    """`[n_rows][n_outputs]`; ZipMap gives a dictionary a row."""
    if isinstance(answer, list):
        return np.array([list(row.values()) for row in answer])
    return answer.reshape(len(answer), -1)

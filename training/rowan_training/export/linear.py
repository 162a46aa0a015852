"""Linear models of scikit-learn as ONNX in double: columns as scikit-learn makes them, then one product.

The converter that exists writes imputation in double as an operator that ONNX Runtime does not have.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rowan_training.export.columns import Column, Operation, Source
from rowan_training.export.ensemble import INPUT, serialized
from rowan_training.export.packed import ExportError


@dataclass(frozen=True)
class Term:
    """A column of the product: a chain of operations on an input, or whether the input equals a number."""

    place: int  # of the input
    operations: tuple[Operation, ...]
    equals: float | None
    weights: np.ndarray  # [n_targets]

    @property
    def shape(self) -> tuple[str, ...]:
        return ("Equal",) if self.equals is not None else tuple(operation.name for operation in self.operations)


def linear_onnx(
    columns: Sequence[Column],
    sources: Sequence[Source],
    coefficients: np.ndarray,
    intercepts: np.ndarray,
    classifies: bool,
    name: str,
) -> bytes:
    """`coefficients` `[n_targets][n_columns]`; one target of a classifier is the margin of its second class."""
    places = {id(source): place for place, source in enumerate(sources)}
    terms = [
        term
        for column, weights in zip(columns, coefficients.T)
        for term in _terms(column, places[id(column.source)], weights)
    ]
    graph = _Graph()
    groups = defaultdict(list)
    for term in terms:
        groups[term.shape].append(term)
    values = [_group(graph, group) for group in groups.values()]
    ordered = [term for group in groups.values() for term in group]
    table = graph.add("Concat", *values, axis=1) if len(values) > 1 else values[0]
    weights = graph.constant(np.array([term.weights for term in ordered], np.float64))
    margins = graph.add("Add", graph.add("MatMul", table, weights), graph.constant(np.asarray(intercepts, np.float64)))
    outputs = _outputs(graph, margins, coefficients.shape[0], classifies)
    return serialized(graph.nodes, name, len(sources), outputs, graph.constants)


class _Graph:
    """Nodes and constants, which get names as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, values: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name


def _terms(column: Column, place: int, weights: np.ndarray) -> list[Term]:
    if column.source.kind == "text":
        return _text_terms(column, place, weights)
    if column.stands_out is not None:
        number = column.stands_out
        value, other = column.apply(np.array([number, np.nextafter(number, np.inf)]))
        if other != 0:
            raise ExportError(
                f"the indicator of {number:g} in {column.source.name!r} is scaled: encode behind the scaler"
            )
        return [Term(place, (), number, weights * value)]
    if column.operations is None:
        raise ExportError(
            f"the field {column.source.name!r} is prepared in a way that has no exact form in ONNX for a linear model: "
            "use float64 columns, StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SimpleImputer, OneHotEncoder"
        )
    return [Term(place, column.operations, None, weights)]


def _text_terms(column: Column, place: int, weights: np.ndarray) -> list[Term]:
    """A term for each text, with what its code is worth; and one for a missing text where it is worth something."""
    values = column.apply(np.array(column.source.values, object)).astype(np.float64)
    terms = [Term(place, (), float(code), weights * value) for code, value in enumerate(values) if value != 0]
    try:
        missing = float(column.apply(np.array([column.source.missing], object))[0])
    except ValueError:
        missing = 0.0  # is refused before
    if missing != 0:
        terms.append(Term(place, (Operation("IsNaN"),), None, weights * missing))
    return terms


def _group(graph: _Graph, terms: list[Term]) -> str:
    """A table of the terms, which are of one shape."""
    indices = graph.constant(np.array([term.place for term in terms], np.int64))
    value = graph.add("Gather", INPUT, indices, axis=1)
    if terms[0].equals is not None:
        same = graph.add("Equal", value, graph.constant(np.array([term.equals for term in terms])))
        return graph.add("Cast", same, to=TensorProto.DOUBLE)
    for step, operation in enumerate(terms[0].operations):
        operands = np.array([term.operations[step].operand for term in terms])
        if operation.name == "IsNaN":
            value = graph.add("Cast", graph.add("IsNaN", value), to=TensorProto.DOUBLE)
        elif operation.name == "Fill":
            value = graph.add("Where", graph.add("IsNaN", value), graph.constant(operands), value)
        else:
            value = graph.add(operation.name, value, graph.constant(operands))
    return value


def _outputs(graph: _Graph, margins: str, n_targets: int, classifies: bool) -> list[onnx.ValueInfoProto]:
    if not classifies:
        graph.add("Identity", margins, output="score")
        return [helper.make_tensor_value_info("score", TensorProto.DOUBLE, [None, n_targets])]
    if n_targets == 1:
        second = graph.add("Sigmoid", margins)
        first = graph.add("Sub", graph.constant(np.array([1.0])), second)
        graph.add("Concat", first, second, axis=1, output="probabilities")
    else:
        graph.add("Softmax", margins, axis=1, output="probabilities")
    graph.add("ArgMax", "probabilities", axis=1, keepdims=0, output="label")
    return [
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, max(n_targets, 2)]),
    ]

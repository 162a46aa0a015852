"""Trees as ONNX: one node of double thresholds and leaves, from which Rowan and ONNX Runtime compute in double.

The converters that exist write leaves and thresholds as float32, or write doubles that ONNX Runtime does not load; a
library that trains in double loses its last digits there, and rows on a threshold change sides.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSETS = (("", 18), ("ai.onnx.ml", 3))
IR_VERSION = 8
INPUT = "X"
# By ONNX's text trees answer in float32, whatever they add in, and ONNX Runtime's logistic function leaves a small
# probability few digits there. This entry of the file's metadata asks Rowan for double up to the answer.
ARITHMETIC, FLOAT64 = "rowan.arithmetic", "float64"
LEAF = -1

LARGEST = float(np.finfo(np.float64).max)
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Tree:
    """Arrays `[n_nodes]`, root first. A row goes to `yes` if its value is at most the threshold, or equals it."""

    feature: np.ndarray
    threshold: np.ndarray
    equals: np.ndarray
    yes: np.ndarray  # LEAF in leaves
    no: np.ndarray
    missing_yes: np.ndarray
    cover: np.ndarray  # weight of the training rows: what contributions are made of
    value: np.ndarray  # [n_nodes][n_targets], of leaves


@dataclass(frozen=True)
class Ensemble:
    trees: Sequence[Tree]
    n_inputs: int
    n_targets: int
    aggregate: Literal["SUM", "AVERAGE"] = "SUM"
    post_transform: Literal["NONE", "LOGISTIC", "SOFTMAX"] = "NONE"
    # None: a regression.
    n_classes: int | None = None


def to_onnx(ensemble: Ensemble, name: str) -> bytes:
    # ONNX's classifier adds; where shares are averaged, its regressor gives the probabilities.
    is_classifier = ensemble.n_classes is not None and ensemble.aggregate == "SUM"
    operator, prefix = ("TreeEnsembleClassifier", "class") if is_classifier else ("TreeEnsembleRegressor", "target")
    answer = "score" if ensemble.n_classes is None else "probabilities"
    attributes: dict[str, Any] = {
        **_nodes(ensemble),
        **_leaves(ensemble, prefix),
        "post_transform": ensemble.post_transform,
    }
    if is_classifier:
        attributes["classlabels_int64s"] = list(range(ensemble.n_classes or 0))
        outputs = [
            _output("label", TensorProto.INT64, [None]),
            _output(answer, TensorProto.FLOAT, [None, ensemble.n_classes]),
        ]
    else:
        attributes |= {"n_targets": ensemble.n_targets, "aggregate_function": ensemble.aggregate}
        outputs = [_output(answer, TensorProto.FLOAT, [None, ensemble.n_targets])]
    node = helper.make_node(operator, [INPUT], [output.name for output in outputs], domain="ai.onnx.ml", **attributes)
    return serialized([node], name, ensemble.n_inputs, outputs, arithmetic=FLOAT64)


def serialized(
    nodes: Sequence[onnx.NodeProto],
    name: str,
    n_inputs: int,
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto] = (),
    arithmetic: str | None = None,
) -> bytes:
    """A checked model of one input, a table of doubles."""
    inputs = [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, n_inputs])]
    model = helper.make_model(
        helper.make_graph(nodes, name, inputs, outputs, constants),
        producer_name="rowan_training",
        opset_imports=[helper.make_opsetid(*opset) for opset in OPSETS],
        ir_version=IR_VERSION,
    )
    if arithmetic:
        helper.set_model_props(model, {ARITHMETIC: arithmetic})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def feature_names(columns: Sequence[str]) -> Sequence[str]:
    """As the file names them: a table of one column has the name of the input, of more columns none."""
    return [INPUT] if len(columns) == 1 else columns


def constant(values: Sequence[float], cover: float) -> Tree:
    """A tree of one leaf. ONNX does not say when a base value is added; a tree is added at its place."""
    none = np.zeros(1, bool)
    leaf = np.array([LEAF])
    return Tree(np.zeros(1, np.int64), np.zeros(1), none, leaf, leaf, none, np.array([cover]), np.array([values]))


def float32_cuts(limits: np.ndarray) -> np.ndarray:
    """For each limit the last double that is not above it once rounded to float32."""
    limits = np.asarray(limits, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        below = limits.astype(np.float32)
        below = np.where(below > limits, np.nextafter(below, np.float32(-np.inf)), below)
        below = np.clip(below, -np.finfo(np.float32).max, np.finfo(np.float32).max)
        # The float above; above the largest, where the next one would be.
        above = np.nextafter(below, np.float32(np.inf)).astype(np.float64)
        above = np.where(np.isinf(above), LARGEST_FLOAT32 + np.float64(np.spacing(below)), above)
        middle = (below.astype(np.float64) + above) / 2
        return np.where(middle.astype(np.float32) <= limits, middle, np.nextafter(middle, -np.inf))


def both_sides(cuts: set[float]) -> list[float]:
    """Cuts that a float32 can hold, and the double above each."""
    within = sorted(cut for cut in cuts if abs(cut) < LARGEST_FLOAT32)
    return [value for cut in within for value in (cut, math.nextafter(cut, math.inf))]


def _nodes(ensemble: Ensemble) -> dict[str, object]:
    trees = ensemble.trees
    sizes = [len(tree.feature) for tree in trees]
    leaf = _joined([tree.yes == LEAF for tree in trees])
    equals = _joined([tree.equals for tree in trees])
    modes = np.where(leaf, "LEAF", np.where(equals, "BRANCH_EQ", "BRANCH_LEQ"))
    return {
        "nodes_treeids": np.repeat(np.arange(len(trees)), sizes).tolist(),
        "nodes_nodeids": _joined([np.arange(size) for size in sizes]).tolist(),
        "nodes_featureids": np.where(leaf, 0, _joined([tree.feature for tree in trees])).tolist(),
        "nodes_modes": modes.tolist(),
        "nodes_values_as_tensor": _tensor("values", np.where(leaf, 0.0, _joined([tree.threshold for tree in trees]))),
        "nodes_truenodeids": np.where(leaf, 0, _joined([tree.yes for tree in trees])).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, _joined([tree.no for tree in trees])).tolist(),
        "nodes_missing_value_tracks_true": (~leaf & _joined([tree.missing_yes for tree in trees])).astype(int).tolist(),
        "nodes_hitrates_as_tensor": _tensor("hitrates", _joined([tree.cover for tree in trees])),
    }


def _leaves(ensemble: Ensemble, prefix: str) -> dict[str, object]:
    """A weight for each leaf and target.

    The margin of two classes is written for both, with both signs: what ONNX Runtime does with one alone depends on
    whether all leaves happen to be positive.
    """
    is_margin = ensemble.n_classes == 2 and ensemble.n_targets == 1
    trees, nodes, weights = [], [], []
    for index, tree in enumerate(ensemble.trees):
        leaves = np.flatnonzero(tree.yes == LEAF)
        trees.append(np.full(len(leaves), index))
        nodes.append(leaves)
        values = tree.value[leaves]
        weights.append(np.hstack([-values, values]) if is_margin else values)
    n_targets = 2 if is_margin else ensemble.n_targets
    targets = np.tile(np.arange(n_targets), len(_joined(nodes)))
    return {
        f"{prefix}_treeids": np.repeat(_joined(trees), n_targets).tolist(),
        f"{prefix}_nodeids": np.repeat(_joined(nodes), n_targets).tolist(),
        f"{prefix}_ids": targets.tolist(),
        f"{prefix}_weights_as_tensor": _tensor("weights", np.concatenate(weights).ravel()),
    }


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays)


def _tensor(name: str, values: Sequence[float] | np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, np.float64), name)


def _output(name: str, kind: int, shape: list[int | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)

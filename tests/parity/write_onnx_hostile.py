#!/usr/bin/env python3
"""Writes ONNX files that lie, each with the reason that Rowan must give.

usage: write_onnx_hostile.py OUT

Runs in the environment of requirements-onnx.txt (see test_onnx_hostile.py).  OUT gets
whole models (forest.onnx, columns.onnx, opset-5.onnx), lies/NAME.onnx, and lies.json: name
to a part of the error's text.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import write_onnx_models as models

ML = "ai.onnx.ml"


def value(name: str, width, kind=TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [None, width])


def model(nodes: list, width: int = 3, out_width: int = 3, initializers=()) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "lie", [value("X", width)], [value("Y", out_width)],
                              list(initializers))
    return helper.make_model(graph, ir_version=9, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)])


def node(kind: str, inputs=("X",), outputs=("Y",), domain: str = "", **attributes):
    return helper.make_node(kind, list(inputs), list(outputs), name=f"my {kind}", domain=domain,
                            **attributes)


def stump(**changes) -> onnx.ModelProto:
    """x0 <= 0.5 ? 1 : 2, and one more tree that is a leaf."""
    lists = {
        "nodes_treeids": [0, 0, 0, 1], "nodes_nodeids": [0, 1, 2, 0],
        "nodes_featureids": [0, 0, 0, 0], "nodes_values": [0.5, 0.0, 0.0, 0.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 0, 0], "nodes_falsenodeids": [2, 0, 0, 0],
        "target_treeids": [0, 0, 1], "target_nodeids": [1, 2, 0], "target_ids": [0, 0, 0],
        "target_weights": [1.0, 2.0, 3.0], "n_targets": 1, **changes}
    return model([node("TreeEnsembleRegressor", domain=ML, **lists)], out_width=1)


def constant(name: str, array: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(array, name)


def claimed(name: str, dims: list[int]) -> onnx.TensorProto:
    tensor = onnx.TensorProto()
    tensor.name, tensor.data_type = name, TensorProto.FLOAT
    tensor.dims.extend(dims)
    tensor.raw_data = b"\0" * 16
    return tensor


def external() -> onnx.TensorProto:
    tensor = claimed("c", [4])
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return tensor


def nested(depth: int) -> onnx.ModelProto:
    inner = helper.make_graph([node("Identity")], "g", [], [value("Y", 3)])
    for _ in range(depth):
        inner = helper.make_graph([node("If", then_branch=inner)], "g", [], [value("Y", 3)])
    return model([node("If", then_branch=inner)])


def without_shape() -> onnx.ModelProto:
    lie = model([node("Identity")])
    lie.graph.input[0].type.tensor_type.ClearField("shape")
    return lie


def wide_input(width: int) -> onnx.ModelProto:
    lie = model([node("Exp")], width=width, out_width=width)
    lie.doc_string = "memory is a multiple of the file's size" * 10000
    return lie


def chain(depth: int) -> onnx.ModelProto:
    """A tree as deep as it is long."""
    n = 2 * depth + 1
    split = [i % 2 == 0 and i + 2 < n for i in range(n)]
    return stump(nodes_treeids=[0] * n, nodes_nodeids=list(range(n)), nodes_featureids=[0] * n,
                 nodes_values=[0.0] * n,
                 nodes_modes=["BRANCH_LEQ" if s else "LEAF" for s in split],
                 nodes_truenodeids=[i + 1 if split[i] else 0 for i in range(n)],
                 nodes_falsenodeids=[i + 2 if split[i] else 0 for i in range(n)],
                 target_treeids=[0], target_nodeids=[n - 1], target_ids=[0], target_weights=[1.0])


def doubling(times: int) -> onnx.ModelProto:
    """Each node joins the value with itself: 3 * 2^times columns."""
    nodes = [node("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"], axis=1) for i in range(times)]
    nodes.insert(0, node("Exp", outputs=["v0"]))
    return model([*nodes, node("Identity", [f"v{times}"])])


def five(**changes) -> onnx.ModelProto:
    lists = {"nodes_featureids": [0, 1], "nodes_truenodeids": [1, 0], "nodes_falsenodeids": [0, 1],
             "nodes_trueleafs": [0, 1], "nodes_falseleafs": [1, 1], "leaf_targetids": [0, 0],
             "tree_roots": [0], "n_targets": 1, **changes}
    made = node("TreeEnsemble", domain=ML, **lists)
    made.attribute.extend([
        models.tensor_attribute("nodes_splits", np.array([0.5, 1.5], np.float32)),
        models.tensor_attribute("nodes_modes", np.array([0, 0], np.uint8)),
        models.tensor_attribute("leaf_weights", np.array([1.0, 2.0], np.float32))])
    lie = model([made], out_width=1)
    lie.opset_import[1].version = 5
    return lie


BIG = 2**31
LIES = {
    "cycle": (model([node("Exp", ["b"], ["a"]), node("Exp", ["a"], ["b"]),
                     node("Add", ["X", "b"])]), "is not computed before it: missing, or a cycle"),
    "own-output": (model([node("Add", ["X", "Y"])]), "missing, or a cycle"),
    "nothing": (model([node("Exp", ["none"])]), "(none) is not computed before it"),
    "twice": (model([node("Exp"), node("Log")]), "a value is computed twice"),
    "no-output": (model([node("Exp", outputs=["other"])]), "output of the graph is not computed"),
    "operator": (model([node("SVMRegressor", domain=ML)]),
                 "node my SVMRegressor (SVMRegressor of ai.onnx.ml)"),
    "domain": (model([node("Exp", domain="com.example")]), "Exp of com.example"),
    "old-opset": (model([node("LabelEncoder", domain=ML, classes_strings=["a"])]), "keys"),
    "claimed": (model([node("Add", ["X", "c"])], initializers=[claimed("c", [BIG, BIG])]),
                "too many elements"),
    "short": (model([node("Add", ["X", "c"])], initializers=[claimed("c", [1000000])]),
              "does not fill its shape"),
    "external": (model([node("Add", ["X", "c"])], initializers=[external()]),
                 "data outside of the file"),
    "shapes": (model([node("Add", ["X", "c"])],
                     initializers=[constant("c", np.zeros(2, np.float32))]),
               "shapes that do not fit row by row"),
    "batch": (model([node("Add", ["X", "c"])],
                    initializers=[constant("c", np.zeros((5, 3), np.float32))]),
              "shapes that do not fit row by row"),
    "types": (model([node("Add", ["X", "c"])], initializers=[constant("c", np.zeros(3))]),
              "two types"),
    "mixed-rows": (model([node("Reshape", ["X", "s"])],
                         initializers=[constant("s", np.array([-1, 1]))]), "rows"),
    "column": (model([node("Gather", ["X", "i"], axis=1)],
                     initializers=[constant("i", np.array([3]))]), "column 3 of 3"),
    "matrix": (model([node("MatMul", ["X", "w"])],
                     initializers=[constant("w", np.zeros((4, 2), np.float32))]),
               "a table times a constant matrix"),
    "scaler": (model([node("Scaler", domain=ML, offset=[0.0] * 5, scale=[1.0] * 5)]),
               "5 offsets and 5 scales for 3 columns"),
    "linear": (model([node("LinearRegressor", domain=ML, coefficients=[1.0] * 7,
                           intercepts=[0.0])]), "7 coefficients"),
    "nested": (nested(12), "RW_ONNX_MAX_DEPTH"),
    "no-shape": (without_shape(), "is no tensor of known shape"),
    "too-wide": (wide_input(100000), "has no number of columns, or too many"),
    "scratch": (wide_input(40000), "RW_GRAPH_SCRATCH_BYTES"),
    "doubling": (doubling(40), "a dimension of 98304 elements"),
    "tree-cycle": (stump(nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF"],
                         nodes_truenodeids=[1, 0, 0, 0], nodes_falsenodeids=[2, 2, 0, 0],
                         target_treeids=[0, 1], target_nodeids=[2, 0], target_ids=[0, 0],
                         target_weights=[1.0, 2.0]), "reached twice: not a tree"),
    "child": (stump(nodes_truenodeids=[7, 0, 0, 0]), "a child of node 0 of tree 0 is missing"),
    "child-of-2-31": (stump(nodes_truenodeids=[BIG, 0, 0, 0]), "is missing"),
    "child-of-2-63": (stump(nodes_truenodeids=[2**63 - 1, 0, 0, 0]), "is missing"),
    "node-twice": (stump(nodes_nodeids=[0, 1, 1, 0]), "is there twice"),
    "two-pieces": (stump(nodes_treeids=[0, 0, 1, 0], nodes_nodeids=[0, 1, 0, 2],
                         target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0],
                         target_weights=[1.0, 2.0]), "tree 0, node 0: child id is out of range"),
    "feature": (stump(nodes_featureids=[3, 0, 0, 0]), "splits on a feature"),
    "feature-of-2-40": (stump(nodes_featureids=[2**40, 0, 0, 0]), "splits on feature"),
    "nan": (stump(nodes_values=[float("nan"), 0.0, 0.0, 0.0]), "threshold is NaN"),
    "infinite-leaf": (stump(target_weights=[float("inf"), 2.0, 3.0]), "not a finite number"),
    "lengths": (stump(nodes_values=[0.5]), "lists of nodes are not of one length"),
    "weight-lengths": (stump(target_ids=[0]), "lists of weights are not of one length"),
    "weight-of-nothing": (stump(target_nodeids=[1, 9, 0]), "which is missing"),
    "target": (stump(target_ids=[0, 5, 0]), "a weight of output 5 of 1"),
    "targets-of-2-31": (stump(n_targets=BIG), "ROWAN_MAX_OUTPUTS"),
    "two-weights": (stump(target_nodeids=[1, 1, 0]), "two weights of one output"),
    "mode": (stump(nodes_modes=["BRANCH_MAYBE", "LEAF", "LEAF", "LEAF"]), "BRANCH_MAYBE"),
    "deep": (chain(100000), "ROWAN_MAX_TREE_DEPTH"),
    "five-cycle": (five(nodes_trueleafs=[0, 0]), "reached twice: not a tree"),
    "five-leaf": (five(nodes_falsenodeids=[0, 9]), "leaf 9 does not exist"),
    "five-root": (five(tree_roots=[2]), "node 2 does not exist"),
    "five-roots": (five(tree_roots=[0, 0]), "reached twice: not a tree"),
    "five-target": (five(leaf_targetids=[0, 1]), "a weight of output 1 of 1"),
}


def main() -> None:
    out = Path(sys.argv[1])
    (out / "lies").mkdir(parents=True, exist_ok=True)
    for name, index in (("forests", 1), ("columns", 1), ("by-hand", 3), ("opset-5", 1)):
        models.FAMILIES[name](out / name, index, np.random.default_rng(5))
        (out / name / f"{index}.onnx").rename(out / f"{name}.onnx")
    for name, (lie, _) in LIES.items():
        (out / "lies" / f"{name}.onnx").write_bytes(lie.SerializeToString())
    (out / "lies.json").write_text(json.dumps({name: text for name, (_, text) in LIES.items()}))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Trains models, converts them to ONNX, and writes them with ONNX Runtime's results.

usage: write_onnx_models.py OUT COUNT

Runs in the environment of requirements-onnx.txt (see test_onnx.py).  Each family is a
folder of OUT with COUNT models, see onnx_files.py.
"""

import sys
import warnings
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import onnx
import onnxmltools
import pandas as pd
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType as FloatTensorTypeMl
from skl2onnx import to_onnx
from skl2onnx.common.data_types import (DoubleTensorType, FloatTensorType, Int64TensorType,
                                        StringTensorType)
from sklearn import ensemble, linear_model, preprocessing, tree
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

import onnx_files

N_ROWS, N_TRAIN = 60, 240
OPSETS = {"": 17, "ai.onnx.ml": 3}


def draw(rng: np.random.Generator, kind=np.float32, widest: int = 8) -> np.ndarray:
    rows = rng.normal(0, 1, (N_TRAIN, int(rng.integers(3, widest + 1)))).astype(kind)
    rows[:, 1] = np.round(rows[:, 1] * 2)
    return rows


def labels(rows: np.ndarray, rng: np.random.Generator, n_classes: int) -> np.ndarray:
    """n_classes 0: numbers."""
    filled = np.nan_to_num(rows.astype(float), nan=0.3)
    signal = np.sin(filled[:, 0]) + filled[:, -1] + rng.normal(0, 0.4, len(rows))
    if n_classes == 0:
        return signal
    return np.digitize(signal, np.quantile(signal, np.arange(1, n_classes) / n_classes))


def n_classes_of(index: int) -> int:
    return (2, 4, 0)[index % 3]


def options(model, index: int, kind=np.float32) -> dict | None:
    """ONNX Runtime's ZipMap takes no doubles."""
    final = model.steps[-1][1] if hasattr(model, "steps") else model
    return {id(final): {"zipmap": bool(index % 2) and kind is np.float32}} if hasattr(final, "classes_") else None


def convert(model, kind, width: int, index: int) -> onnx.ModelProto:
    tensor = DoubleTensorType if kind is np.float64 else FloatTensorType
    return to_onnx(model, initial_types=[("X", tensor([None, width]))], target_opset=OPSETS,
                   options=options(model, index, kind))


def sklearn_model(out: Path, index: int, rng, make, kind=np.float32, missing=False,
                  widest: int = 8) -> None:
    rows = draw(rng, kind, widest)
    if missing:
        rows[rng.random(rows.shape) < 0.1] = np.nan
    n_classes = n_classes_of(index)
    model = make(rng, n_classes, index)
    model.fit(rows, labels(rows, rng, n_classes))
    converted = convert(model, kind, rows.shape[1], index)
    asked = onnx_files.at_thresholds(converted, rows[:N_ROWS], rng)
    onnx_files.write(out, str(index), converted, [asked])


# ---- scikit-learn ----------------------------------------------------------------------


def forest(rng, n_classes, index):
    size = {"n_estimators": int(rng.integers(1, 12)), "max_depth": int(rng.integers(1, 8)),
            "random_state": index, "n_jobs": 1}
    if index % 5 == 0:
        kind = tree.DecisionTreeClassifier if n_classes else tree.DecisionTreeRegressor
        return kind(max_depth=size["max_depth"], random_state=index)
    if index % 2:
        kind = ensemble.ExtraTreesClassifier if n_classes else ensemble.ExtraTreesRegressor
    else:
        kind = ensemble.RandomForestClassifier if n_classes else ensemble.RandomForestRegressor
    return kind(**size)


def boosting(rng, n_classes, index):
    kind = (ensemble.GradientBoostingClassifier if n_classes
            else ensemble.GradientBoostingRegressor)
    return kind(n_estimators=int(rng.integers(1, 10)), max_depth=int(rng.integers(1, 5)),
                random_state=index)


def histograms(rng, n_classes, index):
    kind = (ensemble.HistGradientBoostingClassifier if n_classes
            else ensemble.HistGradientBoostingRegressor)
    return kind(max_iter=int(rng.integers(1, 8)), max_leaf_nodes=8, random_state=index)


def linear(rng, n_classes, index):
    if n_classes:
        return linear_model.LogisticRegression(C=float(rng.uniform(0.1, 3)))
    return linear_model.Ridge() if index % 2 else linear_model.LinearRegression()


def steps(rng, n_classes, index, missing: bool):
    chosen = [SimpleImputer(strategy="median" if index % 2 else "mean")] if missing else []
    scalers = [preprocessing.StandardScaler(), preprocessing.MinMaxScaler(),
               preprocessing.RobustScaler()]
    chosen += [scalers[i] for i in rng.permutation(3)[:1 + index % 2]]
    if index % 4 == 1:
        chosen.append(preprocessing.Normalizer(("l1", "l2", "max")[index % (3 if missing else 2)]))
    if index % 4 == 2:
        chosen.append(preprocessing.Binarizer(threshold=0.2))
    final = (forest, boosting, linear)[(index // 3) % 3]
    return make_pipeline(*chosen, final(rng, n_classes, index))


def pipeline(rng, n_classes, index):
    return steps(rng, n_classes, index, missing=True)


def pipeline_without_imputer(rng, n_classes, index):
    """ONNX Runtime's Imputer takes no doubles."""
    return steps(rng, n_classes, index, missing=False)


def columns(out: Path, index: int, rng) -> None:
    """A data frame: numbers, integers and strings, each an input of its own."""
    kinds, tiers = ["atm", "card", "online", "transfer"][:int(rng.integers(2, 5))], ["gold", "new"]
    frame = pd.DataFrame({
        "amount": rng.lognormal(3, 1, N_TRAIN).astype(np.float32),
        "hour": rng.integers(0, 24, N_TRAIN), "kind": rng.choice(kinds, N_TRAIN),
        "tier": rng.choice(tiers, N_TRAIN)})
    frame.loc[rng.random(N_TRAIN) < 0.1, "amount"] = np.float32(np.nan)
    n_classes = n_classes_of(index)
    encoder = (preprocessing.OneHotEncoder(handle_unknown="ignore") if index % 2
               else preprocessing.OrdinalEncoder())
    final = (forest, boosting, linear)[(index // 3) % 3](rng, n_classes, index)
    model = make_pipeline(ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), preprocessing.StandardScaler()),
         ["amount", "hour"]), ("texts", encoder, ["kind", "tier"])]), final)
    signal = frame["amount"].fillna(20).to_numpy()[:, None] / 30
    model.fit(frame, labels(np.hstack([signal, (frame[["kind"]] == "card").to_numpy()]), rng,
                            n_classes))
    types = [("amount", FloatTensorType([None, 1])), ("hour", Int64TensorType([None, 1])),
             ("kind", StringTensorType([None, 1])), ("tier", StringTensorType([None, 1]))]
    converted = to_onnx(model, initial_types=types, target_opset=OPSETS,
                        options=options(model, index))
    asked = frame[:N_ROWS].copy()
    if index % 2:
        asked.loc[:3, "kind"] = "unheard of"
    onnx_files.write(out, str(index), converted,
                     [asked[[name]].to_numpy() for name in frame.columns])


def with_double_weights(model, converted: onnx.ModelProto) -> onnx.ModelProto:
    """The converter rounds thresholds and leaves to float: here they stay what they are."""
    node = next(n for n in converted.graph.node if n.op_type in onnx_files.TREES)
    own = onnx_files.attributes(node)
    trees = [e.tree_ for e in model.estimators_]
    place = {(t, n): i for i, (t, n) in enumerate(zip(own["nodes_treeids"],
                                                      own["nodes_nodeids"]))}
    values = np.zeros(len(place))
    prefix = "class" if "class_ids" in own else "target"
    for (t, n), i in place.items():
        values[i] = trees[t].threshold[n] if own["nodes_modes"][i] != b"LEAF" else 0.0
    weights = []
    for t, n, k in zip(own[f"{prefix}_treeids"], own[f"{prefix}_nodeids"], own[f"{prefix}_ids"]):
        value = trees[t].value[n][0]
        one = prefix == "class" and len(model.classes_) == 2
        weights.append((value[1 if one else k]) / len(trees))
    for name in ("nodes_values", "nodes_hitrates", f"{prefix}_weights"):
        for attribute in [a for a in node.attribute if a.name == name]:
            node.attribute.remove(attribute)
    node.attribute.append(tensor_attribute("nodes_values_as_tensor", values))
    node.attribute.append(tensor_attribute(f"{prefix}_weights_as_tensor", np.array(weights)))
    del converted.opset_import[:]
    converted.opset_import.extend([helper.make_opsetid(*item) for item in OPSETS.items()])
    return converted


def tensor_attribute(name: str, array: np.ndarray) -> onnx.AttributeProto:
    attribute = onnx.AttributeProto()
    attribute.name, attribute.type = name, onnx.AttributeProto.TENSOR
    attribute.t.CopyFrom(numpy_helper.from_array(array))
    return attribute


def double_weights(out: Path, index: int, rng) -> None:
    rows = draw(rng, np.float32).astype(np.float64)
    n_classes = n_classes_of(index)
    kind = ensemble.RandomForestClassifier if n_classes else ensemble.RandomForestRegressor
    model = kind(n_estimators=int(rng.integers(2, 12)), max_depth=6, random_state=index, n_jobs=1)
    model.fit(rows, labels(rows, rng, n_classes))
    converted = with_double_weights(model, convert(model, np.float64, rows.shape[1], index))
    asked = onnx_files.at_thresholds(converted, rows[:N_ROWS], rng)
    asked = asked.astype(np.float32).astype(np.float64)
    own = model.predict_proba(asked) if n_classes else model.predict(asked)[:, None]
    onnx_files.write(out, str(index), converted, [asked], own)


# ---- boosters -----------------------------------------------------------------------------


def types_of(rows: np.ndarray) -> list:
    return [("X", FloatTensorTypeMl([None, rows.shape[1]]))]


def booster_rows(rng) -> np.ndarray:
    rows = draw(rng)
    rows[rng.random(rows.shape) < 0.08] = np.nan
    return rows


def from_xgboost(out: Path, index: int, rng) -> None:
    rows, n_classes = booster_rows(rng), n_classes_of(index)
    kind = xgboost.XGBClassifier if n_classes else xgboost.XGBRegressor
    model = kind(n_estimators=int(rng.integers(1, 10)), max_depth=int(rng.integers(1, 6)), n_jobs=1)
    model.fit(rows, labels(rows, rng, n_classes))
    converted = onnxmltools.convert_xgboost(model, initial_types=types_of(rows), target_opset=15)
    onnx_files.write(out, str(index), converted,
                     [onnx_files.at_thresholds(converted, rows[:N_ROWS], rng)])


def from_lightgbm(out: Path, index: int, rng) -> None:
    rows, n_classes = booster_rows(rng), n_classes_of(index)
    kind = lightgbm.LGBMClassifier if n_classes else lightgbm.LGBMRegressor
    model = kind(n_estimators=int(rng.integers(1, 10)), num_leaves=int(rng.integers(2, 12)),
                 verbose=-1, n_jobs=1)
    model.fit(rows, labels(rows, rng, n_classes))
    converted = onnxmltools.convert_lightgbm(model, initial_types=types_of(rows),
                                             target_opset=15, zipmap=bool(index % 2))
    onnx_files.write(out, str(index), converted,
                     [onnx_files.at_thresholds(converted, rows[:N_ROWS], rng)])


def from_catboost(out: Path, index: int, rng) -> None:
    rows, n_classes = draw(rng), n_classes_of(index)
    kind = catboost.CatBoostClassifier if n_classes else catboost.CatBoostRegressor
    model = kind(iterations=int(rng.integers(1, 6)), depth=int(rng.integers(1, 5)), verbose=0,
                 thread_count=1, random_seed=index, allow_writing_files=False)
    model.fit(rows, labels(rows, rng, n_classes))
    path = out / "catboost.tmp"
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save_model(str(path), format="onnx")
    converted = onnx.load(path)
    path.unlink()
    onnx_files.write(out, str(index), converted,
                     [onnx_files.at_thresholds(converted, rows[:N_ROWS], rng)])


# ---- by hand: what no converter writes ------------------------------------------------------

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def random_tree(rng, tree: int, width: int, modes, n_ids: int, prefix: str, lists: dict) -> None:
    depth = int(rng.integers(0, 4))
    n_splits, n_nodes = 2**depth - 1, 2**(depth + 1) - 1
    for node in range(n_nodes):
        split = node < n_splits
        lists["nodes_treeids"].append(tree)
        lists["nodes_nodeids"].append(node)
        lists["nodes_featureids"].append(int(rng.integers(0, width)))
        lists["nodes_values"].append(float(np.float32(rng.integers(-3, 4)) / 2))
        lists["nodes_modes"].append(str(rng.choice(modes)) if split else "LEAF")
        lists["nodes_truenodeids"].append(2 * node + 1 if split else 0)
        lists["nodes_falsenodeids"].append(2 * node + 2 if split else 0)
        lists["nodes_missing_value_tracks_true"].append(int(rng.integers(0, 2)))
        weighted = not split and (n_ids > 1 or prefix == "class" or rng.random() < 0.8)
        for k in range(n_ids) if weighted else ():
            lists[f"{prefix}_treeids"].append(tree)
            lists[f"{prefix}_nodeids"].append(node)
            lists[f"{prefix}_ids"].append(k)
            lists[f"{prefix}_weights"].append(float(np.float32(rng.normal())))


def by_hand(out: Path, index: int, rng) -> None:
    """Every mode, aggregate, post transform and number of base values."""
    width, n_trees, n = 3, int(rng.integers(1, 6)), int(rng.integers(2, 4))
    classifier = bool(index % 2)
    prefix = "class" if classifier else "target"
    names = [f"nodes_{name}" for name in ("treeids", "nodeids", "featureids", "values", "modes",
                                          "truenodeids", "falsenodeids",
                                          "missing_value_tracks_true")]
    lists = {name: [] for name in
             names + [f"{prefix}_{name}" for name in ("treeids", "nodeids", "ids", "weights")]}
    if not classifier:
        n = int(rng.integers(1, 4))
    n_ids = 1 if classifier and n == 2 and index % 4 == 1 else n
    modes = MODES if index % 3 else [rng.choice(MODES)]
    for t in range(n_trees):
        random_tree(rng, t, width, modes, n_ids, prefix, lists)
    if classifier and index % 8 == 1:
        lists["class_weights"] = [abs(w) for w in lists["class_weights"]]
    base = [0, n, 1 if n_ids == 1 else n][int(rng.integers(0, 3))]
    extra = {"post_transform": ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"][index // 2 % 4]}
    if base:
        extra["base_values"] = [float(np.float32(v)) for v in rng.normal(0, 1, base)]
    if classifier:
        extra["classlabels_int64s"] = list(range(n))
    else:
        extra["n_targets"] = n
        extra["aggregate_function"] = (["SUM", "AVERAGE", "MIN", "MAX"] if n == 1
                                       else ["SUM", "AVERAGE"] * 2)[index // 2 % 4]
    outputs = ["label", "scores"] if classifier else ["scores"]
    node = helper.make_node("TreeEnsembleClassifier" if classifier else "TreeEnsembleRegressor",
                            ["X"], outputs, domain="ai.onnx.ml", **lists, **extra)
    write_node(out, index, rng, node, outputs, width, n, 3, TensorProto.FLOAT)


def write_node(out, index, rng, node, outputs, width, n, opset, kind) -> None:
    types = {"label": (TensorProto.INT64, [None]), "scores": (kind, [None, n])}
    graph = helper.make_graph(
        [node], "by hand", [helper.make_tensor_value_info("X", kind, [None, width])],
        [helper.make_tensor_value_info(name, *types[name]) for name in outputs])
    model = helper.make_model(graph, ir_version=9, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", opset)])
    rows = np.round(rng.normal(0, 1, (N_ROWS, width)) * 4) / 4
    rows[rng.random(rows.shape) < 0.15] = np.nan
    onnx_files.write(out, str(index), model,
                     [rows.astype(np.float64 if kind == TensorProto.DOUBLE else np.float32)])


def opset_5(out: Path, index: int, rng) -> None:
    """TreeEnsemble: splits and leaves in two lists."""
    width, n = 3, int(rng.integers(1, 4))
    real = np.float64 if index % 3 == 2 else np.float32
    lists = {name: [] for name in ("featureids", "truenodeids", "falsenodeids", "trueleafs",
                                   "falseleafs", "missing_value_tracks_true")}
    splits, modes, roots, targets, weights = [], [], [], [], []
    for _ in range(int(rng.integers(1, 6))):
        first, depth = len(splits), int(rng.integers(1, 4))
        roots.append(first)
        inner = 2**depth - 1
        for node in range(inner):
            lists["featureids"].append(int(rng.integers(0, width)))
            lists["missing_value_tracks_true"].append(int(rng.integers(0, 2)))
            splits.append(float(rng.integers(-3, 4)) / 2)
            modes.append(int(rng.integers(0, 6)) if index % 2 else 0)
            for side, child in (("true", 2 * node + 1), ("false", 2 * node + 2)):
                leaf = child >= inner
                lists[f"{side}leafs"].append(int(leaf))
                lists[f"{side}nodeids"].append(len(weights) if leaf else first + child)
                if leaf:
                    targets.append(int(rng.integers(0, n)))
                    weights.append(rng.normal())
    node = helper.make_node(
        "TreeEnsemble", ["X"], ["scores"], domain="ai.onnx.ml", n_targets=n, tree_roots=roots,
        aggregate_function=1 if n > 1 else index % 4, post_transform=[0, 1, 2, 0 if real is np.float64 else 3][index // 4 % 4],
        leaf_targetids=targets, **{f"nodes_{name}": values for name, values in lists.items()})
    node.attribute.extend([tensor_attribute("nodes_splits", np.array(splits, real)),
                           tensor_attribute("nodes_modes", np.array(modes, np.uint8)),
                           tensor_attribute("leaf_weights", np.array(weights, real))])
    write_node(out, index, rng, node, ["scores"], width, n, 5,
               TensorProto.DOUBLE if real is np.float64 else TensorProto.FLOAT)


def sklearn_family(make, **kwargs):
    return lambda out, index, rng: sklearn_model(out, index, rng, make, **kwargs)


FAMILIES = {
    "forests": sklearn_family(forest),
    "gradient-boosting": sklearn_family(boosting),
    "hist-gradient-boosting": sklearn_family(histograms, missing=True),
    "linear": sklearn_family(linear, widest=60),
    "pipelines": sklearn_family(pipeline, missing=True),
    "columns": columns,
    "forests-double": sklearn_family(forest, kind=np.float64),
    "gradient-boosting-double": sklearn_family(boosting, kind=np.float64),
    "hist-gradient-boosting-double": sklearn_family(histograms, kind=np.float64, missing=True),
    "linear-double": sklearn_family(linear, kind=np.float64, widest=60),
    "pipelines-double": sklearn_family(pipeline_without_imputer, kind=np.float64),
    "double-weights": double_weights,
    "xgboost": from_xgboost,
    "lightgbm": from_lightgbm,
    "catboost": from_catboost,
    "by-hand": by_hand,
    "opset-5": opset_5,
}


def main() -> None:
    out, count = Path(sys.argv[1]), int(sys.argv[2])
    warnings.filterwarnings("ignore")
    for number, (name, write) in enumerate(FAMILIES.items()):
        if len(sys.argv) > 3 and name not in sys.argv[3:]:
            continue
        for index in range(count):
            write(out / name, index, np.random.default_rng(1000 * number + index))


if __name__ == "__main__":
    main()

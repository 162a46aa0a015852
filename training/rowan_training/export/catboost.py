"""CatBoost as ONNX: its trees with leaves in double, which CatBoost's own ONNX export rounds to float32.

CatBoost compares float32(x) with a border and adds in double.
"""

import json
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import catboost
import numpy as np
import pandas as pd

from rowan_training.contract import Json
from rowan_training.export.ensemble import (
    LEAF,
    Ensemble,
    Tree,
    both_sides,
    constant,
    feature_names,
    float32_cuts,
    to_onnx,
)
from rowan_training.export.packed import ExportError, Feature, PackedModel, class_index, input_frame

LINKS: dict[str, Literal["LOGISTIC", "SOFTMAX"]] = {
    "Logloss": "LOGISTIC",
    "CrossEntropy": "LOGISTIC",
    "MultiClass": "SOFTMAX",
}
# Losses whose prediction is the sum of the trees itself.
SCORES = ("RMSE", "MAE", "Quantile", "MAPE", "Huber", "Expectile", "LogCosh", "YetiRank", "PairLogit", "QueryRMSE")
# CatBoost has an exponential function of its own.
LINK_ULPS = 64


def pack(model: Any, frame: pd.DataFrame, *, target: str | None, positive_class: Any | None) -> PackedModel:
    loss = str(model.get_all_params().get("loss_function", "")).split(":")[0]
    if loss not in (*LINKS, *SCORES):
        raise ExportError(f"models of the loss {loss} cannot be exported: use one of {', '.join((*LINKS, *SCORES))}")
    saved = _saved(model)
    names = list(model.feature_names_)
    inputs = input_frame(frame, names if set(names) <= set(frame) else None, len(names), target)
    if model.get_cat_feature_indices() or model.get_text_feature_indices():
        raise ExportError(
            "CatBoost's categorical and text features have no ONNX form: encode them before training, "
            "or train with LightGBM or XGBoost, which Rowan reads with categories"
        )
    is_probability = loss in LINKS
    classes = list(model.classes_) or [0, 1]
    index = class_index(classes, positive_class) if is_probability else None
    trees = _trees(saved)
    scale, bias = saved["scale_and_bias"]
    scaled = [replace(tree, value=tree.value * scale) for tree in trees]
    ensemble = Ensemble(
        [*scaled, constant(bias, trees[0].cover[0])],
        n_inputs=len(names),
        n_targets=trees[0].value.shape[1],
        post_transform=LINKS.get(loss, "NONE"),
        n_classes=len(classes) if is_probability else None,
    )
    return PackedModel(
        type="CatBoost",
        file_name="model.onnx",
        content=to_onnx(ensemble, "CatBoost"),
        producer=f"CatBoost {catboost.__version__}",
        features=tuple(Feature(name, column) for name, column in zip(feature_names(names), inputs)),
        nullable=frozenset(inputs),
        is_probability=is_probability,
        scores=lambda rows: _scores(model, rows, index),
        positive_class=1 if index is None else index,
        golden_ulps=LINK_ULPS if is_probability else 0,
        boundaries=_boundaries(trees, list(inputs)),
    )


def _scores(model: Any, rows: pd.DataFrame, index: int | None) -> np.ndarray:
    if index is None:
        return np.asarray(model.predict(rows))
    return np.asarray(model.predict(rows, prediction_type="Probability"))[:, index]


def _saved(model: Any) -> Json:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "model.json")
        model.save_model(str(path), format="json")
        return json.loads(path.read_text(encoding="utf-8"))


def _trees(saved: Json) -> list[Tree]:
    floats = saved["features_info"].get("float_features", [])
    # Nothing that is missing is above a border, unless training said that it is above all.
    above = {entry["feature_index"]: entry["nan_value_treatment"] == "AsTrue" for entry in floats}
    places = {entry["feature_index"]: entry["flat_feature_index"] for entry in floats}
    if "oblivious_trees" in saved:
        return [_oblivious(tree, places, above) for tree in saved["oblivious_trees"]]
    return [_ragged(tree, places, above) for tree in saved["trees"]]


def _oblivious(tree: Json, places: dict[int, int], above: dict[int, bool]) -> Tree:
    """All nodes of a level ask the same; the first split is the lowest bit of a leaf's number, so the deepest level."""
    splits = tree["splits"][::-1]
    depth = len(splits)
    n_inner = 2**depth - 1
    level = np.floor(np.log2(np.arange(n_inner) + 1)).astype(int)
    cover = np.array(tree["leaf_weights"], np.float64)
    levels = [cover]
    while len(levels[0]) > 1:
        levels.insert(0, levels[0].reshape(-1, 2).sum(axis=1))
    values = np.array(tree["leaf_values"], np.float64).reshape(2**depth, -1)
    children = np.arange(n_inner)
    return _assembled(
        [splits[at] for at in level],
        left=np.concatenate([2 * children + 1, np.full(2**depth, LEAF)]),
        right=np.concatenate([2 * children + 2, np.full(2**depth, LEAF)]),
        cover=np.concatenate(levels),
        value=np.vstack([np.zeros((n_inner, values.shape[1])), values]),
        places=places,
        above=above,
    )


def _ragged(root: Json, places: dict[int, int], above: dict[int, bool]) -> Tree:
    """Trees of the policies Depthwise and Lossguide: nodes before their children."""
    nodes, order = [root], {id(root): 0}
    for node in nodes:
        for child in (node[side] for side in ("left", "right") if "split" in node):
            order[id(child)] = len(nodes)
            nodes.append(child)
    inner = ["split" in node for node in nodes]
    width = max(np.size(node["value"]) for node in nodes if "value" in node)
    cover = np.array([node.get("weight", 0.0) for node in nodes], np.float64)
    for index in range(len(nodes) - 1, -1, -1):
        if inner[index]:
            cover[index] = sum(cover[order[id(nodes[index][side])]] for side in ("left", "right"))
    return _assembled(
        [node.get("split") for node in nodes],
        left=np.array([order[id(node["left"])] if "split" in node else LEAF for node in nodes]),
        right=np.array([order[id(node["right"])] if "split" in node else LEAF for node in nodes]),
        cover=cover,
        value=np.array([np.broadcast_to(node.get("value", 0.0), width) for node in nodes], np.float64),
        places=places,
        above=above,
    )


def _assembled(
    splits: list[Json | None],
    *,
    left: np.ndarray,
    right: np.ndarray,
    cover: np.ndarray,
    value: np.ndarray,
    places: dict[int, int],
    above: dict[int, bool],
) -> Tree:
    """`x > border` goes right, so `x <= border` goes left."""
    n = len(left)
    feature, border, missing_left = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, bool)
    for node, split in enumerate(splits):
        if split is not None:
            number = split["float_feature_index"]
            feature[node], border[node], missing_left[node] = places[number], split["border"], not above[number]
    none = np.zeros(n, bool)
    return _without_idle_splits(Tree(feature, float32_cuts(border), none, left, right, missing_left, cover, value))


def _without_idle_splits(tree: Tree) -> Tree:
    """CatBoost splits what no training row reached; where all leaves below are equal, one leaf does."""
    yes, no, value = tree.yes.copy(), tree.no.copy(), tree.value.copy()
    for node in range(len(yes) - 1, -1, -1):  # children have higher numbers
        left, right = yes[node], no[node]
        is_idle = left != LEAF and tree.cover[node] == 0 and yes[left] == LEAF and yes[right] == LEAF
        if is_idle and (value[left] == value[right]).all():
            value[node] = value[left]
            yes[node] = no[node] = LEAF
    kept = [0]
    for node in kept:
        kept += [int(child) for child in (yes[node], no[node]) if child != LEAF]
    place = np.full(len(yes) + 1, LEAF)  # of LEAF, the last, too
    place[kept] = np.arange(len(kept))
    return Tree(
        feature=tree.feature[kept],
        threshold=tree.threshold[kept],
        equals=tree.equals[kept],
        yes=place[yes[kept]],
        no=place[no[kept]],
        missing_yes=tree.missing_yes[kept],
        cover=tree.cover[kept],
        value=value[kept],
    )


def _boundaries(trees: list[Tree], columns: list[str]) -> dict[str, list[float]]:
    found: defaultdict[str, set[float]] = defaultdict(set)
    for tree in trees:
        for node in np.flatnonzero(tree.yes != LEAF):
            found[columns[tree.feature[node]]].add(float(tree.threshold[node]))
    return {column: both_sides(cuts) for column, cuts in found.items()}

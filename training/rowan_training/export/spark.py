"""Spark ML's tree models as ONNX: a pipeline of StringIndexer, VectorAssembler and trees, or the tree model alone.

Spark computes in double; the trees come from the files that Spark itself saves, with every bit of their thresholds.
"""

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyspark
from pyspark.ml import PipelineModel
from pyspark.ml.feature import StringIndexerModel, VectorAssembler
from pyspark.sql import DataFrame, SparkSession

from rowan_training.export.codes import with_sets
from rowan_training.export.ensemble import LEAF, Ensemble, Tree, both_sides, feature_names, to_onnx
from rowan_training.export.packed import (
    ExportError,
    Feature,
    PackedModel,
    class_index,
    columns_with_missing,
    input_frame,
)

FORESTS = ("RandomForestClassificationModel", "RandomForestRegressionModel")
SINGLE = ("DecisionTreeClassificationModel", "DecisionTreeRegressionModel")
BOOSTED = ("GBTClassificationModel", "GBTRegressionModel")

# Spark divides votes by their sum, which is the number of trees but for its last digit.
FOREST_ULPS = 4
# Spark takes 1 - (1 - p), which leaves a small p few of its digits.
BOOSTED_ULPS = 1024


@dataclass(frozen=True)
class Inputs:
    """What the vector of features is made of, in its order."""

    columns: list[str]
    labels: dict[str, tuple[str, ...]]  # of indexed columns, in the order of their indices
    stages: list[Any]  # that make the vector, with the column name that the model reads
    takes_missing: bool
    # Where an unknown or missing text goes: behind all labels.
    keeps_unknown: frozenset[str]


def pack(model: Any, frame: pd.DataFrame, *, target: str | None, positive_class: Any | None) -> PackedModel:
    trees_model: Any = model.stages[-1] if isinstance(model, PipelineModel) else model
    kind = type(trees_model).__name__
    if kind not in (*FORESTS, *SINGLE, *BOOSTED):
        raise ExportError(f"{kind} cannot be exported: use one of {', '.join((*FORESTS, *SINGLE, *BOOSTED))}")
    inputs = _inputs(model, trees_model, frame)
    rows = input_frame(frame, inputs.columns, trees_model.numFeatures, target)
    is_classifier = "Classification" in kind
    n_classes = trees_model.numClasses if is_classifier else None
    index = class_index(range(n_classes), positive_class) if n_classes else None
    trees = _trees(trees_model, kind, inputs)
    ensemble = Ensemble(
        trees,
        n_inputs=len(inputs.columns),
        n_targets=trees[0].value.shape[1],
        aggregate="AVERAGE" if kind in FORESTS else "SUM",
        post_transform="LOGISTIC" if kind == "GBTClassificationModel" else "NONE",
        n_classes=n_classes,
    )
    return PackedModel(
        type=f"Spark ML {kind.removesuffix('Model')}",
        file_name="model.onnx",
        content=to_onnx(ensemble, kind),
        producer=f"Spark {pyspark.__version__}",
        features=tuple(
            Feature(name, column, categories=inputs.labels.get(column))
            for name, column in zip(feature_names(inputs.columns), inputs.columns)
        ),
        nullable=_nullable(inputs, rows),
        is_probability=is_classifier,
        scores=lambda given: _scores(trees_model, inputs, given, index),
        positive_class=1 if index is None else index,
        golden_ulps=BOOSTED_ULPS if kind in BOOSTED else FOREST_ULPS,
        boundaries=_boundaries(trees, inputs),
    )


# ---- inputs ---------------------------------------------------------------------------------------


def _inputs(model: Any, trees_model: Any, frame: pd.DataFrame) -> Inputs:
    if not isinstance(model, PipelineModel):
        assembler = VectorAssembler(
            inputCols=list(frame), outputCol=trees_model.getFeaturesCol(), handleInvalid="error"
        )
        return Inputs(list(frame), {}, [assembler], False, frozenset())
    indexers = [stage for stage in model.stages[:-1] if isinstance(stage, StringIndexerModel)]
    assemblers = [stage for stage in model.stages[:-1] if isinstance(stage, VectorAssembler)]
    if len(indexers) + len(assemblers) != len(model.stages) - 1 or len(assemblers) != 1:
        others = {type(stage).__name__ for stage in model.stages[:-1]} - {"StringIndexerModel"}
        raise ExportError(
            f"the pipeline has {', '.join(sorted(others))} in front of its trees: Rowan reads StringIndexer and one "
            "VectorAssembler; compute other columns before the request"
        )
    sources, labels, keeps = {}, {}, set()
    for indexer in indexers:
        for source, output, texts in zip(*_indexed(indexer), indexer.labelsArray):
            sources[output], labels[source] = source, tuple(texts)
            if indexer.getHandleInvalid() == "keep":
                keeps.add(source)
    columns = [sources.get(name, name) for name in assemblers[0].getInputCols()]
    takes_missing = assemblers[0].getHandleInvalid() == "keep"
    return Inputs(columns, labels, list(model.stages[:-1]), takes_missing, frozenset(keeps))


def _indexed(indexer: Any) -> tuple[list[str], list[str]]:
    if indexer.isSet("inputCols"):
        return list(indexer.getInputCols()), list(indexer.getOutputCols())
    return [indexer.getInputCol()], [indexer.getOutputCol()]


def _nullable(inputs: Inputs, rows: pd.DataFrame) -> frozenset[str]:
    numbers = [name for name in inputs.columns if name not in inputs.labels] if inputs.takes_missing else []
    nullable = frozenset(numbers) | inputs.keeps_unknown
    refused = columns_with_missing(rows) - nullable
    if refused:
        raise ExportError(
            f"the pipeline refuses missing values, and the frame has some in {', '.join(sorted(refused))}: pass rows "
            'without them, or train with handleInvalid="keep"'
        )
    return nullable


# ---- scores ---------------------------------------------------------------------------------------


def _scores(trees_model: Any, inputs: Inputs, rows: pd.DataFrame, index: int | None) -> np.ndarray:
    frame = _spark_frame(rows)
    for stage in inputs.stages:
        frame = stage.transform(frame)
    scored = trees_model.transform(frame)
    if index is None:
        return np.array([row[0] for row in scored.select(trees_model.getPredictionCol()).collect()])
    return np.array([row[0][index] for row in scored.select(trees_model.getProbabilityCol()).collect()])


def _spark_frame(rows: pd.DataFrame) -> DataFrame:
    spark = SparkSession.getActiveSession()
    if spark is None:
        raise ExportError("there is no active Spark session: call export in the session that made the model")
    records = [
        tuple(
            None if isinstance(value, float) and np.isnan(value) and is_text else _plain(value)
            for value, is_text in zip(row, (rows[name].dtype.kind not in "iubf" for name in rows))
        )
        for row in rows.itertuples(index=False)
    ]
    return spark.createDataFrame(records, schema=", ".join(f"`{name}` {_type(rows[name])}" for name in rows))


def _type(column: pd.Series) -> str:
    return {"i": "long", "u": "long", "b": "boolean", "f": "double"}.get(column.dtype.kind, "string")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


# ---- trees ----------------------------------------------------------------------------------------


def _trees(trees_model: Any, kind: str, inputs: Inputs) -> list[Tree]:
    nodes = _saved_nodes(trees_model)
    n_classes = trees_model.numClasses if "Classification" in kind and kind not in BOOSTED else None
    # A boosted classifier's margin is doubled in front of the logistic function; doubling is exact.
    double = 2.0 if kind == "GBTClassificationModel" else 1.0
    weights = list(trees_model.treeWeights) if kind in BOOSTED else [1.0] * len(nodes)
    return [_tree(nodes[tree], n_classes, weights[tree] * double, inputs) for tree in sorted(nodes)]


def _saved_nodes(trees_model: Any) -> dict[int, list[Any]]:
    """Rows of each tree by node id, from the model as Spark saves it."""
    spark = SparkSession.getActiveSession()
    if spark is None:
        raise ExportError("there is no active Spark session: call export in the session that made the model")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "model").as_uri()
        trees_model.save(path)
        rows = spark.read.parquet(f"{path}/data").collect()
    nodes = defaultdict(list)
    for row in rows:
        tree, node = (row["treeID"], row["nodeData"]) if "treeID" in row else (0, row)
        nodes[tree].append(node)
    return {tree: sorted(found, key=lambda node: node["id"]) for tree, found in nodes.items()}


def _tree(nodes: list[Any], n_classes: int | None, weight: float, inputs: Inputs) -> Tree:
    n = len(nodes)
    left = np.array([node["leftChild"] for node in nodes])
    threshold, missing_left = np.zeros(n), np.zeros(n, bool)
    sets = {}
    for index in np.flatnonzero(left != LEAF).tolist():
        split = nodes[index]["split"]
        goes_left = _codes_left(split, inputs)
        if goes_left is None:
            # Spark's NaN is above every number.
            threshold[index] = split["leftCategoriesOrThreshold"][0]
        else:
            sets[index], missing_left[index] = goes_left[:-1], goes_left[-1]
    tree = Tree(
        feature=np.array([max(node["split"]["featureIndex"], 0) for node in nodes]),
        threshold=threshold,
        equals=np.zeros(n, bool),
        yes=left,
        no=np.array([node["rightChild"] for node in nodes]),
        missing_yes=missing_left,
        cover=np.array([float(node["rawCount"]) for node in nodes]),
        value=np.array([_leaf(node, n_classes) for node in nodes]) * weight,
    )
    return with_sets(tree, sets)


def _codes_left(split: Any, inputs: Inputs) -> np.ndarray | None:
    """For each index of a text, and behind them for what is unknown, whether it goes left; None for numbers."""
    name = inputs.columns[split["featureIndex"]]
    values = split["leftCategoriesOrThreshold"]
    texts = inputs.labels.get(name)
    if texts is None:
        if split["numCategories"] != -1:
            raise ExportError(f"the column {name!r} is a category without texts: index it with StringIndexer")
        return None
    codes = np.arange(len(texts) + 1)
    return codes <= values[0] if split["numCategories"] == -1 else np.isin(codes, values)


def _leaf(node: Any, n_classes: int | None) -> list[float]:
    if n_classes is None:
        return [node["prediction"]]
    stats = node["impurityStats"]
    total = sum(stats)
    return [count / total if total else 0.0 for count in stats]


def _boundaries(trees: list[Tree], inputs: Inputs) -> dict[str, list[float]]:
    found: defaultdict[str, set[float]] = defaultdict(set)
    for tree in trees:
        for node in np.flatnonzero(tree.yes != LEAF):
            name = inputs.columns[tree.feature[node]]
            if name not in inputs.labels:
                found[name].add(float(tree.threshold[node]))
    return {name: both_sides(cuts) for name, cuts in found.items()}

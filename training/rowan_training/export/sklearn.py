"""scikit-learn as ONNX: trees, forests and boosting as one node of doubles, linear models as one product of doubles.

A tree of scikit-learn compares float32(x) with a double; the cuts are moved so that comparing x itself sends every
double to the same side (columns.py), and so does preprocessing. No pickle is read, by the server or by anyone.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import is_classifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from rowan_training.export.codes import with_sets
from rowan_training.export.columns import (
    Column,
    Source,
    Splits,
    category_codes,
    fold,
    plain_columns,
    sources_of,
    through,
)
from rowan_training.export.ensemble import LEAF, Ensemble, Tree, both_sides, constant, feature_names, to_onnx
from rowan_training.export.linear import linear_onnx
from rowan_training.export.packed import ExportError, Feature, PackedModel, class_index, input_frame

# Threads add the trees of a forest in the order in which they finish.
THREADS_ULPS = 16
# exp of the C library beside that of NumPy.
LINK_ULPS = 4
# Products in another order; a margin's last digit weighs as much as the margin is large.
LINEAR_ULPS = 256

LINEAR = (LogisticRegression, LogisticRegressionCV, LinearRegression, Ridge, RidgeCV, Lasso, ElasticNet)


@dataclass(frozen=True)
class RawTree:
    """A tree over columns, as scikit-learn keeps it: `column <= threshold` goes left."""

    column: np.ndarray
    threshold: np.ndarray
    left: np.ndarray  # LEAF in leaves
    right: np.ndarray
    missing_left: np.ndarray
    cover: np.ndarray
    value: np.ndarray  # [n_nodes][n_targets]
    # Splits by category, by node: bit c says that category c goes left.
    sets: Mapping[int, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class RawEnsemble:
    trees: list[RawTree]
    rounds: bool  # to float32, before comparing
    golden_ulps: int
    start: Sequence[float] | None = None  # of boosting, before the first tree
    aggregate: Literal["SUM", "AVERAGE"] = "SUM"
    post_transform: Literal["NONE", "LOGISTIC", "SOFTMAX"] = "NONE"


def pack(model: Any, frame: pd.DataFrame, *, target: str | None, positive_class: Any | None) -> PackedModel:
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    final = steps[-1]
    names = getattr(model, "feature_names_in_", None)
    inputs = input_frame(frame, None if names is None else list(names), model.n_features_in_, target)
    sources = sources_of(inputs)
    # Histogram boosting encodes the categories of a frame by itself.
    inner = [step for step in (getattr(final, "_preprocessor", None),) if step is not None]
    columns = through([*steps[:-1], *inner], plain_columns(sources))
    used = [source for source in sources if any(column.source is source for column in columns)]
    index = class_index(list(final.classes_), positive_class) if is_classifier(final) else None
    convert = _linear if isinstance(final, LINEAR) else _tree_ensemble
    content, golden_ulps, boundaries = convert(final, columns, used)
    scores = _scorer(model, names is not None, index)
    return PackedModel(
        type=f"scikit-learn {type(final).__name__}",
        file_name="model.onnx",
        content=content,
        producer=f"scikit-learn {sklearn.__version__}",
        features=tuple(
            Feature(name, source.name, categories=tuple(source.values) if source.kind == "text" else None)
            for name, source in zip(feature_names([source.name for source in used]), used)
        ),
        nullable=_nullable(inputs, scores),
        is_probability=index is not None,
        scores=scores,
        positive_class=1 if index is None else index,
        golden_ulps=golden_ulps,
        boundaries=boundaries,
    )


Converted = tuple[bytes, int, dict[str, list[float]]]


def _tree_ensemble(final: Any, columns: list[Column], sources: list[Source]) -> Converted:
    """The file, its tolerance, and the boundaries of its splits."""
    raw = _reader_of(final)(final)
    trees, boundaries = _fold_trees(raw, columns, sources)
    ensemble = Ensemble(
        trees if raw.start is None else [constant(raw.start, trees[0].cover[0]), *trees],
        n_inputs=len(sources),
        n_targets=raw.trees[0].value.shape[1],
        aggregate=raw.aggregate,
        post_transform=raw.post_transform,
        n_classes=len(final.classes_) if is_classifier(final) else None,
    )
    return to_onnx(ensemble, type(final).__name__), raw.golden_ulps, boundaries


def _linear(final: Any, columns: list[Column], sources: list[Source]) -> Converted:
    coefficients = np.atleast_2d(final.coef_)
    intercepts = np.broadcast_to(final.intercept_, len(coefficients))
    if not is_classifier(final) and len(coefficients) > 1:
        raise ExportError(f"the model has {len(coefficients)} outputs: train one model for each")
    content = linear_onnx(columns, sources, coefficients, intercepts, is_classifier(final), type(final).__name__)
    return content, LINEAR_ULPS, {}


def _scorer(model: Any, has_names: bool, index: int | None) -> Callable[[pd.DataFrame], np.ndarray]:
    def scores(rows: pd.DataFrame) -> np.ndarray:
        given = rows if has_names else rows.to_numpy()
        return np.asarray(model.predict(given) if index is None else model.predict_proba(given)[:, index])

    return scores


def _nullable(inputs: pd.DataFrame, scores: Callable[[pd.DataFrame], np.ndarray]) -> frozenset[str]:
    """Columns in which the model takes a missing value: where the frame has some, or where it scores one without error."""
    complete = inputs.dropna()
    row = (complete if len(complete) else inputs).iloc[:1]
    found = set()
    for column in inputs:
        probe = row.astype({column: np.float64}) if row[column].dtype.kind in "iub" else row.copy()
        probe[column] = pd.Series([None], index=row.index, dtype=probe[column].dtype)
        try:
            scores(probe)
        except (ValueError, TypeError):
            continue
        found.add(column)
    return frozenset(found)


# ---- folding --------------------------------------------------------------------------------------


def _fold_trees(
    raw: RawEnsemble, columns: list[Column], sources: list[Source]
) -> tuple[list[Tree], dict[str, list[float]]]:
    """The trees over sources, and by source the numbers at which a split turns."""
    compares = [_compares(tree) for tree in raw.trees]
    of_column = np.concatenate([tree.column[nodes] for tree, nodes in zip(raw.trees, compares)])
    thresholds = np.concatenate([tree.threshold[nodes] for tree, nodes in zip(raw.trees, compares)])
    places = {id(source): place for place, source in enumerate(sources)}
    splits: dict[int, tuple[np.ndarray, Splits]] = {}
    boundaries: defaultdict[str, set[float]] = defaultdict(set)
    for column in np.unique(of_column):
        asked = np.unique(thresholds[of_column == column])
        splits[column] = asked, fold(columns[column], asked, raw.rounds)
        source = columns[column].source
        if source.kind == "number":
            boundaries[source.name].update(splits[column][1].threshold.tolist())
    places_of_columns = np.array([places[id(column.source)] for column in columns])
    folded = [with_sets(_fold_tree(tree, splits, places_of_columns), _fold_sets(tree, columns)) for tree in raw.trees]
    return folded, {name: both_sides(cuts) for name, cuts in boundaries.items()}


def _compares(tree: RawTree) -> np.ndarray:
    """Which nodes compare their column with a threshold."""
    nodes = tree.left != LEAF
    nodes[list(tree.sets)] = False
    return nodes


def _fold_sets(tree: RawTree, columns: list[Column]) -> dict[int, np.ndarray]:
    """For each split by category: of each text, whether it goes left. What the trees see as missing goes its way."""
    found = {}
    for node, bits in tree.sets.items():
        codes = category_codes(columns[tree.column[node]])
        known = ~np.isnan(codes)
        found[node] = np.full(len(codes), tree.missing_left[node])
        found[node][known] = bits[codes[known].astype(int)]
    return found


def _fold_tree(tree: RawTree, splits: dict[int, tuple[np.ndarray, Splits]], places: np.ndarray) -> Tree:
    n = len(tree.left)
    feature, threshold = places[np.where(tree.left != LEAF, tree.column, 0)], np.zeros(n)
    equals, swap, missing_left = np.zeros(n, bool), np.zeros(n, bool), tree.missing_left.copy()
    for column, (asked, split) in splits.items():
        nodes = np.flatnonzero(_compares(tree) & (tree.column == column))
        at = np.searchsorted(asked, tree.threshold[nodes])
        threshold[nodes], equals[nodes], swap[nodes] = split.threshold[at], split.equals[at], split.swap[at]
        if split.missing_left is not None:
            missing_left[nodes] = split.missing_left[at]
    return Tree(
        feature=feature,
        threshold=threshold,
        equals=equals,
        yes=np.where(swap, tree.right, tree.left),
        no=np.where(swap, tree.left, tree.right),
        missing_yes=missing_left ^ swap,
        cover=tree.cover,
        value=tree.value,
    )


# ---- models ---------------------------------------------------------------------------------------


def _reader_of(final: Any) -> Callable[[Any], RawEnsemble]:
    for kinds, reader in _READERS.items():
        if isinstance(final, kinds):
            return reader
    known = ", ".join(kind.__name__ for kinds in (*_READERS, LINEAR) for kind in kinds)
    raise ExportError(f"{type(final).__name__} cannot be exported: use one of {known}")


def _one_tree(model: Any) -> RawEnsemble:
    _refuse_outputs(model)
    return RawEnsemble([_tree(model)], rounds=True, golden_ulps=0)


def _forest(model: Any) -> RawEnsemble:
    _refuse_outputs(model)
    trees = [_tree(estimator) for estimator in model.estimators_]
    ulps = 0 if model.n_jobs in (None, 1) else THREADS_ULPS
    return RawEnsemble(trees, rounds=True, golden_ulps=ulps, aggregate="AVERAGE")


def _gradient_boosting(model: Any) -> RawEnsemble:
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))[0]
    if model.init_ != "zero" and not type(model.init_).__name__.startswith("Dummy"):
        raise ExportError(f"the model starts from {type(model.init_).__name__}: train it without init")
    # The exponential loss doubles its margins; a double of a double is exact.
    double = 2.0 if is_classifier(model) and model.loss == "exponential" else 1.0
    n_targets = model.estimators_.shape[1]
    trees = [
        _only(_scaled(_tree(estimator), model.learning_rate, double), target, n_targets)
        for stage in model.estimators_
        for target, estimator in enumerate(stage)
    ]
    return _boosted(trees, True, [double * value for value in start], _link(model, n_targets))


def _hist_gradient_boosting(model: Any) -> RawEnsemble:
    if not is_classifier(model) and model.loss not in ("squared_error", "absolute_error", "quantile"):
        raise ExportError(
            f"the loss {model.loss} has no ONNX form: train with squared_error, absolute_error or quantile"
        )
    n_targets = model.n_trees_per_iteration_
    trees = [
        _only(_hist_tree(predictor), target, n_targets)
        for predictors in model._predictors
        for target, predictor in enumerate(predictors)
    ]
    return _boosted(trees, False, np.ravel(model._baseline_prediction).tolist(), _link(model, n_targets))


def _boosted(
    trees: list[RawTree], rounds: bool, start: Sequence[float], link: Literal["NONE", "LOGISTIC", "SOFTMAX"]
) -> RawEnsemble:
    return RawEnsemble(trees, rounds, 0 if link == "NONE" else LINK_ULPS, start, post_transform=link)


_READERS: dict[tuple[type, ...], Callable[[Any], RawEnsemble]] = {
    (DecisionTreeClassifier, DecisionTreeRegressor): _one_tree,
    (RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor): _forest,
    (GradientBoostingClassifier, GradientBoostingRegressor): _gradient_boosting,
    (HistGradientBoostingClassifier, HistGradientBoostingRegressor): _hist_gradient_boosting,
}


def _refuse_outputs(model: Any) -> None:
    if model.n_outputs_ != 1:
        raise ExportError(f"the model has {model.n_outputs_} outputs: train one model for each")


def _link(model: Any, n_targets: int) -> Literal["NONE", "LOGISTIC", "SOFTMAX"]:
    if not is_classifier(model):
        return "NONE"
    return "LOGISTIC" if n_targets == 1 else "SOFTMAX"


def _tree(estimator: Any) -> RawTree:
    tree = estimator.tree_
    left = np.where(tree.children_left < 0, LEAF, tree.children_left)
    return RawTree(
        column=tree.feature,
        threshold=tree.threshold,
        left=left,
        right=tree.children_right,
        missing_left=tree.missing_go_to_left.astype(bool),
        cover=tree.weighted_n_node_samples,
        value=tree.value[:, 0, :],
    )


def _hist_tree(predictor: Any) -> RawTree:
    nodes = predictor.nodes
    bits = np.unpackbits(predictor.raw_left_cat_bitsets.astype("<u4").view(np.uint8), axis=1, bitorder="little")
    is_leaf = nodes["is_leaf"].astype(bool)
    return RawTree(
        column=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        left=np.where(is_leaf, LEAF, nodes["left"].astype(np.int64)),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        cover=nodes["count"].astype(np.float64),
        value=nodes["value"][:, np.newaxis],
        sets={
            node: bits[nodes["bitset_idx"][node]].astype(bool)
            for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf).tolist()
        },
    )


def _scaled(tree: RawTree, *factors: float) -> RawTree:
    value = tree.value
    for factor in factors:
        value = value * factor
    return replace(tree, value=value)


def _only(tree: RawTree, target: int, n_targets: int) -> RawTree:
    """The tree of one target among several."""
    value = np.zeros((len(tree.left), n_targets))
    value[:, target] = tree.value[:, 0]
    return replace(tree, value=value)

"""The XGBoost model: how it is trained, what it answers, where its trees split."""

import json
from collections.abc import Sequence

import numpy as np
import xgboost

from rowan_training.features import FEATURES, refuse_label_leaks

N_TREES = 100

# XGBoost's present defaults (tree_method="hist", automatic base_score) lose .075 of average precision on a week of data.
# One thread: with more, sums of gradients are added in another order, and the same input may give other bytes.
PARAMETERS = {
    "objective": "binary:logistic",
    "tree_method": "exact",
    "base_score": 0.5,
    "learning_rate": 0.1,
    "max_depth": 3,
    "nthread": 1,
    "seed": 0,
}


def train_booster(
    matrix: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    names: Sequence[str] = FEATURES,
) -> xgboost.Booster:
    """Trains on float32 `[n_rows][n_features]`; NaN is a missing value."""
    refuse_label_leaks(names)
    data = xgboost.DMatrix(matrix, labels, weight=weights, feature_names=list(names))
    return xgboost.train(PARAMETERS, data, num_boost_round=N_TREES)


def fraud_probabilities(booster: xgboost.Booster, matrix: np.ndarray) -> np.ndarray:
    """float32 `[n_rows]`."""
    return booster.predict(xgboost.DMatrix(matrix, feature_names=booster.feature_names))


def split_thresholds(booster: xgboost.Booster, feature: str) -> np.ndarray:
    """The distinct float32 thresholds of a feature in all trees, ascending. A row goes left when its value is below."""
    model = json.loads(bytes(booster.save_raw("json")))
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    wanted = (booster.feature_names or []).index(feature)
    thresholds = {
        np.float32(condition)
        for tree in trees
        for condition, index, left in zip(tree["split_conditions"], tree["split_indices"], tree["left_children"])
        if index == wanted and left != -1
    }
    return np.array(sorted(thresholds), np.float32)

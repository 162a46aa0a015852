"""A model as shap and fasttreeshap read it: boosters as they are, forests as arrays."""

from pathlib import Path

import numpy as np


def forest(path: Path) -> dict:
    """M1.npz: scikit-learn's arrays; shap sends x <= threshold left, as scikit-learn does."""
    arrays = np.load(path)
    n_trees = sum(name.startswith("features.") for name in arrays)
    names = ("children_left", "children_right", "features", "thresholds", "values",
             "node_sample_weight")
    trees = [{name: arrays[f"{name}.{index}"] for name in names} for index in range(n_trees)]
    for tree in trees:
        tree["children_default"] = tree["children_left"]
    return {"trees": trees}


def load(path: Path):
    if path.suffix == ".npz":
        return forest(path)
    if path.suffix == ".txt":
        import lightgbm
        return lightgbm.Booster(model_file=path)
    import xgboost
    return xgboost.Booster(model_file=path)


def with_expected_value(values, expected) -> np.ndarray:
    """[n][features + 1], of the positive class."""
    if isinstance(values, list):
        values, expected = values[-1], np.ravel(expected)[-1]
    last = np.full((len(values), 1), np.ravel(expected)[-1])
    return np.hstack([values, last])

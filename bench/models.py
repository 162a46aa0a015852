"""The four models of `make bench-engine`, from fixed seeds, in every form that is trained.

M1  a random forest of 10 trees, depth 5        (scikit-learn)
M2  100 boosted trees, depth 6                  (XGBoost)
M3  500 boosted trees of 31 leaves              (LightGBM)
M4  a random forest of 100 trees, depth 20      (scikit-learn)

A random forest is also written as XGBoost JSON, whose leaves hold the trees' shares of the
average: that is the form that Rowan, XGBoost and treelite score.
"""

import copy
import hashlib
import json
import os
import time
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import xgboost
from sklearn.ensemble import RandomForestClassifier

ROWS, TRAINING_ROWS, SCORED_ROWS, FEATURES = 200_000, 160_000, 20_000, 15
NO_CHILD, NO_PARENT = -1, 2**31 - 1

MODELS = {
    "M1": "random forest, 10 trees of depth 5",
    "M2": "XGBoost, 100 trees of depth 6",
    "M3": "LightGBM, 500 trees of 31 leaves",
    "M4": "random forest, 100 trees of depth 20",
}


def cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "rowan"


def digest(*files: Path) -> str:
    """Names what was made by these files, so that a change of one makes it anew."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


# ---- data ---------------------------------------------------------------------------


def table() -> tuple[np.ndarray, np.ndarray]:
    """Card transactions with heavy tails, zeros, counts and flags; about 2 % are fraud."""
    rng = np.random.default_rng(20260101)
    amount = np.exp(rng.normal(3.6, 1.3, ROWS))
    old_balance = np.where(rng.random(ROWS) < 0.3, 0, np.exp(rng.normal(6.5, 2.0, ROWS)))
    new_balance = np.maximum(0, old_balance - amount * (rng.random(ROWS) < 0.8))
    hour = np.floor(rng.normal(14, 5, ROWS) % 24)
    count_1h = rng.poisson(np.exp(rng.normal(-0.3, 0.8, ROWS))).astype(float)
    count_24h = count_1h + rng.poisson(np.exp(rng.normal(1.2, 0.9, ROWS)))
    average = np.exp(rng.normal(3.5, 1.0, ROWS))
    age_days = rng.exponential(600, ROWS)
    near = rng.random(ROWS) < 0.7
    distance = np.where(near, rng.exponential(4, ROWS), np.exp(rng.normal(4, 1.6, ROWS)))
    merchant_risk = rng.beta(2, 8, ROWS)
    new_device = (rng.random(ROWS) < 0.12).astype(float)
    failed_logins = rng.poisson(0.15 + 0.6 * new_device).astype(float)
    address_risk = rng.beta(1.2, 9, ROWS)
    abroad = (rng.random(ROWS) < 0.07).astype(float)
    ratio = amount / average
    logit = (-7.2 + 0.55 * np.log1p(ratio) + 0.35 * np.log1p(amount / 100) + 1.1 * new_device
             + 0.9 * abroad + 0.5 * failed_logins + 2.8 * merchant_risk + 3.0 * address_risk
             + 0.25 * np.log1p(distance) + 0.45 * np.log1p(count_1h)
             - 0.25 * np.log1p(age_days / 30) + 0.5 * (hour < 5)
             + 0.8 * ((new_balance == 0) & (old_balance > 0))
             + 0.9 * new_device * (ratio > 3) + rng.normal(0, 0.5, ROWS))
    labels = (rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.int32)
    columns = [amount, old_balance, new_balance, hour, count_1h, count_24h, average, ratio,
               age_days, distance, merchant_risk, new_device, failed_logins, address_risk, abroad]
    return np.column_stack(columns).astype(np.float32), labels


# ---- a random forest as XGBoost JSON ---------------------------------------------------


def breadth_first(tree) -> np.ndarray:
    """Ids of the nodes, level by level: XGBoost takes a right child to be the left one + 1."""
    order = [0]
    for node in order:
        if tree.children_left[node] != NO_CHILD:
            order += [tree.children_left[node], tree.children_right[node]]
    return np.array(order)


def strict_thresholds(thresholds: np.ndarray) -> np.ndarray:
    """x <= t in double is, for a float32 x, x < the first float32 above t."""
    narrow = thresholds.astype(np.float32)
    narrow = np.where(narrow > thresholds, np.nextafter(narrow, np.float32(-np.inf)), narrow)
    return np.nextafter(narrow, np.float32(np.inf))


def positive_share(tree) -> np.ndarray:
    values = tree.value[:, 0, :]
    return values[:, 1] / values.sum(axis=1)


def tree_as_xgboost(tree, index: int, n_trees: int) -> dict:
    order = breadth_first(tree)
    new_id = np.empty(len(order), dtype=int)
    new_id[order] = np.arange(len(order))
    leaf = tree.children_left[order] == NO_CHILD
    left = np.where(leaf, NO_CHILD, new_id[tree.children_left[order]])
    right = np.where(leaf, NO_CHILD, new_id[tree.children_right[order]])
    parents = np.full(len(order), NO_PARENT)
    parents[left[~leaf]] = parents[right[~leaf]] = np.flatnonzero(~leaf)
    conditions = np.where(leaf, positive_share(tree)[order] / n_trees,
                          strict_thresholds(tree.threshold)[order])
    size = len(order)
    return {
        "id": index, "left_children": left.tolist(), "right_children": right.tolist(),
        "parents": parents.tolist(), "split_conditions": conditions.tolist(),
        "split_indices": np.where(leaf, 0, tree.feature[order]).tolist(),
        "split_type": [0] * size, "default_left": [1] * size, "base_weights": [0.0] * size,
        "loss_changes": [0.0] * size,
        "sum_hessian": tree.weighted_n_node_samples[order].tolist(),
        "categories": [], "categories_nodes": [], "categories_segments": [],
        "categories_sizes": [],
        "tree_param": {"num_deleted": "0", "num_feature": str(FEATURES), "num_nodes": str(size),
                       "size_leaf_vector": "1"},
    }


def forest_as_xgboost(forest: RandomForestClassifier, template: dict) -> dict:
    """`template`: any XGBoost document of as many features, for all that is not a tree."""
    document = copy.deepcopy(template)
    learner, n_trees = document["learner"], len(forest.estimators_)
    model = learner["gradient_booster"]["model"]
    model["trees"] = [tree_as_xgboost(estimator.tree_, index, n_trees)
                      for index, estimator in enumerate(forest.estimators_)]
    model["tree_info"] = [0] * n_trees
    model["iteration_indptr"] = list(range(n_trees + 1))
    model["gbtree_model_param"]["num_trees"] = str(n_trees)
    learner["objective"] = {"name": "reg:squarederror",
                            "reg_loss_param": {"scale_pos_weight": "1"}}
    learner["learner_model_param"]["base_score"] = "[0E0]"
    learner["attributes"] = {}
    return document


def forest_as_arrays(forest: RandomForestClassifier) -> dict:
    """What shap and fasttreeshap read instead of a scikit-learn of their own version."""
    arrays = {}
    for index, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        shares = positive_share(tree)[:, None] / len(forest.estimators_)
        arrays |= {f"children_left.{index}": tree.children_left,
                   f"children_right.{index}": tree.children_right,
                   f"features.{index}": tree.feature, f"thresholds.{index}": tree.threshold,
                   f"values.{index}": shares,
                   f"node_sample_weight.{index}": tree.weighted_n_node_samples}
    return arrays


# ---- training -----------------------------------------------------------------------------


def train_xgboost(rows: np.ndarray, labels: np.ndarray, folder: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=100, max_depth=6, learning_rate=0.1,
                                  tree_method="hist", n_jobs=2, random_state=1)
    booster = model.fit(rows, labels).get_booster()
    booster.save_model(folder / "M2.json")
    booster.save_model(folder / "M2.ubj")


def train_lightgbm(rows: np.ndarray, labels: np.ndarray, folder: Path) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=500, num_leaves=31, learning_rate=0.05,
                                    n_jobs=2, random_state=1, deterministic=True,
                                    force_row_wise=True, verbose=-1)
    model.fit(rows, labels).booster_.save_model(folder / "M3.txt")


def write_forest(name: str, forest: RandomForestClassifier, unseen: np.ndarray,
                 folder: Path) -> None:
    joblib.dump(forest, folder / f"{name}.joblib")
    np.savez(folder / f"{name}.npz", **forest_as_arrays(forest))
    template = json.loads((folder / "M2.json").read_text())
    document = folder / f"{name}.json"
    document.write_text(json.dumps(forest_as_xgboost(forest, template)))
    xgboost.Booster(model_file=document).save_model(folder / f"{name}.ubj")
    forest.predict_proba(unseen)[:, 1].tofile(folder / f"{name}.sklearn.f64")


def build(folder: Path) -> None:
    rows, labels = table()
    unseen = rows[TRAINING_ROWS:TRAINING_ROWS + SCORED_ROWS]
    unseen.tofile(folder / "rows.f32")
    rows, labels = rows[:TRAINING_ROWS], labels[:TRAINING_ROWS]
    train_xgboost(rows, labels, folder)
    train_lightgbm(rows, labels, folder)
    for name, trees, depth in (("M1", 10, 5), ("M4", 100, 20)):
        forest = RandomForestClassifier(trees, max_depth=depth, random_state=1, n_jobs=2)
        write_forest(name, forest.fit(rows, labels), unseen, folder)


def ensure() -> Path:
    """The folder with all models; made when it is not in the user's cache yet."""
    here = Path(__file__).resolve()
    made_by = digest(here, here.with_name("requirements.txt"))
    folder = cache() / f"bench-models-{made_by}"
    if not (folder / "complete").exists():
        print(f"training M1 to M4 into the cache ({folder.name})", flush=True)
        started = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        build(folder)
        (folder / "complete").touch()
        print(f"trained in {time.monotonic() - started:.0f} s", flush=True)
    return folder


if __name__ == "__main__":
    print(ensure())

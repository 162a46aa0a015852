"""Bit for bit: Rowan's margins and responses against Booster.predict."""

import json

import numpy as np
import pytest
import xgboost as xgb

from models import Trained, cases, train
from rowan_ctypes import BEST, MARGIN, RESPONSE, Model, RowanError

CASES = cases()
THRESHOLD_ROWS = 600  # of one model
INVALID_CATEGORIES = (-1.0, -0.5, 1.5, 2.999, 39.0, 40.0, 63.0, 64.0, 5000.0, 16777215.0,
                      16777216.0, 3e9)


def test_the_grid_is_as_wide_as_promised():
    assert len(CASES) >= 200
    assert {case.objective for case in CASES} >= {"binary:logistic", "multi:softprob", "rank:ndcg"}


def splits(booster: xgb.Booster) -> list[tuple[int, float]]:
    """(feature, threshold) of every numeric split."""
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    trees = (model.get("gbtree") or model)["model"]["trees"]
    return [(feature, value)
            for tree in trees
            for feature, value, left, kind in zip(tree["split_indices"], tree["split_conditions"],
                                                  tree["left_children"], tree["split_type"])
            if left != -1 and kind == 0]


def edge_rows(trained: Trained) -> np.ndarray:
    """Rows at thresholds, one ulp either side, and of every odd kind of number."""
    rng = np.random.default_rng(7)
    base = trained.features
    found = splits(trained.booster)
    rng.shuffle(found)
    rows = []
    for feature, threshold in found[:THRESHOLD_ROWS // 3]:
        at = np.float32(threshold)
        for value in (at, np.nextafter(at, np.float32(-np.inf)),
                      np.nextafter(at, np.float32(np.inf))):
            row = base[rng.integers(len(base))].copy()
            row[int(feature)] = value
            rows.append(row)
    odd = np.array([np.nan, 0.0, -0.0, 1e-45, -1e-45, 1e-38, 3.4e38, -3.4e38], np.float32)
    for _ in range(64):
        rows.append(rng.choice(odd, base.shape[1]))
    for value in INVALID_CATEGORIES:
        for column, kind in enumerate(trained.types):
            if kind == "c":
                row = base[rng.integers(len(base))].copy()
                row[column] = value
                rows.append(row)
    return np.array(rows, np.float32)


def expected(trained: Trained, rows: np.ndarray, **kwargs) -> np.ndarray:
    matrix = xgb.DMatrix(rows, feature_types=trained.types, enable_categorical=True)
    result = trained.booster.predict(matrix, **kwargs)
    return result.reshape(len(rows), -1)


def assert_same_bits(seen: np.ndarray, wanted: np.ndarray) -> None:
    assert seen.shape == wanted.shape
    different = seen.view(np.uint32) != wanted.astype(np.float32).view(np.uint32)
    both_nan = np.isnan(seen) & np.isnan(wanted)
    wrong = np.argwhere(different & ~both_nan)
    assert len(wrong) == 0, (
        f"{len(wrong)} of {seen.size} differ; first at {wrong[0]}: "
        f"{seen[tuple(wrong[0])]!r} instead of {wanted[tuple(wrong[0])]!r}")


def check_rows(trained: Trained, model: Model, rows: np.ndarray) -> None:
    margins = expected(trained, rows, output_margin=True)
    responses = expected(trained, rows)
    assert_same_bits(model.predict(rows, MARGIN), margins)
    assert_same_bits(model.predict(rows, RESPONSE), responses)
    assert_same_bits(model.predict(rows.astype(np.float64), RESPONSE), responses)
    one_by_one = np.vstack([model.predict(rows[i:i + 1]) for i in range(min(len(rows), 40))])
    assert_same_bits(one_by_one, responses[:len(one_by_one)])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_same_bits_as_booster(case, tmp_path):
    trained = train(case)
    for extension in ("json", "ubj"):
        path = tmp_path / f"model.{extension}"
        trained.booster.save_model(path)
        model = Model(path)
        assert model.info.n_trees == len(trained.booster.get_dump())
        check_rows(trained, model, trained.features)
        check_rows(trained, model, edge_rows(trained))


def early_stopped() -> tuple[Trained, int]:
    rng = np.random.default_rng(3)
    features = rng.normal(0, 1, (300, 5)).astype(np.float32)
    labels = (features[:, 0] + rng.normal(0, 2, 300) > 0).astype(np.float32)
    matrix = xgb.DMatrix(features[:200], labels[:200])
    watch = xgb.DMatrix(features[200:], labels[200:])
    booster = xgb.train({"objective": "binary:logistic", "eta": 0.5, "verbosity": 0}, matrix, 60,
                        evals=[(watch, "watch")], early_stopping_rounds=8, verbose_eval=False)
    return Trained(booster, features, ["q"] * 5), booster.best_iteration


def test_early_stopping_is_recorded_and_can_be_chosen(tmp_path):
    trained, best = early_stopped()
    path = tmp_path / "model.ubj"
    trained.booster.save_model(path)
    assert Model(path).info.best_iteration == best
    assert_same_bits(Model(path).predict(trained.features), expected(trained, trained.features))
    stopped = expected(trained, trained.features, iteration_range=(0, best + 1))
    assert_same_bits(Model(path, BEST).predict(trained.features), stopped)
    assert_same_bits(Model(path, 3).predict(trained.features),
                     expected(trained, trained.features, iteration_range=(0, 3)))
    assert not np.array_equal(stopped, expected(trained, trained.features))
    with pytest.raises(RowanError, match="fewer than 61000 rounds"):
        Model(path, 61000)
    with pytest.raises(RowanError, match="-2 is no number of rounds"):
        Model(path, -2)


def test_names_and_kinds(tmp_path):
    trained = train(next(case for case in CASES if case.categorical == 3))
    trained.booster.feature_names = [f"column {i}" for i in range(8)]
    path = tmp_path / "model.json"
    trained.booster.save_model(path)
    model = Model(path)
    assert model.feature_names == [f"column {i}" for i in range(8)]
    assert model.feature_kinds == [1, 1, 1, 0, 0, 0, 0, 0]
    assert model.info.producer.decode() == f"xgboost {xgb.__version__}"


def test_children_are_read_as_the_file_has_them(tmp_path):
    """XGBoost assumes right = left + 1; a file with other ids is read as it stands."""
    trained = train(CASES[0])
    document = json.loads(bytes(trained.booster.save_raw("json")))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        reverse_ids(tree)
    path = tmp_path / "reversed.json"
    path.write_text(json.dumps(document))
    assert_same_bits(Model(path).predict(trained.features), expected(trained, trained.features))


def reverse_ids(tree: dict) -> None:
    """Numbers all nodes but the root the other way round."""
    n = int(tree["tree_param"]["num_nodes"])
    new = [0] + [n - i for i in range(1, n)]
    for key in ("left_children", "right_children", "parents", "split_indices", "split_conditions",
                "default_left", "split_type", "base_weights", "loss_changes", "sum_hessian"):
        old = tree[key]
        moved = list(old)
        for i in range(n):
            moved[new[i]] = old[i]
        tree[key] = moved
    for key in ("left_children", "right_children"):
        tree[key] = [new[i] if 0 <= i < n else i for i in tree[key]]

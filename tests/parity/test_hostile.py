"""Damaged and hostile model files: refused with a reason, or loaded and scored; never a crash.

Every file is loaded in a process of its own with bounded memory, so that a crash, or a
reader that believes what a file claims about its size, is a failed test.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

HERE = Path(__file__).parent
# Beyond the process itself: the reader's bound is 32 bytes a byte of the file.
MEMORY_MB, MEMORY_PER_BYTE = 256, 32
TRUNCATIONS, FLIPS = 400, 1000  # of each model in each encoding


def data(kind: str) -> xgb.DMatrix:
    rng = np.random.default_rng(5)
    rows = rng.normal(0, 1, (200, 4)).astype(np.float32)
    rows[:, 0] = rng.integers(0, 20, 200)
    labels = np.digitize(rows[:, 1] + (rows[:, 0] % 3), [0.0, 1.5])
    return xgb.DMatrix(rows, np.minimum(labels, 1) if kind != "softprob" else labels,
                       feature_types=["c", "q", "q", "q"], enable_categorical=True,
                       feature_names=["terminal", "amount", "night", "weekend"])


PARAMETERS = {
    "logistic": {"objective": "binary:logistic", "max_cat_to_onehot": 1},
    "softprob": {"objective": "multi:softprob", "num_class": 3},
    "dart": {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Callable[[str, str], Path]:
    folder = tmp_path_factory.mktemp("hostile")
    for name, parameters in PARAMETERS.items():
        booster = xgb.train({"max_depth": 3, "verbosity": 0, **parameters}, data(name), 3)
        for encoding in ("json", "ubj"):
            booster.save_model(folder / f"{name}.{encoding}")
    return lambda name, encoding: folder / f"{name}.{encoding}"


def load(path: Path, kind: str, count: int = 1) -> dict:
    """What became of the copies; fails if the process that loaded them did."""
    megabytes = MEMORY_MB + (MEMORY_PER_BYTE * path.stat().st_size >> 20)
    done = subprocess.run([sys.executable, HERE / "damage_models.py", path, kind, str(count),
                           str(megabytes)], capture_output=True, text=True)
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


@pytest.mark.parametrize("encoding", ["json", "ubj"])
@pytest.mark.parametrize("name", PARAMETERS)
def test_an_undamaged_model_loads_within_the_bound(saved, name, encoding):
    assert load(saved(name, encoding), "whole")["loaded"] == 1


@pytest.mark.parametrize("encoding", ["json", "ubj"])
@pytest.mark.parametrize("name", PARAMETERS)
def test_truncated_models_are_refused(saved, name, encoding):
    outcome = load(saved(name, encoding), "truncate", TRUNCATIONS)
    assert outcome["loaded"] == 0
    assert outcome["refused"] == TRUNCATIONS


@pytest.mark.parametrize("encoding", ["json", "ubj"])
@pytest.mark.parametrize("name", PARAMETERS)
def test_flipped_bits_never_crash(saved, name, encoding):
    outcome = load(saved(name, encoding), "flip", FLIPS)
    assert outcome["loaded"] + outcome["refused"] == FLIPS
    assert outcome["refused"] > 0
    assert outcome["loaded"] > 0  # else the walk over a damaged forest was never tried


# ---- one lie at a time -----------------------------------------------------------------


def trees(model: dict) -> list[dict]:
    return model["learner"]["gradient_booster"]["model"]["trees"]


def cycle(model: dict) -> None:
    tree = trees(model)[1]
    child = tree["left_children"][0]
    tree["left_children"][child], tree["right_children"][child] = 0, child


def shared_child(model: dict) -> None:
    tree = trees(model)[1]
    tree["right_children"][0] = tree["left_children"][0]


def child_out_of_range(model: dict) -> None:
    tree = trees(model)[1]
    tree["left_children"][0] = len(tree["left_children"])


def child_of_2_31(model: dict) -> None:
    trees(model)[1]["left_children"][0] = 2**31


def child_of_2_64(model: dict) -> None:
    trees(model)[1]["left_children"][0] = 2**64


def feature_out_of_range(model: dict) -> None:
    trees(model)[1]["split_indices"][0] = 4


def nodes_of_2_31(model: dict) -> None:
    trees(model)[1]["tree_param"]["num_nodes"] = str(2**31)


def nan_threshold(model: dict) -> None:
    tree = trees(model)[1]
    tree["split_type"][0] = 0
    tree["split_conditions"][0] = float("nan")


def nan_leaf(model: dict) -> None:
    tree = trees(model)[1]
    tree["split_conditions"][tree["left_children"].index(-1)] = float("nan")


def category_out_of_range(model: dict) -> None:
    next(tree for tree in trees(model) if tree["categories"])["categories"][0] = 2**24


def chain(model: dict, depth: int = 1_000_000) -> None:
    """Split 2i has the leaf 2i + 1 to its left and the next split to its right."""
    n_nodes = 2 * depth + 1
    ids = range(n_nodes)
    split = [i % 2 == 0 and i + 2 < n_nodes for i in ids]
    zeros = [0] * n_nodes
    trees(model)[1].update({
        "left_children": [i + 1 if split[i] else -1 for i in ids],
        "right_children": [i + 2 if split[i] else -1 for i in ids],
        "split_indices": [1] * n_nodes, "split_conditions": zeros, "default_left": zeros,
        "split_type": zeros, "categories": [], "categories_nodes": [],
        "categories_segments": [], "categories_sizes": [],
    })
    for unused in ("base_weights", "loss_changes", "sum_hessian", "parents"):
        trees(model)[1].pop(unused)
    trees(model)[1]["tree_param"]["num_nodes"] = str(n_nodes)


def categories_that_overlap(model: dict, count: int = 200_000) -> None:
    """Each of many sets claims the whole list: the work would be count * count."""
    trees(model)[1].update({
        "categories": [0] * count, "categories_nodes": [0] * count,
        "categories_segments": [0] * count, "categories_sizes": [count] * count,
    })


LIES = [
    (cycle, "tree 1, node"),
    (shared_child, "tree 1, node 0: child is reached twice"),
    (child_out_of_range, "tree 1, node 0: child id is out of range"),
    (child_of_2_31, "tree 1/left_children"),
    (child_of_2_64, "tree 1/left_children"),
    (feature_out_of_range, "tree 1, node 0: splits on a feature"),
    (nodes_of_2_31, "tree 1/tree_param/num_nodes"),
    (nan_threshold, "tree 1, node 0: threshold is NaN"),
    (nan_leaf, "tree 1, node"),
    (category_out_of_range, "/categories: a category is out of range"),
    (chain, "tree 1 is deeper than ROWAN_MAX_TREE_DEPTH"),
    (categories_that_overlap, "tree 1/categories_sizes: has segments that overlap"),
]


@pytest.mark.parametrize(("lie", "reason"), LIES, ids=[lie.__name__ for lie, _ in LIES])
def test_lies_are_refused_with_the_tree_that_tells_them(saved, tmp_path, lie, reason):
    model = json.loads(saved("logistic", "json").read_text())
    lie(model)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model))
    outcome = load(path, "whole")
    assert outcome["refused"] == 1
    assert reason in outcome["text"]


def ubjson_claims() -> dict[str, bytes]:
    """Small files that claim 2^30 elements, or nest without end."""
    count = b"l" + (2**30 - 1).to_bytes(4, "big")
    claims = {f"typed-{chr(marker)}": b"{i\x01a[$" + bytes([marker]) + b"#" + count
              for marker in b"TFZSiUIlLdD[{"}
    claims["counted"] = b"{i\x01a[#" + count
    claims["members"] = b"{#" + count
    claims["text"] = b"{i\x01aS" + count
    claims["nested"] = b"{i\x01a" + b"[" * 1_000_000
    claims["nested-counted"] = b"{i\x01a" + b"[$[#i\x01" * 100_000
    return {name: claim.ljust(1024, b"\0") for name, claim in claims.items()}


@pytest.mark.parametrize("claim", ubjson_claims())
def test_ubjson_that_claims_more_than_it_has_is_refused(tmp_path, claim):
    path = tmp_path / "model.ubj"
    path.write_bytes(ubjson_claims()[claim])
    outcome = load(path, "whole")
    assert outcome["refused"] == 1
    assert "memory: " in outcome["text"]


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 1_000_000,
                                  '{"a":' + "[" * 1_000_000 + "]" * 1_000_000 + "}",
                                  '{"learner":' * 40 + "1" + "}" * 40],
                         ids=["arrays", "objects", "closed", "learners"])
def test_json_that_nests_without_end_is_refused(tmp_path, text):
    path = tmp_path / "model.json"
    path.write_text(text)
    assert load(path, "whole")["refused"] == 1

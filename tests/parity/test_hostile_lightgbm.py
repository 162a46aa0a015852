"""Damaged and hostile LightGBM files: refused with a reason, or loaded and scored; never a crash.

As test_hostile.py: every file is loaded in a process of its own with bounded memory.
"""

import re
from collections.abc import Callable

import pytest

from models_lightgbm import Case, train
from test_hostile import load

TRUNCATIONS, FLIPS = 400, 1000  # of each model
CASES = {
    "categorical": Case("hostile", "categorical", categories=(20, 3), missing=0.1, trees=3, rows=200),
    "multiclass": Case("hostile", "multiclass", "multiclass", classes=3, trees=2, rows=200),
    "linear": Case("hostile", "linear", "regression", trees=3, rows=200,
                   params=(("linear_tree", True),)),
    "rf": Case("hostile", "rf", trees=3, rows=200, params=(
        ("boosting", "rf"), ("bagging_fraction", 0.6), ("bagging_freq", 1))),
}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Without what stands behind the trees: cut there, a file is still whole."""
    ends = "end of trees"
    return {name: train(case).text.split(ends)[0] + ends for name, case in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_an_undamaged_model_loads_within_the_bound(texts, tmp_path, name):
    path = tmp_path / "model.txt"
    path.write_text(texts[name])
    assert load(path, "whole")["loaded"] == 1


@pytest.mark.parametrize("name", CASES)
def test_truncated_models_are_refused(texts, tmp_path, name):
    path = tmp_path / "model.txt"
    path.write_text(texts[name])
    outcome = load(path, "truncate", TRUNCATIONS)
    assert outcome["loaded"] == 0
    assert outcome["refused"] == TRUNCATIONS


@pytest.mark.parametrize("name", CASES)
def test_flipped_bits_never_crash(texts, tmp_path, name):
    path = tmp_path / "model.txt"
    path.write_text(texts[name])
    outcome = load(path, "flip", FLIPS)
    assert outcome["loaded"] + outcome["refused"] == FLIPS
    assert outcome["refused"] > 0
    assert outcome["loaded"] > 0  # else the walk over a damaged forest was never tried


# ---- one lie at a time -----------------------------------------------------------------


def edit(text: str, key: str, change: Callable[[list[str]], list[str]], tree: int = 1) -> str:
    """Changes the words of a line of one tree."""
    head, *trees = re.split(r"(?m)^(?=Tree=)", text)
    found = re.search(rf"(?m)^{key}=(.*)$", trees[tree])
    words = " ".join(change(found[1].split()))
    trees[tree] = trees[tree][:found.start(1)] + words + trees[tree][found.end(1):]
    return head + "".join(trees)


def first(value: object) -> Callable[[list[str]], list[str]]:
    return lambda words: [str(value), *words[1:]]


def chain(text: str, depth: int = 1_000_000) -> str:
    """Split i has leaf i to its left and the next split to its right."""
    head, tree, *rest = re.split(r"(?m)^(?=Tree=)", text)
    ids = range(depth)
    lines = {
        "num_leaves": [depth + 1], "num_cat": [0], "split_feature": [0] * depth,
        "threshold": [0] * depth, "decision_type": [0] * depth,
        "left_child": [-1 - i for i in ids],
        "right_child": [i + 1 if i + 1 < depth else -1 - depth for i in ids],
        "leaf_value": [1] * (depth + 1),
    }
    body = "".join(f"{key}={' '.join(map(str, values))}\n" for key, values in lines.items())
    return head + "Tree=0\n" + body + "\n" + "".join(rest)


LIES = {
    "cycle": (lambda text: edit(text, "left_child", lambda words: ["0", *words[1:]]),
              "tree 1, node 0: child is reached twice"),
    "shared-leaf": (lambda text: edit(text, "right_child", lambda words: [words[0], *["-1"] * (
        len(words) - 1)]), "child is reached twice"),
    "child-out-of-range": (lambda text: edit(text, "left_child", first(9999)),
                           "tree 1/left_child: has a child id that is out of range"),
    "child-of-2-31": (lambda text: edit(text, "left_child", first(2**31)), "out of range"),
    "child-of-minus-2-31": (lambda text: edit(text, "left_child", first(-2**31)), "out of range"),
    "child-of-2-64": (lambda text: edit(text, "left_child", first(2**64)), "list of integers"),
    "feature-out-of-range": (lambda text: edit(text, "split_feature", first(8)),
                             "splits on a feature that the model does not have"),
    "feature-of-2-32": (lambda text: edit(text, "split_feature", first(2**32)), "out of range"),
    "leaves-of-2-31": (lambda text: edit(text, "num_leaves", first(2**31)), "num_leaves"),
    "leaves-of-2-25": (lambda text: edit(text, "num_leaves", first(2**25)), "leaf_value"),
    "sets-of-2-31": (lambda text: edit(text, "num_cat", first(2**31)), "num_cat"),
    "boundary-of-2-31": (lambda text: edit(text, "cat_boundaries", lambda words: [
        *words[:-1], str(2**31)]), "ends beyond cat_threshold"),
    "boundaries-that-shrink": (lambda text: edit(text, "cat_boundaries", lambda words: [
        "0", words[-1], *words[2:-1], "1"]), "cat_boundaries: "),
    "nan-threshold": (lambda text: edit(text, "threshold", lambda words: ["nan"] * len(words)),
                      "tree 1"),
    "nan-leaf": (lambda text: edit(text, "leaf_value", first("nan")), "not a finite number"),
    "infinite-leaf": (lambda text: edit(text, "leaf_value", first("1e999")), "tree 1"),
    "long-number": (lambda text: edit(text, "leaf_value", first("1" * 5000)), "list of numbers"),
    "zero-byte": (lambda text: edit(text, "leaf_value", first("\0")), "list of numbers"),
    "chain": (chain, "tree 0 is deeper than ROWAN_MAX_TREE_DEPTH"),
    "features-of-2-31": (lambda text: re.sub("max_feature_idx=.*", f"max_feature_idx={2**31}", text),
                         "max_feature_idx: is not a number in range"),
    "classes-of-2-31": (lambda text: re.sub("per_iteration=.*", f"per_iteration={2**31}", text),
                        "num_tree_per_iteration: is not a number in range"),
    "trees-without-end": (lambda text: text.split("Tree=")[0] + "Tree=\n" * 3_000_000
                          + "end of trees", "tree_sizes: does not agree"),
    "empty-trees": (lambda text: re.sub("tree_sizes=.*\n", "", text).split("Tree=")[0]
                    + "Tree=\n\n" * 900_000 + "end of trees", "tree 0/num_leaves"),
    "names-without-end": (lambda text: re.sub("(feature_names=.*)", r"\1" + " a" * 2_000_000, text),
                          "feature_names: does not agree"),
    "deep-json": (lambda text: text + "\npandas_categorical:" + "[" * 1_000_000,
                  "pandas_categorical: is not JSON"),
    "wide-json": (lambda text: text + "\npandas_categorical:[[" + "1," * 1_000_000
                  + "{}],[1,2,3]]", "has a category that is no string, number or boolean"),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_refused_with_the_tree_that_tells_them(texts, tmp_path, lie):
    change, reason = LIES[lie]
    path = tmp_path / "model.txt"
    text = change(texts["categorical"])
    assert text != texts["categorical"]
    path.write_bytes(text.encode())
    outcome = load(path, "whole")
    assert outcome["refused"] == 1, outcome
    assert reason in outcome["text"]


@pytest.mark.parametrize("lie", ["num_features", "leaf_features", "leaf_coeff", "leaf_const"])
def test_linear_leaves_that_lie_are_refused(texts, tmp_path, lie):
    values = {"num_features": 2**31, "leaf_features": 2**32, "leaf_coeff": "1e999",
              "leaf_const": "nan"}
    path = tmp_path / "model.txt"
    path.write_text(edit(texts["linear"], lie, first(values[lie]), tree=2))
    outcome = load(path, "whole")
    assert outcome["refused"] == 1
    assert "tree 2" in outcome["text"]


def test_ten_thousand_splits_on_one_set_cost_little(tmp_path, texts):
    """Each split may name any set of its tree: the sets are not copied for each."""
    splits, words = 4_000, 100_000
    lines = {
        "num_leaves": [splits + 1], "num_cat": [1], "split_feature": [0] * splits,
        "threshold": [0] * splits, "decision_type": [1] * splits,
        "left_child": [-1 - i for i in range(splits)],
        "right_child": [i + 1 if i + 1 < splits else -1 - splits for i in range(splits)],
        "leaf_value": [1] * (splits + 1), "cat_boundaries": [0, words],
        "cat_threshold": [1] * words,
    }
    body = "".join(f"{key}={' '.join(map(str, values))}\n" for key, values in lines.items())
    head = re.sub("tree_sizes=.*\n", "", texts["categorical"].split("Tree=")[0])
    path = tmp_path / "model.txt"
    path.write_text(head + "Tree=0\n" + body + "\nend of trees\n")
    assert load(path, "whole")["loaded"] == 1

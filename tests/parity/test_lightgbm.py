"""Bit for bit: Rowan's margins and responses against LightGBM's Booster.predict."""

import re
from collections import defaultdict

import lightgbm as lgb
import numpy as np
import pytest

from models_lightgbm import OBJECTIVES, Case, Trained, cases, train
from rowan_ctypes import BEST, MARGIN, RESPONSE, Model, RowanError

CASES = cases()
THRESHOLDS = 150  # of one model, each with its neighbours
ODD_NUMBERS = (np.nan, 0.0, -0.0, 5e-324, -5e-324, 1e-36, -1e-36, 1e-35, -1e-35,
               float(np.float32(1e-35)), -float(np.float32(1e-35)), 1.1e-35, -1.1e-35, 1e300,
               -1e300, np.inf, -np.inf, 1.0, -1.0)
ODD_CATEGORIES = (-1.0, -0.5, -0.999, -1.5, 0.5, 1.999, 2.0, 31.0, 32.0, 39.0, 40.0, 63.0, 64.0,
                  299.0, 300.0, 5000.0, 16777216.0, 2147483647.0, 2147483648.0, 4294967296.0, 1e19,
                  np.inf, -np.inf, np.nan, -0.0, 1e-36)

differences = defaultdict(int)  # family: largest, in ulps


def test_the_grid_is_as_wide_as_promised():
    assert len(CASES) >= 100
    assert {case.objective for case in CASES} == {*OBJECTIVES, "custom"}


def splits(text: str) -> list[tuple[int, float]]:
    """(feature, threshold) of every numeric split."""
    found, fields = [], {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        fields[key] = value.split()
        if key == "decision_type":
            found += [(int(feature), float(threshold))
                      for feature, threshold, decision in zip(
                          fields["split_feature"], fields["threshold"], fields["decision_type"])
                      if not int(decision) & 1]
    return found


def neighbours(threshold: float) -> list[float]:
    narrow = np.float32(threshold)
    return [threshold, np.nextafter(threshold, -np.inf), np.nextafter(threshold, np.inf),
            float(narrow), float(np.nextafter(narrow, np.float32(-np.inf))),
            float(np.nextafter(narrow, np.float32(np.inf)))]


def edge_rows(trained: Trained) -> np.ndarray:
    """Rows at thresholds, one ulp either side, and of every odd kind of number."""
    rng = np.random.default_rng(7)
    base = trained.features
    found = splits(trained.text)
    rng.shuffle(found)
    rows = [base[0]]

    def add(column: int, value: float) -> None:
        row = base[rng.integers(len(base))].copy()
        row[column] = value
        rows.append(row)

    with np.errstate(over="ignore"):
        for feature, threshold in found[:THRESHOLDS]:
            for value in neighbours(threshold):
                add(int(feature), value)
    for column in range(min(base.shape[1], 12)):
        for value in ODD_NUMBERS:
            add(column, value)
    for column in range(len(trained.case.categories)):
        for value in ODD_CATEGORIES:
            add(column, value)
    odd = rng.choice(np.array(ODD_NUMBERS), (64, base.shape[1]))
    return np.vstack([rows, odd])


def ulps(seen: np.ndarray, wanted: np.ndarray) -> int:
    """The largest distance, in steps from one double to the next."""
    def ordered(values: np.ndarray) -> np.ndarray:
        bits = values.view(np.int64).astype(object)
        return np.where(bits < 0, -(bits + 2**63), bits)
    same = (seen.view(np.int64) == wanted.view(np.int64)) | (np.isnan(seen) & np.isnan(wanted))
    if same.all():
        return 0
    return int(max(1, *np.abs(ordered(seen[~same]) - ordered(wanted[~same]))))


def assert_same_bits(family: str, seen: np.ndarray, wanted: np.ndarray) -> None:
    wanted = np.ascontiguousarray(wanted, np.float64).reshape(len(seen), -1)
    assert seen.shape == wanted.shape
    assert seen.dtype == np.float64
    distance = ulps(seen, wanted)
    differences[family] = max(differences[family], distance)
    wrong = np.argwhere((seen.view(np.int64) != wanted.view(np.int64))
                        & ~(np.isnan(seen) & np.isnan(wanted)))
    assert distance == 0, (
        f"{len(wrong)} of {seen.size} differ, by up to {distance} ulps; first at {wrong[0]}: "
        f"{seen[tuple(wrong[0])]!r} instead of {wanted[tuple(wrong[0])]!r}")


def raw_scores(booster: lgb.Booster, rows: np.ndarray, rounds: int | None = None) -> np.ndarray:
    """The numbers that LightGBM feeds to the link: of a random forest the mean, where
    raw_score gives the sum."""
    raw = booster.predict(rows, raw_score=True, num_iteration=rounds)
    if "\naverage_output\n" in booster.model_to_string():
        raw = raw / min(rounds or booster.num_trees(), booster.current_iteration())
    return raw


def check_rows(trained: Trained, model: Model, rows: np.ndarray) -> None:
    family, booster = trained.case.family, trained.booster()
    responses = booster.predict(rows)
    assert_same_bits(family, model.predict64(rows, MARGIN), raw_scores(booster, rows))
    assert_same_bits(family, model.predict64(rows, RESPONSE), responses)
    one_by_one = np.vstack([model.predict64(rows[i:i + 1]) for i in range(min(len(rows), 20))])
    assert_same_bits(family, one_by_one, responses[:len(one_by_one)])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_same_bits_as_booster(case, tmp_path):
    trained = train(case)
    path = tmp_path / "model.txt"
    path.write_text(trained.text)
    model = Model(path)
    assert model.info.format == b"lightgbm"
    assert model.info.n_trees == trained.booster().num_trees()
    for rows in (trained.features, edge_rows(trained)):
        check_rows(trained, model, rows)
        with np.errstate(over="ignore", under="ignore"):
            check_rows(trained, model, rows.astype(np.float32))


def test_the_grid_has_what_it_is_for():
    """Sets, both kinds of missing values, linear leaves and leaves alone are in it."""
    texts = [train(case).text for case in CASES if case.family in
             ("categorical", "missing", "linear", "one-leaf", "rf")]
    lines = {line for text in texts for line in text.splitlines()}
    decisions = {int(word) for line in lines if line.startswith("decision_type=")
                 for word in line.split("=")[1].split()}
    assert {kind >> 2 for kind in decisions} == {0, 1, 2}
    assert {kind & 3 for kind in decisions} >= {0, 1, 2}
    assert {"is_linear=1", "num_leaves=1", "average_output"} <= lines
    assert any(line.startswith("cat_threshold=") and len(line.split()) > 10 for line in lines)
    assert any(line.startswith("leaf_coeff=") and len(line.split()) > 10 for line in lines)


@pytest.fixture
def early_stopped() -> tuple[lgb.Booster, np.ndarray]:
    rng = np.random.default_rng(3)
    features = rng.normal(0, 1, (300, 5))
    labels = (features.sum(axis=1) + rng.normal(0, 2, 300) > 0).astype(float)
    data = lgb.Dataset(features[:200], labels[:200])
    watch = lgb.Dataset(features[200:], labels[200:], reference=data)
    booster = lgb.train({"objective": "binary", "learning_rate": 0.3, "verbosity": -1}, data, 60,
                        valid_sets=[watch], callbacks=[lgb.early_stopping(8, verbose=False)],
                        keep_training_booster=True)
    return booster, features


def test_early_stopping_and_a_chosen_number_of_rounds(early_stopped, tmp_path):
    booster, features = early_stopped
    best = booster.best_iteration
    assert 2 < best < booster.num_trees()
    path = tmp_path / "best.txt"
    booster.save_model(path)  # the best rounds only, as Python does it
    assert Model(path).info.n_trees == best
    assert_same_bits("early", Model(path).predict64(features), booster.predict(features))
    booster.save_model(path, num_iteration=-1)
    whole = lgb.Booster(model_file=path)
    assert Model(path).info.best_iteration == -1  # the file does not say
    assert_same_bits("early", Model(path).predict64(features), whole.predict(features))
    assert_same_bits("early", Model(path, BEST).predict64(features), whole.predict(features))
    assert_same_bits("early", Model(path, 2).predict64(features),
                     whole.predict(features, num_iteration=2))
    with pytest.raises(RowanError, match="fewer than 61000 rounds"):
        Model(path, 61000)


def test_a_forest_averages_the_rounds_that_take_part(tmp_path):
    trained = train(next(case for case in CASES if str(case) == "rf-multiclass"))
    booster = trained.booster()
    for rounds in (1, 3, 7):
        model = Model(trained.text.encode(), rounds)
        assert_same_bits("rf", model.predict64(trained.features),
                         booster.predict(trained.features, num_iteration=rounds))
        assert_same_bits("rf", model.predict64(trained.features, MARGIN),
                         raw_scores(booster, trained.features, rounds))


def test_a_model_that_was_loaded_and_saved_again(tmp_path):
    trained = train(CASES[0])
    path = tmp_path / "again.txt"
    trained.booster().save_model(path)
    assert_same_bits("again", Model(path).predict64(trained.features),
                     trained.booster().predict(trained.features))


@pytest.mark.parametrize("change", [
    pytest.param(lambda text: text.replace("\n", "\r\n"), id="crlf"),
    pytest.param(lambda text: text[:text.index("end of trees") + len("end of trees\n")], id="bare"),
    pytest.param(lambda text: "\n".join(line for line in text.split("\n")
                                        if not line.startswith(("leaf_count", "internal_"))),
                 id="without-counts"),
])
def test_other_forms_of_the_text(change):
    trained = train(CASES[0])
    model = Model(change(trained.text).encode())
    assert_same_bits("form", model.predict64(trained.features),
                     trained.booster().predict(trained.features))


def test_thresholds_nearer_to_zero_than_lightgbm_tells_apart():
    """LightGBM reads values within 1e-35 of 0 as 0: a threshold between is an edge there."""
    trained = train(Case("zero", "edited", "regression", trees=1, params=(("num_leaves", 2),)))
    for threshold in ("0", "1e-36", "-1e-36", "1e-35", "-1e-35", "-0", "1.1e-35", "-1.1e-35"):
        text = "\n".join(f"threshold={threshold}" if line.startswith("threshold=") else line
                         for line in trained.text.split("\n"))
        edited = Trained(text, trained.features, trained.case)
        rows = np.zeros((len(ODD_NUMBERS), trained.features.shape[1]))
        rows[:] = np.array(ODD_NUMBERS)[:, None]
        model = Model("\n".join(line for line in text.split("\n")
                                if not line.startswith("tree_sizes")).encode())
        edited.text = "\n".join(line for line in text.split("\n")
                                if not line.startswith("tree_sizes"))
        assert_same_bits("zero", model.predict64(rows), edited.booster().predict(rows))


def test_linear_leaves_of_numbers_that_lightgbm_takes_for_zero():
    trained = train(next(case for case in CASES if str(case) == "linear-regression-missing-0.0"
                         "-categories-0"))
    text = re.sub(r"leaf_const=.*", lambda found: "leaf_const=" + " ".join(
        "0" for _ in found[0].split()), trained.text)
    text = re.sub(r"tree_sizes=.*\n", "", text)
    rows = np.array(ODD_NUMBERS)[:, None] * np.ones(trained.features.shape[1])
    assert_same_bits("zero", Model(text.encode()).predict64(rows),
                     Trained(text, trained.features, trained.case).booster().predict(rows))


def test_names_and_kinds():
    trained = train(next(case for case in CASES if len(case.categories) == 3))
    model = Model(trained.text.encode())
    assert model.feature_names == [f"Column_{i}" for i in range(8)]
    assert model.feature_kinds == [1, 1, 1, 0, 0, 0, 0, 0]
    assert model.info.producer == b"lightgbm v4"
    assert model.info.objective == b"binary"


def test_largest_difference_of_each_family(capsys):
    assert len(differences) > 10, "the tests above have not run"
    with capsys.disabled():
        print("\nlargest difference from LightGBM, in ulps of double:")
        for family, distance in sorted(differences.items()):
            print(f"  {family:12} {distance}")
    assert set(differences.values()) == {0}

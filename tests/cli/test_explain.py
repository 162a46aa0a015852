"""`rowan explain` gives the contributions that XGBoost gives."""

import csv
import io
import json
import math

import numpy as np
import pytest
import xgboost

from tool import FRAUD, error_lines, rows

HEAD = ["transaction_id", "margin", "mean"]


def model_features():
    contract = json.loads((FRAUD / "contract.json").read_text())
    return [feature["name"] for feature in contract["x-rowan"]["features"]]


def numbers(row, names):
    return np.array([float(row[name]) for name in names])


@pytest.fixture(scope="module")
def bare():
    """Rows of the shipped model's own features, as CSV, and XGBoost's contributions."""
    names = model_features()
    rng = np.random.default_rng(4)
    table = rng.exponential(20, (40, len(names))).astype(np.float32)
    table[rng.random(table.shape) < 0.2] = np.nan
    lines = [",".join(names)] + [
        ",".join("" if np.isnan(x) else repr(float(x)) for x in row) for row in table]
    booster = xgboost.Booster(model_file=FRAUD / "model.ubj")
    matrix = xgboost.DMatrix(table, feature_names=names)
    return (names, table, "\n".join(lines).encode() + b"\n",
            booster.predict(matrix, pred_contribs=True),
            booster.predict(matrix, output_margin=True))


def test_contributions_are_those_of_xgboost(rowan, bare):
    names, _, text, contributions, margins = bare
    process = rowan("explain", FRAUD / "model.ubj", "-", stdin=text)
    assert process.returncode == 0 and process.stderr == b""
    result = rows(process)
    assert list(result[0]) == ["line", "margin", "mean", *names]
    assert [row["line"] for row in result] == [str(i) for i in range(2, len(result) + 2)]
    seen = np.array([numbers(row, [*names, "mean"]) for row in result])
    assert np.abs(seen - contributions).max() <= 1e-5 * np.abs(contributions).max()
    assert np.array_equal(np.array([row["margin"] for row in result], np.float32), margins)
    assert np.allclose(seen.sum(axis=1), margins, rtol=1e-5)


def test_the_largest_of_them(rowan, bare):
    names, table, text, contributions, _ = bare
    process = rowan("explain", "--top", 3, FRAUD / "model.ubj", "-", stdin=text)
    for row, values, wanted in zip(rows(process), table, contributions[:, :-1], strict=True):
        seen = [float(row[f"contribution_{i}"]) for i in (1, 2, 3)]
        assert np.allclose(np.abs(seen), sorted(np.abs(wanted))[::-1][:3], rtol=1e-4, atol=1e-6)
        for i in (1, 2, 3):
            at = names.index(row[f"feature_{i}"])
            assert abs(float(row[f"contribution_{i}"]) - wanted[at]) < 1e-5
            value = row[f"value_{i}"]
            assert (math.nan if value == "" or value == "null" else float(value)) == values[at] or \
                np.isnan(values[at])


def test_json_lines(rowan, bare):
    names, table, text, contributions, margins = bare
    process = rowan("explain", "--json", "--top", "4", FRAUD / "model.ubj", "-", stdin=text)
    lines = process.stdout.decode().splitlines()
    assert len(lines) == len(table)
    for i, line in enumerate(map(json.loads, lines)):
        assert list(line) == ["line", "margin", "mean", "reasons"]
        assert line["line"] == i + 2
        assert np.float32(line["margin"]) == margins[i]
        assert len(line["reasons"]) == 4
        for reason in line["reasons"]:
            at = names.index(reason["feature"])
            assert abs(reason["contribution"] - contributions[i, at]) < 1e-5
            assert reason["value"] == (None if np.isnan(table[i, at]) else float(table[i, at]))
    whole = json.loads(rowan("explain", "--json", FRAUD / "model.ubj", "-", stdin=text)
                       .stdout.decode().splitlines()[0])
    assert sorted(reason["feature"] for reason in whole["reasons"]) == sorted(names)


def test_a_directory_takes_requests(rowan, fraud, golden, to_csv):
    requests = [row["request"] for row in golden[:50]]
    process = rowan("explain", fraud, "-", stdin=to_csv(requests))
    assert process.returncode == 0 and process.stderr == b""
    result = rows(process)
    assert list(result[0]) == [*HEAD, *model_features()]
    for row, request, expected in zip(result, requests, golden):
        assert row["transaction_id"] == request["transaction_id"]
        total = float(row["mean"]) + numbers(row, model_features()).sum()
        assert total == pytest.approx(float(row["margin"]), rel=1e-5, abs=1e-5)
        assert 1 / (1 + math.exp(-total)) == pytest.approx(expected["fraud_probability"], rel=1e-4)


def test_several_outputs_are_lines_of_their_own(rowan, tmp_path):
    rng = np.random.default_rng(1)
    table = rng.random((300, 3)).astype(np.float32)
    data = xgboost.DMatrix(table, (table[:, 0] * 3).astype(int), feature_names=["a", 'b"', "c,d"])
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, data, 5)
    booster.save_model(tmp_path / "model.ubj")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["a", 'b"', "c,d"])
    writer.writerows(table[:4].tolist())
    process = rowan("explain", tmp_path / "model.ubj", "-", stdin=text.getvalue().encode())
    result = rows(process)
    assert list(result[0]) == ["line", "output", "margin", "mean", "a", 'b"', "c,d"]
    assert [(row["line"], row["output"]) for row in result] == [
        (str(line), str(output)) for line in range(2, 6) for output in range(3)]
    wanted = booster.predict(xgboost.DMatrix(table[:4], feature_names=["a", 'b"', "c,d"]),
                             pred_contribs=True).reshape(12, 4)
    seen = np.array([numbers(row, ["a", 'b"', "c,d", "mean"]) for row in result])
    assert np.abs(seen - wanted).max() < 1e-5
    line = rowan("explain", "--json", tmp_path / "model.ubj", "-",
                 stdin=text.getvalue().encode()).stdout.decode().splitlines()[1]
    assert json.loads(line)["output"] == 1


@pytest.mark.parametrize("top", ["0", "-1", "16", "x", "", "3x", "99999999999999999999"])
def test_a_bad_top_is_refused(rowan, fraud, top):
    process = rowan("explain", "--top", top, fraud, "-", stdin=b"x\n")
    assert process.returncode == 1
    assert "from 1 to 15" in error_lines(process)[0]


def test_rows_that_cannot_be_read_are_reported(rowan, bare):
    names, _, text, _, _ = bare
    broken = text + b",".join([b"nonsense"] * len(names)) + b"\n" + text.splitlines()[1] + b"\n"
    process = rowan("explain", FRAUD / "model.ubj", "-", stdin=broken)
    assert process.returncode == 1
    assert len(rows(process)) == 41
    assert "line 42" in error_lines(process)[0]


def test_a_model_without_covers_says_so(rowan, tmp_path):
    model = json.loads(bytes(xgboost.Booster(model_file=FRAUD / "model.ubj").save_raw("json")))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        tree["sum_hessian"] = [0.0] * len(tree["sum_hessian"])
    (tmp_path / "model.json").write_text(json.dumps(model))
    assert json.loads(rowan("inspect", "--json", tmp_path / "model.json").stdout)[
        "contributions"] is False
    process = rowan("explain", tmp_path / "model.json", "-", stdin=b"x\n")
    assert process.returncode == 1 and process.stdout == b""
    assert "training rows" in error_lines(process)[0]


def test_help_and_inspect_are_true(rowan):
    text = rowan("explain", "--help").stdout.decode()
    assert json.loads(rowan("inspect", "--json", FRAUD).stdout)["contributions"] is True
    for word in ("--top", "--json", "--id", "--stop-on-error", "--no-progress", "pred_contribs"):
        assert word in text
    assert "explain" in rowan("--help").stdout.decode()

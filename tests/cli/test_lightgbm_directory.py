"""A model directory of LightGBM: double results to the last bit, names of categories in requests."""

import csv
import io
import json
import math

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from tool import error_lines, rows

KINDS = ["cash", "card", "münze", "a,b", 'quo"ted']
ROWS = 300


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The directory, its requests as dictionaries, and LightGBM's probabilities."""
    folder = tmp_path_factory.mktemp("lightgbm")
    rng = np.random.default_rng(2)
    kinds = [KINDS[i] for i in rng.integers(0, len(KINDS), ROWS)]
    frame = pd.DataFrame({"amount": rng.normal(0, 1, ROWS), "kind": pd.Categorical(kinds)})
    labels = (frame.amount + frame.kind.cat.codes + rng.normal(0, 1, ROWS) > 2).astype(int)
    booster = lgb.train({"objective": "binary", "verbosity": -1, "min_data_per_group": 2,
                         "num_threads": 1}, lgb.Dataset(frame, labels), 15)
    booster.save_model(folder / "model.txt")
    requests = [{"id": str(i), "amount": float(amount), "kind": kind}
                for i, (amount, kind) in enumerate(zip(frame.amount, kinds, strict=True))]
    (folder / "contract.json").write_text(json.dumps({
        "type": "object",
        "properties": {"id": {"type": "string"}, "amount": {"type": "number"},
                       "kind": {"type": ["string", "null"]}},
        "x-rowan": {"model": "m", "version": "1", "type": "LightGBM", "model_file": "model.txt",
                    "id": "id", "features": [{"name": "amount", "from": "amount"},
                                             {"name": "kind", "category": "kind"}]}}))
    expected = booster.predict(frame)
    write_golden(folder, requests, expected)
    return folder, requests, expected


def write_golden(folder, requests, probabilities):
    (folder / "golden.jsonl").write_text("".join(
        json.dumps({"request": request, "fraud_probability": float(p)}) + "\n"
        for request, p in zip(requests, probabilities, strict=True)))


def test_golden_rows_are_proved_in_double(rowan, served):
    folder, requests, expected = served
    assert rowan("verify", folder).returncode == 0
    wrong = expected.copy()
    wrong[7] = math.nextafter(wrong[7], 1)
    assert np.float32(wrong[7]) == np.float32(expected[7])
    write_golden(folder, requests, wrong)
    process = rowan("verify", folder)
    write_golden(folder, requests, expected)
    assert process.returncode != 0
    assert "line 8" in process.stderr.decode() + process.stdout.decode()


def test_scores_of_a_csv_are_lightgbms_doubles(rowan, served):
    folder, requests, expected = served
    text = io.StringIO()
    writer = csv.DictWriter(text, list(requests[0]))
    writer.writeheader()
    writer.writerows(requests)
    process = rowan("score", folder, "-", stdin=text.getvalue().encode())
    assert process.returncode == 0, error_lines(process)
    seen = [float(row["fraud_probability"]) for row in rows(process)]
    assert seen == expected.tolist()


def test_inspect_names_the_format(rowan, served):
    folder, _, _ = served
    text = rowan("inspect", folder / "model.txt").stdout.decode()
    assert "lightgbm" in text and "binary" in text

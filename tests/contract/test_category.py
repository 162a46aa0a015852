"""Names of categories in a request: the score that LightGBM gives for the same pandas frame."""

import json
import subprocess

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from probe import PROBE, Probe

COLORS = ["red", "green", "bleu ciel", "blé", "日本", "", 'quo"ted', "a\\b", "x" * 300, "7"]
COUNTS = [10, 20, 2**40, -3]
RATES = [0.5, 1.0, 2.25]
ROWS = 600

PROPERTIES = {
    "amount": {"type": "number"},
    "color": {"type": ["string", "null"]},
    "count": {"type": ["integer", "null"]},
    "rate": {"type": ["number", "null"]},
    "online": {"type": ["boolean", "null"]},
}
FEATURES = [{"name": "amount", "from": "amount"}] + [
    {"name": name, "category": name} for name in ("color", "count", "rate", "online")]


def frame(columns: dict[str, list]) -> pd.DataFrame:
    return pd.DataFrame({"amount": np.array(columns["amount"], float),
                         **{name: pd.Categorical(columns[name]) for name in list(columns)[1:]}})


def columns_of(rng: np.random.Generator) -> dict[str, list]:
    def pick(values: list) -> list:
        return [values[i] for i in rng.integers(0, len(values), ROWS)]
    return {"amount": rng.normal(0, 1, ROWS).tolist(), "color": pick(COLORS),
            "count": pick(COUNTS), "rate": pick(RATES), "online": pick([True, False])}


@pytest.fixture(scope="module")
def booster() -> lgb.Booster:
    rng = np.random.default_rng(4)
    columns = columns_of(rng)
    effects = {name: rng.normal(0, 1.5, 400) for name in columns}
    signal = np.array(columns["amount"])
    for name in list(columns)[1:]:
        codes = pd.Categorical(columns[name]).codes
        signal = signal + effects[name][codes]
    labels = (signal + rng.normal(0, 0.5, ROWS) > 0).astype(int)
    return lgb.train({"objective": "binary", "verbosity": -1, "min_data_per_group": 2,
                      "cat_smooth": 1, "min_data_in_leaf": 5, "num_threads": 1},
                     lgb.Dataset(frame(columns), labels), 20)


def contract(**changes) -> dict:
    return {"type": "object", "properties": PROPERTIES,
            "x-rowan": {"model": "m", "version": "1", "type": "LightGBM",
                        "model_file": "model.txt", "features": FEATURES} | changes}


@pytest.fixture(scope="module")
def probe(booster, tmp_path_factory) -> Probe:
    folder = tmp_path_factory.mktemp("category")
    booster.save_model(folder / "model.txt")
    (folder / "contract.json").write_text(json.dumps(contract()))
    return Probe(folder / "contract.json", folder / "model.txt")


def scores(probe: Probe, bodies: list[dict]) -> list[float]:
    answers = probe.ask([json.dumps(body).encode() for body in bodies])
    assert [answer.status for answer in answers] == [200] * len(bodies)
    return [answer.reply["fraud_probability"] for answer in answers]


def rows_of(columns: dict[str, list]) -> list[dict]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values())]


def test_known_names_give_the_score_of_the_frame(probe, booster):
    columns = columns_of(np.random.default_rng(5))
    expected = booster.predict(frame(columns))
    assert len(set(expected)) > 300
    assert scores(probe, rows_of(columns)) == expected.tolist()


def test_a_batch_gives_the_same(probe, booster):
    columns = columns_of(np.random.default_rng(6))
    answer = probe.ask([json.dumps(rows_of(columns)).encode()])[0]
    assert [row["fraud_probability"] for row in answer.reply] == \
        booster.predict(frame(columns)).tolist()


def test_what_pandas_does_not_know_is_missing(probe, booster):
    """Unknown names, None and, for numbers, every equal one."""
    odd = {
        "color": ["purple", "RED", "red ", None, "x" * 299, "x" * 5000, "7.0", "", "red"],
        "count": [11, None, 2**40 + 1, -3, 10, 20, 0, -10, 10**18],
        "rate": [1, 0.5, None, 2.2500000000000004, 2, 1e300, -0.5, 0, 2.25],
        "online": [True, False, None, True, False, None, True, False, None],
    }
    columns = {"amount": [0.1 * i for i in range(9)], **odd}
    expected = booster.predict(frame(columns))
    assert scores(probe, rows_of(columns)) == expected.tolist()
    absent = [{key: value for key, value in row.items() if value is not None}
              for row in rows_of(columns)]
    assert scores(probe, absent) == expected.tolist()


def test_numbers_are_the_same_however_they_are_written(probe, booster):
    written = [b'{"amount":1,"count":10,"rate":1}', b'{"amount":1,"count":10.0,"rate":1.00}',
               b'{"amount":1.0,"count":1e1,"rate":10e-1}']
    expected = booster.predict(frame({"amount": [1.0], "color": [None], "count": [10],
                                      "rate": [1.0], "online": [None]}))[0]
    for answer in probe.ask(written):
        assert answer.reply["fraud_probability"] == expected


def test_a_value_of_another_type_is_refused_as_ever(probe):
    answers = probe.ask([b'{"color":7}', b'{"count":"10"}', b'{"online":1}'])
    assert [answer.violations for answer in answers] == [
        [(("body", "color"), "string_type")], [(("body", "count"), "int_type")],
        [(("body", "online"), "bool_type")]]


def test_an_enum_refuses_names_before_they_are_looked_up(booster, tmp_path):
    booster.save_model(tmp_path / "model.txt")
    limited = contract()
    limited["properties"] = PROPERTIES | {"color": {"type": "string", "enum": ["green", "red"]}}
    (tmp_path / "contract.json").write_text(json.dumps(limited))
    probe = Probe(tmp_path / "contract.json", tmp_path / "model.txt")
    row = {"amount": [0.3], "color": ["red"], "count": [10], "rate": [0.5], "online": [True]}
    assert scores(probe, rows_of(row)) == booster.predict(frame(row)).tolist()
    answer = probe.ask([b'{"color":"blue"}'])[0]
    assert answer.violations == [(("body", "color"), "literal_error")]


def refusal(folder, document: dict) -> str:
    (folder / "contract.json").write_text(json.dumps(document))
    done = subprocess.run([PROBE, folder / "contract.json", folder / "model.txt"], input=b"",
                          capture_output=True)
    assert done.returncode == 2
    return done.stderr.decode()


def test_a_feature_without_names_is_refused(booster, tmp_path):
    booster.save_model(tmp_path / "model.txt")
    features = [{"name": "amount", "category": "amount"}, *FEATURES[1:]]
    text = refusal(tmp_path, contract(features=features))
    assert "#/x-rowan/features/0/category" in text
    assert "the model has no names of categories for its feature amount" in text


def test_a_property_of_another_type_than_the_names_is_refused(booster, tmp_path):
    booster.save_model(tmp_path / "model.txt")
    features = [*FEATURES[:4], {"name": "online", "category": "color"}]
    text = refusal(tmp_path, contract(features=[
        *FEATURES[:3], {"name": "rate", "category": "online"}, FEATURES[4]]))
    assert "no category of rate is of this property's type" in text
    document = contract(features=features)  # "true" and "false" are names, if need be
    (tmp_path / "contract.json").write_text(json.dumps(document))
    Probe(tmp_path / "contract.json", tmp_path / "model.txt").ask([])


@pytest.mark.parametrize("ordered", [False, True])
def test_lists_that_belong_to_no_known_column_are_not_guessed(tmp_path, ordered):
    """An ordered category column is a number to LightGBM, and the file does not name it."""
    rng = np.random.default_rng(8)
    sizes = pd.Categorical(rng.choice(["s", "m", "l"], ROWS), categories=["s", "m", "l"],
                           ordered=ordered)
    data = pd.DataFrame({"size": sizes, "color": pd.Categorical(rng.choice(["a", "b"], ROWS))})
    labels = (sizes.codes + rng.normal(0, 1, ROWS) > 1).astype(int)
    trained = lgb.train({"objective": "binary", "verbosity": -1}, lgb.Dataset(data, labels), 5)
    trained.save_model(tmp_path / "model.txt")
    document = contract(features=[{"name": "size", "category": "color"},
                                  {"name": "color", "category": "color"}])
    if ordered:
        assert "no names of categories for its feature size" in refusal(tmp_path, document)
        return
    (tmp_path / "contract.json").write_text(json.dumps(document))
    answers = Probe(tmp_path / "contract.json", tmp_path / "model.txt").ask([b'{"color":"a"}'])
    expected = trained.predict(pd.DataFrame({"size": pd.Categorical([None], categories=["a"]),
                                             "color": pd.Categorical(["a"])}))
    assert answers[0].reply["fraud_probability"] == expected[0]

"""POST /predict?explain=N gives the reasons that XGBoost's pred_contribs gives."""

import json

import numpy
import pytest
import xgboost

from model_directories import FRAUD, copy_of, feature_row
from server import Server

N_FEATURES = 15


@pytest.fixture(scope="module")
def expected(golden):
    """Of each golden row: features, and XGBoost's contributions without the mean."""
    contract = json.loads((FRAUD / "contract.json").read_text())
    names = [feature["name"] for feature in contract["x-rowan"]["features"]]
    rows = [feature_row(contract, row["request"]) for row in golden]
    booster = xgboost.Booster(model_file=FRAUD / "model.ubj")
    matrix = xgboost.DMatrix(numpy.array(rows, numpy.float32), feature_names=names, nthread=1)
    return names, rows, booster.predict(matrix, pred_contribs=True)[:, :-1]


def assert_reasons(reply, names, row, contributions, n):
    reasons = reply["reasons"]
    assert len(reasons) == n
    assert len({reason["feature"] for reason in reasons}) == n
    largest = numpy.abs(contributions).max()
    for reason in reasons:
        assert list(reason) == ["feature", "value", "contribution"]
        at = names.index(reason["feature"])
        assert reason["value"] == (None if numpy.isnan(row[at]) else row[at])
        assert abs(reason["contribution"] - contributions[at]) <= 1e-5 * largest
    sizes = [abs(reason["contribution"]) for reason in reasons]
    assert sizes == sorted(sizes, reverse=True)
    left_out = [abs(contributions[i]) for i, name in enumerate(names)
                if name not in {reason["feature"] for reason in reasons}]
    assert not left_out or max(left_out) <= sizes[-1] + 1e-5 * largest
    ties = [names.index(a["feature"]) < names.index(b["feature"])
            for a, b in zip(reasons, reasons[1:])
            if abs(a["contribution"]) == abs(b["contribution"])]
    assert all(ties)


@pytest.mark.parametrize("n", [1, 3, 8, N_FEATURES])
def test_reasons_of_one_transaction(server, golden, expected, n):
    names, rows, contributions = expected
    with server.client() as client:
        for i in range(0, len(golden), 97):
            reply = client.post(f"/predict?explain={n}", json=golden[i]["request"])
            assert reply.status_code == 200, reply.text
            assert_reasons(reply.json(), names, rows[i], contributions[i], n)


def test_reasons_of_an_array(server, golden, expected):
    names, rows, contributions = expected
    reply = server.post("/predict?explain=5", json=[row["request"] for row in golden])
    assert reply.status_code == 200
    assert len(reply.json()) == len(golden)
    for i, one in enumerate(reply.json()):
        assert_reasons(one, names, rows[i], contributions[i], 5)
        assert numpy.float32(one["fraud_probability"]) == numpy.float32(
            golden[i]["fraud_probability"])


def test_nothing_changes_where_nobody_asked(server, request_body):
    plain = server.predict(request_body).json()
    assert "reasons" not in plain
    assert server.post("/predict?other=1&explained=3", json=request_body).json().keys() == \
        plain.keys()
    explained = server.post("/predict?other=1&explain=2", json=request_body).json()
    assert list(explained) == [*plain, "reasons"]


@pytest.mark.parametrize("text, kind, message", [
    ("0", "greater_than_equal", "Input should be greater than or equal to 1"),
    ("-3", "greater_than_equal", "Input should be greater than or equal to 1"),
    ("16", "less_than_equal", f"Input should be less than or equal to {N_FEATURES}"),
    ("4294967297", "less_than_equal", f"Input should be less than or equal to {N_FEATURES}"),
    ("9" * 400, "less_than_equal", f"Input should be less than or equal to {N_FEATURES}"),
    ("", "int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
    ("-", "int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
    ("three", "int_parsing",
     "Input should be a valid integer, unable to parse string as an integer"),
    ("1.5", "int_parsing",
     "Input should be a valid integer, unable to parse string as an integer"),
])
def test_a_bad_number_is_refused(server, request_body, text, kind, message):
    reply = server.post(f"/predict?explain={text}", json=request_body)
    assert reply.status_code == 422
    assert reply.json() == {"detail": [{"type": kind, "loc": ["query", "explain"],
                                        "msg": message}]}


def test_a_model_without_covers_says_so(folder, golden):
    directory = copy_of(FRAUD, folder / "model")
    booster = xgboost.Booster(model_file=directory / "model.ubj")
    model = json.loads(bytes(booster.save_raw("json")))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        tree["sum_hessian"] = [0.0] * len(tree["sum_hessian"])
    (directory / "model.ubj").write_text(json.dumps(model))
    with Server(folder / "server", MODEL_DIR=directory) as server:
        assert server.predict(golden[0]["request"]).status_code == 200
        reply = server.post("/predict?explain=3", json=golden[0]["request"])
        assert reply.status_code == 422
        violation, = reply.json()["detail"]
        assert violation["loc"] == ["query", "explain"]
        assert "training rows" in violation["msg"]


def test_the_openapi_document_knows(server):
    document = server.get("/openapi.json").json()
    parameter, = document["paths"]["/predict"]["post"]["parameters"]
    assert parameter["name"] == "explain" and parameter["in"] == "query"
    assert parameter["schema"] == {"type": "integer", "minimum": 1, "maximum": N_FEATURES}
    prediction = document["components"]["schemas"]["Prediction"]
    assert prediction["properties"]["reasons"]["maxItems"] == N_FEATURES
    assert "reasons" not in prediction["required"]

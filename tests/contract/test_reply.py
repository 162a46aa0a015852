"""Replies say what the training library says; the OpenAPI document describes them."""

import json

import jsonschema
import numpy
import xgboost
from openapi_spec_validator import OpenAPIV31SpecValidator

from conftest import FRAUD


def golden_rows():
    return [json.loads(line) for line in (FRAUD / "golden.jsonl").read_text().splitlines()]


def float32(number):
    return numpy.float32(number).tobytes()


def test_golden_requests_get_the_probability_of_the_training_library(fraud):
    rows = golden_rows()
    answers = fraud.ask([json.dumps(row["request"]).encode() for row in rows])
    for row, answer in zip(rows, answers):
        seen = answer.reply["fraud_probability"]
        assert float32(seen) == float32(row["fraud_probability"])
        assert answer.reply["transaction_id"] == row["request"]["transaction_id"]
        p = numpy.float32(seen)
        assert float32(answer.reply["confidence_score"]) == float32(max(p, numpy.float32(1) - p))
        level = "high" if seen >= 0.7 else "medium" if seen >= 0.3 else "low"
        assert answer.reply["risk_level"] == level


def test_a_batch_gets_what_its_rows_get_alone(fraud):
    requests = [row["request"] for row in golden_rows()]
    alone = fraud.ask([json.dumps(request).encode() for request in requests])
    together = fraud.ask([json.dumps(requests).encode()])[0]
    assert together.reply == [answer.reply for answer in alone]


def test_features_reach_the_model_as_xgboost_would_take_them(wide):
    requests = [
        {"id": "all", "amount": 0.4, "count": 3, "ratio": 0.9, "online": True, "maybe": False,
         "country": "é", "channel": "shop", "level": 4},
        {"id": "some", "amount": 0.6, "count": -1, "maybe": None, "channel": None},
    ]
    nan = numpy.nan
    rows = numpy.array([[0.4, 3, 0.9, 1, 0, 2, 1, 4], [0.6, -1, nan, nan, nan, nan, nan, nan]])
    booster = xgboost.Booster(model_file=wide.model)
    expected = booster.predict(xgboost.DMatrix(rows, feature_names=booster.feature_names))
    for request, p in zip(requests, expected):
        answer = wide.ask([json.dumps(request).encode()])[0]
        assert float32(answer.reply["fraud_probability"]) == p.tobytes()


def test_openapi_document_is_valid(fraud, wide):
    for probe in (fraud, wide):
        assert list(OpenAPIV31SpecValidator(probe.openapi()).iter_errors()) == []


def test_openapi_document_describes_this_service(fraud):
    document = fraud.openapi()
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "Rowan: fraud"
    assert document["info"]["version"] == "1.0.0"
    assert set(document["paths"]) == {"/predict", "/health", "/livez", "/readyz", "/metrics",
                                      "/", "/openapi.json", "/docs"}
    responses = document["paths"]["/predict"]["post"]["responses"]
    assert set(responses) == {"200", "413", "415", "422", "429", "503"}
    transaction = document["components"]["schemas"]["Transaction"]
    contract = json.loads(fraud.contract.read_text())
    assert transaction["properties"] == contract["properties"]
    assert "x-rowan" not in transaction and "$schema" not in transaction


def schema_of(document, name):
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def test_the_example_of_the_document_is_accepted(fraud):
    document = fraud.openapi()
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    jsonschema.validate(body["example"], schema_of(document, "Transaction"))
    answer = fraud.ask([json.dumps(body["example"]).encode()])[0]
    assert answer.status == 200


def test_replies_are_what_the_document_promises(fraud):
    document = fraud.openapi()
    request = json.dumps(golden_rows()[0]["request"]).encode()
    prediction, violation, broken = fraud.ask([request, b"{}", b"{"])
    jsonschema.validate(prediction.reply, schema_of(document, "Prediction"))
    for refusal in (violation, broken):
        jsonschema.validate(refusal.reply, schema_of(document, "HTTPValidationError"))

"""The shipped directory `models/fraud`, held against XGBoost, the JSON Schema meta-schema and its own contract."""

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import xgboost

from rowan_training.booster import fraud_probabilities, split_thresholds
from rowan_training.contract import Json, build_contract, request_row
from rowan_training.default_model import MODEL_NAME, MODEL_VERSION
from rowan_training.features import FEATURES, WINDOW_FEATURES
from rowan_training.golden import BOUNDARY_TIMES, ROWS, score_requests
from rowan_training.quality import BOOK, EXTRA, LOCAL_MODELS, NOT_MEASURED, book_groups
from tests.conftest import ROOT

Validator = jsonschema.Draft202012Validator
WINDOW_FIELDS = {name.lower() for name in WINDOW_FEATURES}


@pytest.fixture(scope="module")
def contract(model_directory: Path) -> Json:
    return json.loads((model_directory / "contract.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def booster(model_directory: Path) -> xgboost.Booster:
    return xgboost.Booster(model_file=model_directory / "model.ubj")


@pytest.fixture(scope="module")
def golden(model_directory: Path) -> list[Json]:
    return [json.loads(line) for line in (model_directory / "golden.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def request_without_windows(contract: Json) -> Json:
    return {name: contract["properties"][name]["examples"][0] for name in contract["required"]}


def test_contract_is_the_one_that_the_code_writes(contract: Json) -> None:
    assert contract == build_contract(MODEL_NAME, MODEL_VERSION)


def test_contract_is_a_valid_json_schema(contract: Json) -> None:
    assert contract["$schema"] == Validator.META_SCHEMA["$id"]
    Validator.check_schema(contract)


def test_every_property_has_a_description_and_a_valid_example(contract: Json) -> None:
    for name, schema in contract["properties"].items():
        assert schema["description"], name
        (example,) = schema["examples"]
        Validator(schema).validate(example)


def test_features_are_the_boosters_in_the_same_order(contract: Json, booster: xgboost.Booster) -> None:
    names = [feature["name"] for feature in contract["x-rowan"]["features"]]
    assert names == booster.feature_names == list(FEATURES)


def test_no_feature_reads_the_label(contract: Json) -> None:
    read = {field for feature in contract["x-rowan"]["features"] for field in feature.values()}
    assert "tx_fraud_scenario" in contract["properties"]
    assert "tx_fraud_scenario" not in read


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customer_id", 0),
        ("terminal_id", -1),
        ("tx_amount", 0),
        ("tx_amount", "57.16"),
        ("tx_time_seconds", None),
        ("tx_time_seconds", 1.5),
        ("transaction_id", 7),
        ("terminal_id_risk_1day_window", 1.01),
        ("customer_id_nb_tx_1day_window", -1),
    ],
)
def test_contract_refuses(contract: Json, request_without_windows: Json, field: str, value: object) -> None:
    Validator(contract).validate(request_without_windows)
    assert not Validator(contract).is_valid({**request_without_windows, field: value})


def test_absent_and_null_fields_are_missing(contract: Json, request_without_windows: Json) -> None:
    absent = request_row(contract, request_without_windows)
    null = request_row(contract, request_without_windows | dict.fromkeys(WINDOW_FIELDS))
    np.testing.assert_array_equal(absent, null)
    assert np.isnan(absent[3:]).all()
    assert not np.isnan(absent[:3]).any()


def test_golden_requests_obey_the_contract(contract: Json, golden: list[Json]) -> None:
    assert len(golden) == ROWS
    validator = Validator(contract)
    for row in golden:
        validator.validate(row["request"])


def test_golden_probabilities_are_xgboosts_bit_for_bit(
    contract: Json, booster: xgboost.Booster, golden: list[Json]
) -> None:
    scored = score_requests(booster, contract, [row["request"] for row in golden])
    written = np.array([row["fraud_probability"] for row in golden], np.float32)
    np.testing.assert_array_equal(scored.view(np.uint32), written.view(np.uint32))


def test_a_third_of_the_golden_rows_has_raw_fields_only(golden: list[Json]) -> None:
    raw_only = [row for row in golden if not WINDOW_FIELDS & row["request"].keys()]
    assert len(raw_only) == pytest.approx(ROWS / 3, abs=2)


def test_every_window_is_null_and_absent_on_its_own_in_golden_rows(golden: list[Json]) -> None:
    with_windows = [row["request"] for row in golden if WINDOW_FIELDS & row["request"].keys()]
    assert {name for request in with_windows for name, value in request.items() if value is None} == WINDOW_FIELDS
    assert {name for request in with_windows for name in WINDOW_FIELDS - request.keys()} == WINDOW_FIELDS


def test_golden_rows_hold_every_scenario(golden: list[Json]) -> None:
    assert {row["request"].get("tx_fraud_scenario") for row in golden} >= {0, 1, 2, 3}


def test_golden_rows_hold_every_boundary(booster: xgboost.Booster, golden: list[Json]) -> None:
    amounts = {np.float32(row["request"]["tx_amount"]) for row in golden}
    thresholds = split_thresholds(booster, "TX_AMOUNT")
    assert set(thresholds) <= amounts
    assert set(np.nextafter(thresholds, np.float32(0))) <= amounts
    assert set(BOUNDARY_TIMES) <= {row["request"]["tx_time_seconds"] for row in golden}


def test_a_request_without_windows_is_not_scored_as_a_likely_fraud(
    contract: Json, booster: xgboost.Booster, request_without_windows: Json
) -> None:
    probability = fraud_probabilities(booster, request_row(contract, request_without_windows)[np.newaxis])[0]
    assert probability < contract["x-rowan"]["thresholds"]["medium"]


def test_the_card_has_the_table_of_quality_and_its_command(model_directory: Path) -> None:
    card = (model_directory / "README.md").read_text(encoding="utf-8")
    assert "python -m rowan_training quality" in card
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    linked = re.findall(r"models/fraud/README.md#([a-z-]+)", text)
    headings = [line.lstrip("# ").lower() for line in card.splitlines() if line.startswith("#")]
    assert linked and set(linked) <= {re.sub(r"[^a-z0-9 -]", "", heading).replace(" ", "-") for heading in headings}
    columns = len(book_groups())
    for features in (BOOK, EXTRA):
        for model in LOCAL_MODELS:
            (row,) = [line for line in card.splitlines() if line.startswith(f"| {features} | {model} |")]
            cells = row.split("|")[3:-1]
            assert len(cells) == columns
            # AUC ROC, average precision, card precision: none of them is a leak's.
            measured = [cell for cell in cells if cell.strip() != NOT_MEASURED]
            figures = [float(figure.split("±")[0]) for cell in measured for figure in cell.split("/")]
            assert len(figures) == 3 * len(measured) >= 3
            assert max(figures) < 0.95

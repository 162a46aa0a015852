"""What every export promises, whatever the library: XGBoost stands for all."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import xgboost

from rowan_training.__main__ import main
from rowan_training.booster import split_thresholds
from rowan_training.export import ExportError, export
from rowan_training.features import LabelLeakError

from .conftest import contract_of, golden_of

INPUTS = ["amount", "items", "night", "mean", "risk"]


@pytest.fixture(scope="module")
def model(payments: pd.DataFrame) -> xgboost.XGBClassifier:
    return xgboost.XGBClassifier(n_estimators=20, max_depth=4).fit(payments[INPUTS], payments["fraud"])


@pytest.fixture(scope="module")
def exported(model: xgboost.XGBClassifier, payments: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "payments"
    assert export(model, payments, directory, target="fraud", id_field="payment", version="2.1") == directory
    return directory


def test_the_directory_has_the_four_files_and_nothing_lies_beside_it(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == {"model.ubj", "contract.json", "golden.jsonl", "README.md"}
    assert [path.name for path in exported.parent.iterdir()] == ["payments"]


def test_files_can_be_read_by_the_server_as_another_user(exported: Path) -> None:
    assert exported.stat().st_mode & 0o055 == 0o055
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in exported.iterdir())


def test_the_contract_is_a_valid_json_schema_with_valid_examples(exported: Path) -> None:
    contract = contract_of(exported)
    jsonschema.Draft202012Validator.check_schema(contract)
    for schema in contract["properties"].values():
        assert schema["description"]
        jsonschema.validate(schema["examples"][0], schema)


def test_fields_have_the_types_of_the_columns(exported: Path) -> None:
    types = {name: schema["type"] for name, schema in contract_of(exported)["properties"].items()}
    assert types == {
        "payment": "string",
        "amount": ["number", "null"],
        "items": ["integer", "null"],
        "night": ["boolean", "null"],
        "mean": ["number", "null"],
        "risk": ["number", "null"],
    }


def test_only_the_models_columns_and_the_id_are_in_the_contract(exported: Path) -> None:
    contract = contract_of(exported)
    assert list(contract["properties"]) == ["payment", *INPUTS]
    assert contract["required"] == ["payment"]
    settings = contract["x-rowan"]
    assert (settings["model"], settings["version"], settings["id"]) == ("payments", "2.1", "payment")
    assert settings["features"] == [{"name": name, "from": name} for name in INPUTS]


def test_golden_requests_obey_the_contract_and_hold_extremes_and_missing_values(
    exported: Path, payments: pd.DataFrame
) -> None:
    validator = jsonschema.Draft202012Validator(contract_of(exported))
    requests = [row["request"] for row in golden_of(exported)]
    for request in requests:
        validator.validate(request)
    for column in ("amount", "items", "risk"):
        values = [request[column] for request in requests if request.get(column) is not None]
        assert payments[column].min() in values and payments[column].max() in values
    for column in INPUTS:
        assert any(request.get(column, 0) is None for request in requests)
        assert any(column not in request for request in requests)


def test_golden_rows_hold_values_at_the_splits_and_next_to_them(exported: Path, model: xgboost.XGBClassifier) -> None:
    thresholds = split_thresholds(model.get_booster(), "amount")
    amounts = np.array([row["request"].get("amount") or 0 for row in golden_of(exported)], np.float32)
    assert np.isin(amounts, thresholds).any()
    assert np.isin(amounts, np.nextafter(thresholds, np.float32(-np.inf))).any()


def test_every_row_of_the_frame_gets_the_librarys_number(
    exported: Path, model: xgboost.XGBClassifier, payments: pd.DataFrame, score: Callable[..., pd.DataFrame]
) -> None:
    seen = score(exported, payments)
    expected = model.predict_proba(payments[INPUTS])[:, 1]
    np.testing.assert_array_equal(seen["fraud_probability"].to_numpy(np.float32), expected)
    assert seen["payment"].tolist() == payments["payment"].tolist()


def test_a_new_id_field_becomes_a_required_text(
    model: xgboost.XGBClassifier, payments: pd.DataFrame, tmp_path: Path
) -> None:
    directory = export(model, payments, tmp_path / "m", target="fraud", id_field="reference", golden_rows=10)
    assert contract_of(directory)["required"] == ["reference"]
    assert len(golden_of(directory)) == 10


def test_thresholds_are_the_defaults_but_for_those_given(
    model: xgboost.XGBClassifier, payments: pd.DataFrame, tmp_path: Path
) -> None:
    directory = export(model, payments, tmp_path / "m", thresholds={"high": 0.9})
    assert contract_of(directory)["x-rowan"]["thresholds"] == {"medium": 0.3, "high": 0.9, "decision": 0.5}


def test_the_note_lists_the_fields(exported: Path) -> None:
    note = (exported / "README.md").read_text(encoding="utf-8")
    for text in ("# Model `payments` 2.1", "XGBoost", "bit for bit", *(f"`{name}`" for name in INPUTS)):
        assert text in note


# ---- refusals: nothing is left behind ----------------------------------------------------------------


def test_an_existing_directory_stays_unless_overwrite_is_said(
    model: xgboost.XGBClassifier, payments: pd.DataFrame, tmp_path: Path
) -> None:
    directory = export(model, payments, tmp_path / "m", version="1")
    with pytest.raises(ExportError, match="exists: pass overwrite=True"):
        export(model, payments, directory, version="2")
    assert contract_of(directory)["x-rowan"]["version"] == "1"
    export(model, payments, directory, version="2", overwrite=True)
    assert contract_of(directory)["x-rowan"]["version"] == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_directory_of_other_things_is_never_overwritten(
    model: xgboost.XGBClassifier, payments: pd.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ExportError, match="is no model directory"):
        export(model, payments, tmp_path, overwrite=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"


class Halved(xgboost.XGBClassifier):
    """A model whose own numbers are not those of its file, as a calibration behind it would make them."""

    def predict_proba(self, *arguments: Any, **named: Any) -> np.ndarray:
        return super().predict_proba(*arguments, **named) / 2


def test_a_model_whose_numbers_rowan_does_not_give_is_not_exported(payments: pd.DataFrame, tmp_path: Path) -> None:
    model = Halved(n_estimators=3).fit(payments[INPUTS], payments["fraud"])
    former = export(
        xgboost.XGBClassifier(n_estimators=3).fit(payments[INPUTS], payments["fraud"]), payments, tmp_path / "m"
    )
    before = {path.name: path.read_bytes() for path in former.iterdir()}
    with pytest.raises(ExportError, match=r"golden.jsonl.*line 1.*expected fraud_probability"):
        export(model, payments, former, overwrite=True)
    assert {path.name: path.read_bytes() for path in former.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_without_the_tool_the_export_says_that_nothing_was_proved(
    model: xgboost.XGBClassifier,
    payments: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("ROWAN_BIN")
    monkeypatch.setenv("PATH", str(tmp_path))
    with caplog.at_level(logging.WARNING):
        export(model, payments, tmp_path / "m")
    assert "without proof" in caplog.text
    monkeypatch.setenv("ROWAN_BIN", str(tmp_path / "absent"))
    with pytest.raises(ExportError, match="is no program"):
        export(model, payments, tmp_path / "n")


def test_the_proof_is_told(
    model: xgboost.XGBClassifier, payments: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        export(model, payments, tmp_path / "m", golden_rows=50)
    assert f"{tmp_path / 'm'}: ok, m 1, 50 golden rows equal bit for bit" in caplog.text


def test_the_target_is_refused_as_an_input(payments: pd.DataFrame, tmp_path: Path) -> None:
    leaking = xgboost.XGBClassifier(n_estimators=2).fit(payments[[*INPUTS, "fraud"]], payments["fraud"])
    with pytest.raises(LabelLeakError, match="fraud is the target and also an input"):
        export(leaking, payments, tmp_path / "m", target="fraud")
    known = payments.rename(columns={"fraud": "TX_FRAUD"})
    leaking = xgboost.XGBClassifier(n_estimators=2).fit(known[[*INPUTS, "TX_FRAUD"]], payments["fraud"])
    with pytest.raises(LabelLeakError, match="TX_FRAUD cannot be a feature"):
        export(leaking, known, tmp_path / "m")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda frame: frame.drop(columns="amount"), {}, "lacks the model's columns 'amount'"),
        (lambda frame: frame.iloc[:0], {}, "must have rows"),
        (lambda frame: frame.assign(amount=np.inf), {}, "no row without infinite numbers"),
        (lambda frame: frame.assign(items=pd.Timestamp("2026-01-01")), {}, "a time as seconds since 1970"),
        (lambda frame: frame, {"golden_rows": 0}, "without golden rows nothing proves"),
        (lambda frame: frame, {"thresholds": {"low": 0.1}}, "no threshold is called low"),
        (lambda frame: frame, {"thresholds": {"medium": 0.8}}, "medium is above high"),
        (lambda frame: frame, {"positive_class": 7}, "positive_class is 7; name one of the model's classes"),
        (lambda frame: frame, {"positive_class": 0}, "train with the labels exchanged"),
        (lambda frame: frame, {"id_field": "x" * 300}, "must have 1 to 256 bytes"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_a_remedy(
    model: xgboost.XGBClassifier,
    payments: pd.DataFrame,
    tmp_path: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    options: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ExportError, match=message):
        export(model, change(payments), tmp_path / "m", **options)
    assert not list(tmp_path.iterdir())


def test_a_model_of_no_known_library_is_refused(payments: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"builtins.dict is no model of XGBoost, LightGBM"):
        export({}, payments, tmp_path / "m")


# ---- the command line ----------------------------------------------------------------------------------


@pytest.fixture
def saved(model: xgboost.XGBClassifier, payments: pd.DataFrame, tmp_path: Path) -> tuple[str, str]:
    model.get_booster().save_model(tmp_path / "saved.ubj")
    payments.to_csv(tmp_path / "rows.csv", index=False)
    return str(tmp_path / "saved.ubj"), str(tmp_path / "rows.csv")


def test_the_command_exports_a_file_with_rows_of_csv(saved: tuple[str, str], tmp_path: Path) -> None:
    model, data = saved
    out = tmp_path / "mine"
    arguments = [
        "export",
        "--model",
        model,
        "--data",
        data,
        "--out",
        str(out),
        "--target",
        "fraud",
        "--id-field",
        "payment",
    ]
    assert main([*arguments, "--golden-rows", "30"]) == 0
    assert len(golden_of(out)) == 30
    assert contract_of(out)["x-rowan"]["id"] == "payment"


def test_the_command_says_what_is_wrong_and_fails(
    saved: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, data = saved
    assert main(["export", "--model", data, "--data", data, "--out", str(tmp_path / "m")]) == 1
    assert "is no model file that Rowan reads" in capsys.readouterr().err
    assert main(["export", "--model", str(tmp_path / "none.ubj"), "--data", data, "--out", str(tmp_path / "m")]) == 1
    assert "none.ubj is no file" in capsys.readouterr().err

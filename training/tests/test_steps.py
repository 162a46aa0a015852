"""A run of the steps: what they leave behind, that it is the same again, and what they refuse."""

import json
import logging
import shutil
import socket
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from rowan_training.__main__ import main
from rowan_training.contract import Json, build_contract
from rowan_training.features import WINDOW_FEATURES, book_features, feature_matrix
from rowan_training.golden import ROWS
from rowan_training.missing import CASES
from rowan_training.models.registry import MODELS, TRAINERS
from rowan_training.prepared import prepare
from rowan_training.requests import request_frame
from rowan_training.scoring import score
from rowan_training.split import Weeks
from rowan_training.steps import STEPS, TRAINING
from rowan_training.steps.settings import Settings
from tests.conftest import MODEL_DIRECTORY, ROWAN, SMALLER

Trained = Callable[[str], Path]

LOCAL = [model for model, engine in TRAINERS if engine == "local"]


def result(run: Path, step: str) -> Json:
    return json.loads((run / f"{step}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(trained: Trained) -> Path:
    return trained("xgboost")


@pytest.fixture(scope="module")
def delayed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose newest labels are not known yet, without a champion; its warnings are in the file log."""
    folder = tmp_path_factory.mktemp("delayed")
    (folder / "transactions.parquet").symlink_to(run / "transactions.parquet")
    shutil.copy(run / "extract.json", folder)
    warnings = logging.FileHandler(folder / "log")
    warnings.setLevel(logging.WARNING)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RETRAINING_LABELS")
        logging.getLogger("rowan_training").addHandler(warnings)
        try:
            for step in ("train", "evaluate"):
                assert main(["step", step, "--run", str(folder)]) == 0
        finally:
            logging.getLogger("rowan_training").removeHandler(warnings)
            warnings.close()
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


def test_each_step_leaves_what_it_promises(run: Path, source: Path) -> None:
    frame = pd.read_parquet(source)
    rows, frauds = len(frame), int(frame["TX_FRAUD"].sum())
    assert result(run, "extract") == {
        "rows": rows,
        "frauds": frauds,
        "from": frame["TX_DATETIME"].min().isoformat(),
        "until": frame["TX_DATETIME"].max().isoformat(),
        "source": str(source),
    }
    assert result(run, "validate") == {"rows": rows, "frauds": frauds}
    written = result(run, "train")
    assert (written["model"], written["engine"], written["seed"]) == ("xgboost", "local", 0)
    assert (written["train"], written["test"]) == (
        {"from": "2018-05-13", "until": "2018-05-19"},
        {"from": "2018-05-27", "until": "2018-06-02"},
    )
    week = frame[(frame["TX_DATETIME"] >= "2018-05-13") & (frame["TX_DATETIME"] < "2018-05-20")]
    assert (written["rows"], written["frauds"]) == (len(week), week["TX_FRAUD"].sum())
    assert not [path for path in run.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("model", LOCAL)
def test_the_directory_is_proved_by_rowan(trained: Trained, model: str) -> None:
    process = subprocess.run([ROWAN, "verify", trained(model) / "model"], check=True, capture_output=True, text=True)
    assert f"{ROWS} golden rows equal" in process.stdout


@pytest.mark.parametrize("model", LOCAL)
def test_the_contract_is_the_services_own(trained: Trained, model: str) -> None:
    run = trained(model)
    contract = json.loads((run / "model" / "contract.json").read_text(encoding="utf-8"))
    own = build_contract("fraud", result(run, "train")["version"])
    assert {key: contract[key] for key in own if key != "x-rowan"} == {key: own[key] for key in own if key != "x-rowan"}
    of_the_file = {"type", "model_file", "iterations", "golden_ulps", "features"}
    for key in own["x-rowan"].keys() - of_the_file:
        assert contract["x-rowan"][key] == own["x-rowan"][key], key
    sources = [{key: entry[key] for key in entry if key != "name"} for entry in contract["x-rowan"]["features"]]
    assert sources == [{key: entry[key] for key in entry if key != "name"} for entry in own["x-rowan"]["features"]]
    assert (run / "model" / contract["x-rowan"]["model_file"]).is_file()


def test_the_version_is_the_last_training_day_and_the_files_checksum(run: Path) -> None:
    digest = subprocess.run(["sha256sum", run / "model" / "model.ubj"], check=True, capture_output=True, text=True)
    assert result(run, "train")["version"] == f"2018-05-19-{digest.stdout[:8]}"


@pytest.mark.parametrize("model", LOCAL)
def test_the_same_data_give_the_same_bytes(trained: Trained, source: Path, tmp_path: Path, model: str) -> None:
    first = trained(model) / "model"
    shuffled = tmp_path / "shuffled.csv"
    pd.read_parquet(source).sample(frac=1, random_state=0).to_csv(shuffled, index=False)
    for step in ("extract", "train"):
        settings = ["--data", str(shuffled), "--model", model, *SMALLER.get(model, [])]
        assert main(["step", step, "--run", str(tmp_path), *settings]) == 0
    for name in (result(tmp_path, "train")["model_file"], "contract.json", "golden.jsonl"):
        assert (tmp_path / "model" / name).read_bytes() == (first / name).read_bytes(), name


def test_another_seed_gives_another_forest(trained: Trained, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained("random-forest"), tmp_path / "run"))
    first = result(run, "train")["version"]
    small = ["--parameters", '{"n_estimators": 5}']
    versions = set()
    for seed in ("1", "2"):
        assert main(["step", "train", "--run", str(run), "--model", "random-forest", "--seed", seed, *small]) == 0
        versions.add(result(run, "train")["version"])
    assert len(versions | {first}) == 3


def test_labels_after_the_training_week_do_not_reach_the_model(run: Path, tmp_path: Path) -> None:
    transactions = pd.read_parquet(run / "transactions.parquet")
    later = transactions["TX_DATETIME"] >= "2018-05-20"
    scrambled = transactions.copy()
    labels = scrambled.loc[later, "TX_FRAUD"].to_numpy()
    scrambled.loc[later, "TX_FRAUD"] = np.random.RandomState(0).permutation(labels)
    assert not scrambled["TX_FRAUD"].equals(transactions["TX_FRAUD"])
    scrambled.to_parquet(tmp_path / "transactions.parquet", index=False)
    assert main(["step", "train", "--run", str(tmp_path)]) == 0
    assert result(tmp_path, "train")["version"] == result(run, "train")["version"]


def test_quality_is_what_scikit_learn_says_of_the_boosters_scores(run: Path) -> None:
    prepared = prepare(pd.read_parquet(run / "transactions.parquet"), Weeks(date(2018, 5, 13)))
    test = prepared.transactions[prepared.split.test]
    booster = xgboost.Booster(model_file=run / "model" / "model.ubj")
    matrix = feature_matrix(book_features(prepared.transactions)[prepared.split.test])
    scores = booster.predict(xgboost.DMatrix(matrix, feature_names=booster.feature_names)).astype(np.float64)
    found, labels = result(run, "evaluate")["challenger"], test["TX_FRAUD"]
    assert found["auc_roc"] == pytest.approx(roc_auc_score(labels, scores), rel=1e-6)
    assert found["average_precision"] == pytest.approx(average_precision_score(labels, scores), rel=1e-6)
    assert found["brier"] == pytest.approx(brier_score_loss(labels, scores), rel=1e-6)
    assert found["mean_probability"] == pytest.approx(scores.mean(), rel=1e-6)
    assert found["fraud_share"] == pytest.approx(labels.mean())
    assert 0 <= found["calibration_error"] < 0.05
    assert sum(one["frauds"] for one in found["by_scenario"].values()) == labels.sum()
    evaluated = result(run, "evaluate")
    assert evaluated["rows"] == {"train": int(prepared.split.train.sum()), "test": len(test)}


def test_the_champion_is_measured_on_the_same_rows(run: Path) -> None:
    evaluated = result(run, "evaluate")
    assert evaluated["champion"]["version"] == "1.0.0"
    assert evaluated["champion"]["fraud_share"] == evaluated["challenger"]["fraud_share"]
    for measure, one in evaluated["comparison"].items():
        difference = evaluated["challenger"][measure] - evaluated["champion"][measure]
        assert one["difference"] == pytest.approx(difference, abs=1e-12)
        assert one["low"] <= one["high"]


def test_a_model_beside_itself_differs_in_nothing(copy: Path) -> None:
    shutil.copytree(copy / "model", copy / "champion")
    assert main(["step", "evaluate", "--run", str(copy)]) == 0
    zero = {"difference": 0.0, "low": 0.0, "high": 0.0}
    assert set(map(str, result(copy, "evaluate")["comparison"].values())) == {str(zero)}


def test_without_a_champion_there_is_no_comparison(delayed: Path) -> None:
    evaluated = result(delayed, "evaluate")
    assert (evaluated["champion"], evaluated["comparison"]) == (None, None)
    assert "champion" not in (delayed / "model" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", LOCAL)
def test_the_library_alone_scores_as_rowan_does(trained: Trained, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(pd.read_parquet(trained(model) / "transactions.parquet"), Weeks(date(2018, 5, 13)))
    rows = prepared.split.test
    requests = request_frame(prepared.transactions[rows], prepared.features[rows]).head(500)
    requests.loc[::7, list(map(str.lower, WINDOW_FEATURES[:6]))] = np.nan
    by_rowan = score(trained(model) / "model", requests)
    monkeypatch.delenv("ROWAN_BIN")
    monkeypatch.setenv("PATH", "")
    np.testing.assert_allclose(score(trained(model) / "model", requests), by_rowan, rtol=1e-4, atol=1e-6)


def test_the_card_shows_its_plots_and_the_figures(run: Path) -> None:
    card = (run / "model" / "README.md").read_text(encoding="utf-8")
    evaluated = result(run, "evaluate")
    for name in ("calibration", "precision-recall", "scores", "importance"):
        assert f"(plots/{name}.png)" in card
        image = matplotlib.image.imread(run / "model" / "plots" / f"{name}.png")
        assert image.shape[0] > 300 and image[..., :3].std() > 0.02, name
    for figure in (evaluated["challenger"]["auc_roc"], evaluated["champion"]["average_precision"]):
        assert f"{figure:.4f}" in card
    assert result(run, "train")["version"] in card


def test_golden_rows_name_no_card(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "model" / "golden.jsonl").read_text(encoding="utf-8").splitlines()]
    week = pd.read_parquet(run / "transactions.parquet")["TX_DATETIME"].between("2018-05-13", "2018-05-19 23:59:59")
    for row in rows:
        request = row["request"]
        number = int(request["transaction_id"].removeprefix("tx-"))
        assert number < week.sum()
        assert request["customer_id"] == request["terminal_id"] == number + 1


def test_shares_of_importance_add_up(trained: Trained) -> None:
    for model in LOCAL:
        importance = result(trained(model), "train")["importance"]
        assert len(importance) == 15
        assert sum(importance.values()) == pytest.approx(1)


def test_settings_come_from_the_environment_and_options_win(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAINING_DATA", str(source))
    monkeypatch.setenv("RETRAINING_MODEL", "random-forest")
    monkeypatch.setenv("RETRAINING_TRAIN_DAYS", "14")
    monkeypatch.setenv("RETRAINING_PARAMETERS", '{"n_trees": 7}')
    monkeypatch.setenv("RETRAINING_UNTIL", "2018-06-01")
    for step in ("extract", "train"):
        assert main(["step", step, "--run", str(tmp_path), "--model", "lightgbm"]) == 0
    found = result(tmp_path, "train")
    assert (found["model"], found["parameters"]["n_trees"]) == ("lightgbm", 7)
    assert found["train"] == {"from": "2018-05-05", "until": "2018-05-18"}
    assert result(tmp_path, "extract")["until"].startswith("2018-06-01")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "many"], "--seed is 'many', which is no N"),
        (["--train-days", "0"], "--train-days is '0'"),
        (["--since", "1.4.2018"], "--since is '1.4.2018', which is no DAY"),
        (["--model", "oracle"], "model is 'oracle': choose one of xgboost"),
        (["--parameters", "[1]"], "--parameters is"),
        (["--labels", "guessed"], "labels is 'guessed': choose one of delayed, complete"),
    ],
)
def test_wrong_usage_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(["step", "train", "--run", str(tmp_path), *arguments])
    assert exit_status.value.code == 2
    assert said in capsys.readouterr().err


def test_labels_of_the_newest_days_are_not_tested_on_unless_they_are_complete(
    run: Path, delayed: Path
) -> None:
    complete, found = result(run, "train"), result(delayed, "train")
    assert (complete["labels"], complete["test"]["until"]) == ("complete", "2018-06-02")
    assert "Labels of all days were taken as known" in (run / "model" / "README.md").read_text(encoding="utf-8")
    assert (found["labels"], found["test"]) == ("delayed", {"from": "2018-05-20", "until": "2018-05-26"})
    assert "The newest 7 days were not tested on" in (delayed / "model" / "README.md").read_text(encoding="utf-8")


def test_a_history_too_short_for_the_windows_is_told(run: Path, delayed: Path) -> None:
    assert (result(run, "train")["history_days"], result(delayed, "train")["history_days"]) == (42, 35)
    enough, short = ((folder / "model" / "README.md").read_text(encoding="utf-8") for folder in (run, delayed))
    assert "begin 42 days before" in enough and "short" not in enough
    assert "**The history is short**: the data begin 35 days before" in short
    (warning,) = (delayed / "log").read_text(encoding="utf-8").splitlines()
    assert "begin 35 days before the training, and windows reach back 37 days" in warning


def test_a_score_of_another_row_in_the_place_of_a_frauds_is_noticed(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    test, _ = prepare(pd.read_parquet(copy / "transactions.parquet"), Weeks(date(2018, 5, 13))).test()
    fraud = int(np.flatnonzero(test["TX_FRAUD"].to_numpy())[1]) + 1
    rowan = tmp_path / "rowan"
    forget = f"$1 == {fraud} {{ print before; next }} {{ before = $0; print }}"
    rowan.write_text(f"#!/bin/sh\n'{ROWAN}' \"$@\" | awk -F, '{forget}'\n")
    rowan.chmod(0o755)
    monkeypatch.setenv("ROWAN_BIN", str(rowan))
    frauds = int(test["TX_FRAUD"].sum())
    line = refused(capsys, "step", "evaluate", "--run", copy)
    assert f"scores of {copy / 'model'}: {frauds} frauds went in and {frauds - 1} came out" in line


def refused(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 1) -> str:
    assert main([str(argument) for argument in arguments]) == status
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rowan_training: ")]
    return line


def test_steps_in_the_wrong_order_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no data: name a source" in refused(capsys, "step", "extract", "--run", tmp_path)
    for step in ("validate", "train"):
        assert "run the step extract first" in refused(capsys, "step", step, "--run", tmp_path)
    assert "run the step train first" in refused(capsys, "step", "evaluate", "--run", tmp_path)


def test_bad_data_are_1_and_leave_no_result(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_parquet(source).head(500)
    frame.loc[3, "TX_AMOUNT"] = -5
    frame.to_csv(tmp_path / "wrong.csv", index=False)
    run = tmp_path / "run"
    line = refused(capsys, "train", "--data", tmp_path / "wrong.csv", "--out", run)
    assert "column TX_AMOUNT, row 4 (TRANSACTION_ID 3): -5.0 is no amount" in line
    assert (run / "extract.json").exists() and not (run / "validate.json").exists()


def test_too_few_days_are_refused(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "train", "--data", source, "--out", tmp_path, "--since", "2018-05-20")
    assert "21 days are needed" in line


def test_a_parameter_that_the_model_does_not_have_is_refused(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "step", "train", "--run", copy, "--parameters", '{"depth": 3}')
    assert "no parameter is called depth: this model has n_trees" in line


def test_a_champion_that_is_not_there_is_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "step", "evaluate", "--run", run, "--champion", tmp_path)
    assert "is no model directory" in line


def test_a_champion_that_rowan_refuses_is_named(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(MODEL_DIRECTORY, copy / "champion")
    (copy / "champion" / "model.ubj").write_bytes(b"nothing")
    assert "rowan score refuses" in refused(capsys, "step", "evaluate", "--run", copy)


def test_a_server_that_is_away_is_75(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
    line = refused(capsys, "step", "extract", "--run", tmp_path, "--data", "s3://bucket/transactions", status=75)
    assert "S3 does not answer" in line


def test_the_tables_know_the_steps_and_the_models() -> None:
    assert set(TRAINING) <= set(STEPS)
    assert Settings().model in MODELS
    assert len(CASES) == 4

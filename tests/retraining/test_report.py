"""What a real Pushgateway is told of a run, and what a real Prometheus then knows."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
import yaml

from server import ROOT, eventually
from world import EX_TEMPFAIL, outcome, pushed

NOWHERE = "http://127.0.0.1:9"
DECLARED = yaml.safe_load((ROOT / "monitoring/metrics-elsewhere.yaml").read_text())["retraining"]
LATER = ("register", "canary", "promote", "watch")


@pytest.fixture
def ended(world, pushgateway):
    """As a run leaves its folder that came to its end."""
    world.given(PUSHGATEWAY_URL=pushgateway.url)
    world.well("gate")
    for step in ("kafka", "champion", *LATER):
        (world.run / f"{step}.json").write_text(json.dumps({"checked": False, "outcome": None}))
    return world


def names_and_labels(pushgateway, job="ml-retraining"):
    return {(name, tuple(sorted(set(dict(labels))))) for name, labels in pushed(pushgateway, job=job)
            if not name.startswith(("push_", "go_"))}


def test_exactly_what_is_declared_is_pushed(ended, pushgateway):
    ended.change("kafka", checked=True, topic="t", consumer_group="g", queue_length=7,
                 consumer_lag={"0": 3, "1": 4})
    quality = ended.result("evaluate")["challenger"]
    ended.change("evaluate", champion=quality)
    ended.well("report")
    assert names_and_labels(pushgateway) == {
        (name, tuple(sorted(set(labels) - {"job"}))) for name, labels in DECLARED.items()}
    found = pushed(pushgateway, model="fraud")
    assert found["ml_retraining_score", (("metric", "auc_roc"), ("role", "champion"))] \
        == quality["auc_roc"]
    assert found["ml_retraining_frauds", (("split", "test"),)] \
        == ended.result("evaluate")["frauds"]["test"]
    assert pushed(pushgateway, topic="t")["kafka_queue_length", ()] == 7


def test_prometheus_knows_it_under_the_job_of_the_retraining(ended, prometheus):
    ended.well("report")
    query = 'ml_retraining_outcome{job="ml-retraining",model="fraud",outcome="promoted"} == 1'
    assert eventually(lambda: prometheus.query(query))


def test_a_run_that_promoted(ended, pushgateway):
    before = time.time()
    os.utime(ended.run / "extract.json", (before - 100, before - 100))
    assert ended.well("report")["outcome"] == "promoted"
    found = pushed(pushgateway, model="fraud")
    assert outcome(pushgateway) == ["promoted"]
    for when in ("run", "success"):
        assert found[f"ml_retraining_last_{when}_timestamp_seconds", ()] >= before
    assert 100 <= found["ml_retraining_duration_seconds", ()] < 200


def test_a_refusal_is_a_run_that_ended_well(ended, pushgateway):
    ended.change("gate", passed=False, reasons=["auc_roc is 0.1, wanted at least 0.7"])
    for step in LATER:
        (ended.run / f"{step}.json").unlink()
    before = time.time()
    assert ended.well("report")["reason"] == "auc_roc is 0.1, wanted at least 0.7"
    assert outcome(pushgateway) == ["refused"]
    assert pushed(pushgateway, model="fraud")[
        "ml_retraining_last_success_timestamp_seconds", ()] >= before


@pytest.mark.parametrize("step, told", [("watch", "rolled-back"), ("canary", "rolled-back")])
def test_a_roll_back(ended, pushgateway, step, told):
    ended.change(step, outcome="rolled-back", reason="a replica refused the model 2 times")
    assert ended.well("report")["reason"] == "a replica refused the model 2 times"
    assert outcome(pushgateway) == [told]


@pytest.mark.parametrize("step", ["kafka", "extract", "train", "evaluate", "register", "watch"])
def test_a_run_that_failed_keeps_the_success_before(ended, pushgateway, step):
    ended.well("report")
    success = pushed(pushgateway, model="fraud")["ml_retraining_last_success_timestamp_seconds", ()]
    (ended.run / f"{step}.json").unlink()
    assert f"at the step {step}" in ended.well("report")["reason"]
    found = pushed(pushgateway, model="fraud")
    assert outcome(pushgateway) == ["failed"]
    assert found["ml_retraining_last_success_timestamp_seconds", ()] == success
    assert found["ml_retraining_last_run_timestamp_seconds", ()] > success


def test_a_step_that_fails_does_not_leave_the_result_of_an_attempt_before(ended, pushgateway):
    (ended.run / "evaluate.json").unlink()
    ended.fails("gate", 1)
    assert "at the step evaluate" in ended.well("report")["reason"]
    assert not (ended.run / "gate.json").exists()


def test_a_pushgateway_that_is_away_is_told_and_may_come_back(ended):
    text = ended.fails("report", EX_TEMPFAIL, PUSHGATEWAY_URL=NOWHERE)
    assert f"Pushgateway at {NOWHERE} does not answer" in text
    assert "PUSHGATEWAY_URL is not set" in ended.fails("report", 1, PUSHGATEWAY_URL="")


def test_folders_of_old_runs_go_and_others_stay(ended, tmp_path):
    dag = tmp_path / "dag"
    for number in range(5):
        (dag / f"run-{number}").mkdir(parents=True)
        (dag / f"run-{number}/kafka.json").write_text("{}")
        os.utime(dag / f"run-{number}/kafka.json", (1000 + number, 1000 + number))
    (dag / "notes").mkdir()
    ended.run = Path(shutil.copytree(ended.run, dag / "now"))
    ended.well("report", RETRAINING_KEEP=3)
    assert len(list(dag.iterdir())) == 7  # RETRAINING_HOME is another folder, or none
    ended.well("report", RETRAINING_KEEP=0, RETRAINING_HOME=tmp_path)
    assert len(list(dag.iterdir())) == 7
    ended.well("report", RETRAINING_KEEP=3, RETRAINING_HOME=tmp_path)
    assert {one.name for one in dag.iterdir()} == {"now", "run-4", "run-3", "notes"}

"""Both DAGs under Airflow 2 and 3, end to end: real data, registry, broker, replicas and monitoring."""

import ast
import json
import sys

import pytest

from airflow_home import Airflow, Standalone
from server import BUILD, ROOT
from world import Follower, outcome, pushed, scraped, version_of, versions

MAJORS = (2, 3)
STEPS = ["check_kafka", "extract", "validate", "train", "champion", "evaluate", "gate", "register",
         "canary", "promote", "watch", "report"]
DAGS = ROOT / "airflow-dags"


@pytest.fixture(scope="session")
def airflow(session_folder, data, mlflow, cluster, prometheus, pushgateway):
    """airflow(major): one of each version for all tests."""
    if "flooded" not in cluster.admin.list_topics().topics:
        cluster.create_topic("flooded", 3)
    made = {}

    def of(major, kind=Airflow):
        if (major, kind) not in made:
            made[major, kind] = kind(
                major, session_folder / f"airflow-{major}-{kind.__name__}", f"fraud-airflow-{major}",
                RETRAINING_DATA=data["first"], MLFLOW_TRACKING_URI=mlflow.url,
                PROMETHEUS_URL=prometheus.url, PUSHGATEWAY_URL=pushgateway.url,
                KAFKA_BOOTSTRAP_SERVERS=cluster.brokers, KAFKA_INPUT_TOPIC="flooded",
                ATTACK_PROGRAM=BUILD / "load-testing/kafka-load-test")
        return made[major, kind]
    return of


@pytest.fixture
def followed(mlflow, replicas, session_folder, numbers):
    """The replicas follow a model while a test runs."""
    def follow(model):
        return Follower(mlflow, model, replicas[0].link, session_folder / f"followed-{next(numbers)}")
    return follow


@pytest.mark.parametrize("major", MAJORS)
def test_a_retraining_promotes_what_it_trained(
        major, airflow, followed, mlflow, prometheus, pushgateway):
    running = airflow(major)
    model = f"fraud-airflow-{major}"
    with followed(model):
        log, states, folder = running.test("retrain_with_monitoring", "2026-11-02")
        assert states == dict.fromkeys(STEPS, "success"), log[-4000:]
        assert version_of(mlflow, model, "champion") == "1"
        assert outcome(pushgateway) == ["promoted"]
        version = json.loads((folder / "train.json").read_text())["version"]
        scraped(prometheus, version)
    # Lines of the steps are in the log of the tasks.
    assert f"{version}, after" in log or f"serve {version}" in log
    assert pushed(pushgateway, topic="flooded")["kafka_queue_length", ()] >= 0
    assert len(versions(mlflow, model)) == 1


def test_a_refusal_skips_the_rest_and_is_no_failure(airflow, pushgateway):
    running = airflow(2).given(RETRAINING_MIN_AUC_ROC=1)
    try:
        log, states, _ = running.test("retrain_with_monitoring", "2026-11-09")
    finally:
        running.given(RETRAINING_MIN_AUC_ROC=0.7)
    assert states == {**dict.fromkeys(STEPS, "success"),
                      **dict.fromkeys(("register", "canary", "promote", "watch"), "skipped")}, log[-4000:]
    assert outcome(pushgateway) == ["refused"]


def test_a_server_that_is_away_is_tried_again_and_then_told(airflow, pushgateway):
    running = airflow(2)
    brokers = running.environment["KAFKA_BOOTSTRAP_SERVERS"]
    running.given(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")
    try:
        log, states, _ = running.test("retrain_with_monitoring", "2026-11-16")
    finally:
        running.given(KAFKA_BOOTSTRAP_SERVERS=brokers)
    assert (states["check_kafka"], states["extract"]) == ("failed", "upstream_failed"), log[-4000:]
    assert running.tries("retrain_with_monitoring", "2026-11-16", "check_kafka") == 2
    # The run must not look as if it had ended well.
    assert states["report"] == "failed" and outcome(pushgateway) == ["failed"]
    assert "this retraining: failed, at the step kafka" in log


def test_what_a_retry_does_not_help_is_not_tried_again(airflow, pushgateway, data,
                                                         session_folder):
    without = session_folder / "without-label.csv"
    lines = data["first"].read_text().splitlines()[:50]
    without.write_text("\n".join(lines).replace("TX_FRAUD", "TX_OTHER") + "\n")
    running = airflow(3)
    log, states, _ = running.test("retrain_with_monitoring", "2026-11-16", data=str(without))
    failed = [task for task, state in states.items() if state == "failed"]
    assert "report" in failed and len(failed) == 2, log[-4000:]
    [task] = set(failed) - {"report"}
    assert task in ("extract", "validate")
    assert running.tries("retrain_with_monitoring", "2026-11-16", task) == 1
    assert outcome(pushgateway) == ["failed"]


@pytest.mark.parametrize("major", MAJORS)
def test_an_attack(major, airflow, pushgateway):
    log, states, folder = airflow(major).test("attack_simulation", "2026-11-02", rate=50,
                                              seconds=4.4)
    assert states == {"attack": "success"}, log[-4000:]
    found = json.loads((folder / "attack.json").read_text())
    assert pushed(pushgateway, topic="flooded", job="attack-simulation")[
        "attack_simulation_messages", (("result", "acknowledged"),)] == found["sent"] > 100
    assert (folder / "load-test.json").exists()
    told = airflow(major).returned("attack_simulation", "2026-11-02", "attack")
    assert told == {name: found[name] for name in told} and told["sent"] == found["sent"]
    assert told["once"] is None, "without ATTACK_VERIFY"


def test_a_run_that_a_scheduler_starts(airflow, followed, mlflow, pushgateway):
    """By Airflow 3 with all of its processes, as soon as the DAG is no longer paused."""
    running = airflow(3, Standalone)
    model = "fraud-airflow-3"
    with followed(model), running:
        state, states = running.scheduled("retrain_with_monitoring")
    assert (state, set(states.values())) == ("success", {"success"}), states
    assert outcome(pushgateway) == ["promoted"]


def test_the_dags_import_airflow_and_the_standard_library_alone():
    allowed = {*sys.stdlib_module_names, "airflow", "rowan_process"}
    files = sorted(DAGS.glob("*.py"))
    assert len(files) == 3
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = ([one.name for one in node.names] if isinstance(node, ast.Import)
                     else [node.module] if isinstance(node, ast.ImportFrom) else [])
            assert {name.partition(".")[0] for name in names} <= allowed, file

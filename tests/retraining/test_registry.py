"""Champion, register and promote against a real MLflow."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from real_server import tools
from world import EX_TEMPFAIL, environment_of, model_version, version_of, versions

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def gated(world, mlflow):
    """Passed by the gate."""
    world.given(MLFLOW_TRACKING_URI=mlflow.url)
    world.well("gate")
    return world


@pytest.fixture
def registered(gated):
    gated.well("register")
    return gated


def test_what_is_registered_is_the_model_directory_with_its_digests(registered, mlflow):
    found = registered.result("register")
    version = model_version(mlflow, registered.model, found["registry_version"])
    train = registered.result("train")
    assert version["tags"]["rowan.version"] == train["version"] == found["version"]
    assert json.loads(version["tags"]["rowan.sha256"]) == {
        name: hashlib.sha256((registered.run / "model" / name).read_bytes()).hexdigest()
        for name in ("contract.json", "golden.jsonl", train["model_file"])}
    assert version["description"] == (registered.run / "model/README.md").read_text()
    assert version_of(mlflow, registered.model, "challenger") == found["registry_version"]
    assert version_of(mlflow, registered.model, "champion") is None


def test_mlflow_itself_loads_the_model_and_gives_its_numbers(registered, mlflow):
    process = subprocess.run(
        [tools() / "python", Path(__file__).with_name("load_by_mlflow.py"),
         f"models:/{registered.model}@challenger", registered.run / "model"],
        env=environment_of(registered.model, MLFLOW_TRACKING_URI=mlflow.url), text=True,
        capture_output=True)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == {"rows": 1000, "differ": 0}


def test_the_run_has_parameters_metrics_and_facts_of_the_data(registered, mlflow):
    run = mlflow.call(f"runs/get?run_id={registered.result('register')['run_id']}", method="GET")
    data = run["run"]["data"]
    metrics = {one["key"]: one["value"] for one in data["metrics"]}
    evaluation = registered.result("evaluate")
    assert metrics["average_precision"] == evaluation["challenger"]["average_precision"]
    assert metrics["frauds.test"] == evaluation["frauds"]["test"]
    parameters = {one["key"]: one["value"] for one in data["params"]}
    assert (parameters["model"], parameters["seed"]) == ("xgboost", "0")
    assert parameters["max_depth"] == str(registered.result("train")["parameters"]["max_depth"])
    tags = {one["key"]: one["value"] for one in data["tags"]}
    assert tags["data.rows"] == str(registered.result("extract")["rows"])
    assert run["run"]["info"]["status"] == "FINISHED"
    listed = mlflow.call(f"artifacts/list?run_id={run['run']['info']['run_id']}&path=model/plots",
                         method="GET")
    assert len(listed["files"]) == 4


def test_the_same_version_is_registered_once(registered, mlflow):
    again = registered.well("register")
    assert again["registry_version"] == "1"
    assert len(versions(mlflow, registered.model)) == 1


def test_what_the_gate_refused_is_not_registered(gated, mlflow):
    gated.change("gate", passed=False)
    assert "refused" in gated.fails("register", 1)
    assert versions(mlflow, gated.model) == []


def test_the_champion_is_downloaded_and_is_what_was_registered(registered, mlflow):
    mlflow.set_alias(registered.model, "champion", 1)
    found = registered.well("champion")
    assert found == {"name": registered.model, "registry_version": "1",
                     "version": registered.result("train")["version"]}
    for name in ("contract.json", "golden.jsonl", "model.ubj"):
        assert ((registered.run / "champion" / name).read_bytes()
                == (registered.run / "model" / name).read_bytes())
    mlflow.call("registered-models/alias", method="DELETE", name=registered.model,
                alias="champion")
    assert registered.well("champion")["version"] is None
    assert not (registered.run / "champion").exists()


def test_a_champion_that_is_not_what_was_registered_is_refused(registered, mlflow):
    mlflow.set_alias(registered.model, "champion", 1)
    mlflow.set_tag(registered.model, 1, "rowan.sha256", json.dumps({"golden.jsonl": "0" * 64}))
    assert "golden.jsonl of version 1" in registered.fails("champion", 1)
    assert not (registered.run / "champion").exists()


def test_without_a_model_there_is_no_champion(world, mlflow):
    assert world.well("champion", MLFLOW_TRACKING_URI=mlflow.url)["registry_version"] is None


@pytest.mark.parametrize("step", ["champion", "register"])
def test_an_mlflow_that_is_away_may_come_back(gated, step):
    text = gated.fails(step, EX_TEMPFAIL, MLFLOW_TRACKING_URI=NOWHERE)
    assert f"MLflow at {NOWHERE} does not answer" in text and len(text) < 400


def test_a_registry_that_nobody_named(gated):
    assert "MLFLOW_TRACKING_URI is not set" in gated.fails("register", 1, MLFLOW_TRACKING_URI="")


def test_the_alias_is_promoted_and_the_one_before_remembered(registered, mlflow, prometheus):
    world = registered.given(PROMETHEUS_URL=prometheus.url)
    assert world.well("promote")["previous"] is None
    assert version_of(mlflow, world.model, "champion") == "1"
    # Again, as a retry does it.
    assert world.well("promote")["previous"] is None


def test_nobody_is_promoted_over_a_champion_that_was_not_compared_with(registered, mlflow,
                                                                        prometheus):
    mlflow.call("model-versions/create", name=registered.model,
                **{key: model_version(mlflow, registered.model, 1)[key]
                   for key in ("source", "run_id")})
    mlflow.set_alias(registered.model, "champion", 2)
    text = registered.fails("promote", 1, PROMETHEUS_URL=prometheus.url)
    assert "version 2" in text and "run the retraining again" in text
    assert version_of(mlflow, registered.model, "champion") == "2"


def test_nobody_is_promoted_while_the_replicas_cannot_be_seen(registered, mlflow):
    text = registered.fails("promote", EX_TEMPFAIL, PROMETHEUS_URL=NOWHERE)
    assert f"Prometheus at {NOWHERE} does not answer" in text
    assert version_of(mlflow, registered.model, "champion") is None

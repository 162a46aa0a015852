"""Champion, register and promote against a real MLflow."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from real_server import tools
from world import EX_TEMPFAIL, champion_is, environment_of, model_version, version_of, versions

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
                     "version": registered.result("train")["version"],
                     "earlier": [{"registry_version": "1", "version": found["version"],
                                  "average_precision": registered.result("evaluate")[
                                      "challenger"]["average_precision"]}]}
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


def test_champions_are_looked_back_at_as_far_as_each_names_the_one_before(registered, mlflow):
    mlflow.call("model-versions/create", name=registered.model,
                **{key: model_version(mlflow, registered.model, 1)[key]
                   for key in ("source", "run_id")})
    for key, value in (("rowan.previous", "1"), ("rowan.version", "later")):
        mlflow.set_tag(registered.model, 2, key, value)
    mlflow.set_alias(registered.model, "champion", 2)
    found = registered.well("champion")
    assert [one["registry_version"] for one in found["earlier"]] == ["2", "1"]
    assert len(registered.well("champion", RETRAINING_EARLIER=1)["earlier"]) == 1
    mlflow.set_tag(registered.model, 1, "rowan.previous", "77")
    assert len(registered.well("champion")["earlier"]) == 2


def test_a_store_of_artifacts_that_refuses_us_or_is_away(registered, mlflow):
    """S3, where MLflow leaves its clients to go there themselves."""
    source = "s3://nowhere/model"
    mlflow.call("model-versions/create", name=registered.model, source=source)
    mlflow.set_alias(registered.model, "champion", 2)
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "x"}
    text = registered.fails("champion", EX_TEMPFAIL, **keys, MLFLOW_S3_ENDPOINT_URL=NOWHERE,
                            AWS_MAX_ATTEMPTS=1)
    assert "downloading version 2" in text and len(text) < 500


def test_no_password_is_told(gated):
    text = gated.fails("register", EX_TEMPFAIL, MLFLOW_TRACKING_URI="http://me:hush@127.0.0.1:9")
    assert "http://127.0.0.1:9" in text and "hush" not in text


@pytest.mark.parametrize("url, why", [("{mlflow}/#", "answers no JSON of Prometheus"),
                                      ("nowhere", "which is no URL")])
def test_a_url_that_is_no_prometheus(registered, mlflow, url, why):
    """MLflow's own page answers 200 with HTML, whatever is asked for behind the #."""
    text = registered.fails("promote", 1, PROMETHEUS_URL=url.format(mlflow=mlflow.url))
    assert why in text and "PROMETHEUS_URL" in text


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


@pytest.fixture
def overtaken(registered, mlflow):
    """Somebody else has registered a version, and made it champion."""
    mlflow.call("model-versions/create", name=registered.model,
                **{key: model_version(mlflow, registered.model, 1)[key]
                   for key in ("source", "run_id")})
    mlflow.set_alias(registered.model, "champion", 2)
    return registered


@pytest.mark.parametrize("step", ["register", "promote"])
def test_nobody_is_promoted_over_a_champion_that_was_not_compared_with(overtaken, mlflow,
                                                                        prometheus, step):
    """Register, too: of a run that is cleared from there on after somebody has promoted."""
    text = overtaken.fails(step, 1, PROMETHEUS_URL=prometheus.url)
    assert "is version 2 now" in text and "compared with nobody: run the retraining again" in text
    assert version_of(mlflow, overtaken.model, "champion") == "2"


def test_a_champion_that_is_gone_is_told(registered, mlflow, prometheus):
    registered.change("register", previous="7")
    assert "is nobody now" in registered.fails("promote", 1, PROMETHEUS_URL=prometheus.url)
    champion_is(registered.run, "7", "gone")
    text = registered.fails("register", 1)
    assert "is nobody now" in text and "compared with version 7" in text


def test_a_version_that_was_rolled_back_meanwhile_is_not_promoted(registered, mlflow, prometheus):
    mlflow.set_tag(registered.model, 1, "rowan.rolled_back", "it errs")
    text = registered.fails("promote", 1, PROMETHEUS_URL=prometheus.url)
    assert "was rolled back (it errs)" in text
    assert version_of(mlflow, registered.model, "champion") is None


def test_a_version_with_other_files_is_not_taken_for_ours(registered, mlflow):
    mlflow.set_tag(registered.model, 1, "rowan.sha256", json.dumps({"golden.jsonl": "0" * 64}))
    text = registered.fails("register", 1)
    assert "version 1" in text and "contract.json, golden.jsonl, model.ubj differs" in text


def test_a_selector_of_nobody_promotes_nobody(registered, mlflow, prometheus):
    given = {"PROMETHEUS_URL": prometheus.url, "RETRAINING_SELECTOR": 'job="task10-ml-service"'}
    text = registered.fails("promote", 1, **given)
    assert 'sees no replica that is up (job="task10-ml-service")' in text
    assert version_of(mlflow, registered.model, "champion") is None
    given["RETRAINING_ALLOW_NO_REPLICA"] = 1
    registered.well("promote", **given)
    assert version_of(mlflow, registered.model, "champion") == "1"
    assert registered.well("watch", **given)["outcome"] == "unseen"


def test_the_same_version_again_has_nothing_to_roll_out(registered, mlflow, prometheus):
    """And nothing to roll back: replicas that do not serve it were so before."""
    registered.given(PROMETHEUS_URL=prometheus.url, RETRAINING_ROLLOUT_MINUTES=0.01)
    registered.well("promote")
    registered.well("champion")
    assert registered.well("register")["previous"] == "1"
    registered.well("promote")
    assert registered.well("watch")["outcome"] == "unchanged"
    assert version_of(mlflow, registered.model, "champion") == "1"
    assert "rowan.rolled_back" not in model_version(mlflow, registered.model, 1)["tags"]


def test_nobody_is_promoted_while_the_replicas_cannot_be_seen(registered, mlflow):
    text = registered.fails("promote", EX_TEMPFAIL, PROMETHEUS_URL=NOWHERE)
    assert f"Prometheus at {NOWHERE} does not answer" in text
    assert version_of(mlflow, registered.model, "champion") is None

"""Promotion and roll-out, with two real replicas, a real Prometheus and a real registry."""

import json
import shutil
from contextlib import contextmanager

import pytest

from server import Server, eventually, replace_link
from world import EX_TEMPFAIL, Follower, World, model_version, scraped, version_of

NOWHERE = "http://127.0.0.1:9"
A_MOMENT = 0.03  # minutes


@pytest.fixture
def follow(mlflow, replicas, session_folder, numbers):
    @contextmanager
    def following(model, **options):
        folder = session_folder / f"followed-{next(numbers)}"
        with Follower(mlflow, model, replicas[0].link, folder, **options) as follower:
            yield follower
    return following


def registered(world):
    for step in ("gate", "register"):
        world.well(step)
    return world


@pytest.fixture
def first(world, mlflow, prometheus):
    """The first version of its model: nobody is champion."""
    return registered(world.given(MLFLOW_TRACKING_URI=mlflow.url, PROMETHEUS_URL=prometheus.url))


@pytest.fixture
def second(first, trained, follow, prometheus, session_folder, numbers):
    """Another version, while the first is served by both replicas."""
    with follow(first.model):
        first.well("promote")
        scraped(prometheus, first.result("train")["version"])
    run = session_folder / f"run-{next(numbers)}"
    shutil.copytree(trained["next"], run)
    return registered(World(run, first.model, **first.environment))


def test_both_replicas_serve_what_is_promoted(second, follow, mlflow, prometheus):
    assert second.well("promote")["previous"] == "1"
    with follow(second.model):
        found = second.well("watch")
    assert (found["outcome"], len(found["replicas"])) == ("served", 2)
    assert version_of(mlflow, second.model, "champion") == "2"
    assert model_version(mlflow, second.model, 2)["tags"]["rowan.previous"] == "1"
    scraped(prometheus, second.result("train")["version"])


def rolled_back(world, mlflow, why):
    """The alias is where it was, the version says why, and so does the step."""
    assert why in world.fails("watch", 1)
    assert version_of(mlflow, world.model, "champion") == "1"
    assert version_of(mlflow, world.model, "challenger") is None
    assert why in model_version(mlflow, world.model, 2)["tags"]["rowan.rolled_back"]
    found = world.result("watch")
    assert found["outcome"] == "rolled-back" and why in found["reason"]


def spoil(directory):
    golden = directory / "golden.jsonl"
    lines = golden.read_text().splitlines()
    changed = json.loads(lines[0])
    changed["fraud_probability"] = 1 - changed["fraud_probability"]
    golden.write_text("\n".join([json.dumps(changed), *lines[1:]]) + "\n")


def test_a_model_that_a_replica_refuses_is_rolled_back(second, follow, mlflow, replicas):
    second.well("promote")
    for replica in replicas:
        replica.forgives = lambda line: "refused" in line
    with follow(second.model, spoil=spoil):
        rolled_back(second, mlflow, "a replica refused the model")
    # And is not tried again by a run that trains the same.
    assert "was rolled back" in second.fails("register", 1)


def test_a_model_that_nobody_fetches_is_rolled_back(second, mlflow):
    second.given(RETRAINING_ROLLOUT_MINUTES=A_MOMENT).well("promote")
    rolled_back(second, mlflow, "did not serve it")


def test_errors_after_the_promotion_roll_it_back(second, follow, mlflow, prometheus, third_port,
                                                 session_folder, numbers):
    """Of a replica that has no model: it answers, and each request fails."""
    broken = Server(session_folder / f"without-{next(numbers)}", MODEL_DIR="/nowhere",
                    MODEL_OPTIONAL=1, API_PORT=third_port)
    broken.port, broken.url = third_port, f"http://127.0.0.1:{third_port}"
    with broken:
        up = f'up{{instance="127.0.0.1:{third_port}"}}'
        assert eventually(lambda: prometheus.query(up))
        second.well("promote")
        with follow(second.model):
            for _ in range(12):
                assert broken.predict({}).status_code >= 500
            rolled_back(second, mlflow, " errors in ")
    assert eventually(lambda: not prometheus.query(up))


def test_the_first_champion_goes_when_nobody_can_serve_it(first, mlflow):
    first.given(RETRAINING_ROLLOUT_MINUTES=A_MOMENT)
    first.well("promote")
    assert "did not serve it" in first.fails("watch", 1)
    assert version_of(mlflow, first.model, "champion") is None


def test_an_alias_that_somebody_has_moved_is_left_alone(second, mlflow):
    second.given(RETRAINING_ROLLOUT_MINUTES=A_MOMENT).well("promote")
    mlflow.set_alias(second.model, "champion", 1)
    second.change("promote", previous="2")
    second.fails("watch", 1)
    assert version_of(mlflow, second.model, "champion") == "1"


def test_whoever_cannot_see_does_not_roll_back(second, mlflow):
    second.well("promote")
    text = second.fails("watch", EX_TEMPFAIL, PROMETHEUS_URL=NOWHERE,
                        RETRAINING_ROLLOUT_MINUTES=A_MOMENT)
    assert "Prometheus" in text
    assert version_of(mlflow, second.model, "champion") == "2"


# ---- the canary ------------------------------------------------------------------------------


def test_no_canary_unless_it_is_asked_for(second):
    assert second.well("canary")["outcome"] == "skipped"


def test_a_challenger_that_nobody_serves_is_taken_back(second, mlflow):
    second.well("champion")
    text = second.fails("canary", 1, RETRAINING_CANARY_MINUTES=0.01,
                        RETRAINING_ROLLOUT_MINUTES=A_MOMENT)
    assert "fewer than 500 transactions" in text
    assert second.result("canary")["outcome"] == "rolled-back"
    assert version_of(mlflow, second.model, "challenger") is None
    assert version_of(mlflow, second.model, "champion") == "1"


def test_a_challenger_that_scores_without_harm_passes(second, replicas, prometheus):
    """One of the replicas' models is the challenger now: what it scores is told by its version."""
    second.well("champion")
    replace_link(replicas[0].link, second.run / "model")
    version = second.result("train")["version"]
    scraped(prometheus, version)
    golden = [json.loads(line)["request"]
              for line in (second.run / "model/golden.jsonl").read_text().splitlines()[:20]]
    assert replicas[0].predict(golden).status_code == 200
    found = second.well("canary", RETRAINING_CANARY_MINUTES=0.01, RETRAINING_CANARY_PREDICTIONS=20)
    assert found["outcome"] == "passed" and found["predictions"] >= 20

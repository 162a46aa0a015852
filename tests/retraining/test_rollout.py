"""Promotion and roll-out, with two real replicas, a real Prometheus and a real registry."""

import json
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from server import ROOT, Server, eventually, replace_link
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
    for step in ("champion", "gate", "register"):
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


def test_the_first_champion_goes_when_nobody_can_serve_it(first, mlflow, replicas, prometheus):
    replace_link(replicas[0].link, ROOT / "models/fraud")
    shipped = json.loads((ROOT / "models/fraud/contract.json").read_text())["x-rowan"]["version"]
    scraped(prometheus, shipped)
    first.given(RETRAINING_ROLLOUT_MINUTES=A_MOMENT)
    first.well("promote")
    assert "did not serve it" in first.fails("watch", 1)
    assert version_of(mlflow, first.model, "champion") is None


def test_an_alias_that_somebody_has_moved_is_left_alone(second, mlflow):
    second.given(RETRAINING_ROLLOUT_MINUTES=A_MOMENT).well("promote")
    mlflow.set_alias(second.model, "champion", 1)
    assert second.well("watch")["outcome"] == "superseded"
    assert version_of(mlflow, second.model, "champion") == "1"
    assert "rowan.rolled_back" not in model_version(mlflow, second.model, 2)["tags"]


def test_a_roll_back_that_was_interrupted_is_finished(second, mlflow):
    second.well("promote")
    mlflow.set_tag(second.model, 2, "rowan.rolled_back", "it errs")
    rolled_back(second, mlflow, "it errs")


@contextmanager
def another(session_folder, numbers, port, prometheus, **settings):
    """A replica at the port that Prometheus knows."""
    server = Server(session_folder / f"third-{next(numbers)}", API_PORT=port, WORKERS=1, **settings)
    server.port, server.url = port, f"http://127.0.0.1:{port}"
    up = f'up{{instance="127.0.0.1:{port}"}}'
    with server:
        assert eventually(lambda: prometheus.query(up))
        yield server
    assert eventually(lambda: not prometheus.query(up))


def test_a_replica_that_is_down_since_the_promotion_is_behind(
        second, follow, mlflow, prometheus, third_port, session_folder, numbers):
    """However many may go: it did not go, it fell over."""
    with another(session_folder, numbers, third_port, prometheus):
        second.well("promote")
    second.given(RETRAINING_ROLLOUT_MINUTES=0.1, RETRAINING_MAY_GO=1)
    with follow(second.model):
        rolled_back(second, mlflow, f"127.0.0.1:{third_port} (down) did not serve it")


def test_a_model_that_makes_replicas_start_again_is_rolled_back(
        second, follow, mlflow, prometheus, third_port, session_folder, numbers):
    with another(session_folder, numbers, third_port, prometheus):
        second.well("promote")
    with (another(session_folder, numbers, third_port, prometheus), follow(second.model)):
        rolled_back(second.given(RETRAINING_MAX_RESTARTS=1), mlflow, "1 restarts of 127.0.0.1:")


def test_what_a_replica_counted_before_is_no_harm(second, follow, prometheus, third_port,
                                                  session_folder, numbers):
    """One that Prometheus did not see at the promotion, and that had erred long before."""
    instance = f"127.0.0.1:{third_port}"
    link = session_folder / f"own-{next(numbers)}"
    with (follow(second.model) as follower,
          another(session_folder, numbers, third_port, prometheus, MODEL_DIR=link,
                  MODEL_OPTIONAL=1) as late):
        for _ in range(12):
            assert late.predict({}).status_code >= 500
        errors = f'http_requests_total{{instance="{instance}",endpoint="/predict",status_code="503"}}'
        assert eventually(lambda: sum(prometheus.query(errors).values()) == 12)
        link.symlink_to(follower.link)
        second.well("promote")
        before = second.result("promote")["before"]
        before["started"].pop(instance)
        before["up"].remove(instance)
        for name, counters in before["counters"].items():
            before["counters"][name] = {key: value for key, value in counters.items()
                                        if instance not in key}
        second.change("promote", before=before)
        found = second.well("watch")
    assert (found["outcome"], len(found["replicas"])) == ("served", 3)


# ---- a replica of which only the page is there -------------------------------------------------


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def page(third_port, prometheus):
    """page(*lines): what the third replica tells from now on, as Prometheus knows it."""
    server = ThreadingHTTPServer(("127.0.0.1", third_port), Page)
    server.text = ""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told = count()

    def tell(*lines):
        number = next(told)
        server.text = "\n".join([*lines, "process_start_time_seconds 1000",
                                 f'told{{as="{number}"}} 1', ""])
        assert eventually(lambda: prometheus.query(f'told{{as="{number}"}}'))
    yield tell
    server.shutdown()
    server.server_close()
    up = f'up{{instance="127.0.0.1:{third_port}"}}'
    assert eventually(lambda: not prometheus.query(up))


def served(version, served_as="fraud"):
    return (f'ml_model_served_info{{served_as="{served_as}",model="fraud",'
            f'model_version="{version}"}} 1')


def loaded(version):
    return f'ml_model_info{{model="fraud",model_version="{version}",model_type="xgboost"}} 1'


def refusals(world, n, reason="golden", reference="champion"):
    return (f'ml_model_sync_refused_total{{model="{world.model}",reference="{reference}",'
            f'reason="{reason}"}} {n}')


@pytest.fixture
def versions_of(first, second):
    return first.result("train")["version"], second.result("train")["version"]


def test_a_stream_that_serves_the_version_before_is_behind(second, follow, mlflow, page,
                                                           versions_of):
    """rowan-stream tells its version in ml_model_info alone; the service of the pod has ours."""
    old, new = versions_of
    page(served(new), loaded(new), loaded(old))
    second.given(RETRAINING_ROLLOUT_MINUTES=0.1).well("promote")
    with follow(second.model):
        rolled_back(second, mlflow, "did not serve it")


def test_a_challenger_beside_it_is_not_behind_and_its_refusals_are_no_harm(
        second, follow, page, versions_of):
    old, new = versions_of
    page(served(new), loaded(new), loaded(old), served(old, "challenger"),
         refusals(second, 0, reference="challenger"), refusals(second, 0))
    second.well("promote")
    page(served(new), loaded(new), loaded(old), served(old, "challenger"),
         refusals(second, 3, reference="challenger"),
         # Of a version before: what it was refused is not what it serves.
         refusals(second, 1))
    with follow(second.model):
        assert second.well("watch")["outcome"] == "served"


def test_an_artifact_that_was_not_whole_yet_is_no_refusal(second, follow, mlflow, page,
                                                          versions_of):
    old, _ = versions_of
    page(served(old), loaded(old))
    second.given(RETRAINING_ROLLOUT_MINUTES=0.1).well("promote")
    page(served(old), loaded(old), refusals(second, 1, "incomplete"))
    with follow(second.model):
        rolled_back(second, mlflow, "did not serve it")


def test_what_rowan_sync_refuses_is_rolled_back(second, follow, mlflow, page, versions_of):
    old, _ = versions_of
    page(served(old), loaded(old))
    second.well("promote")
    page(served(old), loaded(old), refusals(second, 1))
    with follow(second.model):
        rolled_back(second, mlflow, "a replica refused the model 1 times")


def test_whoever_cannot_see_does_not_roll_back(second, mlflow):
    second.well("promote")
    text = second.fails("watch", EX_TEMPFAIL, PROMETHEUS_URL=NOWHERE,
                        RETRAINING_ROLLOUT_MINUTES=A_MOMENT)
    assert "Prometheus" in text
    assert version_of(mlflow, second.model, "champion") == "2"


# ---- the canary ------------------------------------------------------------------------------


def test_no_canary_unless_it_is_asked_for(second):
    assert second.well("canary")["outcome"] == "skipped"


@pytest.fixture
def canary(second):
    second.well("champion")
    return second.given(RETRAINING_CANARY_MINUTES=0.01, RETRAINING_CANARY_PREDICTIONS=20)


def test_no_canary_without_traffic(canary, mlflow):
    """It says nothing about the challenger, which stays what it is."""
    text = canary.fails("canary", 1, RETRAINING_ROLLOUT_MINUTES=A_MOMENT)
    assert "no canary without traffic: the champion scored 0" in text
    assert version_of(mlflow, canary.model, "challenger") == "2"
    assert "rowan.rolled_back" not in model_version(mlflow, canary.model, 2)["tags"]


@contextmanager
def traffic(world, *servers):
    """Rows of the golden requests, until the test is over."""
    golden = [json.loads(line)["request"]
              for line in (world.run / "model/golden.jsonl").read_text().splitlines()[:20]]
    over = threading.Event()

    def ask():
        while not over.wait(0.2):
            for server in servers:
                assert server.predict(golden).status_code == 200
    thread = threading.Thread(target=ask)
    thread.start()
    yield
    over.set()
    thread.join()


def taken_back(world, mlflow, why):
    assert why in world.fails("canary", 1)
    assert world.result("canary")["outcome"] == "rolled-back"
    assert version_of(mlflow, world.model, "challenger") is None
    assert version_of(mlflow, world.model, "champion") == "1"


def test_a_challenger_that_nobody_serves_is_taken_back(canary, mlflow, replicas):
    canary.given(RETRAINING_ROLLOUT_MINUTES=0.2)
    with traffic(canary, *replicas):
        taken_back(canary, mlflow, "it scored fewer than 20 transactions")


@pytest.mark.parametrize("before, after, why", [
    ((), ("refused",), "a replica refused the model 2 times"),
    (('ml_model_shadow_requests_total{outcome="scored"} 100',
      'ml_model_shadow_requests_total{outcome="failed"} 1'),
     ('ml_model_shadow_requests_total{outcome="scored"} 200',
      'ml_model_shadow_requests_total{outcome="failed"} 15'),
     "14 errors in 114 predictions of the shadow")])
def test_a_challenger_that_is_refused_or_fails_in_the_shadow_is_taken_back(
        canary, mlflow, page, versions_of, before, after, why):
    old, _ = versions_of
    page(served(old), loaded(old), *before)
    after = [refusals(canary, 2, reference="challenger") if one == "refused" else one
             for one in after]
    harm = threading.Timer(3, page, (served(old), loaded(old), *after))
    harm.start()
    taken_back(canary.given(RETRAINING_CANARY_MINUTES=2), mlflow, why)
    harm.join()


def test_a_challenger_that_scores_without_harm_passes(
        canary, replicas, prometheus, third_port, session_folder, numbers):
    """The models of two replicas are the challenger, that of a third the champion."""
    replace_link(replicas[0].link, canary.run / "model")
    scraped(prometheus, canary.result("train")["version"])
    with (another(session_folder, numbers, third_port, prometheus,
                  MODEL_DIR=canary.run / "champion") as third,
          traffic(canary, replicas[0], third)):
        found = canary.well("canary", RETRAINING_MAX_CANARY_SHIFT=100)
    assert found["outcome"] == "passed"
    assert min(found["predictions"], found["champion_predictions"]) >= 20

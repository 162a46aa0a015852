"""One run of the retraining: its folder, its environment, and its steps in training's environment."""

import json
import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx

from real_server import eventually, tools
from server import ROOT, ROWAN, replace_link

JOB = "tasks10-ml-service"
EX_TEMPFAIL = 75
# A small world has fewer frauds to find than the real one, cards of which a hundred are half, and all its labels.
SMALL_WORLD = {"RETRAINING_LABELS": "complete", "RETRAINING_MIN_AUC_ROC": 0.7,
               "RETRAINING_MIN_CARD_PRECISION_100": 0.02, "RETRAINING_MAX_CALIBRATION_ERROR": 0.05}
QUICKLY = {"RETRAINING_POLL_SECONDS": 0.3, "RETRAINING_WATCH_MINUTES": 0.02,
           "RETRAINING_ROLLOUT_MINUTES": 1}
OTHERS = ("RETRAINING_", "MLFLOW_", "KAFKA_", "AWS_", "PROMETHEUS_", "PUSHGATEWAY_", "AIRFLOW")


def environment_of(model, **more):
    """Nothing of the caller's own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    given = {**SMALL_WORLD, **QUICKLY, "MLFLOW_MODEL_NAME": model, "ROWAN_BIN": ROWAN,
             "PYTHONPATH": ROOT / "training", "ROWAN_PYTHON": tools() / "python",
             "MLFLOW_DISABLE_TELEMETRY": "true", **more}
    return {**inherited, **{name: str(value) for name, value in given.items()}}


@dataclass
class Ended:
    returncode: int
    output: str


@cache
def step_server():
    """One for all tests; it ends with its input, when this process does."""
    return subprocess.Popen([tools() / "python", Path(__file__).with_name("step_server.py")],
                            env=environment_of(""),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run_step(name, run, environment):
    with tempfile.NamedTemporaryFile("r", prefix="rowan-step-", errors="replace") as output:
        server = step_server()
        print(json.dumps({"arguments": ["step", name, "--run", str(run)], "output": output.name,
                          "environment": environment}), file=server.stdin, flush=True)
        return Ended(int(server.stdout.readline()), output.read())


class World:
    def __init__(self, run, model, **environment):
        self.run = run
        self.model = model
        self.environment = environment

    def given(self, **environment):
        self.environment |= environment
        return self

    def step(self, name, **environment):
        return run_step(name, self.run,
                        environment_of(self.model, **{**self.environment, **environment}))

    def well(self, name, **environment):
        """The step's result; it must succeed."""
        ended = self.step(name, **environment)
        assert ended.returncode == 0, ended.output
        return self.result(name)

    def fails(self, name, returncode, **environment):
        """The last line that it says; it must fail so, leave no result, and say it in one line."""
        ended = self.step(name, **environment)
        assert ended.returncode == returncode, ended.output
        assert "Traceback" not in ended.output, ended.output
        return ended.output.strip().splitlines()[-1]

    def result(self, name):
        return json.loads((self.run / f"{name}.json").read_text())

    def change(self, name, **members):
        """The result of a step, as if it had found something else."""
        path = self.run / f"{name}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **members}))


def version_of(server, model, alias):
    """Of the alias in the registry, or None."""
    reply = httpx.get(f"{server.url}/api/2.0/mlflow/registered-models/alias",
                      params={"name": model, "alias": alias})
    return reply.json()["model_version"]["version"] if reply.status_code == 200 else None


def model_version(server, model, version):
    reply = httpx.get(f"{server.url}/api/2.0/mlflow/model-versions/get",
                      params={"name": model, "version": version})
    found = reply.raise_for_status().json()["model_version"]
    return found | {"tags": {tag["key"]: tag["value"] for tag in found.get("tags", [])}}


def versions(server, model):
    reply = httpx.get(f"{server.url}/api/2.0/mlflow/model-versions/search",
                      params={"filter": f"name='{model}'"})
    return reply.raise_for_status().json().get("model_versions", [])


class Follower:
    """Follows the alias as rowan-sync does: downloads what it names, and swaps the link. `spoil` may
    change the directory before it is served."""

    def __init__(self, mlflow, model, link, folder, spoil=lambda directory: None):
        self.mlflow, self.model, self.link, self.folder = mlflow, model, link, folder
        self.spoil = spoil
        self.served = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self):
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def _follow(self):
        while not self.ended.wait(0.1):
            version = version_of(self.mlflow, self.model, "champion")
            if version and (not self.served or self.served[-1] != version):
                self._serve(version)

    def _serve(self, version):
        directory = self.folder / f"{len(self.served)}-{version}"
        directory.mkdir()
        uri = httpx.get(f"{self.mlflow.url}/api/2.0/mlflow/model-versions/get-download-uri",
                        params={"name": self.model, "version": version}).json()["artifact_uri"]
        path = uri.removeprefix("mlflow-artifacts:/")
        digests = json.loads(model_version(self.mlflow, self.model, version)["tags"]["rowan.sha256"])
        for name in digests:
            reply = httpx.get(f"{self.mlflow.url}/api/2.0/mlflow-artifacts/artifacts/{path}/{name}")
            (directory / name).write_bytes(reply.raise_for_status().content)
        self.spoil(directory)
        replace_link(self.link, directory)
        self.served.append(version)


def scraped(prometheus, version):
    """Waits until Prometheus knows a version of both replicas, and no other."""
    wanted = {(version,): 2.0}
    expression = f'count by (model_version) (ml_model_info{{job="{JOB}"}})'
    assert eventually(lambda: prometheus.query(expression) == wanted), prometheus.query(expression)


def pushed(pushgateway, **labels):
    """{(metric, labels without the group's): value} of what Pushgateway holds of a model or topic."""
    from prometheus_client.parser import text_string_to_metric_families
    text = httpx.get(f"{pushgateway.url}/metrics").text
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if labels.items() <= sample.labels.items():
                rest = {key: value for key, value in sample.labels.items()
                        if key not in {*labels, "job", "instance"}}
                found[sample.name, tuple(sorted(rest.items()))] = sample.value
    return found


def outcome(pushgateway, model="fraud"):
    """What the last run came to, as pushed."""
    found = pushed(pushgateway, model=model)
    return [dict(labels)["outcome"] for (name, labels), value in found.items()
            if name == "ml_retraining_outcome" and value == 1]



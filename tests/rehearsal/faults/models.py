"""What the registry has beside the champion, and who follows which version."""

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import xgboost

import service
from faults import look
from model_directories import make_second_version, probabilities
from place import ROOT, run

NAME = "fraud"
ALIAS = "champion"
INTERVAL = 36        # seconds between two looks at most: SYNC_INTERVAL, and a fifth
LOAD_SECONDS = 60    # one interval, and what comes after it
SUCCESS = "ml_model_sync_last_success_timestamp_seconds"
VERSIONS = "champion.versions"  # beside the link, which is relative
ROWAN = ROOT / "build/src/cli/rowan"


@dataclass(frozen=True)
class Registered:
    """Versions of the registry, and what the second one answers."""

    champion: str
    second: str
    damaged: str
    folder: Path    # of the second model
    score: float    # its score of README's request, by XGBoost


def scores(folder, requests):
    """XGBoost's own, each as the server prints it: the shortest text of a float32."""
    contract = json.loads((folder / "contract.json").read_text())
    booster = xgboost.Booster(model_file=folder / "model.ubj")
    return [float(str(one)) for one in probabilities(booster, contract, requests)]


@cache
def registered(stage):
    """Two versions more: half of the champion's trees, and the same once more, of which one bit is
    changed in the registry's store."""
    folder = make_second_version(stage.folder / "second")
    run(ROWAN, "verify", folder)
    entry = {"kind": "directory", "name": NAME, "directory": str(folder)}
    second, damaged = stage.mlflow.log_models(entry, entry)
    damage(stage.mlflow, damaged["version"])
    [score] = scores(folder, [service.REQUEST])
    return Registered(str(stage.registered[0]["version"]), str(second["version"]),
                      str(damaged["version"]), folder, score)


def damage(mlflow, version):
    """One bit in the middle of its model file."""
    uri = httpx.get(f"{mlflow.url}/api/2.0/mlflow/model-versions/get-download-uri",
                    params={"name": NAME, "version": version}).json()["artifact_uri"]
    path = uri.removeprefix("mlflow-artifacts:/").lstrip("/")
    file = mlflow.folder / "artifacts" / path / "model.ubj"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def name_champion(stage, version):
    stage.mlflow.set_alias(NAME, ALIAS, version)


# ---- who follows -------------------------------------------------------------------------------

def follows(pod, version):
    """Whether the pod's link leads to a version of the registry."""
    return (look.served(pod) or "").startswith(f"{VERSIONS}/{version}-")


def all_follow(version):
    pods = service.ready_pods()
    return len(pods) == service.REPLICAS_MIN and all(follows(pod, version) for pod in pods)


def looked_well(pod, since):
    """Whether the registry has answered it, and what it names is served."""
    return look.figure(pod, SUCCESS) > since


def all_are_well(since=None):
    """All have looked well since then; by default, at their last look."""
    since = since or time.time() - INTERVAL - 5
    pods = service.ready_pods()
    return len(pods) == service.REPLICAS_MIN and all(looked_well(pod, since) for pod in pods)

"""The trained model in MLflow: a run that says how it came about, and a registered version that can be served."""

import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from rowan_training.contract import Json
from rowan_training.errors import WorkError, without_userinfo
from rowan_training.retraining.mlflow_registry import (
    CHALLENGER,
    CHAMPION,
    DIGESTS_TAG,
    VERSION_TAG,
    Registry,
    digests,
)
from rowan_training.retraining.mlmodel import write_mlmodel
from rowan_training.retraining.results import result_if_there
from rowan_training.retraining.settings import Settings, from_environment
from rowan_training.steps.results import read_result

log = logging.getLogger(__name__)

ARTIFACT = "model"
LONGEST_PARAMETER = 500


def register(run: Path, settings: Settings) -> Json:
    """Once a version: the same one again finds what is there, and finishes what was interrupted."""
    trained = read_result(run, "train")
    if not read_result(run, "gate")["passed"]:
        raise WorkError(f"{run}/gate.json says refused: what the gate refuses is not registered")
    compared = read_result(run, "champion")["registry_version"]
    registry = Registry(settings)
    version = trained["version"]
    held = registry.by_rowan_version(version)
    registry.refuse_if_another(registry.by_alias(CHAMPION), compared, held.version if held else None)
    if held is None:
        held = _register(run, settings, registry, trained)
        log.info("registered %s as version %s of %s", version, held.version, registry.name)
    else:
        registry.refuse_if_rolled_back(held)
        _refuse_if_other_files(run, registry, held)
        log.info("%s is registered already, as version %s of %s", version, held.version, registry.name)
    registry.set_alias(CHALLENGER, held.version)
    return {
        "name": registry.name,
        "registry_version": held.version,
        "version": version,
        "run_id": held.run_id,
        "previous": compared,
    }


def _refuse_if_other_files(run: Path, registry: Registry, held: ModelVersion) -> None:
    """The gate has judged the files of this run, and no others may be promoted in their name."""
    registered, ours = json.loads(held.tags.get(DIGESTS_TAG, "{}")), digests(run / "model")
    differing = sorted(name for name in {*registered, *ours} if registered.get(name) != ours.get(name))
    if differing:
        raise WorkError(
            f"version {held.version} of {registry.name} is {held.tags.get(VERSION_TAG)}, too, but its {', '.join(differing)} "
            f"differs from {run / 'model'}: delete that version, or find out why the same training gives other files"
        )


def _register(run: Path, settings: Settings, registry: Registry, trained: Json) -> ModelVersion:
    model = run / "model"
    tags = {VERSION_TAG: trained["version"], DIGESTS_TAG: json.dumps(digests(model), sort_keys=True)}
    with registry.asked(f"logging {trained['version']}") as client:
        logged = _run_of(client, settings.experiment, trained["version"], run.name)
        _log_figures(client, logged, run, trained)
        with tempfile.TemporaryDirectory(prefix="rowan-register-") as scratch:
            directory = Path(scratch) / ARTIFACT
            shutil.copytree(model, directory)
            write_mlmodel(model, directory)
            client.log_artifacts(logged.info.run_id, str(directory), ARTIFACT)
        client.set_terminated(logged.info.run_id)
        _make_model(client, registry.name)
        source = f"{logged.info.artifact_uri}/{ARTIFACT}"
        card = (model / "README.md").read_text(encoding="utf-8") if (model / "README.md").exists() else None
        return client.create_model_version(
            registry.name, source, run_id=logged.info.run_id, tags=tags, description=card
        )


def _run_of(client: MlflowClient, experiment: str, version: str, name: str) -> Run:
    """One that an interrupted attempt has begun is gone on with."""
    found = client.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else client.create_experiment(experiment)
    begun = client.search_runs([experiment_id], f"tags.`{VERSION_TAG}` = '{version}'", max_results=1)
    if begun:
        client.update_run(begun[0].info.run_id, status="RUNNING")
        return begun[0]
    return client.create_run(experiment_id, run_name=name, tags={VERSION_TAG: version, "rowan.run": name})


def _make_model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _log_figures(client: MlflowClient, logged: Run, run: Path, trained: Json) -> None:
    """Parameters, metrics and facts about the data; plots are in the model's folder."""
    parameters = {name: trained[name] for name in ("model", "engine", "seed") if name in trained}
    parameters |= trained.get("parameters") or {}
    extracted = result_if_there(run, "extract") or {}
    facts = {f"data.{name}": extracted[name] for name in ("source", "from", "until", "rows", "frauds") if name in extracted}
    evaluation = read_result(run, "evaluate")
    client.log_batch(
        logged.info.run_id,
        metrics=[Metric(name, value, 0, 0) for name, value in _metrics(evaluation)],
        params=[Param(name, str(value)[:LONGEST_PARAMETER]) for name, value in parameters.items()],
        tags=[RunTag(name, without_userinfo(str(value))) for name, value in facts.items()],
    )
    for name in ("evaluate.json", "gate.json", "train.json"):
        client.log_artifact(logged.info.run_id, str(run / name))


def _metrics(evaluation: Json) -> list[tuple[str, float]]:
    found = _numbers("", evaluation["challenger"])
    for role in ("champion", "comparison"):
        found += _numbers(f"{role}.", evaluation.get(role) or {})
    for name in ("rows", "frauds"):
        found += _numbers(f"{name}.", evaluation[name])
    return found


def _numbers(prefix: str, found: dict[str, Any]) -> list[tuple[str, float]]:
    """Of an object and of the objects in it."""
    numbers = []
    for name, value in found.items():
        if isinstance(value, dict):
            numbers += _numbers(f"{prefix}{name}.", value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers.append((prefix + name, float(value)))
    return numbers


run = from_environment(register)

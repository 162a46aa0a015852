"""The model directory that is served now, by the registry: what the challenger is compared with."""

import json
import logging
import shutil
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from rowan_training.contract import Json
from rowan_training.errors import WorkError
from rowan_training.retraining.mlflow_registry import CHAMPION, DIGESTS_TAG, SERVED, VERSION_TAG, Registry, digests
from rowan_training.retraining.settings import Settings, from_environment

log = logging.getLogger(__name__)


def champion(run: Path, settings: Settings) -> Json:
    """Downloads the directory of the alias into RUN/champion; without one there is no such folder."""
    registry = Registry(settings)
    directory = run / "champion"
    held = registry.by_alias(CHAMPION)
    shutil.rmtree(directory, ignore_errors=True)
    if held is None:
        log.info("%s has no champion: only the floors of the gate count", registry.name)
        return {"name": registry.name, "registry_version": None, "version": None, "earlier": []}
    _download(registry, held, directory)
    version = held.tags.get(VERSION_TAG) or _version(directory)
    log.info("the champion of %s is %s, version %s of the registry", registry.name, version, held.version)
    return {
        "name": registry.name,
        "registry_version": held.version,
        "version": version,
        "earlier": [_quality(registry, one) for one in registry.before(held, settings.earlier)],
    }


def _quality(registry: Registry, held: ModelVersion) -> Json:
    """As measured when it was the challenger, on the weeks of then."""
    return {
        "registry_version": held.version,
        "version": held.tags.get(VERSION_TAG),
        "average_precision": registry.metric(held, "average_precision"),
    }


def _download(registry: Registry, held: ModelVersion, directory: Path) -> None:
    """It gets its name when it is whole and what was registered."""
    scratch = directory.with_name(".champion.unfinished")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    downloaded = registry.download(held.version, scratch)
    if not all((downloaded / name).is_file() for name in SERVED):
        raise WorkError(
            f"version {held.version} of {registry.name} has no {' or no '.join(SERVED)}, so that it cannot be compared: "
            f"give the alias {CHAMPION} to a version that this project registered, or delete the alias"
        )
    wanted = json.loads(held.tags.get(DIGESTS_TAG, "{}"))
    found = digests(downloaded)
    differing = sorted(name for name, digest in wanted.items() if found.get(name) != digest)
    if differing:
        raise WorkError(
            f"{', '.join(differing)} of version {held.version} of {registry.name} is not what was registered: "
            "give the alias to another version, and look who has changed the artifacts"
        )
    downloaded.rename(directory)
    shutil.rmtree(scratch, ignore_errors=True)


def _version(directory: Path) -> str:
    contract = json.loads((directory / "contract.json").read_text(encoding="utf-8"))
    return str(contract["x-rowan"]["version"])


run = from_environment(champion)

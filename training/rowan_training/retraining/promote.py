"""The alias `champion` goes to the challenger: from this moment replicas fetch it."""

import logging
import time
from pathlib import Path

from rowan_training.contract import Json
from rowan_training.errors import WorkError
from rowan_training.retraining.harm import snapshot
from rowan_training.retraining.mlflow_registry import CHAMPION, PREVIOUS_TAG, Registry
from rowan_training.retraining.prometheus import Prometheus
from rowan_training.retraining.results import result_if_there
from rowan_training.retraining.settings import Settings, from_environment
from rowan_training.steps.results import read_result, write_result

log = logging.getLogger(__name__)

# What was before, kept apart from the step's result: a retry needs it.
NOTED = "before-promotion"


def promote(run: Path, settings: Settings) -> Json:
    """Counters are noted first: whoever cannot see the replicas must not give them another model."""
    registered = read_result(run, "register")
    registry = Registry(settings)
    champion = registry.by_alias(CHAMPION)
    ours = registered["registry_version"]
    earlier = result_if_there(run, NOTED)
    if champion is not None and champion.version == ours:
        previous = earlier["previous"] if earlier and earlier["registry_version"] == ours else registered["previous"]
        log.info("%s@%s is version %s already", registry.name, CHAMPION, ours)
        before = earlier["before"] if earlier else snapshot(Prometheus(settings))
        return _noted(run, registered, previous, before)
    _refuse_if_another(registered, champion.version if champion else None)
    previous = champion.version if champion else None
    before = snapshot(Prometheus(settings))
    promoted = _noted(run, registered, previous, before)
    if previous is not None:
        registry.tag(ours, PREVIOUS_TAG, previous)
    registry.set_alias(CHAMPION, ours)
    return promoted


def _refuse_if_another(registered: Json, champion: str | None) -> None:
    """The gate compared with `previous`; somebody has promoted another one since."""
    if champion != registered["previous"]:
        raise WorkError(
            f"version {champion} of {registered['name']} has become champion while the challenger was compared with "
            f"{registered['previous']}: run the retraining again"
        )


def _noted(run: Path, registered: Json, previous: str | None, before: Json) -> Json:
    noted = {
        "name": registered["name"],
        "registry_version": registered["registry_version"],
        "version": registered["version"],
        "previous": previous,
        "promoted_at": time.time(),
        "before": before,
    }
    write_result(run, NOTED, noted)
    return noted


run = from_environment(promote)

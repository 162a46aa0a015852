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
    ours, previous = registered["registry_version"], registered["previous"]
    champion = registry.by_alias(CHAMPION)
    registry.refuse_if_another(champion, previous, ours)
    registry.refuse_if_rolled_back(registry.version(ours))
    if previous == ours:
        log.info("%s@%s is version %s, and has been before this run: nothing to promote", registry.name, CHAMPION, ours)
        return _noted(run, registered, None)
    earlier = result_if_there(run, NOTED)
    if champion is not None and champion.version == ours:
        log.info("%s@%s is version %s already", registry.name, CHAMPION, ours)
        before = earlier["before"] if earlier and earlier["registry_version"] == ours else _seen(settings)
        return _noted(run, registered, before)
    promoted = _noted(run, registered, _seen(settings))
    if previous is not None:
        registry.tag(ours, PREVIOUS_TAG, previous)
    registry.set_alias(CHAMPION, ours)
    return promoted


def _seen(settings: Settings) -> Json:
    """The replicas and their counters. Where nobody is seen, nobody could be seen to come to harm."""
    found = snapshot(Prometheus(settings), settings)
    if not found["up"] and not settings.allow_no_replica:
        raise WorkError(
            f"Prometheus at {settings.prometheus_url} sees no replica that is up ({settings.selector}): correct "
            "RETRAINING_SELECTOR, or start the service, or set RETRAINING_ALLOW_NO_REPLICA=1 for a service that is still to come"
        )
    return found


def _noted(run: Path, registered: Json, before: Json | None) -> Json:
    noted = {
        "name": registered["name"],
        "registry_version": registered["registry_version"],
        "version": registered["version"],
        "previous": registered["previous"],
        "promoted_at": time.time(),
        "before": before,
    }
    write_result(run, NOTED, noted)
    return noted


run = from_environment(promote)

"""The roll-out, as Prometheus sees it; a model that does harm loses the alias again."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rowan_training.contract import Json
from rowan_training.errors import ServerAway, WorkError
from rowan_training.retraining.harm import Harmful, look
from rowan_training.retraining.mlflow_registry import CHALLENGER, CHAMPION, ROLLED_BACK_TAG, Registry
from rowan_training.retraining.prometheus import Prometheus, Replicas
from rowan_training.retraining.settings import Settings, from_environment
from rowan_training.steps.results import read_result, write_result

log = logging.getLogger(__name__)

SERVED = "served"
ROLLED_BACK = "rolled-back"
UNCHANGED = "unchanged"
UNSEEN = "unseen"
SUPERSEDED = "superseded"
MINUTE = 60
Found = TypeVar("Found")


def watch(run: Path, settings: Settings) -> Json:
    """Until all replicas serve the version, and for a while after that. Rolling back is an error of this step."""
    promoted = read_result(run, "promote")
    ours = promoted["registry_version"]
    if promoted["previous"] == ours:
        log.info("version %s was champion before this run: nothing to roll out", ours)
        return {"outcome": UNCHANGED, "reason": "nothing to roll out"}
    registry = Registry(settings)
    if reason := registry.version(ours).tags.get(ROLLED_BACK_TAG):
        # An attempt before has begun to.
        raise _rolled_back(run, registry, promoted, reason)
    try:
        if superseded := _superseded(registry, ours):
            return superseded
        replicas, seconds = _observe(Prometheus(settings), promoted, settings)
    except Harmful as harm:
        if superseded := _superseded(registry, ours):
            log.warning("it would have been rolled back: %s", harm)
            return superseded
        raise _rolled_back(run, registry, promoted, str(harm)) from None
    if replicas is None:
        return {"outcome": UNSEEN, "reason": "no replica to watch"}
    log.info("%d replicas serve %s, after %.0f s without harm", len(replicas.up), promoted["version"], seconds)
    return {"outcome": SERVED, "reason": None, "replicas": sorted(replicas.up), "seconds": seconds}


def _observe(prometheus: Prometheus, promoted: Json, settings: Settings) -> tuple[Replicas | None, float]:
    """None: nobody was there to be given the model, and nobody has come."""
    begun = time.monotonic()
    if settings.allow_no_replica and not promoted["before"]["up"] and not prometheus.replicas().up:
        log.warning("no replica is up (%s), and RETRAINING_ALLOW_NO_REPLICA is set: nothing to watch", settings.selector)
        return None, 0.0
    _wait_until_served(prometheus, promoted, settings)
    _wait_for_harm(prometheus, promoted, settings)
    # Whoever fell over meanwhile must have come back.
    replicas = _wait_until_served(prometheus, promoted, settings)
    return replicas, round(time.monotonic() - begun, 1)


def _behind(replicas: Replicas, promoted: Json, settings: Settings) -> list[str]:
    return replicas.behind(promoted["version"], promoted["before"]["up"], settings.may_go)


def _wait_until_served(prometheus: Prometheus, promoted: Json, settings: Settings) -> Replicas:
    version, told = promoted["version"], ""

    def look_once() -> Replicas | None:
        nonlocal told
        replicas = prometheus.replicas()
        behind = _behind(replicas, promoted, settings)
        look(prometheus, promoted["before"], behind, settings)
        text = f"{len(replicas.up)} replicas are up; behind {version}: {', '.join(behind) or 'none'}"
        if text != told:
            log.info("%s", text)
        told = text
        return replicas if replicas.up and not behind else None

    replicas = poll(look_once, settings.rollout_minutes, settings)
    if replicas is None:
        seen = prometheus.replicas()
        behind = _behind(seen, promoted, settings)
        what = f"{', '.join(behind)} did not serve it" if behind else f"Prometheus saw no replica ({settings.selector})"
        raise Harmful(f"within {settings.rollout_minutes:g} minutes {what}")
    return replicas


def _wait_for_harm(prometheus: Prometheus, promoted: Json, settings: Settings) -> None:
    def look_once() -> None:
        behind = _behind(prometheus.replicas(), promoted, settings)
        harm = look(prometheus, promoted["before"], behind, settings)
        restarts = sum(harm.restarts.values())
        log.info("since the promotion: %d requests, %d errors, %d restarts", harm.requests, harm.errors, restarts)
        if behind:
            log.warning("behind: %s", ", ".join(behind))

    poll(look_once, settings.watch_minutes, settings)


def poll(look_once: Callable[[], Found | None], minutes: float, settings: Settings) -> Found | None:
    """What `look_once` gives, or None after so many minutes. Prometheus may be away for some of them."""
    deadline = time.monotonic() + minutes * MINUTE
    while True:
        away = None
        try:
            found = look_once()
            if found is not None:
                return found
        except ServerAway as error:
            away = error
            log.warning("%s", error)
        if time.monotonic() >= deadline:
            if away:
                raise away
            return None
        time.sleep(min(settings.poll_seconds, max(deadline - time.monotonic(), 0)))


def _superseded(registry: Registry, ours: str) -> Json | None:
    """If somebody has moved the alias: what is served is not this run's any more, and its harm neither."""
    champion = registry.by_alias(CHAMPION)
    if champion is not None and champion.version == ours:
        return None
    held = f"version {champion.version}" if champion else "nobody"
    log.warning("%s@%s is %s now, not version %s: nothing to watch", registry.name, CHAMPION, held, ours)
    return {"outcome": SUPERSEDED, "reason": f"{held} is champion now"}


def _rolled_back(run: Path, registry: Registry, promoted: Json, reason: str) -> WorkError:
    """To the version before; the challenger is not offered again. The tag comes first: a retry goes on from there."""
    log.error("rolling back: %s", reason)
    ours, previous = promoted["registry_version"], promoted["previous"]
    registry.tag(ours, ROLLED_BACK_TAG, reason)
    champion = registry.by_alias(CHAMPION)
    if champion is not None and champion.version == ours:
        if previous is None:
            registry.drop_alias(CHAMPION, ours)
        else:
            registry.set_alias(CHAMPION, previous)
    registry.drop_alias(CHALLENGER, ours)
    write_result(run, "watch", {"outcome": ROLLED_BACK, "reason": reason, "previous": previous})
    return WorkError(f"{promoted['name']} {promoted['version']} was rolled back: {reason}")


run = from_environment(watch)

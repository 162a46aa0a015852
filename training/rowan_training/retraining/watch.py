"""The roll-out, as Prometheus sees it; a model that does harm loses the alias again."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rowan_training.contract import Json
from rowan_training.errors import ServerAway, WorkError
from rowan_training.retraining.harm import Harm, since, snapshot
from rowan_training.retraining.mlflow_registry import CHALLENGER, CHAMPION, ROLLED_BACK_TAG, Registry
from rowan_training.retraining.prometheus import Prometheus, Replicas
from rowan_training.retraining.settings import Settings, from_environment
from rowan_training.steps.results import read_result, write_result

log = logging.getLogger(__name__)

SERVED = "served"
ROLLED_BACK = "rolled-back"
MINUTE = 60
Found = TypeVar("Found")


class Harmful(Exception):
    """Why the alias must go back."""


def watch(run: Path, settings: Settings) -> Json:
    """Until all replicas serve the version, and for a while after that. Rolling back is an error of this step."""
    promoted = read_result(run, "promote")
    prometheus = Prometheus(settings)
    begun = time.monotonic()
    try:
        replicas = _wait_until_served(prometheus, promoted, settings)
        _wait_for_harm(prometheus, promoted, settings)
    except Harmful as harm:
        _roll_back(run, Registry(settings), promoted, str(harm))
        raise WorkError(f"{promoted['name']} {promoted['version']} was rolled back: {harm}") from None
    seconds = round(time.monotonic() - begun, 1)
    log.info("%d replicas serve %s, after %.0f s without harm", len(replicas.up), promoted["version"], seconds)
    return {"outcome": SERVED, "reason": None, "replicas": sorted(replicas.up), "seconds": seconds}


def _wait_until_served(prometheus: Prometheus, promoted: Json, settings: Settings) -> Replicas:
    version, told = promoted["version"], ""

    def look() -> Replicas | None:
        nonlocal told
        replicas = prometheus.replicas()
        refuse(_harm(prometheus, promoted), settings)
        behind = replicas.behind(version)
        text = f"{len(replicas.up) - len(behind)} of {len(replicas.up)} replicas serve {version}"
        if text != told:
            log.info("%s", text)
        told = text
        return replicas if replicas.up and not behind else None

    replicas = poll(look, settings.rollout_minutes, settings)
    if replicas is None:
        seen = prometheus.replicas()
        behind = seen.behind(version)
        what = f"{', '.join(behind)} did not serve it" if seen.up else f"Prometheus saw no replica ({settings.selector})"
        raise Harmful(f"within {settings.rollout_minutes:g} minutes {what}")
    return replicas


def _wait_for_harm(prometheus: Prometheus, promoted: Json, settings: Settings) -> None:
    def look() -> None:
        harm = _harm(prometheus, promoted)
        log.info("since the promotion: %d requests, %d errors", harm.requests, harm.errors)
        refuse(harm, settings)

    poll(look, settings.watch_minutes, settings)


def _harm(prometheus: Prometheus, promoted: Json) -> Harm:
    return since(promoted["before"], snapshot(prometheus))


def refuse(harm: Harm, settings: Settings) -> None:
    if harm.refusals:
        raise Harmful(f"a replica refused the model {harm.refusals:.0f} times; its log, and /health, say why")
    share = harm.errors / max(harm.requests, harm.errors, 1)
    if harm.errors >= settings.max_errors and share > settings.max_error_share:
        raise Harmful(f"{harm.errors:.0f} errors in {harm.requests:.0f} requests, more than {settings.max_error_share:.1%}")


def poll(look: Callable[[], Found | None], minutes: float, settings: Settings) -> Found | None:
    """What `look` gives, or None after so many minutes. Prometheus may be away for some of them."""
    deadline = time.monotonic() + minutes * MINUTE
    while True:
        away = None
        try:
            found = look()
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


def _roll_back(run: Path, registry: Registry, promoted: Json, reason: str) -> None:
    """To the version before, if nobody has moved the alias meanwhile; the challenger is not offered again."""
    log.error("rolling back: %s", reason)
    ours, previous = promoted["registry_version"], promoted["previous"]
    champion = registry.by_alias(CHAMPION)
    if champion is not None and champion.version == ours:
        if previous is None or previous == ours:
            registry.drop_alias(CHAMPION, ours)
        else:
            registry.set_alias(CHAMPION, previous)
    registry.drop_alias(CHALLENGER, ours)
    registry.tag(ours, ROLLED_BACK_TAG, reason)
    write_result(run, "watch", {"outcome": ROLLED_BACK, "reason": reason, "previous": previous})


run = from_environment(watch)

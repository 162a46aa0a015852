"""Before promotion: the challenger answers its share for a while, and is compared with the champion by their metrics."""

import logging
import math
from pathlib import Path

from rowan_training.contract import Json
from rowan_training.errors import WorkError
from rowan_training.retraining.harm import Harmful, look, snapshot
from rowan_training.retraining.mlflow_registry import CHALLENGER, ROLLED_BACK_TAG, Registry
from rowan_training.retraining.prometheus import Counters, Prometheus, growth
from rowan_training.retraining.settings import Settings, from_environment
from rowan_training.retraining.watch import ROLLED_BACK, poll
from rowan_training.steps.results import read_result, write_result

log = logging.getLogger(__name__)

# A bucket that one model never uses would make the index infinite.
LEAST_SHARE = 1e-4


def canary(run: Path, settings: Settings) -> Json:
    registered = read_result(run, "register")
    if not settings.canary_minutes:
        log.info("no canary: RETRAINING_CANARY_MINUTES is 0")
        return {"outcome": "skipped", "reason": None}
    if registered["previous"] in (None, registered["registry_version"]):
        log.info("no canary: there is no other champion to compare with")
        return {"outcome": "skipped", "reason": None}
    try:
        found = _observe(run, Prometheus(settings), registered["version"], settings)
    except Harmful as harm:
        _take_back(run, Registry(settings), registered, str(harm))
        raise WorkError(f"{registered['version']} is not promoted after its canary: {harm}") from None
    return {"outcome": "passed", "reason": None, **found}


def _observe(run: Path, prometheus: Prometheus, version: str, settings: Settings) -> Json:
    champion = read_result(run, "champion")["version"]
    before = snapshot(prometheus, settings, CHALLENGER)
    scored_before = {one: _scored(prometheus, one) for one in (champion, version)}
    scores_before = {one: _buckets(prometheus, one) for one in (champion, version)}

    def look_once() -> None:
        """A replica that has the challenger was refused another model."""
        without = prometheus.replicas().up - prometheus.loaded(version)
        look(prometheus, before, without, settings, CHALLENGER)

    def scored() -> dict[str, float] | None:
        look_once()
        n = {one: growth(scored_before[one], _scored(prometheus, one)) for one in (champion, version)}
        log.info("scored: %d by the champion, %d by the challenger %s", n[champion], n[version], version)
        return n if min(n.values()) >= max(settings.canary_predictions, 1) else None

    poll(look_once, settings.canary_minutes, settings)
    found = poll(scored, settings.rollout_minutes, settings)
    if found is None:
        raise _missing(growth(scored_before[champion], _scored(prometheus, champion)), settings)
    shift = _shift(*(_shares(scores_before[one], _buckets(prometheus, one)) for one in (champion, version)))
    log.info("shift of its scores against the champion's: %.3f PSI", shift)
    if shift > settings.max_canary_shift:
        raise Harmful(f"its scores differ from the champion's by {shift:.2f} PSI, more than {settings.max_canary_shift:g}")
    return {"predictions": found[version], "champion_predictions": found[champion], "shift": shift}


def _missing(by_champion: float, settings: Settings) -> Exception:
    """Without traffic nothing speaks against the challenger; without the challenger something does."""
    if by_champion < settings.canary_predictions:
        return WorkError(
            f"no canary without traffic: the champion scored {by_champion:.0f} transactions meanwhile, fewer than "
            f"{settings.canary_predictions} (RETRAINING_CANARY_PREDICTIONS): clear this task when there is more"
        )
    return Harmful(
        f"it scored fewer than {settings.canary_predictions} transactions, and the champion {by_champion:.0f}: does a replica "
        "serve it, and has it a share (CHALLENGER_SHARE) or a shadow (CHALLENGER_SHADOW)?"
    )


def _scored(prometheus: Prometheus, version: str) -> Counters:
    return prometheus.counters("ml_model_predictions_total", _of(prometheus, version))


def _buckets(prometheus: Prometheus, version: str) -> Counters:
    return prometheus.counters("ml_model_fraud_probability_bucket", _of(prometheus, version))


def _of(prometheus: Prometheus, version: str) -> str:
    return f',model="{prometheus.model}",model_version="{version}"'


def _shares(before: Counters, now: Counters) -> list[float]:
    """Of the scores since then, by bucket."""
    bounds: dict[float, float] = {}
    for key, value in now.items():
        bound = next(float(label.removeprefix("le=")) for label in key.split(",") if label.startswith("le="))
        bounds[bound] = bounds.get(bound, 0.0) + growth(before, {key: value})
    cumulated = [bounds[bound] for bound in sorted(bounds)]
    total = cumulated[-1]
    return [max((upper - lower) / total, LEAST_SHARE) for lower, upper in zip([0.0, *cumulated], cumulated, strict=False)]


def _shift(champion: list[float], challenger: list[float]) -> float:
    """Population stability index, as monitoring's rules have it."""
    return sum((new - old) * math.log(new / old) for old, new in zip(champion, challenger, strict=True))


def _take_back(run: Path, registry: Registry, registered: Json, reason: str) -> None:
    log.error("taking the challenger back: %s", reason)
    registry.drop_alias(CHALLENGER, registered["registry_version"])
    registry.tag(registered["registry_version"], ROLLED_BACK_TAG, reason)
    write_result(run, "canary", {"outcome": ROLLED_BACK, "reason": reason})


run = from_environment(canary)

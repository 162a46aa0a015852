"""What tells of harm, and what has become of it since a moment that is kept in a file."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from rowan_training.contract import Json
from rowan_training.retraining.mlflow_registry import CHAMPION
from rowan_training.retraining.prometheus import Counters, Prometheus, growth, instance_of
from rowan_training.retraining.settings import Settings

# name -> (metric, further labels). An artifact that has not come whole yet is tried again, and is no fault of the model.
REFUSED_BY_SYNC = ',model="{name}",reference="{reference}",reason!="incomplete"'
WATCHED = {
    "requests": ("http_requests_total", ',endpoint="/predict"'),
    "failed_requests": ("http_requests_total", ',endpoint="/predict",status_code=~"5.."'),
    "model_errors": ("ml_model_errors_total", ""),
    "refused_loads": ("ml_model_loads_total", ',outcome="refused"'),
    "refused_syncs": ("ml_model_sync_refused_total", REFUSED_BY_SYNC),
    "shadows": ("ml_model_shadow_requests_total", ',outcome=~"scored|failed"'),
    "failed_shadows": ("ml_model_shadow_requests_total", ',outcome="failed"'),
}
# They count for a replica alone that does not serve the model: one that has got it after all was refused another.
REFUSALS = ("refused_loads", "refused_syncs")


class Harmful(Exception):
    """Why the model must go."""


@dataclass(frozen=True)
class Harm:
    requests: float
    failed_requests: float
    model_errors: float
    refused_loads: float
    refused_syncs: float
    shadows: float
    failed_shadows: float
    restarts: dict[str, float] = field(default_factory=dict)

    @property
    def errors(self) -> float:
        """A request that failed by an error of the model counts in both: the larger is the number of those at least."""
        return max(self.failed_requests, self.model_errors)

    @property
    def refusals(self) -> float:
        return self.refused_loads + self.refused_syncs


def snapshot(prometheus: Prometheus, settings: Settings, reference: str = CHAMPION) -> Json:
    """Of all that is watched; JSON, to be kept. `reference`: whose refusals by rowan-sync."""
    by_name = {"name": settings.model_name, "reference": reference}
    return {
        "at": time.time(),
        "up": sorted(prometheus.replicas().up),
        "started": prometheus.started(),
        "counters": {
            name: prometheus.counters(metric, more.format(**by_name) if name == "refused_syncs" else more)
            for name, (metric, more) in WATCHED.items()
        },
    }


def since(before: Json, now: Json, behind: Iterable[str], restarts: Counters) -> Harm:
    """`behind`: replicas that do not serve the model. `before` learns of replicas that it has missed."""
    _adopt(before, now)
    behind = frozenset(behind)
    grown = {}
    for name, counters in now["counters"].items():
        of_whom = {key: value for key, value in counters.items() if name not in REFUSALS or instance_of(key) in behind}
        grown[name] = growth(before["counters"][name], of_whom)
    return Harm(**grown, restarts=_restarts(before, now, restarts))


def _adopt(before: Json, now: Json) -> None:
    """A replica that was not seen, though its process is older, begins with what it has: that was before."""
    for instance, started in now["started"].items():
        if instance in before["started"]:
            continue
        before["started"][instance] = started
        if started <= before["at"]:
            for name, counters in now["counters"].items():
                before["counters"][name] |= {key: value for key, value in counters.items() if instance_of(key) == instance}


def _restarts(before: Json, now: Json, restarts: Counters) -> dict[str, float]:
    """One that no scrape saw on both of its sides shows in the start itself."""
    found = {}
    for instance, started in now["started"].items():
        changed = float(before["started"].get(instance, started) != started)
        found[instance] = max(restarts.get(instance, 0.0), changed)
    return {instance: count for instance, count in found.items() if count}


def look(prometheus: Prometheus, before: Json, behind: Iterable[str], settings: Settings, reference: str = CHAMPION) -> Harm:
    """What has happened since; raises `Harmful` if that is too much."""
    now = snapshot(prometheus, settings, reference)
    harm = since(before, now, behind, prometheus.restarts(now["at"] - before["at"]))
    refuse(harm, settings)
    return harm


def refuse(harm: Harm, settings: Settings) -> None:
    if harm.refusals:
        raise Harmful(f"a replica refused the model {harm.refusals:.0f} times; its log, and /health, say why")
    restarts = sum(harm.restarts.values())
    if settings.max_restarts and restarts >= settings.max_restarts:
        raise Harmful(f"{restarts:.0f} restarts of {', '.join(sorted(harm.restarts))}; the log before each says why")
    for what, errors, all_of_them in (
        ("requests", harm.errors, harm.requests),
        ("predictions of the shadow", harm.failed_shadows, harm.shadows),
    ):
        share = errors / max(all_of_them, errors, 1)
        if errors >= settings.max_errors and share > settings.max_error_share:
            raise Harmful(f"{errors:.0f} errors in {all_of_them:.0f} {what}, more than {settings.max_error_share:.1%}")

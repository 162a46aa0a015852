"""What Prometheus knows of the replicas: which version each serves, and how often they fail."""

from dataclasses import dataclass

import requests

from rowan_training.errors import ServerAway, WorkError
from rowan_training.retraining.settings import Settings

SECONDS_TO_ANSWER = 20
# What tells one series of a counter from another: compared one by one, so that a restart is no negative growth.
Counters = dict[str, float]


@dataclass(frozen=True)
class Replicas:
    """Instances that answer, and the versions of the model that each of them serves."""

    up: frozenset[str]
    versions: dict[str, frozenset[str]]

    def behind(self, version: str) -> list[str]:
        """Those that do not serve the version, or another one beside it."""
        return sorted(one for one in self.up if self.versions.get(one) != {version})


class Prometheus:
    def __init__(self, settings: Settings) -> None:
        self.url = settings.need("prometheus_url").rstrip("/")
        self.selector = settings.selector
        self.model = settings.served_name

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        try:
            reply = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=SECONDS_TO_ANSWER)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise ServerAway(f"Prometheus at {self.url} does not answer ({error}): start it, then retry") from None
        if reply.status_code >= 500:
            raise ServerAway(f"Prometheus at {self.url} answers {reply.status_code}: look at its log, then retry")
        if reply.status_code != 200:
            raise WorkError(f"Prometheus at {self.url} answers {reply.status_code} to {expression}: {reply.text[:200]}")
        result = reply.json()["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]

    def replicas(self) -> Replicas:
        up = frozenset(labels["instance"] for labels, value in self.query(f"up{{{self.selector}}}") if value == 1)
        versions: dict[str, set[str]] = {}
        of_model = f'{self.selector},model="{self.model}"'
        # A challenger beside the model is none of the versions that a replica serves as its own.
        served = f'ml_model_served_info{{{of_model},served_as!="challenger"}} or on (instance) ml_model_info{{{of_model}}}'
        for labels, _ in self.query(served):
            versions.setdefault(labels["instance"], set()).add(labels["model_version"])
        return Replicas(up, {instance: frozenset(found) for instance, found in versions.items()})

    def counters(self, name: str, more: str = "") -> Counters:
        """Each series by its labels; those that do not exist yet begin at 0."""
        found = self.query(f"{name}{{{self.selector}{more}}}")
        return {_key(labels): value for labels, value in found}


def growth(before: Counters, now: Counters) -> float:
    """Of all series together. One that is smaller than before has begun anew."""
    return sum(value - (before.get(key, 0.0) if value >= before.get(key, 0.0) else 0.0) for key, value in now.items())


def _key(labels: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
